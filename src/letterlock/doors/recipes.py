"""/v1/inbound/SERVICE: mail as Mailgun, Postmark, SendGrid and Amazon SES hand it in, turned into the arguments of the
actions of actions/inlets.py. The secret of an inlet comes as a password (in the address that the service is given:
https://letterlock:SECRET@HOST/...) or as a bearer token. What a service says of the email beside its bytes and its
envelope is left alone.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from letterlock.actions.caller import Caller, inlet_by
from letterlock.actions.catalog import perform
from letterlock.actions.inlets import HAND_OVER, PATHS
from letterlock.app import App
from letterlock.doors.requests import HEADERS, JSON, Guard, Refused, Say, answered, bearer, body_of, json_object
from letterlock.store.inlets import Service

_MOST_FIELDS: Final = 200
_FORM, _MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
_NEVER: Final[Mapping[Service, int]] = {"mailgun": 406, "postmark": 403}
"""What a service must be answered so that it does not try for hours what will never be taken."""
_HOPELESS: Final = frozenset({404, 409, 413, 422})

Fields = Mapping[str, bytes]


def recipes(app: App, guard: Guard, say: Say) -> list[Route]:
    """The routes, below /v1; none where nothing may change."""
    if not app.settings.offers("inboxes", read_only=False):
        return []
    return [Route(PATHS[service], _door(app, guard, say, service), methods=["POST"]) for service in HAND_OVER]


def _door(app: App, guard: Guard, say: Say, service: Service) -> Callable[[Request], Any]:
    def worded(status: int, code: str, what: str, next_step: str, headers: Mapping[str, str]) -> Response:
        return say(_NEVER.get(service, status) if status in _HOPELESS else status, code, what, next_step, headers)

    async def work(request: Request) -> Response:
        caller = await _caller(app, request, service)
        # Base64 makes four bytes of three, JSON up to six of one that is no text; other fields repeat parts of it.
        body = await body_of(request, 2 * app.settings.max_message_bytes + 1_000_000)
        kind = request.headers.get("content-type", "")
        # Off the loop: the largest take a second.
        arguments = await asyncio.to_thread(_READERS[service], kind, body)
        result = await perform(app, caller, HAND_OVER[service], arguments)
        # 200 and no other: Mailgun takes any other for a failure.
        return Response(result.model_dump_json(), 200, HEADERS, JSON)

    async def answer(request: Request) -> Response:
        return await answered(guard, request, worded, lambda: work(request))

    return answer


async def _caller(app: App, request: Request, service: Service) -> Caller:
    secret = bearer(request) or _password(request)
    caller = await inlet_by(app, secret, service) if secret else None
    if caller is None:
        raise Refused(
            401,
            "unauthorized",
            f"No secret of an inlet for {service} that counts came with this call.",
            "Give the service https://letterlock:SECRET@HOST as the address; `letterlock inlet add` makes a secret.",
            # Amazon SNS sends the password only when it is asked for it.
            WWW_Authenticate='Basic realm="letterlock", charset="UTF-8"',
        )
    return caller


def _password(request: Request) -> str:
    """RFC 7617; the user name is nobody's."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(given.strip(), validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


# --- what each says ---------------------------------------------------------------------------------------------------


def _mailgun(kind: str, body: bytes) -> dict[str, Any]:
    fields = _fields(kind, body)
    return {
        "to": _addresses(_text(fields, "recipient")),
        "sender": _text(fields, "sender", ""),
        "raw": _needed(fields, "body-mime"),
        **{name: _text(fields, name) for name in ("timestamp", "token", "signature")},
    }


def _postmark(kind: str, body: bytes) -> dict[str, Any]:
    said = json_object(body)
    raw, to = said.get("RawEmail"), said.get("OriginalRecipient")
    if not isinstance(raw, str) or not raw:
        raise _lacks("RawEmail", "Tick 'Include raw email content in JSON payload' at Postmark.")
    if not isinstance(to, str):
        raise _lacks("OriginalRecipient")
    return {"to": _addresses(to), "raw": raw.encode("utf-8", "replace")}


