"""Asks a domain how its mailboxes are reached (https://autoconfig.DOMAIN/mail/config-v1.1.xml). Only when its owner has
said yes: the provider learns that somebody here has an address there."""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import Final

from letterlock.providers import Provider, autoconfig_url, read_autoconfig

log = logging.getLogger(__name__)

_ASK_S: Final = 10.0
_MOST_BYTES: Final = 65_536


async def fetch_autoconfig(domain: str, address: str) -> Provider | None:
    """What `domain` (A-labels) says of itself, None when it says nothing that can be used."""
    import httpx2

    try:
        async with (
            asyncio.timeout(_ASK_S),
            httpx2.AsyncClient(verify=ssl.create_default_context(), follow_redirects=False, timeout=_ASK_S) as client,
            client.stream("GET", autoconfig_url(domain)) as answer,
        ):
            if answer.status_code != 200:
                return None
            body = b""
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > _MOST_BYTES:
                    return None
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError) as error:
        log.info("%s says nothing of its mail servers (%s)", domain, type(error).__name__)
        return None
    return read_autoconfig(body, address)
