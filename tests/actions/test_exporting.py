from __future__ import annotations

import asyncio
import gc
import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from commands import letterlock
from letterlock.actions.caller import COMMAND_LINE, LOCAL_CALLER
from letterlock.actions.exporting import Piece, export
from letterlock.actions.people import email_bytes, import_mail
from letterlock.actions.tenancy import make_key
from letterlock.app import App, open_app
from letterlock.doors.archive import zipped
from letterlock.errors import NotAllowed, NotFound, StoreBusy
from letterlock.wake import writer_lock
from running import do, file_all, letter, make_inbox, receive, served, settings_for

CODE = "Your verification code is 493817. Do not share it."
ODD = letter("From here", "From me to you\n>From him\n\n\nFrom the end", sender="Müller <anna@shop.example>")


async def files(app: App, **chosen: object) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    async for piece in export(app, COMMAND_LINE, **chosen):  # type: ignore[arg-type]
        found[piece.file] = found.get(piece.file, b"") + piece.data
    return found


async def test_an_mbox_that_is_revealed_comes_back_byte_for_byte_through_import(app: App, tmp_path: Path) -> None:
    box, other = await make_inbox(app), await make_inbox(app, "other")
    raws = [letter("Code", CODE), ODD]
    for raw in raws:
        await receive(app, box, raw)
    found = await files(app, inbox=box, reveal=True)
    mbox = tmp_path / "box.mbox"
    mbox.write_bytes(found[f"mail/{box}.mbox"])
    assert (await import_mail(app, other, [mbox])).kept == 2
    await file_all(app)
    back = [
        await email_bytes(app, one.email_id) for one in reversed((await do(app, "list_emails", inbox=other)).emails)
    ]
    assert back == raws


async def test_codes_are_masked_unless_a_person_wants_them_and_the_masked_mbox_is_mail_too(
    app: App, tmp_path: Path
) -> None:
    box, other = await make_inbox(app), await make_inbox(app, "other")
    for raw in (letter("Code 493817", CODE), ODD):
        await receive(app, box, raw)
    await do(app, "send_email", inbox=box, to=["anna@far.example"], subject="Hi", text="It was 493817.")
    found = await files(app)
    assert not [name for name, content in found.items() if b"493817" in content]
    assert [name for name, content in (await files(app, reveal=True)).items() if b"493817" in content]
    mbox = tmp_path / "box.mbox"
    mbox.write_bytes(found[f"mail/{box}.mbox"])
    assert (await import_mail(app, other, [mbox])).kept == 2
    await file_all(app)
    texts = {
        (await do(app, "read_email", email_id=one.email_id)).text
        for one in (await do(app, "list_emails", inbox=other)).emails
    }
    assert any("From me to you" in text for text in texts)


async def test_the_manifest_names_every_file_and_there_is_nothing_of_another_tenant_or_inbox(app: App) -> None:
    box, other = await make_inbox(app), await make_inbox(app, "other")
    for to in (box, other):
        await receive(app, to, letter(f"For {to}"))
    found = await files(app)
    manifest = json.loads(found.pop("manifest.json"))
    assert manifest["files"].keys() == found.keys()
    assert manifest["files"]["emails.jsonl"]["items"] == 2
    assert {"audit.jsonl", "agents.jsonl", "inboxes.jsonl", f"mail/{other}.mbox"} <= found.keys()
    one = await files(app, inbox=box)
    assert not [name for name, content in one.items() if other.encode() in content]
    assert "audit.jsonl" not in one


async def test_only_people_who_may_see_mail_export_it(app: App) -> None:
    await make_inbox(app)
    with pytest.raises(NotAllowed):
        await anext(export(app, LOCAL_CALLER))
    with pytest.raises(NotFound):
        await anext(export(app, COMMAND_LINE, "nobody@letterlock.localhost"))