def _sendgrid(kind: str, body: bytes) -> dict[str, Any]:
    fields = _fields(kind, body)
    if "email" not in fields:
        raise _lacks("email", "Tick 'POST the raw, full MIME message' at SendGrid.")
    envelope = json_object(_needed(fields, "envelope"))
    to, sender = envelope.get("to"), envelope.get("from")
    return {
        "to": to if isinstance(to, list) else [to],
        "sender": sender if isinstance(sender, str) else "",
        "raw": _needed(fields, "email"),
    }


def _ses(kind: str, body: bytes) -> dict[str, Any]:
    # SNS calls its JSON text/plain.
    return {"said": json_object(body)}


_READERS: Final[Mapping[Service, Callable[[str, bytes], dict[str, Any]]]] = {
    "mailgun": _mailgun,
    "postmark": _postmark,
    "sendgrid": _sendgrid,
    "ses": _ses,
}


def _addresses(text: str) -> list[str]:
    return [one.strip() for one in text.split(",") if one.strip()]


def _text(fields: Fields, name: str, default: str | None = None) -> str:
    if default is not None and name not in fields:
        return default
    return _needed(fields, name).decode("utf-8", "replace")


def _needed(fields: Fields, name: str) -> bytes:
    if name not in fields:
        raise _lacks(name)
    return fields[name]


def _lacks(name: str, next_step: str = "Look at docs/inlets.md for what the service must be told.") -> Refused:
    return Refused(422, "invalid_request", f"The field '{name}' is missing.", next_step)


def _fields(kind: str, body: bytes) -> Fields:
    """Fields of a form, the first of each name, as the bytes they came as."""
    media, _, _ = kind.partition(";")
    media = media.strip().lower()
    if media == _FORM:
        try:
            # Latin-1 is every byte as it is; given bytes, parse_qsl takes those of ASCII only.
            text = body.decode("latin-1")
            pairs = parse_qsl(text, keep_blank_values=True, encoding="latin-1", max_num_fields=_MOST_FIELDS)
        except ValueError:
            raise _malformed("has too many fields") from None
        return {_utf8(name): value.encode("latin-1") for name, value in reversed(pairs)}
    if media == _MULTIPART:
        return _parts(kind, body)
    raise Refused(
        415, "unsupported_media_type", "The body is not a form.", f"Send {_MULTIPART} or {_FORM}.", Accept=_MULTIPART
    )


def _utf8(latin: str) -> str:
    return latin.encode("latin-1").decode("utf-8", "replace")


def _parts(kind: str, body: bytes) -> Fields:
    """RFC 7578."""
    from python_multipart.exceptions import MultipartParseError
    from python_multipart.multipart import MultipartParser, parse_options_header

    fields: dict[str, bytes] = {}
    header = [bytearray(), bytearray()]
    about: dict[bytes, bytes] = {}
    content = bytearray()

    def begin() -> None:
        about.clear()
        content.clear()
        if len(fields) >= _MOST_FIELDS:
            raise _malformed("has too many fields")

    def header_end() -> None:
        about[bytes(header[0]).lower()] = bytes(header[1])
        header[0].clear()
        header[1].clear()

    def end() -> None:
        _, options = parse_options_header(about.get(b"content-disposition", b""))
        fields.setdefault(options.get(b"name", b"").decode("utf-8", "replace"), bytes(content))

    _, options = parse_options_header(kind)
    try:
        parser = MultipartParser(
            options.get(b"boundary", b""),
            {
                "on_part_begin": begin,
                "on_header_field": lambda data, start, stop: header[0].extend(data[start:stop]),
                "on_header_value": lambda data, start, stop: header[1].extend(data[start:stop]),
                "on_header_end": header_end,
                "on_part_data": lambda data, start, stop: content.extend(data[start:stop]),
                "on_part_end": end,
            },
        )
        parser.write(body)
        parser.finalize()
    except MultipartParseError:
        raise _malformed("is not a form as its Content-Type says") from None
    return fields


def _malformed(why: str) -> Refused:
    return Refused(400, "malformed", f"The body {why}.", "Send it as the service does.")
