"""The vault through real mail: what is sealed, what opens it, what is left lying about."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import logging
import os
import re
import secrets as random
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import keyring
import keyring.backend
import pytest
import zstandard
from click.testing import CliRunner

from letterlock.actions.caller import AGENT_SCOPES, COMMAND_LINE, LOCAL_CALLER, Caller
from letterlock.actions.doctor import vault_findings
from letterlock.actions.exporting import export
from letterlock.actions.people import email_bytes
from letterlock.actions.secrets import (
    ListSecrets,
    NameSecret,
    list_secrets,
    remove_secret,
    reveal_secret,
    taken,
    to_fill_in,
)
from letterlock.actions.tenancy import add_tenant
from letterlock.actions.vaulting import Moved, move_secrets, rotate_vault, start_vault_over
from letterlock.app import App, open_app
from letterlock.doors.archive import zipped
from letterlock.doors.cli import cli
from letterlock.errors import (
    InvalidRequest,
    LimitReached,
    MasterKeyError,
    NotAllowed,
    NotFound,
    OwnerError,
    VaultLocked,
)
from letterlock.ids import DEFAULT_TENANT, OWNER, EmailId, SecretId, SubmissionId
from letterlock.inbound.filing import rescreen
from letterlock.inbound.workers import WorkerOptions, Workers, read_message
from letterlock.kv import KvTrouble
from letterlock.message.authenticate import AuthReport
from letterlock.message.compose import FILLINGS
from letterlock.message.envelope import Envelope
from letterlock.outbound.filling import NotFilled, filled_in
from letterlock.sealing import print_of
from letterlock.store import audit, emails
from letterlock.store.emails import Filed
from letterlock.store.queue import Lease
from letterlock.upkeep import run_once
from letterlock.vault import LEFT_MS
from running import SCRIPT, clean_environment, do, file_all, hand_in, letter, make_inbox, receive, settings_for, until

PASSWORD = "Korbleger!4711x"
API_KEY = "sk_live_" + "9aFk3LmQ0zXc7VbN2wEr5TyU"
CODES = ("48213-99107", "55102-38846", "71920-44385", "90017-62258")
JWT = base64.urlsafe_b64encode(b'{"alg":"HS256"}').decode().rstrip("=") + ".eyJzdWIiOiJxIn0.c2lnbmF0dXJlLW9mLWl0"
PEM = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgZq\n-----END PRIVATE KEY-----"
TOTP = "JBSW Y3DP EHPK 3PXP JBSW Y3DP"
PLANTED = {
    "password": f"Your account is ready.\nPassword: {PASSWORD}\nSee you",
    "stripe_key": f"Your new API key: {API_KEY}",
    "recovery_code": "Your recovery codes:\n" + "\n".join(CODES),
    "jwt": f"Use the token {JWT} for now",
    "private_key": f"Here it is:\n{PEM}\n",
    "totp_secret": f"Setup key: {TOTP}\n",
    "session_token": "sessionid=9f86d081884c7d659a2feaa0c55ad015",
}
VALUES = (PASSWORD, API_KEY, *CODES, JWT, PEM.split("\n")[1], TOTP, "9f86d081884c7d659a2feaa0c55ad015")


async def listed(app: App, caller: Caller = LOCAL_CALLER, **how: Any) -> list[Any]:
    return (await list_secrets(app, caller, ListSecrets(**how))).secrets


async def revealed(app: App, secret_id: str, caller: Caller = COMMAND_LINE) -> str:
    return (await reveal_secret(app, caller, NameSecret(secret_id=secret_id))).value


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of the folder, with all that is compressed anywhere in it, in free pages too, unpacked behind it."""
    found = {}
    for file in folder.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        unpacked = []
        for frame in re.finditer(re.escape(zstandard.MAGIC_NUMBER.to_bytes(4, "little")), content):
            with contextlib.suppress(zstandard.ZstdError):
                unpacked.append(zstandard.ZstdDecompressor().decompressobj().decompress(content[frame.start() :]))
        found[file.name] = b"\n".join((content, *unpacked))
    return found


