"""Mail as other services hand it in: payloads as they send them, with their signatures, to the routes a server has."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
import uvicorn
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount

from letterlock.actions.caller import COMMAND_LINE, Caller
from letterlock.actions.catalog import perform
from letterlock.actions.inlets import INLETS
from letterlock.actions.tenancy import add_tenant, at_command_line
from letterlock.app import App
from letterlock.doors import recipes
from letterlock.doors.cli import cli
from letterlock.doors.requests import Refused
from letterlock.doors.rest import build_rest
from letterlock.errors import CallerError, NotFound
from letterlock.ids import DEFAULT_TENANT
from letterlock.inbound import sns
from letterlock.store import inlets
from letterlock.upkeep import run_once
from running import DOMAIN, free_port, inbox_id, letter, make_inbox, newest, until

PAGE = Path(__file__).parent.parent.parent / "docs" / "inlets.md"
NOW = dt.datetime.now(dt.UTC)
KEY = "key-of-mailgun"
TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail"
CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
CONFIRMATION = f"https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=23ab"
AMAZON = rsa.generate_private_key(65537, 2048)
RAW = letter("Your code", "Your verification code is 493817.", Message_ID="<one@shop.example>")


async def no_guard(request: Request) -> None:
    return None


@pytest.fixture
async def client(app: App) -> AsyncIterator[httpx2.AsyncClient]:
    served = Starlette(routes=[Mount("/v1", build_rest(app, no_guard))])
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(served), base_url="http://localhost/v1") as client:
        yield client


async def do(app: App, name: str, caller: Caller = COMMAND_LINE, **arguments: Any) -> Any:
    action = next(one for one in INLETS if one.name == name)
    return await perform(app, caller, action, arguments)


async def inlet(app: App, service: str = "raw", **more: Any) -> Any:
    given = {"mailgun": {"signing_key": KEY}, "ses": {"topic": TOPIC}}.get(service, {})
    return await do(app, "add_inlet", domain=DOMAIN, service=service, **{**given, **more})


async def stored(app: App, address: str) -> int:
    """How many emails an inbox got, filed or not."""
    box = await inbox_id(app, address)
    row = await app.database.read(
        DEFAULT_TENANT,
        lambda tx: tx.one("SELECT COUNT(*) AS n FROM emails WHERE tenant_id = :tenant AND inbox_id = :box", box=box),
    )
    assert row is not None
    return int(row["n"])


# --- as the email is --------------------------------------------------------------------------------------------------


async def test_a_script_hands_in_mail_of_its_domain_and_does_nothing_else(app: App, client: httpx2.AsyncClient) -> None:
    box, made = await make_inbox(app), await inlet(app)
    headers = {"Authorization": f"Bearer {made.secret}"}
    answer = await client.post("/inbound", params={"to": box, "sender": "a@shop.example"}, content=RAW, headers=headers)
    assert (answer.status_code, answer.json()["received"][0]["recipient"]) == (202, box)
    assert (await newest(app, box)).subject == "Your code"
    before = await stored(app, box)
    for to in ("nobody@" + DOMAIN, "box@other.example", "x", "", [box, "nobody@" + DOMAIN]):
        answer = await client.post("/inbound", params={"to": to}, content=RAW + b"other\r\n", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), to
    assert await stored(app, box) == before, "all of them or nobody"
    assert (await client.get("/emails", headers=headers)).status_code == 403
    assert (await client.post("/inlets", json={"domain": DOMAIN}, headers=headers)).status_code == 403
    await do(app, "remove_inlet", inlet_id=made.inlet_id)
    answer = await client.post("/inbound", params={"to": box}, content=RAW, headers=headers)
    assert answer.status_code == 401
    assert ("inlet" in answer.json()["detail"], "new-key" in answer.text) == (True, False), answer.text


async def test_the_worker_for_cloudflare_hands_in_what_it_gets(app: App, tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed: the worker of docs/inlets.md was NOT run")
    found = re.search(r"```javascript\n(export default.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    (tmp_path / "worker.mjs").write_text(found[1])
    script = """
    import worker from "./worker.mjs";
    const [url, secret, to, raw] = process.argv.slice(2);
    const message = {
      to, from: "anna@shop.example", raw: new Blob([raw]).stream(), setReject: (why) => console.log("rejected", why),
    };
    try { await worker.email(message, { LETTERLOCK_URL: url, LETTERLOCK_SECRET: secret }); console.log("done"); }
    catch (error) { console.log("again", error.message); }
    """
    (tmp_path / "run.mjs").write_text(script)
    box, made = await make_inbox(app), await inlet(app)
    port = free_port()
    served = Starlette(routes=[Mount("/v1", build_rest(app, no_guard))])
    server = uvicorn.Server(uvicorn.Config(served, port=port, log_config=None, lifespan="off"))
    import asyncio

    async with asyncio.TaskGroup() as running:
        running.create_task(server.serve())
        await until(lambda: asyncio.sleep(0, server.started))

        async def run(to: str, secret: str) -> str:
            node = await asyncio.create_subprocess_exec(
                "node", "run.mjs", f"http://127.0.0.1:{port}", secret, to, RAW.decode(), cwd=tmp_path,
                stdout=subprocess.PIPE,
            )  # fmt: skip
            said, _ = await node.communicate()
            return said.decode().strip()

        done = await asyncio.gather(run(box, made.secret), run(f"nobody@{DOMAIN}", made.secret), run(box, "lli_wrong"))
        server.should_exit = True
    assert [said.split()[0] for said in done] == ["done", "rejected", "again"], done
    assert await stored(app, box) == 1


# --- Mailgun ----------------------------------------------------------------------------------------------------------


def mailgun(to: str, *, token: str = "t" * 50, at: dt.datetime = NOW, key: str = KEY, raw: bytes = RAW) -> Any:
    timestamp = str(int(at.timestamp()))
    signature = hmac.new(key.encode(), (timestamp + token).encode(), hashlib.sha256).hexdigest()
    fields = {"recipient": to, "sender": "anna@shop.example", "subject": "Your code", "from": "Anna", "Spf": "Pass"}
    return {**fields, "timestamp": timestamp, "token": token, "signature": signature, "body-mime": raw.decode()}


async def test_mailgun_hands_in_what_is_not_ascii(app: App, client: httpx2.AsyncClient) -> None:
    box, made = await make_inbox(app), await inlet(app, "mailgun")
    raw = "From: Jörg <a@b.example>\r\nSubject: Grüße €\r\nMessage-ID: <u@b.example>\r\n\r\nÄ\r\n".encode()
    form = urlencode({**mailgun(box, raw=raw), "subject": "Grüße", "from": "Jörg <a@b.example>"})
    odd = form.replace("%C3%BC", "ü").encode().replace(b"timestamp=", b"\xfc=1&timestamp=")
    # The second is read as well, and known for a repeat.
    for body, status in ((form.encode(), 200), (odd, 406)):
        answer = await client.post(
            "/inbound/mailgun/mime",
            content=body,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            auth=("letterlock", made.secret),
        )
        assert answer.status_code == status, answer.text
        assert (await newest(app, box)).subject == "Grüße €"


async def test_mailgun_hands_in_once_what_it_signed(app: App, client: httpx2.AsyncClient) -> None:
    box, made = await make_inbox(app), await inlet(app, "mailgun")
    auth = ("letterlock", made.secret)

    async def post(fields: Any) -> httpx2.Response:
        return await client.post("/inbound/mailgun/mime", data=fields, auth=auth)

    answer = await post(mailgun(box))
    assert answer.status_code == 200, answer.text
    assert await newest(app, box) is not None
    # The signature is not over the email: who replays it could bring another.
    again = await post(mailgun(box, raw=letter("Another")))
    assert (again.status_code, again.json()["code"]) == (406, "conflict")
    assert (await post(mailgun(box, key="other", token="u" * 50))).status_code == 403
    for late in (dt.timedelta(hours=25), dt.timedelta(hours=-2)):
        assert (await post(mailgun(box, at=NOW - late, token="v" * 50))).status_code == 403
    assert (await post({**mailgun(box), "timestamp": "soon"})).status_code == 406
    # What will never be taken is answered so that it is not tried for hours; but the token still counts.
    assert (await post(mailgun(f"nobody@{DOMAIN}", token="w" * 50))).status_code == 406
    assert (await post(mailgun(box, token="w" * 50))).status_code == 200
    assert await stored(app, box) == 1
    # Mailgun retries with what it signed first: hours later, too.
    assert (
        await post(mailgun(box, at=NOW - dt.timedelta(hours=8), token="x" * 50, raw=letter("2")))
    ).status_code == 200
    assert await stored(app, box) == 2


async def test_a_form_with_files_is_read_as_the_bytes_it_has(app: App, client: httpx2.AsyncClient) -> None:
    box, made = await make_inbox(app), await inlet(app, "mailgun")
    raw = b"Subject: raw\r\nFrom: a@shop.example\r\nMIME-Version: 1.0\r\n"
    raw += b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\ncaf\xe9\r\n"
    fields = {**mailgun(box)}
    del fields["body-mime"]
    answer = await client.post(
        "/inbound/mailgun/mime",
        data=fields,
        files={"body-mime": ("mail", raw), "attachment-1": ("a.bin", bytes(range(256)))},
        auth=("x", made.secret),
    )
    assert answer.status_code == 200, answer.text
    kept = await app.vault.raw(DEFAULT_TENANT, answer.json()["received"][0]["email_id"])
    assert kept is not None
    assert kept.endswith(b"caf\xe9\r\n")


# --- Postmark and SendGrid --------------------------------------------------------------------------------------------


async def test_postmark_hands_in_the_email_as_it_came(app: App, client: httpx2.AsyncClient) -> None:
    box, made = await make_inbox(app), await inlet(app, "postmark")
    said = {
        "From": "anna@shop.example",
        "OriginalRecipient": box,
        "Subject": "x",
        "Headers": [],
        "RawEmail": RAW.decode(),
    }

    async def post(said: Any, secret: str = made.secret) -> httpx2.Response:
        return await client.post("/inbound/postmark", json=said, auth=("u", secret))

    assert (await post(said)).status_code == 200
    assert (await newest(app, box)).subject == "Your code"
    del said["RawEmail"]
    answer = await post(said)
    assert (answer.status_code, "Include raw email" in answer.json()["next_step"]) == (403, True)
    refused = await post(said, "lli_wrong")
    assert (refused.status_code, refused.headers["www-authenticate"][:5]) == (401, "Basic")


async def test_sendgrid_hands_in_the_email_as_it_came(app: App, client: httpx2.AsyncClient) -> None:
    box, made = await make_inbox(app), await inlet(app, "sendgrid")
    envelope = {"to": [box, "someone@elsewhere.example", f"nobody@{DOMAIN}"], "from": "anna@shop.example"}
    fields = {"envelope": json.dumps(envelope), "SPF": "pass", "dkim": "{@shop.example : pass}", "email": RAW.decode()}
    # A field with a file name of none makes a multipart form, which is what SendGrid sends.
    form = {name: (None, value) for name, value in fields.items()}
    answer = await client.post("/inbound/sendgrid", files=form, auth=("u", made.secret))
    assert [one["recipient"] for one in answer.json()["received"]] == [box]
    email = await newest(app, box)
    assert (email.subject, email.aligned) == ("Your code", False)
    del form["email"]
    answer = await client.post("/inbound/sendgrid", files=form, auth=("u", made.secret))
    assert (answer.status_code, "full MIME" in answer.json()["next_step"]) == (422, True)


# --- Amazon SES -------------------------------------------------------------------------------------------------------


def certificate(days: int = 30) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(AMAZON.public_key())
    built = built.serial_number(1).not_valid_before(NOW - dt.timedelta(days=60))
    return built.not_valid_after(NOW + dt.timedelta(days=days)).sign(AMAZON, SHA256()).public_bytes(Encoding.PEM)


def signed(kind: str = "Notification", *, version: str = "2", **fields: str) -> dict[str, str]:
    said = {
        "Type": kind, "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324", "TopicArn": TOPIC,
        "Timestamp": NOW.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "SignatureVersion": version,
        "SigningCertURL": CERTIFICATE, **fields,
    }  # fmt: skip
    digest = SHA256() if version == "2" else SHA1()
    signature = AMAZON.sign(sns.signed_text(said), padding.PKCS1v15(), digest)
    return {**said, "Signature": base64.b64encode(signature).decode()}


def received(*to: str, encoding: str = "BASE64") -> str:
    content = base64.b64encode(RAW).decode() if encoding == "BASE64" else RAW.decode()
    receipt = {"recipients": to, "dkimVerdict": {"status": "PASS"}, "action": {"type": "SNS", "encoding": encoding}}
    mail = {"source": "anna@shop.example", "destination": to}
    return json.dumps({"notificationType": "Received", "receipt": receipt, "mail": mail, "content": content})


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of Amazon."""
    asked: list[str] = []

    async def fetch(url: str) -> bytes:
        asked.append(url)
        return certificate()

    monkeypatch.setattr(sns, "fetch", fetch)
    monkeypatch.setattr(sns, "_certificates", {})
    return asked