def test_people_export_and_erase_at_the_command_line(tmp_path: Path) -> None:
    data = tmp_path / "data"

    async def prepare() -> str:
        async with open_app(settings_for(tmp_path)) as app:
            box = await make_inbox(app)
            await receive(app, box, letter("Code", CODE))
            return box

    box = asyncio.run(prepare())
    folder = tmp_path / "out"
    assert "written to" in letterlock(data, "export", "tenant", "default", str(folder)).stdout
    assert (folder / "mail" / f"{box}.mbox").is_file()
    assert "exists already" in letterlock(data, "export", "inbox", box, str(folder)).stderr
    left = tmp_path / "again.part"
    (left / "mail").mkdir(parents=True)
    assert "no export of ours" in letterlock(data, "export", "inbox", box, str(tmp_path / "again")).stderr
    (left / "mail" / "x.mbox").write_text("From what was killed")
    (left / "emails.jsonl").touch()
    (tmp_path / "again.part.lock").touch()
    with writer_lock(tmp_path / "again.part.lock"):
        assert "Another export writes" in letterlock(data, "export", "inbox", box, str(tmp_path / "again")).stderr
    assert "written to" in letterlock(data, "export", "inbox", box, str(tmp_path / "again")).stdout
    assert [file.name for file in (tmp_path / "again" / "mail").iterdir()] == [f"{box}.mbox"]
    assert [file.name for file in tmp_path.iterdir() if "again" in file.name] == ["again"]
    nobody = letterlock(data, "export", "inbox", "nobody@x.example", str(tmp_path / "no"))
    assert (nobody.returncode, "nobody@x.example" in nobody.stderr) == (1, True)
    assert sorted(file.name for file in tmp_path.glob("no*")) == [], "nothing half done is left"
    assert letterlock(data, "erase", "inbox", box).returncode == 1, "nobody said yes"
    assert "1 emails, 0 submissions, 1 inboxes" in letterlock(data, "erase", "inbox", box, "--yes").stdout


async def test_people_export_over_rest(app: App) -> None:
    box = await make_inbox(app)
    await receive(app, box, letter("Code", CODE))
    key = (await make_key(app, "owner", scopes={"read", "admin", "reveal"})).text
    headers = {"Authorization": f"Bearer {key}"}
    async with served(app) as url, httpx2.AsyncClient(base_url=url, timeout=20) as client:
        answer = await client.get("/v1/export", params={"inbox": box}, headers=headers)
        assert answer.headers["content-type"] == "application/zip"
        archive = zipfile.ZipFile(io.BytesIO(answer.content))
        assert archive.testzip() is None
        assert json.loads(archive.read("manifest.json"))["revealed"] is False
        refused = await client.get("/v1/export", params={"reveal": "true"}, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
        for query, status in (({"inbox": "no@x.example"}, 404), ({"what": "all"}, 422)):
            assert (await client.get("/v1/export", params=query, headers=headers)).status_code == status
        assert "free_bytes" in (await client.get("/healthz", headers=headers)).json()
        assert "free_bytes" not in (await client.get("/healthz")).json()


async def test_a_zip_that_was_cut_off_is_no_zip(app: App) -> None:
    await make_inbox(app)
    parts = [data async for data in zipped(export(app, COMMAND_LINE))]
    assert zipfile.ZipFile(io.BytesIO(b"".join(parts))).testzip() is None
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(b"".join(parts[:-1])))


async def test_an_export_that_fails_in_the_middle_fails_with_its_own_error() -> None:
    async def broken() -> AsyncIterator[Piece]:
        yield Piece("one.jsonl", b"{}\n", 1)
        raise StoreBusy("The store is busy.")

    with pytest.raises(StoreBusy) as failed:
        [data async for data in zipped(broken())]
    # As errors are that pass through a server: collected with all they hold; an open ZIP tells the log of it.
    failed.value.__cause__ = ValueError().with_traceback(failed.value.__traceback__)
    failed.value.__cause__.__cause__ = failed.value
    del failed
    gc.collect()