class InProcess(Workers):
    """Reads mail without a process of its own."""

    async def read(
        self, envelope: Envelope, raw: bytes, *, auth: AuthReport | None = None, allowed: Sequence[str] = ()
    ) -> Filed:
        options = WorkerOptions.model_validate_json(self._options)
        return read_message(raw, envelope, options, auth=auth, allowed=allowed)


async def rescreened(app: App) -> list[EmailId]:
    return [done async for done in rescreen(app, InProcess(app.settings))]


@pytest.fixture
async def box(app: App) -> AsyncIterator[str]:
    yield await make_inbox(app)


async def test_a_password_that_comes_by_mail_is_in_the_vault_and_not_in_the_email(app: App, box: str) -> None:
    email_id = await receive(app, box, letter("Welcome", PLANTED["password"]))
    (one,) = await listed(app)
    assert (one.kind, one.service, one.inbox, one.email_id) == ("password", "shop.example", box, email_id)
    assert PASSWORD not in (await do(app, "read_email", email_id=email_id)).text
    assert await revealed(app, one.secret_id) == PASSWORD
    assert PASSWORD.encode() in await email_bytes(app, email_id)
    rows = await app.database.read(DEFAULT_TENANT, lambda tx: audit.after(tx, 0, 100))
    assert "secret.revealed" in [row.action for row in rows]
    assert not [row for row in rows if PASSWORD in str(row.detail)]


async def test_recovery_codes_of_an_email_are_one_secret_and_one_time_codes_none(app: App, box: str) -> None:
    await receive(app, box, letter("Your recovery codes", PLANTED["recovery_code"]))
    await receive(app, box, letter("Your code", "Your verification code is 493817"))
    (one,) = await listed(app)
    assert (one.kind, await revealed(app, one.secret_id)) == ("recovery_code", "\n".join(CODES))
    assert (await do(app, "wait_for_otp", inbox=box, timeout_s=0)).code == "493817"


async def test_nothing_of_planted_secrets_lies_in_the_data_folder_a_backup_or_any_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = []

    async def log_is_empty() -> bool:
        return not (tmp_path / "data" / "letterlock.db-wal").stat().st_size

    async with open_app(settings_for(tmp_path)) as app:
        box = await make_inbox(app)
        for kind, text in PLANTED.items():
            await receive(app, box, letter(f"About {kind}", text))
        hidden = f'<p>Hello</p><p style="display:none">password: {PASSWORD}</p><a href="https://x.example/?k={API_KEY}">x</a>'
        html = b"From: a@shop.example\r\nSubject: x\r\nContent-Type: text/html\r\n\r\n" + hidden.encode()
        await receive(app, box, html)
        found = await listed(app, limit=100)
        assert {one.kind for one in found} >= set(PLANTED)
        answers.append(str(found))
        for row in (await do(app, "list_emails", limit=50)).emails:
            answers.append(str(row))
            answers.append(str(await do(app, "read_email", email_id=row.email_id, history=True)))
            answers.append(str(await do(app, "extract_links", email_id=row.email_id)))
        for value in VALUES:
            assert (await do(app, "search_emails", query=value.split()[0][:20])).emails == [], value
        await app.database.backup(tmp_path / "data" / "copy.db")
        # While it still runs: what was overwritten is gone from the log, too.
        app.database.scrub()
        await until(log_is_empty)
        running = contents(tmp_path / "data")
    said = "\n".join((*answers, caplog.text)).encode()
    for value in VALUES:
        assert value.encode() not in said
        for files in (running, contents(tmp_path / "data")):
            assert {"letterlock.db", "copy.db"} <= set(files)
            assert [name for name, content in files.items() if value.encode() in content] == [], value


async def test_bytes_that_were_on_the_disk_before_they_were_sealed_are_overwritten_there(tmp_path: Path) -> None:
    # What cannot be compressed is kept as it is, so that it can be looked for.
    noise = b"\r\n".join(random.token_bytes(700).translate(None, b"\0\r\n") for _ in range(30))
    head = b"From: a@shop.example\r\nSubject: x\r\nContent-Type: text/plain; charset=latin-1\r\n\r\n"
    raw = head + PLANTED["password"].replace("\n", "\r\n").encode() + b"\r\n" + noise
    async with open_app(settings_for(tmp_path)) as app:
        await hand_in(app, await make_inbox(app), raw)
    store = tmp_path / "data" / "letterlock.db"
    assert noise[:50] in store.read_bytes()
    async with open_app(settings_for(tmp_path)) as app:
        await file_all(app)
    assert noise[:50] not in store.read_bytes()
    assert noise[-50:] not in store.read_bytes()