async def test_amazon_hands_in_what_it_signed(app: App, client: httpx2.AsyncClient, fetched: list[str]) -> None:
    box, made = await make_inbox(app), await inlet(app, "ses")

    async def post(said: Any) -> httpx2.Response:
        # SNS calls it text.
        kind = {"Content-Type": "text/plain; charset=UTF-8"}
        return await client.post("/inbound/ses", content=json.dumps(said), headers=kind, auth=("u", made.secret))

    good = signed(Message=received(box))
    assert (await post(good)).json()["received"][0]["recipient"] == box
    assert (await newest(app, box)).subject == "Your code"
    # A repeat is nothing new, and no failure either: SNS tells so when an answer was lost.
    repeat = await post(good)
    assert (repeat.status_code, repeat.json()["received"]) == (200, [])
    version_1 = signed(Message=received(box, encoding="UTF-8"), MessageId="2", Subject="Amazon SES", version="1")
    assert (await post(version_1)).status_code == 200
    assert await stored(app, box) == 1
    assert fetched == [CERTIFICATE]
    old = (NOW - dt.timedelta(hours=25)).isoformat()
    refused = (
        {**good, "Message": received("other@" + DOMAIN)},
        {**good, "MessageId": "3"},
        {**good, "Signature": "AAAA"},
        {**good, "Signature": "?"},
        {**good, "Type": "Other"},
        {**good, "SignatureVersion": "3"},
        {**good, "SignatureVersion": "1"},
        signed(Message=received(box), MessageId="4", TopicArn=TOPIC + "2"),
        signed(Message=received(box), MessageId="5", Timestamp=old),
        signed(Message=received(box), MessageId="6", Timestamp="now"),
    )
    for said in refused:
        assert (await post(said)).status_code == 403, said
    # From S3 the email is to be posted as it is: nothing is fetched here.
    s3 = {"notificationType": "Received", "receipt": {"recipients": [box], "action": {"type": "S3"}}, "mail": {}}
    answer = await post(signed(Message=json.dumps(s3), MessageId="7"))
    assert (answer.status_code, "S3" in answer.json()["next_step"]) == (422, True)
    assert await stored(app, box) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/SimpleNotificationService-0123456789abcdef.pem",
        "https://evil.example/https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/SimpleNotificationService-0123456789abcdef.pem",
        "https://bucket.s3.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem\n",
        "https://sns.eu-west-1.amazonaws.com/../x.pem",
        "",
    ],
)
async def test_no_certificate_is_fetched_from_anywhere_but_amazon(url: str, fetched: list[str]) -> None:
    with pytest.raises(CallerError):
        await sns.prove(signed(Message="x", SigningCertURL=url), NOW)
    with pytest.raises(CallerError):
        await sns.confirm({"SubscribeURL": url})
    assert fetched == []


