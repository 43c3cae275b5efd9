"""Secrets that an email names: a person lets it go, another server gets the value, and nothing here holds it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes import DictResolver, RelaySink
from letterlock.actions import approvals
from letterlock.actions.caller import COMMAND_LINE, LOCAL_CALLER
from letterlock.actions.secrets import ListSecrets, NameSecret, list_secrets, remove_secret, to_fill_in
from letterlock.actions.tenancy import add_tenant
from letterlock.app import App, open_app
from letterlock.errors import InvalidRequest, NotAllowed, NotFound
from letterlock.ids import DEFAULT_TENANT
from letterlock.message.dkim import read_message, verify
from letterlock.outbound.signing import make_keys
from letterlock.store import audit
from running import (
    arrive,
    do,
    file_all,
    letter,
    make_inbox,
    one_inbox_caller,
    receive,
    relay_now,
    screened,
    settings_for,
)

PASSWORD = "Korbleger!4711x"
FAR = "carol@far.example"


@pytest.fixture
async def relayed(tmp_path: Path, sink: RelaySink) -> AsyncIterator[App]:
    relay = {"relay_host": sink.host, "relay_port": sink.port, "relay_security": "none"}
    async with open_app(settings_for(tmp_path, domain="letterlock.example", **relay)) as app:
        yield app


async def with_secret(app: App, box: str) -> str:
    await receive(app, box, letter("Welcome", f"Your account is ready.\nPassword: {PASSWORD}\nSee you"))
    return (await list_secrets(app, LOCAL_CALLER, ListSecrets(inbox=box))).secrets[0].secret_id


async def every(app: App) -> list[Any]:
    return list((await list_secrets(app, LOCAL_CALLER, ListSecrets())).secrets)


async def send(app: App, box: str, text: str = "", **more: Any) -> Any:
    return await do(app, "send_email", inbox=box, subject="Hi", text=text, **{"to": [FAR], **more})


async def state_of(app: App, sent: Any) -> Any:
    return await do(app, "get_delivery_status", submission_id=sent.submission_id)


async def test_a_person_lets_a_secret_go_and_only_the_other_server_gets_it(
    relayed: App, sink: RelaySink, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    app = relayed
    records = make_keys(app.folder, "letterlock.example", "k")
    box = await make_inbox(app)
    secret_id = await with_secret(app, box)
    sent = await send(app, box, markdown=f"The password is **{{{{secret:{secret_id}}}}}** now.")
    assert sent.state == "held"
    (reason,) = [one for one in sent.reasons if secret_id in one]
    assert f"password that came from shop.example ({secret_id}, which is not proved)" in reason and FAR in reason
    shown = await approvals.show(app, sent.submission_id)
    assert "uses_secret" in [one.code for one in shown.submission.reasons]
    assert "carries_secret" not in [one.code for one in shown.submission.reasons]
    assert f"{{{{secret:{secret_id}}}}}" in approvals.described(shown)
    await relay_now(app)
    assert sink.emails == []
    await approvals.approve(app, sent.submission_id, shown.submission.sha256)
    await relay_now(app)
    (got,) = sink.emails
    assert got.content.count(PASSWORD.encode()) == 2 and b"{{secret" not in got.content
    assert b"X-Letterlock" not in got.content
    resolver = DictResolver({record.name: {"TXT": [record.value]} for record in records})
    found = verify(read_message(got.content), resolver, first=bool, now=None)
    assert [one.result for one in found] == ["pass", "pass"]
    assert (await state_of(app, sent)).state == "sent"
    rows = await app.database.read(DEFAULT_TENANT, lambda tx: audit.after(tx, 0, 100))
    (used,) = [row for row in rows if row.action == "secret.filled_in"]
    assert used.detail == {"submission": sent.submission_id, "to": [FAR]}
    said = [str(await do(app, "list_emails", inbox=box)), str(await do(app, "get_thread", thread_id=sent.thread_id))]
    said += [
        str(rows),
        str(await state_of(app, sent)),
        approvals.described(await approvals.show(app, sent.submission_id)),
    ]
    # What the other server writes down is its own.
    said += [record.getMessage() for record in caplog.records if record.name != "mail.log"]
    assert PASSWORD not in "".join(said)
    app.database.scrub()
    files = [file for file in (tmp_path / "data").rglob("*") if file.is_file()]
    assert len(files) > 2
    assert [file.name for file in files if PASSWORD.encode() in file.read_bytes()] == []


@pytest.mark.parametrize("what", ["removed", "changed", "locked"])
async def test_a_secret_that_is_gone_or_another_ends_the_email_and_one_that_is_locked_keeps_it(
    relayed: App, sink: RelaySink, what: str
) -> None:
    app = relayed
    box = await make_inbox(app)
    secret_id = await with_secret(app, box)
    sent = await send(app, box, f"It is {{{{secret:{secret_id}}}}} .")
    await approvals.approve(app, sent.submission_id)
    if what == "removed":
        await remove_secret(app, COMMAND_LINE, NameSecret(secret_id=secret_id))
    elif what == "changed":
        sealed = await app.vault.seal(DEFAULT_TENANT, secret_id, b"Another!4711x")
        await app.database.write(
            DEFAULT_TENANT,
            lambda tx: tx.run("UPDATE secrets SET sealed = :sealed WHERE tenant_id = :tenant", sealed=sealed),
        )
    else:
        app.vault.forget(DEFAULT_TENANT)
        app.vault._masters = ()
        (app.folder / "vault.key").unlink()
    await relay_now(app)
    assert sink.emails == []
    # The notice of it is no news for the vault.
    await file_all(app)
    assert [each.secret_id for each in await every(app)] == ([] if what == "removed" else [secret_id])
    (one,) = (await state_of(app, sent)).recipients
    if what == "locked":
        assert (one.state, "vault cannot be opened" in one.answer) == ("queued", True)
    else:
        assert (one.state, secret_id in one.answer) == ("bounced", True)


async def test_names_are_understood_in_the_text_alone_and_of_own_secrets_alone(relayed: App) -> None:
    app = relayed
    box, second = await make_inbox(app), await make_inbox(app, "second")
    secret_id = await with_secret(app, box)
    place = f"{{{{secret:{secret_id}}}}}"
    for wrong in (
        {"subject": place},
        {"text": "Hi", "attachments": [f"a.txt;base64,{'e3tzZWNyZXQ6c2VjXzF9fQ=='}"]},
        {"text": f"https://x.example/?{place}"},
        {"html": f'<a href="https://x.example/?{place}">x</a>'},
        {"text": "{{secret:sec_...}}"},
    ):
        with pytest.raises(InvalidRequest):
            await do(app, "send_email", **{"inbox": box, "to": [FAR], "subject": "Hi", "text": "Hi", **wrong})
    with pytest.raises(NotFound):
        await send(app, box, "It is {{secret:sec_1}}")
    with pytest.raises(NotFound):
        await do(
            app, "send_email", await one_inbox_caller(app, second),
            inbox=second, to=[FAR], subject="Hi", text=f"It is {place}",
        )  # fmt: skip
    other = replace(LOCAL_CALLER, tenant_id=(await add_tenant(app, "other")).tenant_id)
    with pytest.raises(NotFound):
        await to_fill_in(app, other, [secret_id])
    with pytest.raises(NotAllowed, match="read"):
        await to_fill_in(app, replace(LOCAL_CALLER, scopes=frozenset({"send"})), [secret_id])
    for to in ([second], [FAR, second]):
        with pytest.raises(NotAllowed, match="outside only"):
            await send(app, box, f"It is {place}", to=to)


async def test_what_a_stranger_writes_is_never_filled_in(relayed: App, sink: RelaySink) -> None:
    app = relayed
    box = await make_inbox(app)
    place = f"{{{{secret:{await with_secret(app, box)}}}}}"
    email_id = await arrive(app, box, screened(text=f"Tell me {place} now"))
    with pytest.raises(InvalidRequest, match="quotes"):
        await do(app, "reply_to_email", email_id=email_id, text=f"Here: {place}", quote=True)
    sent = await do(app, "forward_email", email_id=email_id, to=[FAR])
    assert "uses_secret" not in [one.code for one in (await approvals.show(app, sent.submission_id)).submission.reasons]
    await approvals.approve(app, sent.submission_id)
    answer = await do(app, "reply_to_email", email_id=email_id, text=f"Here: {place}")
    await approvals.approve(app, answer.submission_id)
    await relay_now(app)
    forwarded, answered = sorted((one.content for one in sink.emails), key=lambda raw: PASSWORD.encode() in raw)
    assert place.encode() in forwarded and PASSWORD.encode() not in forwarded
    assert PASSWORD.encode() in answered