async def test_rows_that_are_swapped_or_changed_are_refused(app: App, box: str, tmp_path: Path) -> None:
    await receive(app, box, letter("One", PLANTED["password"]))
    await receive(app, box, letter("Two", PLANTED["stripe_key"]))
    one, two = await listed(app)
    store = sqlite3.connect(tmp_path / "data" / "letterlock.db")
    sealed = dict(store.execute("SELECT secret_id, sealed FROM secrets").fetchall())
    with store:
        store.execute("UPDATE secrets SET sealed = ? WHERE secret_id = ?", (sealed[two.secret_id], one.secret_id))
        store.execute(
            "UPDATE secrets SET sealed = ? WHERE secret_id = ?", (sealed[two.secret_id][:-1] + b"x", two.secret_id)
        )
        bodies = store.execute("SELECT raw_id, body FROM raws ORDER BY raw_id").fetchall()
        for (raw_id, _), (_, body) in zip(bodies, reversed(bodies), strict=True):
            store.execute("UPDATE raws SET body = ? WHERE raw_id = ?", (body, raw_id))
    store.close()
    for swapped in (one, two):
        with pytest.raises(VaultLocked):
            await revealed(app, swapped.secret_id)
        with pytest.raises(VaultLocked):
            await email_bytes(app, swapped.email_id)


async def test_a_secret_of_another_tenant_is_not_there_nor_does_its_key_open_it(app: App, box: str) -> None:
    await receive(app, box, letter("One", PLANTED["password"]))
    (one,) = await listed(app)
    other = (await add_tenant(app, "other")).tenant_id
    stranger = replace(COMMAND_LINE, tenant_id=other)
    assert await listed(app, stranger) == []
    for ask in (reveal_secret, remove_secret):
        with pytest.raises(NotFound):
            await ask(app, stranger, NameSecret(secret_id=one.secret_id))
    blob = sqlite3.connect(app.folder / "letterlock.db").execute("SELECT sealed FROM secrets").fetchone()[0]
    await app.vault.sealed(other, b"", "raw_x", ())
    with pytest.raises(VaultLocked):
        await app.vault._open(other, SecretId(one.secret_id), blob)


async def test_only_a_person_sees_a_secret_and_not_more_often_than_the_limit(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path, reveals_per_hour=2)) as app:
        await receive(app, await make_inbox(app), letter("One", PLANTED["password"]))
        (one,) = await listed(app)
        with pytest.raises(NotAllowed):
            await revealed(app, one.secret_id, LOCAL_CALLER)
        with pytest.raises(NotAllowed):
            await revealed(app, one.secret_id, Caller(DEFAULT_TENANT, OWNER, AGENT_SCOPES | {"reveal", "admin"}))
        await revealed(app, one.secret_id)
        await taken(app, COMMAND_LINE, one.secret_id, "used")
        with pytest.raises(LimitReached):
            await revealed(app, one.secret_id)


async def test_what_was_removed_stays_away_when_its_email_is_read_again(app: App, box: str) -> None:
    email_id = await receive(app, box, letter("One", f"{PLANTED['password']}\n{PLANTED['stripe_key']}"))
    gone, kept = sorted(await listed(app), key=lambda one: one.kind)
    await remove_secret(app, COMMAND_LINE, NameSecret(secret_id=gone.secret_id))
    assert await rescreened(app) == [email_id]
    assert [one.secret_id for one in await listed(app)] == [kept.secret_id]
    with pytest.raises(NotFound):
        await revealed(app, gone.secret_id)