async def test_a_certificate_that_is_old_or_cannot_be_had_proves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sns, "_certificates", {})

    async def gone(url: str) -> bytes:
        raise OSError("HTTP 404")

    monkeypatch.setattr(sns, "fetch", gone)
    with pytest.raises(CallerError, match="cannot be had"):
        await sns.prove(signed(Message="x"), NOW)
    for pem in (certificate(-1), b"none", b""):

        async def fetch(url: str, pem: bytes = pem) -> bytes:
            return pem

        monkeypatch.setattr(sns, "fetch", fetch)
        monkeypatch.setattr(sns, "_certificates", {})
        with pytest.raises(CallerError, match="signature"):
            await sns.prove(signed(Message="x"), NOW)


async def test_a_subscription_is_confirmed_only_where_the_owner_wants_it(
    app: App, client: httpx2.AsyncClient, fetched: list[str]
) -> None:
    said = signed("SubscriptionConfirmation", Message="You have chosen", Token="23ab", SubscribeURL=CONFIRMATION)
    for confirms in (False, True):
        made = await inlet(app, "ses", confirm=confirms)
        answer = await client.post("/inbound/ses", json=said, auth=("u", made.secret))
        assert answer.status_code == (200 if confirms else 403)
        assert (CONFIRMATION in fetched) is confirms


