"""bounce_notice(): what the sender gets when an email ends undelivered here, before any other server could report it.

A delivery status notification as other servers write them (RFC 3464, RFC 6522), so that one path learns from both. The
answers of servers in it are outside text; it is filed and screened like all mail.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from letterlock.message.filling import without_field
from letterlock.store.outbox import Delivery

_HEADER_BYTES = 20_000
_STATUS = re.compile(r"(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?![\d.])")
_GIVEN_UP = "given up after"


def bounce_notice(
    raw: bytes, sender: str, message_id: str, failed: Sequence[Delivery], number: str, date: str
) -> bytes:
    """The notice about the email `raw` for `sender`. `number` makes its Message-ID the same at each try to file it;
    `date`: now (RFC 5322 section 3.3)."""
    domain = sender.rpartition("@")[2]
    boundary = f"notice-{number}"
    told = "\r\n".join(f"  {one.recipient}: {one.reply}" for one in failed)
    head = (
        f"From: Mail Delivery System <MAILER-DAEMON@{domain}>",
        f"To: <{sender}>",
        "Subject: Undelivered mail returned to sender",
        f"Date: {date}",
        f"Message-ID: <bounce.{number}@{domain}>",
        f"In-Reply-To: {message_id}",
        f"References: {message_id}",
        # RFC 3834 section 5: nobody's machine is to answer this.
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',
    )
    # RFC 6533 section 3: addresses beyond ASCII need the form of their own.
    ascii_only = all(one.recipient.isascii() and one.reply.isascii() for one in failed)
    kind = "message/delivery-status" if ascii_only else "message/global-delivery-status"
    blocks = "\r\n\r\n".join(
        f"Final-Recipient: {'rfc822' if ascii_only else 'utf-8'}; {one.recipient}\r\nAction: failed\r\n"
        f"Status: {status_of(one.reply)}\r\nDiagnostic-Code: smtp; {one.reply}"
        for one in failed
    )
    text = "\r\n".join(
        (
            *head,
            "",
            f"--{boundary}",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: 8bit",
            "",
            "Your email could not be delivered to:",
            "",
            told,
            "",
            f"--{boundary}",
            f"Content-Type: {kind}",
            "Content-Transfer-Encoding: 8bit",
            "",
            f"Reporting-MTA: dns; {domain}",
            "",
            blocks,
            "",
            f"--{boundary}",
            "Content-Type: text/rfc822-headers",
            "Content-Transfer-Encoding: 8bit",
            "",
            "",
        )
    )
    headers = without_field(raw.partition(b"\r\n\r\n")[0])[:_HEADER_BYTES]
    return text.encode() + headers + f"\r\n\r\n--{boundary}--\r\n".encode()


def status_of(reply: str) -> str:
    """The enhanced status code (RFC 3463) in an answer, or one for what it says."""
    if reply.startswith(_GIVEN_UP):
        return "4.4.7"
    found = _STATUS.search(reply)
    return found[0] if found else "5.0.0"