async def test_the_master_key_changes_and_what_was_sealed_before_still_opens(tmp_path: Path) -> None:
    key = tmp_path / "data" / "vault.key"
    async with open_app(settings_for(tmp_path)) as app:
        await receive(app, await make_inbox(app), letter("One", PLANTED["password"]))
        before = key.read_text()
        sealed = sqlite3.connect(app.folder / "letterlock.db").execute("SELECT sealed FROM secrets").fetchall()
        assert await rotate_vault(app) == 1
        assert key.read_text() != before and len(key.read_text().split()) == 1
        assert sqlite3.connect(app.folder / "letterlock.db").execute("SELECT sealed FROM secrets").fetchall() == sealed
        if os.name != "nt":
            assert key.stat().st_mode & 0o777 == 0o600
        after = key.read_text()
        # Stopped half way: both are there. The next call ends it and begins no other.
        newest = base64.b64encode(random.token_bytes(32)).decode()
        key.write_text(f"{newest}\n{after}")
        assert await rotate_vault(app) == 1
        assert key.read_text().split() == [newest]
    async with open_app(settings_for(tmp_path)) as app:
        (one,) = await listed(app)
        assert await revealed(app, one.secret_id) == PASSWORD
    key.write_text(before)
    async with open_app(settings_for(tmp_path)) as app:
        with pytest.raises(VaultLocked):
            await revealed(app, one.secret_id)


@pytest.mark.skipif(os.name == "nt", reason="there are no modes on Windows")
async def test_a_key_that_others_can_read_stops_the_start(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path)) as app:
        await receive(app, await make_inbox(app), letter("One", PLANTED["password"]))
    key = tmp_path / "data" / "vault.key"
    for mode in (0o640, 0o604, 0o620):
        key.chmod(mode)
        with pytest.raises(MasterKeyError, match="chmod 600"):
            async with open_app(settings_for(tmp_path)):
                pass


async def test_without_its_key_mail_comes_and_is_read_and_what_waited_is_sealed_later(tmp_path: Path) -> None:
    async with open_app(settings_for(tmp_path)) as app:
        box = await make_inbox(app)
        old = await receive(app, box, letter("Old", PLANTED["password"]))
    key = tmp_path / "data" / "vault.key"
    content = key.read_bytes()
    key.unlink()
    async with open_app(settings_for(tmp_path)) as app:
        (one,) = await listed(app)
        assert "account is ready" in (await do(app, "read_email", email_id=old)).text
        for ask in (revealed(app, one.secret_id), email_bytes(app, old)):
            with pytest.raises(VaultLocked):
                await ask
        new = await receive(app, box, letter("New", PLANTED["stripe_key"]))
        assert API_KEY not in (await do(app, "read_email", email_id=new)).text
        assert not key.exists()
        archive, manifest = await exported(app)
        mbox = archive.read(f"mail/{box}.mbox")
        assert (manifest["locked"], b"account is ready" in mbox, PASSWORD.encode() in mbox) == (2, True, False)
        assert (mbox.count(b"X-Letterlock-Locked: "), API_KEY.encode() in mbox) == (1, True)
        state = await app.vault.state()
        assert (state.opens, state.secrets, state.unsealed) == (False, 1, 1)
        assert [finding.well for finding in vault_findings(state)] == [False, False]
        # A new key instead of the lost one: what comes from now on is sealed, the old stays closed.
        assert await start_vault_over(app) == 1
        assert await rescreened(app) == [new]
        fresh = next(one for one in await listed(app) if one.email_id == new)
        assert await revealed(app, fresh.secret_id) == API_KEY
        with pytest.raises(VaultLocked):
            await revealed(app, one.secret_id)
    # Found again, and put behind the new one: both open.
    key.write_bytes(key.read_bytes() + content)
    async with open_app(settings_for(tmp_path)) as app:
        assert await revealed(app, one.secret_id) == PASSWORD
        assert await revealed(app, fresh.secret_id) == API_KEY
        assert (await app.vault.state()).opens


async def test_a_key_that_is_no_key_is_refused_by_name_and_not_shown(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyError, match="LETTERLOCK_VAULT_KEY") as refused:
        async with open_app(settings_for(tmp_path, vault_key="too-short-to-be-one")):
            pass
    assert "too-short" not in str(refused.value)