# --- whose inlets are whose -------------------------------------------------------------------------------------------


async def test_a_secret_is_for_one_service_and_a_domain_that_is_its_tenants(
    app: App, client: httpx2.AsyncClient
) -> None:
    box = await make_inbox(app)
    made = await inlet(app, "mailgun")
    for path in ("/inbound/postmark", "/inbound/sendgrid", "/inbound/ses"):
        assert (await client.post(path, json={}, auth=("u", made.secret))).status_code == 401
    raw = await client.post(
        "/inbound", params={"to": box}, content=RAW, headers={"Authorization": f"Bearer {made.secret}"}
    )
    assert raw.status_code == 401, "what is signed cannot be gone around"
    await add_tenant(app, "acme")
    acme = await at_command_line(app, "acme")
    for domain in (DOMAIN, "other.example"):
        with pytest.raises(NotFound):
            await do(app, "add_inlet", acme, domain=domain)
    with pytest.raises(NotFound):
        await do(app, "remove_inlet", acme, inlet_id=made.inlet_id)
    assert (await do(app, "list_inlets", acme)).inlets == []
    # Mail for the domain of the settings is for whichever tenant has the inbox, and what is another's is not told.
    theirs = await make_inbox(app, "theirs", acme)
    mine = await inlet(app)
    answer = await client.post(
        "/inbound", params={"to": theirs}, content=RAW, headers={"Authorization": f"Bearer {mine.secret}"}
    )
    assert (answer.status_code, answer.json()["received"]) == (202, [])
    found = await app.database.read(
        acme.tenant_id, lambda tx: tx.one("SELECT COUNT(*) AS n FROM emails WHERE tenant_id = :tenant")
    )
    assert found is not None
    assert found["n"] == 1


