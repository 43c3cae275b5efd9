"""What Amazon SNS says, believed only when Amazon signed it: prove() checks a message, confirm() subscribes.

The certificate is fetched from Amazon's own servers and from nowhere else, and that (and the address a subscription is
confirmed at) is all of the network that is touched. https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
import ssl
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from letterlock.errors import NotAllowed, Unavailable

FETCH_S: Final = 5.0
_MOST_BYTES: Final = 65_536
_KEPT_S: Final = 24 * 3600.0
_MOST_KEPT: Final = 16
_HOST: Final = r"https://sns\.[a-z0-9-]{2,40}\.amazonaws\.com(?:\.cn)?/"
_CERTIFICATE: Final = re.compile(_HOST + r"SimpleNotificationService-[0-9a-f]{8,64}\.pem")
_CONFIRMATION: Final = re.compile(_HOST + r"\?Action=ConfirmSubscription&[A-Za-z0-9&=%:._-]{1,2000}")
_SIGNED: Final = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
"""The fields that a signature covers, by the kind of message, in this order."""
_certificates: dict[str, tuple[float, bytes]] = {}


async def fetch(url: str) -> bytes:
    """What stands at an address of Amazon's. Raises OSError."""
    import httpx2

    try:
        async with (
            asyncio.timeout(FETCH_S),
            httpx2.AsyncClient(
                verify=ssl.create_default_context(), follow_redirects=False, trust_env=False, timeout=FETCH_S
            ) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code != 200:
                raise OSError(f"HTTP {answer.status_code}")
            body = b""
            async for piece in answer.aiter_bytes():
                body += piece
                if len(body) > _MOST_BYTES:
                    raise OSError("too long")
            return body
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
        raise OSError(type(error).__name__) from None


async def prove(said: Mapping[str, str], now: datetime) -> None:
    """`said`: the fields of a message. Raises NotAllowed unless Amazon signed them, Unavailable when its certificate
    cannot be had."""
    url = said.get("SigningCertURL", "")
    if not _CERTIFICATE.fullmatch(url):
        raise NotAllowed("The certificate of the message is not one of Amazon SNS.")
    try:
        signature = base64.b64decode(said.get("Signature", ""), validate=True)
    except (binascii.Error, ValueError):
        signature = b""
    signed = signed_text(said)
    pem = await _certificate(url)
    if not signed or not await asyncio.to_thread(_fits, pem, signature, signed, said.get("SignatureVersion", ""), now):
        raise NotAllowed("The message does not carry a signature of Amazon SNS that fits.")


async def confirm(said: Mapping[str, str]) -> None:
    """Subscribe, as a proved message offers. Raises NotAllowed for an address that is not Amazon's, Unavailable."""
    url = said.get("SubscribeURL", "")
    if not _CONFIRMATION.fullmatch(url):
        raise NotAllowed("The subscription cannot be confirmed at an address that is not one of Amazon SNS.")
    try:
        await fetch(url)
    except OSError as error:
        raise Unavailable(f"Amazon SNS did not take the confirmation ({error}).") from None


def signed_text(said: Mapping[str, str]) -> bytes:
    """What a signature is over; b"" for a kind of message nobody knows."""
    names = _SIGNED.get(said.get("Type", ""), ())
    return "".join(f"{name}\n{said[name]}\n" for name in names if name in said).encode("utf-8", "surrogatepass")


async def _certificate(url: str) -> bytes:
    at, pem = _certificates.get(url, (0.0, b""))
    if pem and time.monotonic() - at < _KEPT_S:
        return pem
    try:
        pem = await fetch(url)
    except OSError as error:
        raise Unavailable(f"The certificate of Amazon SNS cannot be had ({error}).") from None
    if len(_certificates) >= _MOST_KEPT:
        _certificates.clear()
    _certificates[url] = (time.monotonic(), pem)
    return pem


def _fits(pem: bytes, signature: bytes, signed: bytes, version: str, now: datetime) -> bool:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256

    try:
        certificate = x509.load_pem_x509_certificate(pem)
        key = certificate.public_key()
    except ValueError:
        return False
    if not isinstance(key, RSAPublicKey) or version not in ("1", "2"):
        return False
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        return False
    try:
        # Version 1 is what a topic has unless its owner chose 2. What is signed ends in the topic's own name.
        key.verify(signature, signed, PKCS1v15(), SHA256() if version == "2" else SHA1())  # noqa: S303
    except InvalidSignature:
        return False
    return True