@pytest.mark.parametrize(
    "disguised",
    [
        lambda value: value,
        lambda value: base64.b64encode(value.encode()).decode(),
        lambda value: value.encode().hex(),
        lambda value: value[::-1],
        lambda value: " ".join(value),
        lambda value: base64.b64encode(value.encode().hex().encode()).decode(),
        lambda value: "".join(f"%{byte:02x}" for byte in value.encode()),
    ],
)
async def test_an_email_that_carries_a_secret_of_the_vault_waits_for_a_person(
    app: App, box: str, disguised: Any
) -> None:
    await receive(app, box, letter("One", PLANTED["recovery_code"]))
    await receive(app, box, letter("Two", "Password: Tz7mmwq2"))
    for value in ("Tz7mmwq2", CODES[2]):
        sent = await do(
            app, "send_email", inbox=box, to=["b@far.example"], subject="Hello", text=f"Look: {disguised(value)} !"
        )
        assert sent.state == "held"
        assert any("password, a key or another credential" in reason for reason in sent.reasons), sent.reasons


async def test_words_that_are_in_no_vault_do_not_wait_for_a_person(app: App, box: str) -> None:
    await receive(app, box, letter("Two", "Password: welcome\n"))
    sent = await do(app, "send_email", inbox=box, to=["b@far.example"], subject="Hello", text="You are welcome.")
    assert not any("password" in reason for reason in sent.reasons)