async def test_a_person_makes_lists_and_ends_inlets(tmp_path: Path) -> None:
    import asyncio

    def letterlock(*arguments: str, **how: Any) -> Any:
        return CliRunner().invoke(cli, [*arguments, "--data", str(tmp_path)], **how)

    def story() -> None:
        added = letterlock("inlet", "add", DOMAIN, "--service", "mailgun", input="key\n")
        assert re.search(r"https://letterlock:lli_[\w-]{43}@HOST/v1/inbound/mailgun/mime", added.stdout), added.output
        assert "set dns to on" in added.stderr
        for wrong in (("--service", "ses"), ("--topic", TOPIC), ("--service", "ses", "--topic", "mail")):
            assert letterlock("inlet", "add", DOMAIN, *wrong).exit_code == 1
        listed = letterlock("inlet", "list").stdout
        assert listed.count("\n") == 1
        assert "removed" in letterlock("inlet", "remove", listed.split("\t")[0]).stdout
        assert letterlock("inlet", "list").stdout == ""

    await asyncio.to_thread(story)


async def test_what_was_signed_long_ago_is_forgotten(app: App) -> None:
    made = await inlet(app)
    now = app.now_ms()
    for token, at in (("old", now - inlets.REMEMBERED_MS - 1), ("new", now)):
        assert await app.database.write(
            DEFAULT_TENANT,
            lambda tx, t=token, a=at: inlets.note_token(tx, made.inlet_id, t, a),  # type: ignore[misc]
        )
    await run_once(app)
    rows = await app.database.read(
        DEFAULT_TENANT, lambda tx: tx.all("SELECT at FROM inlet_tokens WHERE tenant_id = :tenant")
    )
    assert [row["at"] for row in rows] == [now]


# --- bad bytes --------------------------------------------------------------------------------------------------------

KINDS = st.sampled_from(
    ["multipart/form-data; boundary=b", "multipart/form-data", "application/x-www-form-urlencoded", "text/plain", ""]
)
PIECES = st.lists(
    st.sampled_from(
        [
            b"--b\r\n",
            b"--b--",
            b'Content-Disposition: form-data; name="email"\r\n\r\n',
            b"\r\n",
            b"x=1&",
            b"%",
            b'{"to": [1]}',
            b"[",
            b'Content-Disposition: form-data; name="envelope"\r\n\r\n',
            b"\xff",
        ]
    ),
    max_size=12,
)


@given(service=st.sampled_from(sorted(recipes._READERS)), kind=KINDS, pieces=PIECES)
@settings(max_examples=40)
def test_whatever_is_sent_is_read_or_refused(service: Any, kind: str, pieces: list[bytes]) -> None:
    try:
        read = recipes._READERS[service](kind, b"".join(pieces))
    except Refused as error:
        assert 400 <= error.status < 500
    else:
        assert isinstance(read, dict)
