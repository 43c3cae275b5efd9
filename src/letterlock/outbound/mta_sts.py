"""What a domain asks of those who send to it (MTA-STS, RFC 8461): its mail servers by name, and TLS with a certificate
that proves them. policy_for() fetches and keeps its policy; a network attacker cannot make it unknown once it is.
"""

from __future__ import annotations

import asyncio
import logging
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from letterlock.app import App
from letterlock.dns import DnsTrouble, NoSuchName, Resolver
from letterlock.outbound.exchangers import is_public
from letterlock.store import transport
from letterlock.store.transport import Policy

log = logging.getLogger(__name__)

_RECORD: Final = re.compile(r"v=STSv1\s{0,9};\s{0,9}id=([A-Za-z0-9]{1,32})\s{0,9}(?:;|$)")
_LONGEST_AGE_S: Final = 31_557_600  # RFC 8461 section 3.2
_MOST_BYTES: Final = 65_536
_MOST_MX: Final = 100
_FETCH_S: Final = 20.0
_FETCH_AGAIN_S: Final = 300.0

Fetch = Callable[[str, str], Awaitable[bytes]]
"""(host name, IP address) -> the policy's bytes. Raises OSError when there is none to be had."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a policy's text says."""

    mode: str
    mx: tuple[str, ...]
    max_age_s: int


def record_id(texts: tuple[bytes, ...]) -> str:
    """The id in the TXT record at _mta-sts.DOMAIN, "" when there is not exactly one record (section 3.1)."""
    records = [text.decode("latin-1") for text in texts if text.startswith(b"v=STSv1")]
    found = _RECORD.match(records[0]) if len(records) == 1 else None
    return found[1] if found else ""


def read_policy(text: bytes) -> Asked | None:
    """None when it is no valid policy (section 3.2)."""
    fields: dict[str, list[str]] = {}
    for line in text[:_MOST_BYTES].decode("utf-8", "replace").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip(), []).append(value.strip())
    # Of a name that comes more than once, other than mx, the first counts.
    first = {name: values[0] for name, values in fields.items()}
    age = first.get("max_age", "")
    mode, mx = first.get("mode", ""), tuple(name.lower().rstrip(".") for name in fields.get("mx", [])[:_MOST_MX])
    if first.get("version") != "STSv1" or mode not in ("enforce", "testing", "none"):
        return None
    if not (age.isascii() and age.isdigit() and len(age) <= 10) or (mode != "none" and not mx):
        return None
    return Asked(mode, mx, min(int(age), _LONGEST_AGE_S))


def allows(policy: Policy, host: str) -> bool:
    """Whether the policy names the mail server; *.example.com stands for one label (section 4.1)."""
    host = host.lower().rstrip(".")
    return any(
        host == name or (name.startswith("*.") and host.partition(".")[2] == name[2:] and host[:1] != ".")
        for name in policy.mx
    )


_tried: dict[str, float] = {}


async def policy_for(
    app: App, resolver: Resolver, domain: str, fetch: Fetch | None = None, *, private: bool = False
) -> Policy | None:
    """The policy of `domain` (A-labels) as it holds now, None when it has none. Never raises."""
    now = app.now_ms()
    kept = await app.database.read_system(lambda tx: transport.sts_policy(tx, domain, now))
    try:
        id_ = record_id(await asyncio.to_thread(resolver.txt, f"_mta-sts.{domain}"))
    except (NoSuchName, DnsTrouble):
        id_ = ""
    # Section 5.1: without a record, or with none that can be read, what is kept holds until it is old.
    if not id_ or (kept is not None and kept.policy_id == id_) or _tried.get(domain, 0) > now:
        return kept
    host = f"mta-sts.{domain}"
    try:
        addresses = await asyncio.to_thread(resolver.a, host) or await asyncio.to_thread(resolver.aaaa, host)
        address = next((one for one in addresses if private or is_public(one)), None)
        asked = read_policy(await (fetch or fetch_policy)(host, address)) if address else None
    except (NoSuchName, DnsTrouble, OSError):
        asked = None
    if asked is None:
        log.info("the MTA-STS policy of a domain cannot be had or read")
        if len(_tried) > 1000:
            _tried.clear()
        _tried[domain] = now + _FETCH_AGAIN_S * 1000
        return kept
    policy = Policy(domain, id_, asked.mode, asked.mx, now + asked.max_age_s * 1000)
    await app.database.write_system(lambda tx: transport.keep_sts_policy(tx, policy))
    return policy


async def fetch_policy(host: str, address: str, port: int = 443) -> bytes:
    """By HTTPS from the address that was looked up, with a certificate for `host`, and no way to be led elsewhere
    (section 3.3). Raises OSError."""
    import httpx2

    at = f"[{address}]" if ":" in address else address
    url = f"https://{at}:{port}/.well-known/mta-sts.txt"
    try:
        async with (
            asyncio.timeout(_FETCH_S),
            httpx2.AsyncClient(
                verify=ssl.create_default_context(), follow_redirects=False, trust_env=False, timeout=_FETCH_S
            ) as client,
            client.stream("GET", url, headers={"Host": host}, extensions={"sni_hostname": host}) as answer,
        ):
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            if answer.status_code != 200 or kind != "text/plain":
                raise OSError("no policy")
            body = b""
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > _MOST_BYTES:
                    raise OSError("too long for a policy")
            return body
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
        raise OSError(type(error).__name__) from None
