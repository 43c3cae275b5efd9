"""post_forever(app, notices): tells each webhook's endpoint, one event after the other, what happened.

An event is signed as Standard Webhooks say (standardwebhooks.com, 1.0) and comes at least once, always with the same
webhook-id. It goes over HTTPS to an address that was looked up once and is one of the public Internet: an endpoint is
no way into the network this runs in. Nothing of an answer is read but its status.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import functools
import hashlib
import hmac
import logging
import random
import re
import secrets
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from letterlock import telemetry
from letterlock.app import App
from letterlock.dns import Resolver, SystemResolver
from letterlock.errors import StoreError, VaultLocked
from letterlock.ids import TenantId, WebhookId
from letterlock.outbound.outside import BadHost, look_up, read_host
from letterlock.settings import Settings
from letterlock.store import audit, webhooks
from letterlock.store.database import Transaction
from letterlock.store.webhooks import Webhook
from letterlock.wake import FILED

log = logging.getLogger(__name__)

MAX_URL = 2_000
POST_S = 15.0
"""From the look-up of the name to the status."""
AT_ONCE, AT_ONCE_OF_TENANT = 100, 10
PER_S = 50
"""Events of one tenant in a second, to all its endpoints: each takes this process some milliseconds, and one that has
many to come may not take them all."""
SCHEDULE_S: Final = (5, 30, 2 * 60, 5 * 60, 15 * 60, 30 * 60, 60 * 60, 2 * 60 * 60, 4 * 60 * 60)
"""Seconds from each failed try to the next; the last one again and again."""
JITTER = 0.2
DEAD_MS = 48 * 3_600_000
"""An endpoint that takes nothing for so long is not asked again."""
_TURN_S = 30.0
_LOOK_S = 1.0
"""Also without a hint: what is no email gives none."""
_REST_S, _REST_TIMES = 0.02, 3
"""Between two looks at least so long, and so many times what the last one took: all webhooks there are, in a flood."""
_LOOK_UPS = 32
_MOST_PACED = 1_000
_LOCKED_S = 60.0
"""While the vault does not open, it is asked again after this."""
_CHUNK: Final = 50
_GONE = 410

_URL: Final = re.compile(
    r"(https?)://([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?"
    r"(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?(\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)


@dataclass(frozen=True, slots=True)
class Target:
    """A web address, read. `host`: a name in lower case or an IP address without brackets; `rest`: path and query."""

    scheme: str
    host: str
    port: int
    rest: str

    @property
    def named(self) -> str:
        """The Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Notice:
    """An event as it is sent. `place`: where a webhook stands that took it. `header`: one more that signs it (post)."""

    event_id: str
    kind: str
    place: tuple[int, int]
    body: bytes
    header: str = ""


Notices = Callable[[App, Webhook], Awaitable[tuple[list[Notice], tuple[int, int], bool]]]
"""What comes behind a webhook's place, the place behind that, and whether there is more already."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` 0: there was none. `what`: it in a few words, never the endpoint's own."""

    status: int
    what: str

    @property
    def took(self) -> bool:
        return 200 <= self.status < 300


# --- where webhooks may go --------------------------------------------------------------------------------------------


def read_url(url: str, settings: Settings) -> Target:
    """Raises BadHost. One strict form and no repairs: what readers of URLs disagree about is no URL here."""
    found = _URL.fullmatch(url) if len(url) <= MAX_URL else None
    if found is None:
        raise BadHost(
            "it is not a plain web address like https://example.com/path, in ASCII, without a user or fragment"
        )
    scheme, host, port = found[1], found[2].lower(), int(found[3] or (443 if found[1] == "https" else 80))
    if scheme != "https" and not settings.webhook_private:
        raise BadHost("webhooks go by https only")
    if not settings.webhook_private and port not in settings.webhook_ports:
        raise BadHost(f"webhooks go to the ports {', '.join(map(str, settings.webhook_ports))} only")
    if not 0 < port < 65_536:
        raise BadHost("there is no such port")
    host = read_host(host, private=settings.webhook_private)
    return Target(scheme, host, port, (found[4] or "/") + (found[5] or ""))


# --- one event --------------------------------------------------------------------------------------------------------


