"""Several processes on one folder, as people have them: chat clients, a server, kills, taken ports."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import secrets
import smtplib
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from mcp.shared.exceptions import MCPError

from commands import letterlock
from running import (
    SCRIPT,
    Told,
    call,
    clean_environment,
    connects,
    free_port,
    letter,
    over_http,
    over_stdio,
    post,
    refused,
    serving,
    until,
    wait_until,
)

TAKEOVER_S = 15.0
"""The promise is 2 s; a busy machine gets some more."""


async def test_one_process_listens_and_when_it_is_killed_another_does_and_waits_go_on(tmp_path: Path) -> None:
    data, smtp = tmp_path / "data", free_port()
    with serving(data, smtp_port=smtp) as first:
        wait_until(lambda: connects(smtp))
        with serving(data, smtp_port=smtp, key=first.key) as second:
            assert second.key == first.key, "a key is shown at the first start only"
            async with over_http(second.url, first.key) as client:
                box = (await call(client, "create_inbox", name="box"))["address"]
                # Mail comes in through the first process, the wait is in the second.
                waiting = asyncio.create_task(call(client, "wait_for_otp", inbox=box, timeout_s=30))
                await asyncio.sleep(0.3)
                await asyncio.to_thread(post, smtp, box, letter("Code", "Your code is 493817"))
                assert (await waiting)["code"] == "493817"

                waiting = asyncio.create_task(call(client, "wait_for_otp", inbox=box, timeout_s=40))
                first.kill()
                killed = time.monotonic()
                await until(lambda: asyncio.to_thread(connects, smtp), TAKEOVER_S)
                assert time.monotonic() - killed < TAKEOVER_S
                await asyncio.to_thread(post, smtp, box, letter("Code", "Your code is 220044"))
                assert (await waiting)["code"] == "220044"


async def test_no_acknowledged_mail_is_lost_or_doubled_when_the_postmaster_is_killed_under_load(tmp_path: Path) -> None:
    data, smtp = tmp_path / "data", free_port()
    acknowledged: list[str] = []
    stop = threading.Event()

    def send(sender: int) -> None:
        number = 0
        while not stop.is_set():
            name = f"s{sender}n{number}"
            # Until it is taken, as a mail server would: the same message again after a lost answer.
            try:
                post(smtp, "box@letterlock.localhost", letter(name, Message_ID=f"<{name}@shop.example>"))
            except (OSError, smtplib.SMTPException):
                time.sleep(0.05)
            else:
                acknowledged.append(name)
                number += 1

    with serving(data, smtp_port=smtp) as first, serving(data, smtp_port=smtp, key=first.key) as second:
        wait_until(lambda: connects(smtp))
        async with over_http(second.url, first.key) as client:
            await call(client, "create_inbox", name="box")
            senders = [threading.Thread(target=send, args=(n,)) for n in range(3)]
            for sender in senders:
                sender.start()
            try:
                await until(lambda: asyncio.sleep(0, len(acknowledged) >= 20), 30)
                first.kill()
                before = len(acknowledged)
                await until(lambda: asyncio.sleep(0, len(acknowledged) >= before + 10), 30)
            finally:
                stop.set()
                for sender in senders:
                    await asyncio.to_thread(sender.join)

            async def subjects() -> list[str]:
                found: list[str] = []
                cursor = ""
                while True:
                    page = await call(client, "list_emails", limit=50, cursor=cursor)
                    found += [email["subject"] for email in page["emails"]]
                    if not (cursor := page.get("next_cursor", "")):
                        return found

            async def all_there() -> bool:
                return set(acknowledged) <= set(await subjects())

            await until(all_there, 60)
            found = await subjects()
    assert len(found) == len(set(found)), "one came twice"
    with contextlib.closing(sqlite3.connect(data / "letterlock.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.filterwarnings("ignore::mcp.MCPDeprecationWarning")
async def test_two_chat_clients_of_both_eras_on_one_folder_share_their_mail(tmp_path: Path) -> None:
    data, smtp = tmp_path / "data", str(free_port())
    new, old = Told(), Told()
    async with (
        over_stdio(data, "--smtp-port", smtp, mode="auto", told=new) as one,
        over_stdio(data, "--smtp-port", smtp, mode="legacy", told=old) as two,
        new.by(one),
        old.by(two),
    ):
        for client in (one, two):
            assert "create_inbox" in await refused(client, "wait_for_otp", inbox="nobody@letterlock.localhost")
        box = (await call(one, "create_inbox", name="box"))["address"]
        assert [inbox["address"] for inbox in (await call(two, "list_inboxes"))["inboxes"]] == [box]
        await until(lambda: asyncio.to_thread(connects, int(smtp)))
        for told in (new, old):
            with pytest.raises(MCPError, match="not found"):
                await told.subscribe("inbox://nobody@letterlock.localhost")
            await told.subscribe(f"inbox://{box}")
        waits = [asyncio.create_task(call(c, "wait_for_email", inbox=box, timeout_s=40)) for c in (one, two)]
        await asyncio.sleep(0.3)
        await asyncio.to_thread(post, int(smtp), box, letter("for both"))
        assert [(await wait)["email"]["subject"] for wait in waits] == ["for both"] * 2
        assert [await told.next() for told in (new, old)] == [f"inbox://{box}"] * 2


async def test_with_its_port_taken_the_tools_work_and_say_what_is_wrong_until_it_is_free(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with contextlib.ExitStack() as holding:
        taken = holding.enter_context(socket.socket())
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with over_stdio(data, "--smtp-port", str(port)) as client:

            async def warning() -> Any:
                return (await call(client, "list_inboxes")).get("warning", "")

            await until(lambda: _contains(warning, f"127.0.0.1:{port} cannot be opened"), 15)
            (file,) = tmp_path.glob("stderr-*.txt")
            assert f"127.0.0.1:{port} cannot be opened" in file.read_text(), "the person is told, too"
            made = await call(client, "create_inbox", name="box")
            assert "LETTERLOCK_SMTP_PORT" in made["warning"]
            said = await asyncio.to_thread(letterlock, data, "doctor")
            assert said.returncode == 1
            assert f"127.0.0.1:{port} cannot be opened" in said.stdout
            holding.close()
            await until(lambda: asyncio.to_thread(connects, port), 10)
            await until(lambda: _lacks(warning, "cannot be opened"), 10)
            assert (await warning()).startswith("Only programs on this machine can send to this address.")
            await asyncio.to_thread(post, port, made["address"], letter("now"))


async def _contains(ask: Any, text: str) -> bool:
    return text in await ask()


async def _lacks(ask: Any, text: str) -> bool:
    return text not in await ask()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPT, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
    )


async def test_sigterm_ends_a_server_in_order_with_calls_and_connections_open_and_the_next_has_its_mail_and_a_new_key(
    tmp_path: Path,
) -> None:
    data = tmp_path / "data"
    with serving(data) as served:
        wait_until(lambda: connects(served.smtp_port))
        async with over_http(served.url, served.key) as client:
            box = (await call(client, "create_inbox", name="box"))["address"]
            await asyncio.to_thread(post, served.smtp_port, box, letter("kept"))
            waiting = asyncio.create_task(client.call_tool("wait_for_otp", {"inbox": box, "timeout_s": 50}))
            idle = socket.create_connection(("127.0.0.1", served.smtp_port))
            assert idle.recv(100).startswith(b"220")
            await asyncio.sleep(0.2)
            assert await asyncio.to_thread(served.terminate, 10) == 0
            assert idle.recv(100).startswith(b"421")
            idle.close()
            with contextlib.suppress(Exception):
                await waiting
    with serving(data, "--new-key") as again:
        assert again.key not in ("", served.key)
        assert [_status(again.url, key) for key in (again.key, served.key, again.key)] == [200, 401, 200], (
            "the new key replaces the old one, and a refused key harms no other"
        )
        async with over_http(again.url, again.key) as client:

            async def subjects() -> list[str]:
                return [email["subject"] for email in (await call(client, "list_emails"))["emails"]]

            assert await until(subjects, 20) == ["kept"]


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="a running process cannot be limited here")
async def test_a_full_disk_is_452_and_mail_is_taken_again_when_there_is_space_without_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as served:
        wait_until(lambda: connects(served.smtp_port))
        async with over_http(served.url, served.key) as client:
            box = (await call(client, "create_inbox", name="box"))["address"]
        log = served.data / "letterlock.db-wal"
        unlimited = resource.RLIM_INFINITY

        def fill() -> list[str]:
            kept = []
            # As on a full disk, no file grows; noise, because the store compresses.
            resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (log.stat().st_size + 300_000, unlimited))
            with pytest.raises(smtplib.SMTPResponseException) as refusal:
                for n in range(50):
                    post(served.smtp_port, box, letter(f"n{n}", secrets.token_hex(20_000)))
                    kept.append(f"n{n}")
            assert (refusal.value.smtp_code, refusal.value.smtp_error[:5]) == (452, b"4.3.1")
            resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (unlimited, unlimited))
            for n in range(50, 53):
                post(served.smtp_port, box, letter(f"n{n}"))
                kept.append(f"n{n}")
            return kept

        kept = await asyncio.to_thread(fill)
        async with over_http(served.url, served.key) as client:

            async def subjects() -> set[str]:
                return {email["subject"] for email in (await call(client, "list_emails", limit=50))["emails"]}

            async def all_there() -> bool:
                return await subjects() == set(kept)

            await until(all_there, 30)


def _status(url: str, key: str) -> int:
    """What the server answers to who lists inboxes with this key, by HTTP alone. OSError when it does not."""
    asked = urllib.request.Request(f"{url}/v1/inboxes", headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_taken_http_port_ends_the_server_with_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run("serve", "--data", str(tmp_path), "--http-port", port, "--smtp-port", "0")
    assert done.returncode == 1
    assert f"HTTP port 127.0.0.1:{port} cannot be opened" in done.stderr
    assert "Traceback" not in done.stderr


# stdio as a stream of bytes


def speak(data: Path, *lines: str, options: tuple[str, ...] = ("--smtp-port", "0")) -> tuple[list[Any], str, int]:
    """Answers, stderr and exit code of a `letterlock` that hears `lines` until it answered as many as have an id."""
    with subprocess.Popen(
        [SCRIPT, "--data", str(data), *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean_environment(),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            process.stdin.write("".join(f"{line}\n" for line in lines))
            process.stdin.flush()
            answers = [json.loads(process.stdout.readline()) for line in lines if '"notifications/' not in line]
            process.stdin.close()
            rest, errors = process.stdout.read(), process.stderr.read()
            code = process.wait(20)
        finally:
            process.kill()
    assert rest == ""
    return answers, errors, code


def request(number: int, method: str, **parameters: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": parameters})


HELLO = (
    request(1, "initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo={"name": "t", "version": "1"}),
    json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}),
)


def test_nothing_but_json_rpc_goes_to_stdout_and_closing_stdin_ends_with_0(tmp_path: Path) -> None:
    answers, errors, code = speak(
        tmp_path / "data",
        *HELLO,
        "this is no JSON",
        request(2, "tools/list"),
        request(5, "tools/call", name="search_emails", arguments={"query": "\ud800"}),
        request(6, "ping").replace('"2.0"', '"1.0"'),
        request(3, "tools/call", name="create_inbox", arguments={"name": "box"}),
        request(4, "tools/call", name="read_email", arguments={"email_id": "em_nothing"}),
        options=("--smtp-port", "0", "--log-level", "DEBUG"),
    )
    assert {answer["jsonrpc"] for answer in answers} == {"2.0"}
    assert sorted(answer["id"] or 0 for answer in answers) == [0, 1, 2, 3, 4, 5, 6]
    codes = {answer["id"]: answer["error"]["code"] for answer in answers if "error" in answer}
    assert codes == {None: -32700, 5: -32700, 6: -32600}
    assert code == 0
    assert "letterlock" in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize("broken", ["wake is a file", "store is no database"])
def test_a_data_folder_that_cannot_be_used_is_told_by_every_tool(tmp_path: Path, broken: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    if broken == "wake is a file":
        (data / "wake").write_text("x")
    else:
        (data / "letterlock.db").write_bytes(b"no database" * 100)
    answers, _, code = speak(data, *HELLO, request(2, "tools/call", name="list_inboxes", arguments={}))
    assert answers[1]["result"]["isError"]
    assert "The owner must mend this" in answers[1]["result"]["content"][0]["text"]
    assert code == 0


async def test_a_store_held_by_another_process_can_be_read_and_writes_say_so(tmp_path: Path) -> None:
    data = tmp_path / "data"
    assert (await asyncio.to_thread(letterlock, data, "inbox", "create", "box")).returncode == 0
    with contextlib.closing(sqlite3.connect(data / "letterlock.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        async with over_stdio(data, "--smtp-port", "0") as client:
            assert len((await call(client, "list_inboxes"))["inboxes"]) == 1
            writing = asyncio.create_task(client.call_tool("create_inbox", {"name": "two"}))
            await asyncio.sleep(0.5)
            assert not writing.done()
            other.execute("ROLLBACK")
            assert not (await writing).is_error
            assert "busy" not in str(await call(client, "list_inboxes"))


def test_sigterm_ends_a_chat_clients_process_at_once(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [SCRIPT, "--data", str(tmp_path / "data"), "--smtp-port", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=clean_environment(),
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{HELLO[0]}\n".encode())
        process.stdin.flush()
        assert process.stdout.readline()
        process.terminate()
        process.wait(10)


async def test_a_wrong_setting_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    done = await asyncio.to_thread(letterlock, tmp_path, "--smtp-port", "99999")
    assert (done.returncode, done.stdout) == (1, "")
    assert "option --smtp-port" in done.stderr
    assert "Traceback" not in done.stderr


async def test_a_data_folder_that_is_a_file_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    done = await asyncio.to_thread(run, "--data", str(tmp_path / "data"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "Not a directory" in done.stderr
    assert "Traceback" not in done.stderr