class KvHandler(BaseHTTPRequestHandler):
    """The wire of KV v2 as its API reference has it: read, create or update with check-and-set, delete metadata and all
    versions."""

    kept: ClassVar[dict[str, list[dict[str, str]]]] = {}
    asked: ClassVar[list[str]] = []
    down = False
    slow_s = 0.0

    def do_GET(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        versions = self.kept.get(self.path)
        if not versions:
            return self.answer(404, {"errors": []})
        about = {"version": len(versions), "deletion_time": "", "destroyed": False, "created_time": "x"}
        return self.answer(200, {"data": {"data": versions[-1], "metadata": about}})

    def do_POST(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.down:
            return self.answer(503, {})
        versions = self.kept.setdefault(self.path, [])
        if sent["options"]["cas"] != len(versions):
            return self.answer(400, {"errors": ["check-and-set parameter did not match the current version"]})
        versions.append(sent["data"])
        return self.answer(200, {"data": {"version": len(versions)}})

    do_PUT = do_POST

    def do_DELETE(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        if not self.down:
            self.kept.pop(self.path.replace("/metadata/", "/data/"), None)
        self.answer(204, {})

    def answer(self, status: int, body: dict[str, Any]) -> None:
        time.sleep(type(self).slow_s)
        if type(self).down:
            status, body = 503, {"errors": ["Vault is sealed"]}
        elif self.headers["X-Vault-Token"] != "s.right":
            status, body = 403, {"errors": ["permission denied"]}
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(content if status != 204 else b"")

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def kv() -> Iterator[tuple[str, type[KvHandler]]]:
    class Handler(KvHandler):
        kept: ClassVar[dict[str, list[dict[str, str]]]] = {}
        asked: ClassVar[list[str]] = []

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", Handler
    server.shutdown()
    thread.join()
    server.server_close()


async def test_the_master_key_may_live_in_kv_v2_and_not_in_the_data_folder(
    tmp_path: Path, kv: tuple[str, type[KvHandler]]
) -> None:
    url, server = kv
    token = tmp_path / "token"
    token.write_text("s.right\n")
    how = {"vault_url": url, "vault_path": "secret/mail/letterlock", "vault_token_file": token, "vault_seconds": 2.0}
    async with open_app(settings_for(tmp_path, **how)) as app:
        box = await make_inbox(app)
        assert server.asked == []
        await receive(app, box, letter("One", PLANTED["password"]))
        (one,) = await listed(app)
        assert await revealed(app, one.secret_id) == PASSWORD
        assert {path.split(" ")[1] for path in server.asked} == {"/v1/secret/data/mail/letterlock"}
        assert await rotate_vault(app) == 1
        (versions,) = server.kept.values()
        assert [len(version["keys"].split()) for version in versions] == [1, 2, 1]
        held = versions[-1]["keys"].strip().encode()
        assert not [file for file in (tmp_path / "data").rglob("*") if file.is_file() and held in file.read_bytes()]
    for token_text, down in (("s.wrong", False), ("s.right", True)):
        token.write_text(token_text)
        server.down = down
        async with open_app(settings_for(tmp_path, **how)) as app:
            state = await app.vault.state()
            assert (state.opens, token_text in state.problem) == (False, False)
            with pytest.raises(VaultLocked):
                await revealed(app, one.secret_id)
            await receive(app, box, letter("Later", "Nothing to hide."))
    server.down = False
    async with open_app(settings_for(tmp_path, **how)) as app:
        assert await revealed(app, one.secret_id) == PASSWORD


def kept_there(server: type[KvHandler], tenant: str = "default") -> dict[str, str]:
    """Values by secret id."""
    begins = f"/v1/secret/data/letterlock/{tenant}/"
    return {path.removeprefix(begins): one[-1]["value"] for path, one in server.kept.items() if path.startswith(begins)}


def in_kv(tmp_path: Path, url: str, **more: Any) -> dict[str, Any]:
    """The master key stays here, so that mail is sealed while the server is down."""
    usual = {"vault_url": url, "vault_token": "s.right", "vault_values": "kv2", "vault_seconds": 1.0}
    return {**usual, "vault_key_file": tmp_path / "own.key", **more}


async def exported(app: App) -> tuple[zipfile.ZipFile, Any]:
    """All there is with everything revealed, and its manifest."""
    parts = [data async for data in zipped(export(app, COMMAND_LINE, reveal=True))]
    archive = zipfile.ZipFile(io.BytesIO(b"".join(parts)))
    return archive, json.loads(archive.read("manifest.json"))


async def settled(app: App, later_ms: int = 0) -> None:
    await app.vault.settle(10, app.now_ms() + later_ms)


async def test_values_may_live_in_kv_v2_and_outgoing_mail_is_still_compared_with_them(
    tmp_path: Path, kv: tuple[str, type[KvHandler]]
) -> None:
    url, server = kv
    async with open_app(settings_for(tmp_path, **in_kv(tmp_path, url))) as app:
        box = await make_inbox(app)
        await receive(app, box, letter("One", PLANTED["password"]))
        await receive(app, box, letter("Two", PLANTED["recovery_code"]))
        await receive(app, box, letter("Three", PLANTED["private_key"]))
        found = {one.kind: one.secret_id for one in await listed(app)}
        assert await revealed(app, found["password"]) == PASSWORD and kept_there(server) == {}
        await settled(app)
        assert {kind: kept_there(server)[one] for kind, one in found.items()} == {
            "password": PASSWORD, "recovery_code": "\n".join(CODES), "private_key": PEM,
        }  # fmt: skip
        store = sqlite3.connect(app.folder / "letterlock.db")
        assert store.execute("SELECT DISTINCT home FROM secrets").fetchall() == [("kv2",)]
        for one in found.values():
            (sealed,) = store.execute("SELECT sealed FROM secrets WHERE secret_id = ?", (one,)).fetchone()
            with pytest.raises(VaultLocked):
                await app.vault.open(DEFAULT_TENANT, one, sealed)
        store.close()
        assert await revealed(app, found["password"]) == PASSWORD
        assert (await taken(app, COMMAND_LINE, found["recovery_code"], "used"))[1] == "\n".join(CODES)
        pem = PEM.split("\n")[1]
        texts = (PASSWORD[::-1], base64.b64encode(PASSWORD.encode()).decode(), CODES[2], " ".join(CODES[1]), pem[5:50])
        for text in texts:
            sent = await do(app, "send_email", inbox=box, to=["b@far.example"], subject="Hello", text=f"Look: {text} !")
            assert any("password, a key or another credential" in reason for reason in sent.reasons), text
        sent = await do(app, "send_email", inbox=box, to=["b@far.example"], subject="Hello", text=f"Look: {pem[:30]} !")
        assert not any("credential" in reason for reason in sent.reasons)
        state = await app.vault.state()
        assert (dict(state.homes), state.left, state.server) == ({"kv2": 3}, 0, None)
        # Nobody else's value is taken for it.
        path = f"/v1/secret/data/letterlock/default/{found['password']}"
        ((named, _),) = await to_fill_in(app, COMMAND_LINE, [found["password"]])
        server.kept[path].append({"value": "Another!4711x"})
        with pytest.raises(VaultLocked, match="not what came"):
            await revealed(app, found["password"])
        with pytest.raises(VaultLocked, match="not what came"):
            await to_fill_in(app, COMMAND_LINE, [found["password"]])
        # Neither is one filled in that names the new value.
        print_ = print_of(await app.vault._newest_key(DEFAULT_TENANT), b"Another!4711x")
        for known in (named, replace(named, print=print_)):
            frozen = f"X: 1\r\n{FILLINGS}: {known.secret_id}={known.print}\r\n\r\n".encode()
            lease = Lease(DEFAULT_TENANT, SubmissionId("sub_1"), "x", 0, "relay", box, frozen, ())
            with pytest.raises(NotFilled, match="not what came"):
                await filled_in(app, lease)
        # All there is can be had without it, and the answer is whole.
        for server.down, opened in ((True, {}), (False, found)):
            archive, manifest = await exported(app)
            rows = {row["kind"]: row for row in map(json.loads, archive.read("secrets.jsonl").splitlines())}
            assert {kind for kind, row in rows.items() if row["value"]} == {*opened} - {"password"}
            assert [kind for kind, row in rows.items() if not row.get("locked")] == [
                k for k in rows if rows[k]["value"]
            ]
            assert manifest["locked"] == (1 if opened else 3)
            assert f"mail/{box}.mbox" in archive.namelist()
        # However they go, they go there too, a while later.
        await remove_secret(app, COMMAND_LINE, NameSecret(secret_id=found["password"]))
        email_id = next(one.email_id for one in await listed(app) if one.kind == "private_key")
        await app.database.write(DEFAULT_TENANT, lambda tx: emails.remove_one(tx, email_id))
        await settled(app)
        assert len(kept_there(server)) == 3
        await settled(app, LEFT_MS + 10_000)
        assert kept_there(server) == {found["recovery_code"]: "\n".join(CODES)}
        assert (await app.vault.state()).left == 0


async def test_while_the_values_server_is_down_or_slow_mail_is_sealed_here_and_moved_later(
    tmp_path: Path, kv: tuple[str, type[KvHandler]]
) -> None:
    url, server = kv
    how = in_kv(tmp_path, url, vault_seconds=0.2)
    server.down = True
    async with open_app(settings_for(tmp_path, **how)) as app:
        box = await make_inbox(app)
        email_id = await receive(app, box, letter("One", PLANTED["password"]))
        assert PASSWORD not in (await do(app, "read_email", email_id=email_id)).text
        (one,) = await listed(app)
        assert await revealed(app, one.secret_id) == PASSWORD
        with pytest.raises(KvTrouble):
            await settled(app)
        await run_once(app)
        findings = vault_findings(await app.vault.state())
        assert [finding.well for finding in findings] == [True, False, False]
        with pytest.raises(OwnerError, match="0 secrets were moved"):
            await move_secrets(app, "kv2")
        server.down = False
        # Whether it answers is of interest before anything is there, too.
        assert "server of vault_url; it answers" in vault_findings(await app.vault.state())[1].what
        await run_once(app)
        assert kept_there(server) == {one.secret_id: PASSWORD}
        for server.down, server.slow_s in ((True, 0.0), (False, 0.5)):
            with pytest.raises(VaultLocked, match="does not answer"):
                await revealed(app, one.secret_id)
            assert (await listed(app))[0].kind == "password"


async def test_secrets_move_there_and_back_and_a_stop_in_between_loses_none(
    tmp_path: Path, kv: tuple[str, type[KvHandler]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, server = kv
    async with open_app(settings_for(tmp_path, vault_key_file=tmp_path / "own.key")) as app:
        box = await make_inbox(app)
        for number, kind in enumerate(("password", "stripe_key", "jwt")):
            await receive(app, box, letter(f"{number}", PLANTED[kind]))
        found = {one.secret_id: await revealed(app, one.secret_id) for one in await listed(app)}
        with pytest.raises(InvalidRequest, match="vault_values"):
            await move_secrets(app, "kv2")
    async with open_app(settings_for(tmp_path, **in_kv(tmp_path, url))) as app:
        rehomed, done = app.vault._rehome, []

        async def stops(*which: Any) -> bool:
            done.append(which)
            if len(done) > 3:
                raise OSError("killed")
            return await rehomed(*which)

        monkeypatch.setattr(app.vault, "_rehome", stops)
        with pytest.raises(OSError, match="killed"):
            await move_secrets(app, "kv2")
        monkeypatch.undo()
        assert len(kept_there(server)) == 2
        assert (await move_secrets(app, "kv2")).done == 2
        assert kept_there(server) == found
        assert (await move_secrets(app, "kv2")).done == 0
    async with open_app(settings_for(tmp_path, **in_kv(tmp_path, url, vault_values="store"))) as app:
        # One is deleted there by somebody: the others come back, and it is not taken for moved.
        lost = server.kept.pop(f"/v1/secret/data/letterlock/default/{min(found)}")
        assert await move_secrets(app, "store") == Moved(2, 0, 1)
        assert dict((await app.vault.state()).homes) == {"store": 2, "kv2": 1}
        server.kept[f"/v1/secret/data/letterlock/default/{min(found)}"] = lost
        assert (await move_secrets(app, "store")).done == 1
    async with open_app(settings_for(tmp_path, **in_kv(tmp_path, url))) as app:
        # Not before what is there of them was deleted.
        assert await move_secrets(app, "kv2") == Moved(0, 3, 0)
        await settled(app, LEFT_MS + 10_000)
        assert kept_there(server) == {}
        assert {one: await revealed(app, one) for one in found} == found


async def test_the_master_key_may_live_in_the_keyring(tmp_path: Path) -> None:
    class InMemory(keyring.backend.KeyringBackend):
        priority = 1
        kept: ClassVar[dict[tuple[str, str], str]] = {}

        def get_password(self, service: str, username: str) -> str | None:
            return self.kept.get((service, username))

        def set_password(self, service: str, username: str, password: str) -> None:
            self.kept[service, username] = password

        def delete_password(self, service: str, username: str) -> None:
            del self.kept[service, username]

    before = keyring.get_keyring()
    keyring.set_keyring(InMemory())
    try:
        async with open_app(settings_for(tmp_path, vault_keyring=True)) as app:
            await receive(app, await make_inbox(app), letter("One", PLANTED["password"]))
            (one,) = await listed(app)
            await rotate_vault(app)
        assert not (tmp_path / "data" / "vault.key").exists()
        async with open_app(settings_for(tmp_path, vault_keyring=True)) as app:
            assert await revealed(app, one.secret_id) == PASSWORD
    finally:
        keyring.set_keyring(before)


def test_a_program_gets_a_secret_that_nobody_sees(tmp_path: Path) -> None:
    async def received() -> str:
        async with open_app(settings_for(tmp_path)) as app:
            await receive(app, await make_inbox(app), letter("One", PLANTED["password"]))
            return str((await listed(app))[0].secret_id)

    secret_id = asyncio.run(received())
    program = "import os, sys; print(len(os.environ['PGPASSWORD']), 'LETTERLOCK_DATA' in os.environ); sys.exit(7)"
    runs = (sys.executable, "-c", program)
    done = subprocess.run(
        [SCRIPT, "secret", "run", secret_id, "--tenant", "default", "--env", "PGPASSWORD", "--", *runs],
        env=clean_environment(LETTERLOCK_DATA=str(tmp_path / "data")),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, f"{len(PASSWORD)} False\n", "")
    for wrong, said in (
        (["--tenant", "nobody", "--", "true"], "nobody"),
        (["true", "--tenant", "default"], "unexpected extra argument (true)"),
        (["--unheard", "--", "true"], "No such option"),
        (["--"], "Name a command"),
        ([], "Name a command"),
    ):
        result = CliRunner().invoke(cli, ["--data", str(tmp_path / "data"), "secret", "run", secret_id, *wrong])
        assert said in f"{result.output} {result.exception}"
        assert result.exit_code