def new_secret() -> str:
    """To sign with: 256 random bits in the form of Standard Webhooks."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def sign(secret: str, event_id: str, timestamp: int, body: bytes) -> str:
    """The webhook-signature header (Standard Webhooks, "Signature scheme")."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    made = hmac.new(key, f"{event_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(made).decode()


async def secrets_of(app: App, webhook: Webhook) -> tuple[str, ...]:
    """What its events are signed with now: its secret, then the one of before while that still signs. Raises
    VaultLocked."""
    before = webhook.sealed_before if (webhook.before_until or 0) > app.now_ms() else None
    opened = [
        (await app.vault.open(webhook.tenant_id, webhook.webhook_id, sealed)).decode()
        for sealed in (webhook.sealed, before)
        if sealed is not None
    ]
    return tuple(opened) if webhook.sealed is not None else (webhook.secret, *opened)


async def seal_secrets(app: App) -> int:
    """Seal those that an older Letterlock left in the clear; how many. Raises VaultLocked, StoreError."""
    done = 0
    while found := await app.database.read_system(lambda tx: webhooks.in_the_clear(tx, _CHUNK)):
        for one in found:
            sealed = await app.vault.seal(one.tenant_id, one.webhook_id, one.secret.encode())
            await app.database.write(one.tenant_id, lambda tx, w=one, s=sealed: webhooks.seal(tx, w, s))  # type: ignore[misc]
        done += len(found)
        app.database.scrub()
    return done


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@functools.cache
def system_resolver() -> Resolver:
    return SystemResolver()


@functools.cache
def _threads() -> ThreadPoolExecutor:
    """For look-ups alone: names that are never answered for, ten of each tenant, may not keep from its threads whatever
    else this process does."""
    return ThreadPoolExecutor(_LOOK_UPS, "webhook look-up")


async def post(
    settings: Settings,
    url: str,
    signing: tuple[str, ...],
    event_id: str,
    body: bytes,
    resolver: Resolver | None = None,
    *,
    header: str = "",
) -> Answer:
    """Send one event, signed with each of the secrets `signing` (Standard Webhooks, "Signature scheme": signatures with
    blanks between them, for a rotation without downtime); with the name of a `header`, also signed there as many
    services do it: the hex HMAC-SHA256 of the body with the first secret as it is written. Never raises but when
    cancelled."""
    import httpx2

    try:
        async with asyncio.timeout(POST_S):
            target = read_url(url, settings)
            look = functools.partial(
                look_up, target.host, resolver or system_resolver(), private=settings.webhook_private
            )
            address = await asyncio.get_running_loop().run_in_executor(_threads(), look)
            at = f"[{address}]" if ":" in address else address
            now = int(time.time())
            headers = {
                "Host": target.named,
                "Content-Type": "application/json",
                "User-Agent": "Letterlock",
                "Accept-Encoding": "identity",
                "webhook-id": event_id,
                "webhook-timestamp": str(now),
                "webhook-signature": " ".join(sign(secret, event_id, now, body) for secret in signing),
            }
            if header:
                headers[header] = hmac.new(signing[0].encode(), body, hashlib.sha256).hexdigest()
            async with (
                httpx2.AsyncClient(verify=_tls(), follow_redirects=False, trust_env=False, timeout=POST_S) as client,
                client.stream(
                    "POST",
                    f"{target.scheme}://{at}:{target.port}{target.rest}",
                    content=body,
                    headers=headers,
                    extensions={"sni_hostname": target.host},
                ) as answer,
            ):
                return Answer(answer.status_code, f"HTTP {answer.status_code}")
    except BadHost as error:
        return Answer(0, f"not asked: {error}")
    except TimeoutError:
        return Answer(0, f"no answer in {POST_S:.0f} s")
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
        return Answer(0, f"not reached ({type(error).__name__})")


# --- all of them ------------------------------------------------------------------------------------------------------


class Pace:
    """So many events of a tenant in a second, evenly; who has sent none lately waits for nothing."""

    def __init__(self, per_s: float = PER_S) -> None:
        self._every_s = 1 / per_s
        self._next: dict[TenantId, float] = {}

    async def turn(self, tenant_id: TenantId) -> None:
        now = time.monotonic()
        if len(self._next) > _MOST_PACED:
            self._next = {whose: at for whose, at in self._next.items() if at > now}
        at = max(now, self._next.get(tenant_id, 0.0))
        self._next[tenant_id] = at + self._every_s
        if at > now:
            await asyncio.sleep(at - now)


async def post_forever(app: App, notices: Notices, resolver: Resolver | None = None) -> None:
    """Until cancelled, by one process of the data folder at a time. Each webhook has its own turn: one that is dead or
    slow holds up no other, and no tenant takes all the turns there are."""
    working: dict[WebhookId, asyncio.Task[bool]] = {}
    seal_at: float | None = 0.0
    pace = Pace()
    async with asyncio.TaskGroup() as turns:
        with app.wake.watch(FILED) as watch:

            def ended(webhook_id: WebhookId, turn: asyncio.Task[bool]) -> None:
                del working[webhook_id]
                # Others may have its place, and what came while it ended found it at work.
                if not turn.cancelled() and turn.exception() is None and turn.result():
                    watch.ring()

            while True:
                began = time.monotonic()
                try:
                    if seal_at is not None and began >= seal_at:
                        seal_at = began + _LOCKED_S
                        # A vault that is locked is told by doctor; until it opens, what lies in the clear signs as it
                        # did.
                        with contextlib.suppress(VaultLocked):
                            await seal_secrets(app)
                            seal_at = None
                    # Those whose turn ends during the look have moved on from where it finds them.
                    began, busy = time.monotonic(), set(working)
                    waiting = await app.database.read_system(lambda tx: webhooks.due(tx, app.now_ms()))
                except StoreError as error:
                    log.warning("webhooks wait: %s", error)
                    waiting, busy = [], set()
                of_tenant = Counter[TenantId](one.tenant_id for one in waiting if one.webhook_id in working)
                for one in waiting:
                    if (
                        one.webhook_id in busy
                        or len(working) >= AT_ONCE
                        or of_tenant[one.tenant_id] >= AT_ONCE_OF_TENANT
                    ):
                        continue
                    of_tenant[one.tenant_id] += 1
                    task = turns.create_task(_turn(app, one, notices, resolver, pace), name=f"webhook {one.webhook_id}")
                    working[one.webhook_id] = task
                    task.add_done_callback(functools.partial(ended, one.webhook_id))
                await asyncio.sleep(min(max(_REST_S, _REST_TIMES * (time.monotonic() - began)), _LOOK_S))
                await watch.wait(_LOOK_S)


async def _turn(app: App, webhook: Webhook, notices: Notices, resolver: Resolver | None, pace: Pace) -> bool:
    """Whether the store kept what came of it."""
    try:
        try:
            await tell(app, webhook, notices, resolver, pace)
        except StoreError:
            raise
        except VaultLocked as error:
            # No failure of the endpoint, which must not end for it.
            log.warning("webhook %s waits: %s", webhook.webhook_id, error)
            next_at = app.now_ms() + int(_LOCKED_S * 1000)
            why = "not asked: the vault is locked"
            await app.database.write(webhook.tenant_id, lambda tx: webhooks.put_off(tx, webhook, why, next_at))
        except Exception:
            # An event that cannot be told for a reason of ours counts as one that was not taken: tried again later and
            # later, and not for ever.
            log.exception("webhook %s could not be told", webhook.webhook_id)
            standing = await app.database.read(webhook.tenant_id, lambda tx: webhooks.get(tx, webhook.webhook_id))
            if standing is not None:
                await _fail(app, standing, Answer(0, "Letterlock failed; its log says more"))
    except StoreError as error:
        log.warning("a webhook waits: %s", error)
        return False
    return True


async def tell(
    app: App, webhook: Webhook, notices: Notices, resolver: Resolver | None = None, pace: Pace | None = None
) -> None:
    """Send what comes behind a webhook's place, in order, until there is no more, the endpoint fails, or its turn ends.
    Raises VaultLocked, StoreError."""
    end = time.monotonic() + _TURN_S
    standing: Webhook | None = webhook
    while standing is not None:
        signing = await secrets_of(app, standing)
        found, place, more = await notices(app, standing)
        for notice in found:
            if pace is not None:
                await pace.turn(standing.tenant_id)
            began = time.monotonic()
            answer = await post(
                app.settings,
                standing.url,
                signing,
                notice.event_id,
                notice.body,
                resolver,
                header=notice.header,
            )
            telemetry.count("webhook_posts", took="yes" if answer.took else "no")
            telemetry.took("tell", began)
            if not answer.took:
                await _fail(app, standing, answer)
                return
            standing = await _moved(app, standing, notice.place, answer.what)
            if standing is None or time.monotonic() > end:
                return
        if (standing.filed, standing.noted) != place:
            standing = await _moved(app, standing, place)
        if not more:
            return


async def _moved(app: App, webhook: Webhook, place: tuple[int, int], answer: str = "") -> Webhook | None:
    now = app.now_ms()
    return await app.database.write(webhook.tenant_id, lambda tx: webhooks.took(tx, webhook, place, answer, now_ms=now))


async def _fail(app: App, webhook: Webhook, answer: Answer) -> None:
    now = app.now_ms()
    wait_s = SCHEDULE_S[min(webhook.failures, len(SCHEDULE_S) - 1)] * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
    dead = webhook.failing_since is not None and now - webhook.failing_since >= DEAD_MS
    ends = dead or answer.status == _GONE

    async def write(tx: Transaction) -> None:
        next_at = now + int(wait_s * 1000)
        if await webhooks.failed(tx, webhook, answer.what, now, next_at, ends=ends) and ends:
            await audit.append(tx, now, "letterlock", "webhook.ended", webhook.webhook_id, answer=answer.what)

    await app.database.write(webhook.tenant_id, write)
    if ends:
        log.warning("webhook %s is not asked any more: %s", webhook.webhook_id, answer.what)
