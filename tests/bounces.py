"""What mail servers of many makes say when an email could not be delivered, is late, arrived or was complained of,
written from RFC 3464, 3461, 6533 and 5965 and from how these servers are known to write.

Of each: what it is, and of which recipient (as we wrote it) it says what. hard: there is no such mailbox or domain,
    for
good. soft: it may work another day (full, unreachable, given up). block: this message or its sender was refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

TO: Final = "ben.lee@far.example"
ID: Final = "<7f3a.1790000000@shop.example>"
HEAD: Final = f"""\
Received: from shop.example (shop.example [192.0.2.9]) by mx.relay.example with ESMTPS id 4XYZ12;
	Mon, 21 Sep 2026 10:00:00 +0000
From: Anna <anna@shop.example>
To: Ben Lee <{TO}>
Subject: Your order 4711
Date: Mon, 21 Sep 2026 10:00:00 +0000
Message-ID: {ID}
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """`kind` "": no report at all. `told`: (recipient, class) of each; the class counts for bounces."""

    name: str
    raw: bytes
    kind: str
    told: tuple[tuple[str, str], ...] = ()
    message_id: str = ""


def _head(sender: str, subject: str, more: str) -> str:
    subject = subject if subject.isascii() else f"=?utf-8?q?{''.join(f'={b:02X}' for b in subject.encode())}?="
    return (
        f"Return-Path: <>\nDelivered-To: anna@shop.example\nDate: Mon, 21 Sep 2026 11:00:00 +0000\nFrom: {sender}\n"
        f"To: anna@shop.example\nSubject: {subject}\nMessage-ID: <report.1@mx.far.example>\nMIME-Version: 1.0\n{more}"
    )


def _told(told: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Of "bounce hard", or "bounce" and then ADDRESS=CLASS for each."""
    kind, *rest = told.split()
    pairs = [one.rpartition("=")[::2] if "=" in one else (TO, one) for one in rest]
    return kind, tuple((address, class_) for address, class_ in pairs)


def _sample(name: str, told: str, text: str, message_id: str, charset: str = "utf-8") -> Sample:
    kind, pairs = _told(told) if told != "none" else ("", ())
    raw = text.replace("%TO%", TO).replace("%HEAD%", HEAD).replace("%ID%", ID).encode(charset)
    return Sample(name, raw.replace(b"\n", b"\r\n"), kind, pairs, message_id)


# fmt: off
# Formatted, each would take thrice the lines.


def plain(
    name: str, told: str, sender: str, subject: str, body: str, *,
    more: str = "", charset: str = "utf-8", kind: str = "plain", message_id: str | None = None,
) -> Sample:
    """One text part and nothing a program was meant to read."""
    found = message_id if message_id is not None else ID if "%HEAD%" in body or "%ID%" in body else ""
    head = _head(sender, subject, f"Content-Type: text/{kind}; charset={charset}\nContent-Transfer-Encoding:"
        f" 8bit\n{more}")
    return _sample(name, told, f"{head}\n{body}", found, charset)


def dsn(
    name: str, told: str, sender: str, subject: str, text: str, fields: str, *,
    original: str = "%HEAD%", kind: str = "text/rfc822-headers", status: str = "message/delivery-status",
    message_id: str = ID, more: str = "", text_kind: str = "plain",
) -> Sample:
    """multipart/report of RFC 3464; no third part when `original` is ""."""
    parts = [
        f"Content-Type: text/{text_kind}; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{text}\n",
        f"Content-Type: {status}\n\n{fields}\n",
        *([f"Content-Type: {kind}\n\n{original}\n"] if original else []),
    ]
    body = "".join(f"--=_b1\n{part}\n" for part in parts) + "--=_b1--\n"
    report = 'Content-Type: multipart/report; report-type=delivery-status;\n boundary="=_b1"\n'
    return _sample(name, told, f"{_head(sender, subject, report + more)}\nThis is a MIME"
        f" message.\n\n{body}", message_id)


def arf(name: str, told: str, sender: str, fields: str, original: str = "%HEAD%\nHello\n", **rest: str) -> Sample:
    """RFC 5965."""
    kind = rest.get("kind", "message/rfc822")
    text = (
        f"--=_b1\nContent-Type: text/plain\n\nThis is an email abuse report.\n\n--=_b1\n"
        f"Content-Type: message/feedback-report\n\n{fields}\n\n--=_b1\nContent-Type: {kind}\n\n{original}\n--=_b1--\n"
    )
    report = 'Content-Type: multipart/report; report-type=feedback-report;\n boundary="=_b1"\n'
    return _sample(name, told, f"{_head(sender, 'FW: Your order 4711', report)}\n{text}", rest.get("message_id", ID))


def postfix(
    name: str, told: str, why: str, status: str, diagnostic: str, action: str = "failed", **rest: str,
) -> Sample:
    subject = {"delayed": "Delayed Mail (still being retried)", "relayed": "Successful Mail Delivery Report",
        "delivered": "Successful Mail Delivery Report"}.get(action, "Undelivered Mail Returned to Sender")
    said = {
        "delayed": "####################################################################\n# THIS IS A WARNING ONLY."
        "  YOU DO NOT NEED TO RESEND YOUR MESSAGE."
        " #\n####################################################################\n\nYour message could not be"
        " delivered for more than 4 hour(s).\nIt will be retried until it is 5 day(s) old.",
        "failed": "I'm sorry to have to inform you that your message could not\nbe delivered to one or more"
        " recipients. It's attached below.",
    }.get(action, "Your message was successfully delivered to the destination(s)\nlisted below.")
    text = (
        f"This is the mail system at host mx.relay.example.\n\n{said}\n\nFor further assistance, please send mail to"
        f" postmaster.\n\n                   The mail system\n\n{why}\n"
    )
    fields = (
        "Reporting-MTA: dns; mx.relay.example\nX-Postfix-Queue-ID: 4XYZ12\nX-Postfix-Sender: rfc822;"
        " anna@shop.example\n"
        f"Arrival-Date: Mon, 21 Sep 2026 10:00:00 +0000 (UTC)\n\nFinal-Recipient: rfc822; %TO%\n"
        f"Original-Recipient: rfc822;%TO%\nAction: {action}\nStatus: {status}\n{diagnostic}"
    )
    return dsn(name, told, "MAILER-DAEMON@mx.relay.example (Mail Delivery System)", subject, text, fields, **rest)


def exim(name: str, told: str, why: str, **rest: str) -> Sample:
    text = (
        "This message was created automatically by mail delivery software.\n\nA message that you sent could not be"
        " delivered to one or more of its\nrecipients. This is a permanent error. The following address(es)"
        " failed:\n\n"
        f"  %TO%\n{why}\n\n------ This is a copy of the message, including all the headers. ------\n\n%HEAD%\nHello\n"
    )
    return plain(
        name, told, "Mail Delivery System <Mailer-Daemon@mx.relay.example>",
        "Mail delivery failed: returning message to sender", text,
        more="X-Failed-Recipients: %TO%\nAuto-Submitted: auto-replied\n", **rest,
    )


def qmail(name: str, told: str, why: str) -> Sample:
    text = (
        "Hi. This is the qmail-send program at mx.relay.example.\nI'm afraid I wasn't able to deliver your message"
        " to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work"
        " out.\n\n<%TO%>:\n"
        f"{why}\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <anna@shop.example>\n%HEAD%\nHello\n"
    )
    return plain(name, told, "MAILER-DAEMON@mx.relay.example", "failure notice", text)


def _servers() -> Iterator[Sample]:
    smtp = "Remote-MTA: dns; mx.far.example\nDiagnostic-Code: smtp; "
    yield postfix(
        "postfix-unknown-user", "bounce hard",
        "<%TO%>: host mx.far.example[192.0.2.1] said: 550 5.1.1 <%TO%>: Recipient\n    address rejected: User"
        " unknown in local recipient table (in reply to RCPT TO\n    command)", "5.1.1",
        f"{smtp}550 5.1.1 <%TO%>: Recipient address rejected: User unknown in local recipient table",
    )
    yield postfix(
        "postfix-no-domain", "bounce hard",
        "<%TO%>: Host or domain name not found. Name service error for\n    name=far.example type=A: Host not found",
        "5.4.4", "Diagnostic-Code: X-Postfix; Host or domain name not found. Name service error\n    for"
        " name=far.example type=A: Host not found",
    )
    yield postfix(
        "postfix-null-mx", "bounce hard", "<%TO%>: Domain far.example does not accept mail (nullMX)", "5.1.0",
        "Diagnostic-Code: X-Postfix; Domain far.example does not accept mail (nullMX)",
    )
    yield postfix(
        "postfix-delayed", "delay soft", "<%TO%>: connect to mx.far.example[192.0.2.1]:25: Connection timed out",
        "4.4.1", "Diagnostic-Code: X-Postfix; connect to mx.far.example[192.0.2.1]:25: Connection timed out\n"
        "Will-Retry-Until: Sat, 26 Sep 2026 10:00:00 +0000 (UTC)", "delayed",
    )
    yield postfix(
        "postfix-given-up", "bounce soft", "<%TO%>: connect to mx.far.example[192.0.2.1]:25: Connection refused",
        "4.4.1", "Diagnostic-Code: X-Postfix; connect to mx.far.example[192.0.2.1]:25: Connection refused",
    )
    yield postfix(
        "postfix-full", "bounce soft", "<%TO%>: host mx.far.example[192.0.2.1] said: 552 5.2.2 Mailbox full", "5.2.2",
        f"{smtp}552 5.2.2 <%TO%>: Mailbox is full / Mailbox voll",
    )
    yield postfix(
        "postfix-blocklist", "bounce block", "<%TO%>: host mx.far.example[192.0.2.1] refused to talk to me", "5.7.1",
        f"{smtp}554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked using zen.spamhaus.org;"
        " https://www.spamhaus.org/query/ip/192.0.2.9",
    )
    yield postfix(
        "postfix-local-user", "bounce hard", '<%TO%>: unknown user: "ben.lee"', "5.1.1",
        'Diagnostic-Code: X-Postfix; unknown user: "ben.lee"',
    )
    yield postfix("postfix-relayed", "delivered"
        " none", "<%TO%>: delivery via mx.far.example[192.0.2.1]:25: 250 2.1.5 Ok",
        "2.1.5", f"{smtp}250 2.1.5 Ok", "relayed")
    yield postfix("postfix-delivered", "delivered none", "<%TO%>: delivery to mailbox", "2.0.0",
        "Diagnostic-Code: X-Postfix; delivered to maildir", "delivered")
    yield postfix(
        "postfix-loop", "bounce soft", "<%TO%>: mail for far.example loops back to myself", "5.4.6",
        "Diagnostic-Code: X-Postfix; mail for far.example loops back to myself",
    )
    yield postfix(
        "postfix-too-big", "bounce soft", "<%TO%>: message size 31457280 exceeds size limit 20971520 of server"
        " mx.far.example",
        "5.3.4", "Diagnostic-Code: X-Postfix; message size 31457280 exceeds size limit 20971520 of server"
        " mx.far.example",
    )
    yield dsn(
        "postfix-two", f"bounce {TO}=hard"
            f" kim@near.example=soft", "MAILER-DAEMON@mx.relay.example (Mail Delivery System)",
        "Undelivered Mail Returned to Sender",
        "This is the mail system at host mx.relay.example.\n\n<%TO%>: user unknown\n\n<kim@near.example>: over quota",
        "Reporting-MTA: dns; mx.relay.example\n\nFinal-Recipient: rfc822; %TO%\nAction: failed\nStatus: 5.1.1\n"
        f"{smtp}550 5.1.1 User unknown\n\nFinal-Recipient: rfc822; kim@near.example\nAction: failed\nStatus: 4.2.2\n"
        "Remote-MTA: dns; mx.near.example\nDiagnostic-Code: smtp; 452 4.2.2 Over quota",
    )
    yield dsn(
        "postfix-utf8", "bounce bén@fär.example=hard", "MAILER-DAEMON@mx.relay.example", "Undelivered Mail Returned"
        " to Sender",
        "<bén@fär.example>: user"
        " unknown", "Reporting-MTA: dns; mx.relay.example\n\nFinal-Recipient: utf-8; bén@fär.example\n"
        "Original-Recipient: utf-8; bén@fär.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550"
        " 5.1.1 no such user",
        status="message/global-delivery-status", kind="message/global-headers",
    )
    yield dsn(
        "utf8-in-7-bits", "bounce bén@far.example=hard", "MAILER-DAEMON@mx.relay.example", "Undelivered Mail"
        " Returned to Sender",
        "could not be delivered", "Reporting-MTA: dns; mx.relay.example\n\n"
        "Final-Recipient: utf-8; b\\x{E9}n@far.example\nAction: failed\nStatus: 5.1.1",
    )
    yield exim("exim-unknown", "bounce hard", "    host mx.far.example [192.0.2.1]\n    SMTP error from remote mail"
        " server after RCPT TO:<%TO%>:\n    550 5.1.1 <%TO%> User unknown; rejecting")
    yield exim("exim-unrouteable", "bounce hard", "    Unrouteable address")
    yield exim("exim-timeout", "bounce soft", "    host mx.far.example [192.0.2.1]\n    retry timeout exceeded")
    yield exim("exim-refused-all", "bounce soft", "    all hosts for 'far.example' have been failing for a long time"
        " (and retry time not reached)")
    yield exim("exim-full", "bounce soft", "    mailbox is full (MTA-imposed quota exceeded while writing to file"
        " /var/mail/ben): retry timeout exceeded")
    yield exim("exim-spam", "bounce block", "    host mx.far.example [192.0.2.1]\n    SMTP error from remote mail"
        " server after end of data:\n    550 This message was classified as SPAM and may not be delivered")
    yield exim("exim-no-such-user-here", "bounce hard", "    host mx.far.example [192.0.2.1]\n    SMTP error from"
        " remote mail server after RCPT TO:<%TO%>:\n    550 No Such User Here")
    yield exim("exim-verify", "bounce block", "    host mx.far.example [192.0.2.1]\n    SMTP error from remote mail"
        " server after MAIL FROM:<anna@shop.example>:\n    550 Sender verify failed")
    yield dsn(
        "exim-report", "bounce hard", "Mail Delivery System <Mailer-Daemon@mx.relay.example>",
        "Mail delivery failed: returning message to sender",
        "This message was created automatically by mail delivery software.\n\nA message that you sent could not be"
        " delivered to one or more of its\nrecipients. This is a permanent error. The following address(es)"
        " failed:\n\n  %TO%\n    No such person at this address",
        "Reporting-MTA: dns; mx.relay.example\n\nAction: failed\nFinal-Recipient: rfc822;%TO%\nStatus:"
        " 5.0.0\nRemote-MTA: dns; mx.far.example\nDiagnostic-Code: smtp; 550 No such person at this address.",
        kind="message/rfc822",
    )
    yield plain(
        "exim-warning", "delay soft", "Mail Delivery System <Mailer-Daemon@mx.relay.example>",
        "Warning: message 1tEaBc-0004Xy-2Z delayed 24 hours",
        "This message was created automatically by mail delivery software.\nA message that you have sent has not"
        " yet been delivered to one or more of its\nrecipients after more than 24 hours on the queue on"
        " mx.relay.example.\n\nThe message identifier is:     1tEaBc-0004Xy-2Z\nThe subject of the message is: Your"
        " order 4711\nThe date of the message is:    Mon, 21 Sep 2026 10:00:00 +0000\n\nThe address to which the"
        " message has not yet been delivered is:\n\n  %TO%\n    Delay reason: Connection timed out\n\nNo action is"
        " required on your part. Delivery attempts will continue for\nsome time, and this warning may be repeated"
        " at intervals if the message\nremains undelivered.\n",
        more="Auto-Submitted: auto-replied\n",
    )
    yield qmail("qmail-remote", "bounce hard", "192.0.2.1 does not like recipient.\nRemote host said: 550 5.1.1"
        " unknown user\nGiving up on 192.0.2.1.")
    yield qmail("qmail-local", "bounce hard", "Sorry, no mailbox here by that name. (#5.1.1)")
    yield qmail("qmail-vpopmail", "bounce hard", "This address no longer accepts mail.")
    yield qmail("qmail-no-host", "bounce hard", "Sorry, I couldn't find any host named far.example. (#5.1.2)")
    yield qmail("qmail-given-up", "bounce soft", "Sorry, I wasn't able to establish an SMTP connection."
        " (#4.4.1)\nI'm not going to try again; this message has been in the queue too long.")
    yield qmail("qmail-full", "bounce soft", "The users mailfolder is over the allowed quota (size). (#5.2.2)")
    yield qmail("qmail-loop", "bounce soft", "This message is looping: it already has my Delivered-To line. (#5.4.6)")
    yield qmail("qmail-denied", "bounce block", "192.0.2.1 failed after I sent the message.\nRemote host said: 554"
        " 5.7.1 Message rejected because of unacceptable content. For help, please quote incident ID 4711.")
    yield dsn(
        "sendmail-unknown", "bounce hard", "Mail Delivery Subsystem <MAILER-DAEMON@mx.relay.example>",
        "Returned mail: see transcript for details",
        "The original message was received at Mon, 21 Sep 2026 10:00:00 GMT\nfrom shop.example [192.0.2.9]\n\n  "
        " ----- The following addresses had permanent fatal errors -----\n<%TO%>\n    (reason: 550 5.1.1 <%TO%>..."
        " User unknown)\n\n   ----- Transcript of session follows -----\n... while talking to mx.far.example.:\n>>>"
        " DATA\n<<< 550 5.1.1 <%TO%>... User unknown\n550 5.1.1 <%TO%>... User unknown\n<<< 503 5.0.0 Need RCPT"
        " (recipient)",
        "Reporting-MTA: dns; mx.relay.example\nReceived-From-MTA: DNS; shop.example\nArrival-Date: Mon, 21 Sep 2026"
        " 10:00:00 GMT\n\nFinal-Recipient: RFC822; %TO%\nAction: failed\nStatus: 5.1.1\nRemote-MTA: DNS;"
        " mx.far.example\nDiagnostic-Code: SMTP; 550 5.1.1 <%TO%>... User unknown\nLast-Attempt-Date: Mon, 21 Sep"
        " 2026 10:00:01 GMT",
    )
    yield dsn(
        "sendmail-warning", "delay soft", "Mail Delivery Subsystem <MAILER-DAEMON@mx.relay.example>",
        "Warning: could not send message for past 4 hours",
        "    **********************************************\n    **      THIS IS A WARNING MESSAGE ONLY      **\n  "
        "  **  YOU DO NOT NEED TO RESEND YOUR MESSAGE  **\n   "
        " **********************************************\n\nThe original message was received at Mon, 21 Sep"
        " 2026\n\n   ----- Transcript of session follows -----\n<%TO%>... Deferred: Connection timed out with"
        " mx.far.example.\nWarning: message still undelivered after 4 hours",
        "Reporting-MTA: dns; mx.relay.example\n\nFinal-Recipient: RFC822; %TO%\nAction: delayed\nStatus:"
        " 4.4.1\nWill-Retry-Until: Sat, 26 Sep 2026 10:00:00 GMT",
    )
    yield dsn(
        "sendmail-given-up", "bounce soft", "Mail Delivery Subsystem <MAILER-DAEMON@mx.relay.example>",
        "Returned mail: Cannot send message for 5 days",
        "   ----- Transcript of session follows -----\n<%TO%>... Deferred: Connection refused by"
        " mx.far.example.\nMessage could not be delivered for 5 days\nMessage will be deleted from queue",
        "Reporting-MTA: dns; mx.relay.example\n\nFinal-Recipient: RFC822; %TO%\nAction: failed\nStatus: 4.4.7",
    )
    yield plain(
        "sendmail-old", "bounce hard", "Mail Delivery Subsystem <MAILER-DAEMON>",
        "Returned mail: Host unknown (Name server: far.example: host not found)",
        "The original message was received at Mon, 21 Sep 2026 10:00:00 GMT\nfrom shop.example [192.0.2.9]\n\n  "
        " ----- The following addresses had delivery problems -----\n<%TO%>  (unrecoverable error)\n\n   -----"
        " Transcript of session follows -----\n550 <%TO%>... Host unknown (Name server: far.example: host not"
        " found)\n\n   ----- Original message follows -----\n%HEAD%\nHello\n",
    )
    yield dsn(
        "exchange-2010", "bounce hard", "postmaster@far.example", "Undeliverable: Your order 4711",
        "Delivery has failed to these recipients or groups:\n\nBen Lee<mailto:%TO%>\nThe e-mail address you entered"
        " couldn't be found. Please check the recipient's e-mail address and try to resend the message. If the"
        " problem continues, please contact your helpdesk.\n\nDiagnostic information for"
        " administrators:\n\nGenerating server: ex.far.example\n\n%TO%\n#550 5.1.1 RESOLVER.ADR.RecipNotFound; not"
        " found ##",
        "Reporting-MTA: dns;ex.far.example\nReceived-From-MTA: dns;shop.example\n\nFinal-Recipient:"
        " rfc822;%TO%\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp;550 5.1.1 RESOLVER.ADR.RecipNotFound;"
        " not found\nX-Display-Name: Ben Lee",
        kind="message/rfc822",
    )
    yield plain(
        "exchange-5.5", "bounce hard", "System Administrator"
        " <postmaster@far.example>", "Undeliverable: Your order 4711",
        "Your message\n\n  To:      %TO%\n  Subject: Your order 4711\n  Sent:    Mon, 21 Sep 2026 10:00:00"
        " -0000\n\ndid not reach the following recipient(s):\n\n%TO% on Mon, 21 Sep 2026 10:00:02 -0000\n    The"
        " recipient name is not recognized\n\tThe MTS-ID of the original message is: c=us;a="
        " ;p=far;l=EX0109211000ABC\n    MSEXCH:IMS:far:SITE:EX 0 (000C05A6) Unknown Recipient\n",
    )
    yield dsn(
        "exchange-2003", "bounce hard", "postmaster@far.example", "Delivery Status Notification (Failure)",
        "This is an automatically generated Delivery Status Notification.\n\nDelivery to the following recipients"
        " failed.\n\n      "
        " %TO%\n\n", "Reporting-MTA: dns;ex.far.example\n\nFinal-Recipient: rfc822;%TO%\nAction: failed\nStatus:"
        " 5.1.1\n",
        kind="message/rfc822",
    )
    yield dsn(
        "exchange-2003-delay", "delay soft", "postmaster@far.example", "Delivery Status Notification (Delay)",
        "This is an automatically generated Delivery Status Notification.\n\nTHIS IS A WARNING MESSAGE ONLY.\n\nYOU"
        " DO NOT NEED TO RESEND YOUR MESSAGE.\n\nDelivery to the following recipients has been delayed.\n\n      "
        " %TO%\n\n",
        "Reporting-MTA: dns;ex.far.example\n\nFinal-Recipient: rfc822;%TO%\nAction: delayed\nStatus:"
        " 4.4.7\nWill-Retry-Until: Wed, 23 Sep 2026 10:00:00 +0000\n", kind="message/rfc822",
    )
    office = "Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@far.example>"
    m365 = "Reporting-MTA: dns;AM0PR01.prod.exchangelabs.com\n\nFinal-Recipient: rfc822;%TO%\nAction: failed\n"
    found = "Your message to %TO% couldn't be delivered.\nben.lee wasn't found at far.example."
    yield dsn("m365-not-found", "bounce hard", office, "Undeliverable: Your order 4711", found, m365 +
        "Status: 5.1.10\nDiagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient %TO% not found"
        " by SMTP address lookup", kind="message/rfc822")
    yield dsn("m365-edge-blocking", "bounce hard", office, "Undeliverable: Your order 4711", found, m365 +
        "Status: 5.4.1\nDiagnostic-Code: smtp;550 5.4.1 Recipient address rejected: Access denied. AS(201806281)"
        " [DB5EUR01.eop-EUR01.prod.protection.outlook.com]", kind="message/rfc822")
    yield dsn("m365-banned", "bounce block", office, "Undeliverable: Your order"
        " 4711", "Your message couldn't be delivered.",
              m365 + "Status: 5.7.606\nDiagnostic-Code: smtp;550 5.7.606 Access denied, banned sending IP"
        " [192.0.2.9]. To request removal from this list please visit https://sender.office.com/",
              kind="message/rfc822")
    yield dsn("m365-full", "bounce soft", office, "Undeliverable: Your order"
        " 4711", "The recipient's mailbox is full.", m365 +
        "Status: 5.2.2\nDiagnostic-Code: smtp;554 5.2.2 mailbox full;"
        " STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded; Failed to process"
        " message due to a permanent exception",
              kind="message/rfc822")
    yield dsn("m365-expired", "bounce soft", office, "Undeliverable: Your order"
        " 4711", "Your message couldn't be delivered"
        " despite repeated attempts.", m365 + "Status: 5.4.300\nDiagnostic-Code: smtp;550 5.4.300 Message expired ->"
        " 451 4.4.0 Primary target IP address responded with: 421 4.4.2 Connection dropped", kind="message/rfc822")
    yield dsn("m365-no-dns", "bounce hard", office, "Undeliverable: Your order"
        " 4711", "The domain couldn't be found.", m365 +
        "Status: 5.4.310\nDiagnostic-Code: smtp;550 5.4.310 DNS domain far.example does not exist"
        " [Message=InfoDomainNonexistent]", kind="message/rfc822")
    yield dsn("m365-restricted", "bounce block", office, "Undeliverable: Your order"
        " 4711", "The group only accepts messages"
        " from people in its organization.", m365 + "Status: 5.7.133\nDiagnostic-Code: smtp;550 5.7.133"
        " RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery restriction check failed"
        " because the sender was not authenticated when sending to this group", kind="message/rfc822")
    yield dsn("m365-german", "bounce hard", office, "Unzustellbar: Your order"
        " 4711", "Fehler bei der Nachrichtenzustellung an"
        " folgende Empfänger oder Gruppen:\n\n%TO%\nDie eingegebene E-Mail-Adresse konnte nicht gefunden"
        " werden.", m365 +
        "Status: 5.1.1\nDiagnostic-Code: smtp;550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found",
              kind="message/rfc822")
    google = "Mail Delivery Subsystem <mailer-daemon@googlemail.com>"
    gmail = (
        "Reporting-MTA: dns; googlemail.com\nArrival-Date: Mon, 21 Sep 2026 03:00:00 -0700"
        " (PDT)\nX-Original-Message-ID: %ID%\n\nFinal-Recipient: rfc822; %TO%\nAction: failed\n"
    )
    fail = "Delivery Status Notification (Failure)"
    yield dsn("gmail-not-found", "bounce hard", google, fail, "** Address not found **\n\nYour message wasn't"
        " delivered to %TO% because the address couldn't be found, or is unable to receive mail.\n\nThe response"
        " from the remote server was:\n550 5.1.1 no such"
        " user", gmail + "Status: 5.1.1\nRemote-MTA: dns; mx.far.example. (192.0.2.1,"
        " the server for the domain far.example.)\nDiagnostic-Code: smtp; 550-5.1.1 The email account that you"
        " tried to reach does not exist. Please try\n 550-5.1.1 double-checking the recipient's email address for"
        " typos or\n 550 5.1.1 unnecessary spaces. NoSuchUser a1-20020a.4 - gsmtp", kind="message/rfc822",
              more="X-Failed-Recipients: %TO%\nAuto-Submitted: auto-replied\n")
    yield dsn("gmail-id-only-in-status", "bounce hard", google, fail, "** Address not found"
        " **", gmail + "Status: 5.1.1\n"
        "Diagnostic-Code: smtp; 550 5.1.1 no such user", original="")
    yield dsn("gmail-full", "bounce soft", google, fail, "** Recipient inbox full"
        " **", gmail + "Status: 4.2.2\nDiagnostic-Code:"
        " smtp; 452-4.2.2 The recipient's inbox is out of storage space. Please direct the\n 452 4.2.2 recipient to"
        " https://support.google.com/mail/?p=OverQuotaTemp - gsmtp", kind="message/rfc822")
    yield dsn("gmail-unauthenticated", "bounce block", google, fail, "** Message blocked"
        " **", gmail + "Status: 5.7.26\n"
        "Diagnostic-Code: smtp; 550-5.7.26 Your email has been blocked because the sender is unauthenticated.",
              kind="message/rfc822")
    yield dsn("gmail-disabled", "bounce hard", google, fail, "** Address not found **", gmail + "Status: 5.2.1\n"
        "Diagnostic-Code: smtp; 550 5.2.1 The email account that you tried to reach is disabled. - gsmtp",
              kind="message/rfc822")
    yield dsn("gmail-delay", "delay soft", google, "Delivery Status Notification"
        " (Delay)", "** Delivery incomplete **\n\nThere"
        " was a temporary problem delivering your message to %TO%. Gmail will retry for 46 more hours. You'll be"
        " notified if the delivery fails"
        " permanently.", gmail.replace("failed", "delayed") + "Status: 4.4.1\nWill-Retry-"
        "Until: Wed, 23 Sep 2026 03:00:00 -0700 (PDT)", kind="message/rfc822")
    yield plain(
        "gmail-old", "bounce hard", google, fail,
        "Delivery to the following recipient failed permanently:\n\n     %TO%\n\nTechnical details of permanent"
        " failure: \nGoogle tried to deliver your message, but it was rejected by the recipient domain. We"
        " recommend contacting the other email provider for further information about the cause of this error. The"
        " error that the other server returned was: 550 550 5.1.1 <%TO%>: Recipient address rejected (state"
        " 14).\n\n----- Original message -----\n\n%HEAD%\nHello\n",
        more="X-Failed-Recipients: %TO%\n",
    )
    yield plain(
        "gmail-old-delay", "delay soft", google, "Delivery Status Notification (Delay)",
        "This is an automatically generated Delivery Status Notification\n\nTHIS IS A WARNING MESSAGE ONLY.\n\nYOU"
        " DO NOT NEED TO RESEND YOUR MESSAGE.\n\nDelivery to the following recipient has been delayed:\n\n    "
        " %TO%\n\nMessage will be retried for 2 more day(s)\n\nTechnical details of temporary failure: \nThe"
        " recipient server did not accept our requests to connect.\n\n----- Original message"
        " -----\n\n%HEAD%\nHello\n",
    )
    yield plain(
        "google-group", "bounce block", "Mail Delivery Subsystem <mailer-daemon@google.com>", fail,
        "Hello anna@shop.example,\n\nWe're writing to let you know that the group you tried to contact (ben.lee)"
        " may not exist, or you may not have permission to post messages to the group. A few more details on why"
        " you weren't able to post:\n\n * You might have spelled or formatted the group name incorrectly.\n * The"
        " owner of the group may have removed this group.\n\n----- Original message"
        " -----\n\n%HEAD%\nHello\n", more="X-Failed-Recipients: %TO%\n",
    )
    yahoo = (
        "MAILER-DAEMON@yahoo.com"
    )
    sorry = "Sorry, we were unable to deliver your message to the following address.\n\n<%TO%>:\n"
    below = "\n\n--- Below this line is a copy of the message.\n\n%HEAD%\nHello\n"
    yield plain("yahoo-no-account", "bounce hard", yahoo, "Failure Notice", sorry + "554: delivery error: dd This"
        " user doesn't have a yahoo.com account (%TO%) [0] - mta1234.mail.bf1.yahoo.com" + below)
    yield plain("yahoo-policy", "bounce block", yahoo, "Failure Notice", sorry + "Remote host said:\n554 5.7.9"
        " Message not accepted for policy reasons.  See https://postmaster.yahooinc.com/error-codes\n[BODY]" + below)
    yield plain("yahoo-full", "bounce soft", yahoo, "Failure Notice", sorry + "552: 1 Requested mail action"
        " aborted, mailbox not found or over quota. Sorry, the recipient's mailbox is over quota" + below)
    yield plain("yahoo-deferred", "bounce soft", yahoo, "Failure Notice", "Sorry, we were unable to deliver your"
        " message after trying for 2 days.\n\n<%TO%>:\nNo MX or A records, or the host is not answering. 421 4.7.0"
        " [TSS04] Messages from 192.0.2.9 temporarily deferred" + below)
    yield postfix("icloud-unknown", "bounce hard", "<%TO%>: host mx01.mail.icloud.com said: 550 5.1.1", "5.1.1",
        f"{smtp}550 5.1.1 <%TO%>: user does not exist")
    yield postfix("icloud-policy", "bounce block", "<%TO%>: host mx01.mail.icloud.com said: 554 5.7.1", "5.7.1",
        f"{smtp}554 5.7.1 [CS01] Message rejected due to local policy. Please visit"
        f" https://support.apple.com/"
        "en-us/HT204137")
    yield plain(
        "zoho", "bounce hard", "mailer-daemon@mail.zoho.com", "Undelivered Mail Returned to Sender",
        "This message was created automatically by mail delivery software.\n A message that you sent could not be"
        " delivered to one or more of its recipients. This is a permanent error. \n\n%TO%, ERROR CODE :550 - 5.1.1"
        " The email account that you tried to reach does not exist.\n\n\n\nReceived:from mail.zoho.com by"
        " mx.zohomail.com\n\twith SMTP id 1790; Mon, 21 Sep 2026 03:00:00 -0700 (PDT)\n%HEAD%\n",
    )
    yield postfix("fastmail-unknown", "bounce hard", "<%TO%>: host in1-smtp.messagingengine.com said", "5.1.1",
        f"{smtp}550 5.1.1 <%TO%>: Recipient address rejected: undeliverable address: host said: 550 5.1.1"
        f" User"
        " unknown (in reply to RCPT TO command)")
    yield postfix("proton-unknown", "bounce hard", "<%TO%>: host mail.protonmail.ch"
        " said", "5.1.1", f"{smtp}550 5.1.1 <%TO%>:"
        " Recipient address rejected: Address does not exist")


def _more_servers() -> Iterator[Sample]:
    smtp = "Remote-MTA: dns; mx.far.example\nDiagnostic-Code: smtp; "
    yield plain(
        "domino-plain", "bounce hard", "Postmaster@far.example",
        "DELIVERY FAILURE: User ben.lee (ben.lee@far.example) not listed in Domino Directory",
        "Your message\n\n  Subject: Your order 4711\n\nwas not delivered to:\n\n  %TO%\n\nbecause:\n\n  User"
        " ben.lee (%TO%) not listed in Domino Directory\n",
    )
    yield dsn(
        "domino-report", "bounce hard", "Postmaster@far.example", "DELIVERY FAILURE: 550 Host unknown",
        "Your message\n\n  Subject: Your order 4711\n\nwas not delivered to:\n\n  %TO%\n\nbecause:\n\n  Error"
        " transferring to far.example; Host"
        " unknown", "Reporting-MTA: dns;domino.relay.example\n\nFinal-Recipient: rfc822;%TO%\nAction: failed\n"
        "Status: 5.0.0\nDiagnostic-Code: X-Notes; Error transferring to far.example; Host"
        " unknown", kind="message/rfc822",
    )
    yield dsn(
        "domino-no-access", "bounce block", "Postmaster@far.example", "DELIVERY FAILURE: Message rejected for"
        " policy reasons",
        "was not delivered to:\n\n "
        " %TO%", "Reporting-MTA: dns;domino.relay.example\n\nFinal-Recipient: rfc822;%TO%\nAction:"
        " failed\nStatus: 5.7.1\nDiagnostic-Code: X-Notes; Message rejected for policy"
        " reasons", kind="message/rfc822",
    )
    yield plain(
        "groupwise", "bounce hard", "Mailer-Daemon@gw.far.example", "Message status - undeliverable",
        "The message that you sent was undeliverable to the following:\n\tben.lee@far.example (user not"
        " found)\n\nPossibly truncated original message"
        " follows:\n\n%HEAD%\nHello\n", more="X-Mailer: Novell GroupWise Internet Agent 8.0\n",
    )
    yield plain(
        "groupwise-full", "bounce soft", "Mailer-Daemon@gw.far.example", "Message status - undeliverable",
        "The message that you sent was undeliverable to the following:\n\tben.lee@far.example (mailbox"
        " full)\n\nPossibly truncated original message follows:\n\n%HEAD%\nHello\n",
    )
    yield plain(
        "mailenable", "bounce hard", "Postmaster <postmaster@relay.example>", "Message Delivery Failure",
        "MailEnable: Message Delivery Failure.\n\nThe following recipient(s) could not be reached:\n\n\tRecipient:"
        " [SMTP:%TO%]\n\tReason: Remote SMTP Server Returned: 550 5.1.1 User unknown\n\n\nMessage headers"
        " follow:\n\n%HEAD%\n",
    )
    yield plain(
        "mailenable-delay", "delay soft", "Postmaster <postmaster@relay.example>", "Message Delivery Delayed",
        "MailEnable: Message Delivery Delay\n\nMessage is waiting at relay.example for delivery to"
        " far.example.\n\nMessage could not be delivered to some recipients. The message has been requeued and"
        " delivery will be tried again.\n\n\tRecipient: [SMTP:%TO%]\n\tReason: Remote SMTP Server not"
        " available\n\nMessage headers follow:\n\n%HEAD%\n",
    )
    yield plain(
        "hmailserver", "bounce hard", "mailer-daemon@relay.example", "Message undeliverable: Your order 4711",
        "Your message did not reach some or all of the intended recipients.\n\n   Sent: Mon, 21 Sep 2026 10:00:00"
        " +0000\n   Subject: Your order 4711\n\nThe following recipient(s) could not be reached:\n\n%TO%\n   Error"
        " Type: SMTP\n   Remote server (192.0.2.1) issued an error.\n   hMailServer sent: RCPT TO:<%TO%>\n   Remote"
        " server replied: 550 Unknown user\n\n\n\nhMailServer\n",
    )
    yield plain(
        "hmailserver-dns", "bounce hard", "mailer-daemon@relay.example", "Message undeliverable: Your order 4711",
        "Your message did not reach some or all of the intended recipients.\n\nThe following recipient(s) could not"
        " be reached:\n\n%TO%\n   Error Type: DNS\n   Error Description: No mail servers appear to exists for the"
        " recipient's address.\n   Additional information: Please check that you have not misspelled the"
        " recipient's email address.\n\nhMailServer\n",
    )
    yield postfix("zimbra-full", "bounce soft", "<%TO%>: host mail.far.example[192.0.2.1] said: 452 4.2.2 Over"
        " quota", "4.2.2",
        "Diagnostic-Code: lmtp; 452 4.2.2 Over quota")
    yield dsn(
        "courier", "bounce hard", "mail system at mx.relay.example <postmaster@mx.relay.example>",
        "NOTICE: mail delivery status.",
        "This is a delivery status notification from mx.relay.example,\nrunning the Courier mail server, version"
        " 1.0.\n\nThe original message was received on Mon, 21 Sep 2026\n\n"
        + "-" * 75 + "\n\n                           UNDELIVERABLE MAIL\n\nYour message to the following recipients"
            " cannot be delivered:\n\n<%TO%>:\n    mx.far.example [192.0.2.1]:\n>>> RCPT TO:<%TO%>\n<<< 550 User"
            " unknown.",
        "Reporting-MTA: dns; mx.relay.example\n\nFinal-Recipient: rfc822; %TO%\nAction: failed\nStatus:"
        " 5.0.0\nRemote-MTA: dns; mx.far.example [192.0.2.1]\nDiagnostic-Code: smtp; 550 User unknown.",
    )
    yield plain(
        "opensmtpd", "bounce hard", "Mailer Daemon"
        " <MAILER-DAEMON@relay.example>", "Delivery status notification: error",
        "    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this email.\n\n    An error has occurred"
        " while attempting to deliver a message for\n    the following list of recipients:\n\n%TO%: 550 5.1.1"
        " <%TO%>... Recipient does not exist\n\n    Below is a copy of the original message:\n\n%HEAD%\nHello\n",
    )
    yield plain(
        "opensmtpd-delay", "delay soft", "Mailer Daemon"
        " <MAILER-DAEMON@relay.example>", "Delivery status notification: warning",
        "    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this email.\n\n    A message is delayed"
        " for more than 4 hours for the following\n    list of recipients:\n\n%TO%: Network error on destination"
        " MXs\n\n    Please note that this is only a temporary failure report.\n    The message is kept in the"
        " queue for up to 4 days.\n    You DO NOT NEED to re-send the message to these recipients.\n\n    Below is"
        " a copy of the original message:\n\n%HEAD%\n",
    )
    yield dsn(
        "haraka", "bounce hard", "MAILER-DAEMON@relay.example", "Undelivered Mail Returned to Sender",
        "This is the Haraka mail system at host relay.example.\n\nI'm sorry to have to inform you that your message"
        " could not\nbe delivered to one or more recipients.\n\nFor further assistance, please send mail to"
        " postmaster.\n\nIntended Recipients: <%TO%>\nFailure Reason: 550 5.1.1 No such user",
        "Reporting-MTA: dns;relay.example\nX-Haraka-Queue-ID: A1B2\n\nFinal-Recipient: rfc822;%TO%\nAction:"
        " failed\nStatus: 5.1.1\nDiagnostic-Code: smtp;550 5.1.1 No such user", kind="message/rfc822",
    )
    yield dsn(
        "stalwart", "bounce hard", "Mail Delivery Subsystem"
        " <MAILER-DAEMON@relay.example>", "Failed to deliver message",
        "Your message could not be delivered to the following recipients:\n\n<%TO%> (host 'mx.far.example' rejected"
        " command 'RCPT TO:<%TO%>' with code 550 (5.1.1) 'Mailbox does not exist.')",
        "Reporting-MTA: dns;relay.example\nArrival-Date: Mon, 21 Sep 2026 10:00:00 +0000\n\nFinal-Recipient:"
        " rfc822;%TO%\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp;550 5.1.1 Mailbox does not"
        " exist.\nRemote-MTA: dns;mx.far.example",
    )
    yield plain(
        "barracuda", "bounce block", "Barracuda Spam Firewall <postmaster@far.example>",
        "**Message you sent blocked by our bulk email filter**",
        "Your message to: %TO%\nwas blocked by our Spam Firewall. The email you sent with the following subject has"
        " NOT BEEN DELIVERED:\n\nSubject: Your order 4711\n\nAn attachment in that mail was of a file type that the"
        " Spam Firewall is set to block.\n",
    )
    yield plain(
        "mimecast", "bounce hard", "Postmaster <postmaster@far.example>", "[Postmaster] Email Delivery Failure",
        "<html><body><p>This is a system-generated message to inform you that your email could not be delivered to"
        " one or more recipients. Details of the email and the error are as"
        " follows:</p><table><tr><td>&lt;%TO%&gt;</td><td>550 Invalid Recipient -"
        " https://community.mimecast.com/docs/DOC-1369#550</td></tr></table></body></html>", kind="html",
    )
    yield postfix("proofpoint-block", "bounce block", "<%TO%>: host mx1.pphosted.com said: 550"
        " 5.7.1", "5.7.1", f"{smtp}550 5.7.1"
        " Service unavailable; Client [192.0.2.9] blocked using Proofpoint Dynamic Reputation; see"
        " https://ipcheck.proofpoint.com/?ip=192.0.2.9")
    yield postfix("proofpoint-unknown", "bounce hard", "<%TO%>: host mx1.ppe-hosted.com said: 550"
        " 5.1.1", "5.1.1", f"{smtp}550"
        " 5.1.1 <%TO%>: Recipient address rejected: User unknown")
    iron = "Mail Delivery System <MAILER-DAEMON@esa1.relay.example>"
    port = "Reporting-MTA: dns; esa1.relay.example\n\nFinal-Recipient: rfc822;%TO%\nAction: failed\n"
    undeliverable = "The following message to <%TO%> was undeliverable.\nThe reason for the problem:\n"
    fail = "Delivery Status Notification (Failure)"
    yield dsn("ironport-unknown", "bounce hard", iron, fail, undeliverable + "5.1.0 - Unknown address error"
        " 550-'5.1.1 <%TO%>: Email address could not be found, or was misspelled"
        " (G8)'", port + "Status: 5.0.0 (permanent failure)\nRemote-MTA"
        ": dns; [192.0.2.1]\nDiagnostic-Code: smtp; 5.1.0 - Unknown address error 550-'5.1.1 <%TO%>: Email address"
        " could not be found, or was misspelled (G8)' (delivery attempts: 0)")
    yield dsn("ironport-expired", "bounce soft", iron, fail, undeliverable + "5.4.7 - Delivery expired (message too"
        " old) 'timeout'", port + "Status: 5.0.0 (permanent failure)\nDiagnostic-Code: smtp; 5.4.7 - Delivery"
        " expired (message too old) 'timeout' (delivery attempts: 0)")
    yield dsn("ironport-no-dns", "bounce hard", iron, fail, undeliverable + "5.1.2 - Bad destination host 'DNS Hard"
        " Error looking up far.example (MX): "
        " NXDomain'", port + "Status: 5.0.0 (permanent failure)\nDiagnostic-Code: smtp; 5.1.2 - Bad"
        " destination host 'DNS Hard Error looking up far.example (MX):  NXDomain' (delivery attempts: 0)")
    yield dsn("ironport-other", "bounce block", iron, fail, undeliverable + "5.3.0 - Other mail system problem"
        " 554-'5.7.1 Message rejected: content looks like"
        " spam'", port + "Status: 5.0.0 (permanent failure)\nDiagnostic-Code: smtp; 5.3.0 - Other"
        " mail system problem 554-'5.7.1 Message rejected: content looks like spam' (delivery attempts: 0)")
    ses = "MAILER-DAEMON@eu-west-1.amazonses.com"
    amazon = (
        "Reporting-MTA: dns; a7-12.smtp-out.eu-west-1.amazonses.com\n\nAction: failed\nFinal-Recipient: rfc822;"
        " %TO%\n"
    )
    occurred = "An error occurred while trying to deliver the mail to the following recipients:\n%TO%"
    yield dsn("ses-unknown", "bounce hard", ses, fail, occurred, amazon + "Diagnostic-Code: smtp; 550 5.1.1 user"
        " unknown\nStatus: 5.1.1", kind="message/rfc822")
    yield dsn("ses-suppressed", "bounce hard", ses, fail, occurred, amazon + "Diagnostic-Code: Amazon SES has"
        " suppressed sending to this address because it has a recent history of bouncing as an invalid"
        " address.\nStatus: 5.1.1",
              kind="message/rfc822")
    yield dsn("ses-content", "bounce block", ses, fail, occurred, amazon + "Diagnostic-Code: smtp; 554 5.6.0"
        " Message content rejected\nStatus: 5.6.0", kind="message/rfc822")
    power = (
        "Hello, this is the mail server on relay.example.\n\nI am sending you this message to inform you on the"
        " delivery status of a\nmessage you previously sent.  Immediately below you will find a list of\nthe"
        " affected recipients;  also attached is a Delivery Status Notification\n(DSN) report in standard format,"
        " as well as the headers of the original\nmessage.\n\n"
    )
    yield dsn("powermta", "bounce hard", "mailer-daemon@relay.example", "Delivery report", power + "  <%TO%> "
        " delivery failed; will not continue"
        " trying", "Reporting-MTA: dns;relay.example\n\nFinal-Recipient: rfc822;%TO%\nAction: failed\n"
        "Status: 5.1.1 (bad destination mailbox address)\nRemote-MTA: dns;mx.far.example"
        " (192.0.2.1)\nDiagnostic-Code: smtp;550 5.1.1 unknown user\nX-PowerMTA-BounceCategory: bad-mailbox")
    yield dsn("powermta-inactive", "bounce hard", "mailer-daemon@relay.example", "Delivery report",
        power + "  <%TO%>  delivery"
        " failed", "Reporting-MTA: dns;relay.example\n\nFinal-Recipient: rfc822;%TO%\nAction: failed\nStatus:"
        " 5.0.0 (undefined status)\nDiagnostic-Code: smtp;554 30 Sorry, your message to %TO% cannot be delivered."
        " This mailbox is disabled (554.30).\nX-PowerMTA-BounceCategory: inactive-mailbox")
    yield dsn("powermta-expired", "bounce soft", "mailer-daemon@relay.example", "Delivery report",
        power + "  <%TO%>  delivery"
        " failed; will not continue"
        " trying", "Reporting-MTA: dns;relay.example\n\nFinal-Recipient: rfc822;%TO%\nAction:"
        " failed\nStatus: 4.4.7 (delivery time expired)")
    yield plain(
        "t-online", "bounce hard", "<Mailer-Daemon@mx.t-online.example>", "mail failed, returning to sender",
        "|------------------------- Message log follows: -------------------------|\n no valid recipients were"
        " found for this message\n|------------------------- Failed addresses follow: ---------------------|\n"
        " <%TO%> ... unknown user\n|------------------------- Message text follows:"
        " ------------------------|\n%HEAD%\nHello\n",
    )
    gmx = (
        "This message was created automatically by mail delivery software.\n\nA message that you sent could not be"
        " delivered to one or more of\nits recipients. This is a permanent error. The following address\nfailed:\n\n"
    )
    for house, why, class_ in (
        ("gmx-unknown", "SMTP error from remote server for RCPT TO command, host: mx.far.example (192.0.2.1)"
            " reason: 550 Requested action not taken: mailbox unavailable", "hard"),
        ("gmx-full", "SMTP error from remote server in greeting, reason: 552 Quota exceeded. The recipients mailbox"
            " is full.",
         "soft"),
        ("web.de-reputation", "SMTP error from remote server in greeting, host: mx.far.example (192.0.2.1) reason:"
            " 554 Transaction failed Reject due to policy restrictions. For explanation visit"
            " https://postmaster.web.de/", "block"),
    ):
        yield plain(house, f"bounce {class_}", "GMX Mailer Daemon <mailer-daemon@gmx.example>",
        "Mail delivery failed: returning message to sender",
        f"{gmx}%TO%:\n{why}\n\n\n--- The header of the original message is following. ---\n\n%HEAD%\n")
    for house, status, why, class_ in (
        ("orange-unknown", "5.1.1", "552 5.1.1 <%TO%> Adresse d au moins un destinataire invalide. Invalid"
            " recipient. OFR204_416 [416]", "hard"),
        ("orange-spam", "5.2.0", "550 5.2.0 Mail rejete. Mail rejected. OFR_506 [506]", "block"),
        ("orange-full", "5.2.0", "552 5.2.0 Boite du destinataire pleine. Recipient overquota. OFR_417"
            " [417]", "soft"),
        ("free-unknown", "5.5.0", "550 5.5.0 Utilisateur inconnu. / User unknown. <%TO%>", "hard"),
        ("laposte-archived", "5.5.0", "550 5.5.0 Boite du destinataire archivee. Archived recipient."
            " LPN007_401", "hard"),
        ("libero-full", "5.0.0", "552 RCPT TO:<%TO%> Mailbox disk quota exceeded", "soft"),
        ("libero-unknown", "5.0.0", "550 RCPT TO:<%TO%> User unknown", "hard"),
        ("mail.ru-unknown", "5.0.0", "550 Message was not accepted -- invalid mailbox.  Local mailbox %TO% is"
            " unavailable: user not found", "hard"),
        ("mail.ru-disabled", "5.0.0", "550 Message was not accepted -- invalid mailbox.  Local mailbox %TO% is"
            " unavailable: account is disabled", "hard"),
        ("yandex-spam", "5.7.1", "554 5.7.1 [1] Message rejected under suspicion of SPAM;"
            " https://ya.cc/1IrBc", "block"),
        ("bol-inactive", "5.2.1", "550 5.2.1 <%TO%>: Recipient address rejected: Conta inativa / Inactive"
            " account", "hard"),
        ("docomo-unknown", "5.0.0", "550 Unknown user %TO%", "hard"),
        ("softbank-unknown", "5.0.0", "550 Invalid recipient: <%TO%>", "hard"),
        ("softbank-rate", "4.0.0", "421 4.0.0 too many recipients, try later", "soft"),
        ("163-unknown", "5.0.0", "550 User not found: %TO%", "hard"),
        ("163-spam", "5.0.0", "554 DT:SPM 163 mx12,Q8CowAB, please see"
            " http://mail.163.com/help/help_spam_16.htm", "block"),
        ("qq-spam", "5.7.1", "550 Mail content denied. https://service.mail.qq.com/detail/0/71", "block"),
        ("qq-unknown", "5.0.0", "550 The recipient may contain a non-existent account, please check the recipient"
            " address.", "hard"),
        ("naver-unknown", "5.1.1", "550 5.1.1 No such user - nsmtp", "hard"),
        ("relay-denied", "5.7.1", "554 5.7.1 <%TO%>: Relay access denied", "block"),
        ("greylisted-to-death", "4.7.1", "450 4.7.1 <%TO%>: Recipient address rejected: Greylisted, see"
         " http://postgrey.schweikert.ch/help/far.example.html", "soft"),
        ("dmarc", "5.7.1", "550 5.7.1 Unauthenticated email from shop.example is not accepted due to domain's DMARC"
            " policy.", "block"),
        ("spf", "5.7.23", "550 5.7.23 The message was rejected because of Sender Policy Framework"
            " violation", "block"),
        ("moved", "5.1.6", "551 5.1.6 User has moved; please try <benjamin@new.example>", "hard"),
        ("virus", "5.7.1", "554 5.7.1 Virus found: Eicar-Test-Signature", "block"),
        ("relay-full", "5.0.0", "452 Insufficient system storage", "soft"),
    ):
        yield postfix(house, f"bounce {class_}", f"<%TO%>: host mx.far.example[192.0.2.1] said:\n   "
            f" {why}", status, smtp + why)
    yield plain(
        "yandex-plain", "bounce hard", "mailer-daemon@yandex.ru", "Недоставленное сообщение",
        "Это письмо отправлено почтовым сервером yandex.ru.\n\nК сожалению, мы вынуждены сообщить Вам о том, что"
        " Ваше письмо не может\nбыть отправлено одному или нескольким адресатам. Технические подробности можно"
        " найти ниже.\n\n<%TO%>: host mx.far.example[192.0.2.1] said: 550 5.1.1\n    No such user! (in reply to"
        " RCPT TO command)\n\n%HEAD%\n",
    )
    yield plain(
        "qq-plain", "bounce hard", "PostMaster@qq.com", "系统退信",
        "抱歉，您的邮件被退回来了……\n\n原邮件信息：\n时间    2026-09-21 10:00:00\n主题    Your order 4711\n收件人 "
        " %TO%\n\n退信原因：收件人邮箱未找到。收件人(%TO%)邮件地址不存在，邮件无法送达。\nhost mx.far.example said:"
        " 550 Mailbox not found\n",
        charset="gb18030",
    )
    yield plain(
        "163-plain", "bounce hard", "Postmaster@163.com", "系统退信/System bounce",
        "抱歉，您的邮件被退回来了……\n主 题：Your order 4711\n时 间：2026-09-21 10:00:00\n无法发送到 %TO%\n退信原因"
        "：收件人不存在\nSMTP error, RCPT TO: 550 User not found: %TO%\n", charset="gb18030",
    )
    yield plain(
        "naver-plain", "bounce hard", "postmaster@naver.com", "[메일 발송 실패 안내] Your order 4711",
        "메일이 발송되지 않았습니다.\n\n받는 사람: %TO%\n발송 실패 사유: 받는 사람의 메일 주소가 존재하지 않습니"
        "다.\n상세 사유: 550 5.1.1 No such user\n",
    )
    yield plain(
        "biglobe-plain", "bounce hard", "postmaster@biglobe.example", "メールが送信できませんでした",
        "以下のあて先へのメールは、送信できませんでした。\n\n<%TO%>\n\nあて先のメールアドレスが見つかりません"
        "。\n\n----- 元のメールのヘッダ -----\n%HEAD%\n", charset="iso-2022-jp",
    )
    yield plain(
        "au-plain", "bounce hard", "Postmaster@ezweb.example", "Mail System Error - Returned Mail",
        "Each of the following recipients was rejected by a remote mail server.\nThe reasons given by the server"
        " are included to help you determine why\neach recipient was rejected.\n\n    Recipient: <%TO%>\n   "
        " Reason:    <%TO%>... User Unknown\n\n    Please reply to Postmaster@ezweb.example\n    if you feel this"
        " message to be in error.\n",
    )
    yield plain(
        "uol-plain", "bounce hard", "MAILER-DAEMON@uol.example", "Mensagem não entregue",
        "Esta é uma mensagem automática do sistema de correio.\n\nSua mensagem não pôde ser entregue ao"
        " destinatário:\n\n%TO%\n\nMotivo: 550 5.1.1 Usuário inexistente\n\nMensagem original:\n%HEAD%\n",
    )
    yield plain(
        "imail", "bounce hard", "Postmaster <postmaster@relay.example>", "Undeliverable Mail",
        "Unknown user: %TO%\n\n\nOriginal message follows.\n\n%HEAD%\nHello\n",
    )
    yield plain(
        "imail-full", "bounce soft", "Postmaster <postmaster@relay.example>", "Undeliverable Mail",
        "User mailbox exceeds allowed size: %TO%\n\n\nOriginal message follows.\n\n%HEAD%\nHello\n",
    )
    yield plain(
        "pmdf", "bounce hard", "Internet Mail Delivery"
        " <postmaster@relay.example>", "Delivery Notification: Delivery has failed",
        "This report relates to a message you sent with the following header fields:\n\n  Message-id: %ID%\n  Date:"
        " Mon, 21 Sep 2026 10:00:00 +0000\n  From: Anna <anna@shop.example>\n  To: Ben Lee <%TO%>\n  Subject: Your"
        " order 4711\n\nYour message cannot be delivered to the following recipients:\n\n  Recipient address:"
        " %TO%\n  Reason: Remote SMTP server has rejected address\n  Diagnostic code: smtp;550 5.1.1 unknown or"
        " illegal alias: %TO%\n  Remote system: dns;mx.far.example (TCP|192.0.2.9|4711|192.0.2.1|25)\n",
    )
    yield plain(
        "communigate", "bounce hard", "MAILER-DAEMON@relay.example", "Undeliverable mail: Your order 4711",
        "Failed to deliver to '%TO%'\nSMTP module(domain far.example) reports:\n host mx.far.example says:\n 550"
        " 5.1.1 user unknown\n\n%HEAD%\n",
    )
    yield plain(
        "xmail", "bounce hard", "root@relay.example", "Error sending message [1790.4711.relay] from [relay.example]",
        "[<00>] XMail bounce: Rcpt=[%TO%];Error=[550 5.1.1 User unknown]\n\n\n[<01>] Error sending message"
        " [1790.4711.relay] from [relay.example].\n\nID:        <S1790>\nMail From: <anna@shop.example>\nRcpt To:  "
        " <%TO%>\nServer:    <mx.far.example>\n\n[<02>] The reason of the delivery failure was:\n\n550 5.1.1 User"
        " unknown\n\n[<05>] Here is listed the initial part of the message:\n\n%HEAD%\n",
    )
    yield plain(
        "messagelabs", "bounce hard", "MAILER-DAEMON@messagelabs.example", "Mail Delivery Failure",
        "This is the mail delivery agent at messagelabs.example.\nI was unable to deliver your message to the"
        " following addresses:\n\n%TO%\n\nReason: 550 Invalid recipient <%TO%> (#5.1.1)\n\nThe message subject was:"
        " Your order 4711\nThe message date was: Mon, 21 Sep 2026\nThe message identifier was: %ID%\n",
    )
    yield plain(
        "interscan", "bounce hard", "InterScan <postmaster@relay.example>", "Mail could not be delivered",
        "Sent >>> RCPT TO: <%TO%>\nReceived <<< 550 5.1.1 No such user\n\nCould not deliver mail to this"
        " user.\n%TO%\n***************** End of message ***************\n",
    )
    yield plain(
        "james", "bounce soft", "postmaster@relay.example", "Re: Your order 4711",
        "Hi. This is the James mail server at relay.example.\nI'm afraid I wasn't able to deliver your message to"
        " the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out. Below\nI"
        " include the list of recipients and the reason why I was unable to deliver\nyour message.\n\nFailed"
        " recipient(s):\n%TO%\n\nError message:\n452 4.2.2 Mailbox over quota\n", more="Content-Language: en\n",
    )
    yield plain(
        "mdaemon", "bounce soft", "MDaemon at relay.example <MDaemon@relay.example>",
        "Permanent Delivery"
        " Failure", "The attached message had PERMANENT fatal delivery errors.\n\nThis email server gave up"
        " trying after repeated attempts. No further attempts will be made.\n\nFailed address: %TO%\n\n--- Session"
        " Transcript ---\n Mon 2026-09-21 10:00:00: <-- 452 4.2.2 Mailbox is over its storage limit\n--- End"
        " Transcript ---\n",
    )


def _odd_reports() -> Iterator[Sample]:
    mta = "Reporting-MTA: dns; mx.relay.example\n\n"
    who, subject = "MAILER-DAEMON@mx.relay.example", "Undelivered Mail Returned to Sender"
    yield dsn("forwarded", "bounce hard", who, subject, "<inner@far-internal.example>:"
        " unknown", mta + "Original-Recipient:"
        " rfc822;%TO%\nFinal-Recipient: rfc822;inner@far-internal.example\nAction: failed\nStatus: 5.1.1")
    yield dsn("xtext", "bounce ben+tag@far.example=hard", who, subject, "<ben+tag@far.example>: unknown", mta +
        "Original-Recipient: rfc822;ben+2Btag@far.example\nFinal-Recipient: rfc822;ben+tag@far.example\nAction:"
        " failed\nStatus: 5.1.1")
    yield dsn("folded-fields", "bounce soft", who, subject, "", mta + "final-recipient: RFC822;\n %TO%\naction:\n"
        " failed\nSTATUS:\n 4.2.2 (mailbox\n full)\ndiagnostic-code: smtp;\n 452 4.2.2\n over quota")
    yield dsn("comments", "bounce hard", who, subject, "", mta + "Final-Recipient: rfc822; <%TO%> (Ben)\nAction:"
        " Failed (at last)\nStatus: 5.1.1 (unknown)")
    yield dsn("no-original", "bounce hard", who, subject, "", mta + "Final-Recipient: rfc822; %TO%\nAction:"
        " failed\nStatus: 5.1.1",
              original="", message_id="")
    yield dsn("expanded", "delivered none", who, "Delivery report", "Your message was sent on to a list.", mta +
        "Final-Recipient: rfc822; %TO%\nAction: expanded\nStatus: 2.0.0")
    yield dsn("mixed-actions", f"bounce {TO}=hard", who, subject, "", mta + "Final-Recipient: rfc822;"
        " kim@near.example\nAction: delivered\nStatus: 2.1.5\n\nFinal-Recipient: rfc822; %TO%\nAction:"
        " failed\nStatus: 5.1.1")
    yield dsn("status-says-more-than-action", "bounce soft", who, subject, "", mta + "Final-Recipient: rfc822;"
        " %TO%\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 5.2.2 user is over quota")
    yield dsn("envid", "bounce hard", who, subject, "", "Original-Envelope-Id:"
        " QQ4711\n" + mta + "Final-Recipient: rfc822; %TO%\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp;"
        " 550 no mailbox by that name is currently available")
    html = "<html><body><h1>Delivery failed</h1><p>We could not deliver to <b>%TO%</b></p></body></html>"
    yield dsn("html-text", "bounce hard", who, subject, html, mta + "Final-Recipient: rfc822; %TO%\nAction:"
        " failed\nStatus: 5.1.2",
              text_kind="html")
    yahoo = (
        "Feedback-Type: abuse\nUser-Agent: Yahoo!-Mail-Feedback/2.0\nVersion: 0.1\nOriginal-Mail-From:"
        " <anna@shop.example>\n"
    )
    yield arf("yahoo-arf", "complaint"
        " none", "feedback@arf.mail.yahoo.com", yahoo + "Original-Rcpt-To: %TO%\nReceived-Date: Mon,"
        " 21 Sep 2026 10:00:00 PDT\nReported-Domain: shop.example")
    yield arf("arf-angle", "complaint"
        " none", "fbl@far.example", "Feedback-Type: abuse\nUser-Agent: FBL/1.0\nVersion: 1\n"
        "Original-Rcpt-To: <%TO%>\nSource-IP: 192.0.2.9", kind="text/rfc822-headers", original="%HEAD%")
    yield arf("aol-arf", "complaint", "scomp@aol.net", "Feedback-Type: abuse\nUser-Agent: AOL SComp\nVersion: 0.1\n"
        "Source-IP: 192.0.2.9", original="%HEAD%\nHello\n".replace("%HEAD%", HEAD.replace(TO, "redacted")))
    yield arf("arf-removed", "complaint"
        " none", "fbl@far.example", "Feedback-Type: opt-out\nUser-Agent: FBL/1.0\nVersion: 1\n"
        "Removal-Recipient: user@lists.example\nOriginal-Rcpt-To: %TO%")
    yield arf("arf-fraud", "complaint"
        " none", "fbl@far.example", "Feedback-Type: fraud\nUser-Agent: FBL/1.0\nVersion: 1\n"
        "Original-Rcpt-To: %TO%")
    jmrp = (
        "Content-Type: multipart/mixed; boundary=b2\n\n--b2\nContent-Type: message/rfc822\nContent-Disposition:"
        " inline\n\nX-HmXmrOriginalRecipient: %TO%\n%HEAD%\nHello\n\n--b2--\n"
    )
    head = _head("<staff@hotmail.com>", "complaint about message from 192.0.2.9", "")
    yield _sample("hotmail-jmrp", "complaint none", head + jmrp, ID)


def _others() -> Iterator[Sample]:
    """Mail that looks like one of these and is none."""

    def no(name: str, sender: str, subject: str, body: str, more: str = "") -> Sample:
        text = plain(name, "none", sender, subject, body, more=more)
        return Sample(name, text.raw.replace(b"Return-Path: <>", b"Return-Path: <x@far.example>"), "")

    auto = "Auto-Submitted: auto-replied\nX-Auto-Response-Suppress: All\n"
    yield no("vacation", "Ben Lee <ben.lee@far.example>", "Out of Office: Your order"
        " 4711", "I am away until Monday and cannot be"
        " reached. Your message was not forwarded. For urgent matters write to kim@far.example.\n", auto)
    yield no("vacation-german", "Ben Lee <ben.lee@far.example>", "Abwesenheitsnotiz: Your order"
        " 4711", "Ich bin bis Montag nicht"
        " erreichbar. Ihre Nachricht wird nicht weitergeleitet.\n", auto)
    yield no("left-the-company", "Ben Lee <ben.lee@far.example>", "Automatic reply: Your order"
        " 4711", "Ben no longer works here and"
        " this mailbox is not read. Please write to sales@far.example.\n", auto)
    yield no("newsletter", "Deliver Weekly"
        " <news@espnews.example>", "How to bring your bounce rate below 2 %", "A hard bounce (550"
        " 5.1.1 User unknown) means the mailbox does not exist. A soft bounce (452 4.2.2 mailbox full) may work"
        " later.\n",
        "List-Id: <weekly.espnews.example>\nList-Unsubscribe: <https://espnews.example/u>\nPrecedence: bulk\n")
    yield no("quoting-a-bounce", "Ben Lee <ben.lee@far.example>", "Re: Mail delivery failed: returning message to"
        " sender", "Hi Anna,"
        " your mail came back to me again, look:\n\n> This message was created automatically by mail delivery"
        " software.\n> A message that you sent could not be delivered to one or more of its\n> recipients. This is"
        " a permanent error. The following address(es) failed:\n>\n>   kim@near.example\n>     550 5.1.1 User"
        " unknown\n\nCan you call me?\n")
    yield no("forwarded-bounce", "Ben Lee <ben.lee@far.example>", "Fwd: Undelivered Mail Returned to"
        " Sender", "What does this mean?\n"
        "\n---------- Forwarded message ---------\nFrom: MAILER-DAEMON@mx.relay.example\nSubject: Undelivered Mail"
        " Returned to Sender\n\n<kim@near.example>: 550 5.1.1 user unknown\n")
    yield no("parcel", "DHL <noreply@dhl.example>", "Delivery failed: your parcel could not be"
        " delivered", "We tried to deliver your"
        " parcel 550 511 001 today and failed. Recipient not found at this address. It will be returned to sender"
        " unless you arrange a new delivery.\n")
    yield no("parcel-delay", "Post <info@post.example>", "Your delivery is"
        " delayed", "The delivery to the following recipient has been"
        " delayed: Anna, Shop street 4. We will try again tomorrow.\n")
    yield no("moderation", "list-bounces@lists.example", "Your message to Users awaits moderator"
        " approval", "Your mail to 'Users' with"
        " the subject\n\n    Your order 4711\n\nIs being held until the list moderator can review it for"
        " approval.\n\nThe reason it is being held:\n\n    Post by non-member to a members-only list\n",
        "Auto-Submitted: auto-replied\nPrecedence: bulk\nX-List-Administrivia: yes\n")
    yield no("bounce-probe", "users-request@lists.example", "confirm 1f2e3d", "Your membership in the mailing list"
        " Users has been disabled due to excessive bounces. The last bounce received from you was dated"
        " 20-Sep-2026. You will not get any more messages from this list until you re-enable your"
        " membership.\n", "Precedence: bulk\n")
    yield no("support-ticket", "Support <help@relay.example>", "[#4711] Bounced mail to"
        " ben.lee@far.example", "Hello Anna,\n\nwe looked"
        " into it: the remote server answered 550 5.7.1 because your domain has no DKIM record. Please add it and"
        " try again.\n\nKind regards\nJo\n")
    yield no("monitor", "Monitoring"
        " <alerts@ops.example>", "ALERT: SMTP delivery failure rate 12 %", "Queue on mx1: 312 messages"
        " deferred, 44 bounced. Top: 550 5.1.1 user unknown (31), 421 4.7.0 try again later"
        " (11).\n", "Auto-Submitted:"
        " auto-generated\n")
    yield no("challenge", "Ben Lee <ben.lee@far.example>", "Please confirm your"
        " message", "Your message to ben.lee@far.example has not"
        " been delivered yet. Ben only takes mail from people he knows. Click https://confirm.far.example/4711 to"
        " have it delivered.\n", auto)
    yield no("dmarc-aggregate", "noreply-dmarc-support@google.com", "Report domain: shop.example Submitter:"
        " google.com Report-ID: 4711",
        "This is a DMARC aggregate report.\n", "Auto-Submitted: auto-generated\n")
    yield no("payment", "Bank <info@bank.example>", "Payment failed: returned to"
        " sender", "Your transfer of 550.00 EUR to Ben could not"
        " be delivered: the account does not exist. The amount was returned.\n")
    yield no("phish-bounce", "Mail Administrator"
        " <admin@shop-mail.example>", "You have (3) undelivered mails", "Dear anna@shop.example,"
        "\n\nyour mailbox is full and incoming messages could not be delivered. Click here to release them.\n")
    yield no("ticket-ack", "Support <help@far.example>", "We received your message"
        " [4711]", "Thank you, your message has been delivered"
        " to our team. Please do not reply to this message.\n", auto)
    yield no("read-note", "Ben Lee <ben.lee@far.example>", "Read: Your order"
        " 4711", "Your message\n\n   To: Ben Lee\n   Subject: Your"
        " order 4711\n\nwas read on Monday, 21 September 2026 12:00.\n")
    mdn = (
        'Content-Type: multipart/report; report-type=disposition-notification; boundary=b2\n\n--b2\nContent-Type:'
        ' text/plain\n\n'
        "The message sent to %TO% was displayed.\n\n--b2\nContent-Type:"
        " message/disposition-notification\n\nReporting-UA: far; Mail 1.0\nFinal-Recipient:"
        " rfc822;%TO%\nOriginal-Message-ID: %ID%\nDisposition: {}\n\n--b2--\n"
    )
    for name, what in (("mdn-read", "manual-action/MDN-sent-manually; displayed"),
                       ("mdn-deleted", "automatic-action/MDN-sent-automatically; deleted")):
        text = _head("Ben Lee <ben.lee@far.example>", "Read: Your order 4711", "") + mdn.format(what)
        yield Sample(name, _sample(name, "none", text, "").raw, "")
    fields = "User-Agent: FBL/1.0\nVersion: 1\nOriginal-Rcpt-To: %TO%"
    for feedback in ("not-spam", "auth-failure"):
        made = arf(f"arf-{feedback}", "none", "fbl@far.example", f"Feedback-Type: {feedback}\n{fields}")
        yield Sample(made.name, made.raw, "")


def mixed(name: str, told: str, sender: str, subject: str, text: str, *, charset: str = "utf-8",
    part: str = "") -> Sample:
    """multipart/mixed: words, and the email that came back."""
    parts = f"--=_b1\nContent-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: 8bit\n\n{text}\n\n"
    parts += part or "--=_b1\nContent-Type: message/rfc822\n\n%HEAD%\nHello\n\n"
    head = _head(sender, subject, 'Content-Type: multipart/mixed; boundary="=_b1"\n')
    return _sample(name, told, f"{head}\n{parts}--=_b1--\n", ID, charset)


def _later() -> Iterator[Sample]:
    """Written after the reader was mended for the others, after real ones of these programs."""
    smtp = "Remote-MTA: dns; mx.far.example\nDiagnostic-Code: smtp; "
    yield plain(
        "mailmarshal", "bounce hard", "postmaster@relay.example", 'Undeliverable Mail: "Your order 4711"',
        "Your message:\n   From:    anna@shop.example\n   Subject: Your order 4711\n\nCould not be delivered"
        " because of\n\n550 5.1.1 User unknown\n\nThe following recipients were affected: \n   "
        " %TO%\n\n\nAdditional Information\n======================\nOriginal Sender:   "
        " <anna@shop.example>\nSender-MTA:         <192.0.2.9>\nRemote-MTA:         <192.0.2.1>\nReporting-MTA:    "
        "  <relay.example>\nMessageName:        <B549996730000.000000000001.0003.mml>\n",
    )
    yield mixed(
        "activehunter", "bounce hard", '"MAILER-DAEMON"'
            ' <MAILER-DAEMON@relay.example>', "FAILURE NOTICE : Your order 4711",
        "The original message was received at Mon, 21 Sep 2026 10:00:00 +0900\nfrom shop.example\n\n  ----- The"
        " following addresses had permanent fatal errors -----\n\n>>> %TO% <%TO%>\n\n  ----- Transcript of session"
        " follows -----\n550 <%TO%>: Recipient address rejected: User unknown in local recipient table\n",
    )
    yield mixed(
        "biglobe-full", "bounce soft", "postmaster@biglobe.example", "Returned mail: Service unavailable",
        "   ----- The following addresses had delivery problems -----\n%TO%\n\n   ----- Non-delivered information"
        " -----\nThe number of messages in recipient's mailbox exceeded the local limit.\n", charset="iso-2022-jp",
    )
    yield dsn(
        "ezweb-report", "bounce hard", "Mail Administrator"
        " <Postmaster@ezweb.example>", "Mail System Error - Returned Mail",
        "次のあて先へのメッセージはエラーのため送信できませんでした。\n\n送信先メールアドレスが見つかりませんでした"
        "。\n\nThe user(s) account is disabled.\n\n<%TO%>: 550 user unknown (in reply to RCPT TO"
        " command)\n", "Reporting-MTA: dns; lsean.ezweb.example\n\n"
        "Final-Recipient: rfc822; %TO%\nAction: failed\nStatus: 5.0.0\n", kind="message/rfc822",
    )
    yield mixed(
        "kddi-full", "bounce soft", "no-reply@mail.dion.example", "メールエラー通知",
        "送信先のメールボックスが一杯のため、送信できませんでした。\n\n（　以下、サーバから出力されたエラーメッセー"
        "ジ　）\n\nYour mail sent on: Mon, 21 Sep 2026 10:00:00 +0900\n     Could not be delivered to: <%TO%>\n    "
        " As their mailbox is full.\n", charset="iso-2022-jp",
    )
    yield plain(
        "m-filter", "bounce hard", "POSTMASTER <postmaster@relay.example>", "failure notice",
        "このメールは「m-FILTER」が自動的に生成して送信しています。\nメールサーバーとの通信中、下記の理由により\nこ"
        "のメールは送信できませんでした。\n\n以下のメールアドレスへの送信に失敗しました。\n%TO%\n\n\n-------server"
        " message\n550 5.1.1 <%TO%>: Recipient address rejected: User unknown in local recipient"
        " table\n\n-------SMTP command\nDATA\n\n-------original message\n%HEAD%\nHello\n",
        charset="iso-2022-jp",
    )
    yield plain(
        "notes-japanese", "bounce hard", "postmaster@n.far.example", "Undeliverable message",
        "------- Failure Reasons  --------\n\nディレクトリのリストにありません\n%TO%\n\n------- Returned Message"
        " --------\n%HEAD%\nHello\n",
        charset="iso-2022-jp",
    )
    yield mixed(
        "openmail", "bounce hard", '"Mail Deliver System" <MAILER-DAEMON>', "Returned Mail: User unknown",
        "The original message was received at Mon, 21 Sep 2026 10:00:00 +0900 (JST) \nfrom"
        " anna@shop.example\n\n---The following addresses had delivery errors---\n\n%TO% [User unknown]\n",
    )
    yield plain(
        "vtext", "bounce hard", "post_master@vtext.example", "Re:Your order 4711",
        "Error: Invalid user address\n\nError message below:\n550 - Requested action not taken: no such user"
        " here\n\nMessage details:\n  Subject: Your order 4711\n  Sent date: Mon Sep 21 10:00:00 GMT 2026\n  MAIL"
        " FROM: anna@shop.example\n  RCPT TO: %TO%\n  From: anna@shop.example\n  Size (in bytes):"
        " 39\n", more="In-Reply-To: %ID%\n", message_id=ID,
    )
    yield dsn(
        "sendgrid-expired", "bounce soft", "MAILER-DAEMON@relay.example", "Undelivered Mail Returned to Sender",
        "This is an automatically generated message from SendGrid.\n\nI'm sorry to have to tell you that your"
        " message was not able to be\ndelivered to one of its intended recipients.\n\nben.lee:00000:<%TO%> :"
        " Connection timed out in connect",
        "X-SendGrid-QueueID: 515172155\nX-SendGrid-Sender: \nArrival-Date: 2026-09-21 10-00-00\n\nFinal-Recipient:"
        " rfc822; %TO%\nOriginal-Recipient: rfc822; %TO%\nAction: expired\nStatus: \nDiagnostic-Code: Connection"
        " timed out", kind="message/rfc822",
    )
    yield plain(
        "zoho-older", "bounce hard", "mailer-daemon@mail.zoho.example", "Undelivered Mail Returned to Sender",
        "This message was created automatically by mail delivery software.\nA message that you sent could not be"
        " delivered to one or more of its recipients. This is a permanent error. \n\n%TO% Invalid Address,"
        " ERROR_CODE :550, ERROR_CODE :Requested action not taken: mailbox unavailable\n\n\nReceived:from"
        " mail.zoho.example by mx.zoho.example\n\twith SMTP id 1418381365566172; Mon, 21 Sep 2026 02:49:25 -0800"
        " (PST)\nMessage-ID:%ID%\nDate:Mon, 21 Sep 2026 10:00:00 +0000\nFrom:Anna"
        " <anna@shop.example>\nUser-Agent:Zoho Mail\nTo:<%TO%>\nSubject:Your order 4711\n",
    )
    yield plain(
        "gmail-no-connection", "bounce soft", "Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
        "Delivery Status Notification"
        " (Failure)", "Delivery to the following recipient failed permanently:\n\n     %TO%\n\nTechnical"
        " details of permanent failure: \nThe recipient server did not accept our requests to connect. Learn more"
        " at http://support.google.com/mail/bin/answer.py?answer=7720 \n[(0) far.example. [192.0.2.222]:25: socket"
        " error]\n\n----- Original message -----\n\nDKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\n       "
        " d=shop.example; s=x;\n        b=AAAA\n%HEAD%\nHello\n", more="X-Failed-Recipients: %TO%\n",
    )
    yield plain(
        "sbc", "bounce hard", "MAILER-DAEMON@sbc.example", "Delivery failure",
        "Message from sbc.example.\nUnable to deliver message to the following address(es).\n\n<%TO%>:\nThis user"
        " doesn't have a sbc.example account (%TO%) [-9]\n\n--- Original message follows.\n\n%HEAD%\nHello\n",
    )
    yield plain(
        "exchange-plain-without-reason", "bounce soft", "postmaster@far.example", "Delivery Status Notification"
        " (Failure)",
        "This is an automatically generated Delivery Status Notification.\n\nDelivery to the following recipients"
        " failed.\n\n       %TO%\n\n",
    )
    yield plain(
        "exim-undisclosed", "bounce soft", "Mail Delivery System <Mailer-Daemon@relay.example>",
        "Mail delivery failed: returning message to sender",
        "This message was created automatically by mail delivery software.\n\nA message that you sent could not be"
        " delivered to one or more of its\nrecipients. This is a permanent error. The following address(es)"
        " failed:\n\n  an undisclosed address\n    (generated from %TO%)\n\n------ This is a copy of the message,"
        " including all the headers. ------\n\n%HEAD%\nHello\n",
        more="Auto-Submitted: auto-generated\n",
    )
    yield plain(
        "spamlion", "bounce soft", "Postmaster <>", "Undeliverable: ben.lee@far.example",
        "-" * 80 + "\nYour Message\n\nTo:      <%TO%>\n\nSubject: Your order 4711\n\nDate:    Mon, 21 Sep 2026"
        " 10:00:00 +0000\n\nDid not reach the following recipient: %TO%\n",
    )
    yield plain(
        "postponed", "delay soft", "Postmaster <postmaster@far.example>", "Mail Delivery Warning",
        "This is an advisory-only email.  Please do not reply to it.\n\nDelivery of email to this"
        " address\n\n\"%TO%\"\n\nhas been postponed due to a full mailbox.\n\nWe will continue to try to deliver"
        " your message over the next few days.\n\nThe first 50 lines of your original message follow:\n%HEAD%\n",
    )
    yield mixed(
        "sina", "bounce soft", "MAILER-DAEMON@sina.example", "邮件传输失败！",
        "sina.example.\n邮件无法发送到您指定的地址中。\n在邮件传输过程中由于外部的无法避免的错误导致邮件无法送达"
        "。\n\n<%TO%>:\n\n\n--- 附件中的内容是原信件的一份拷贝\n", charset="gb18030",
    )
    yield plain(
        "newmail", "bounce soft", "MAILER-DAEMON@newmail.example", "failure notice",
        "This is the machine generated message from mail service.\nUnfortunately, we were not able to deliver your"
        " message to the following address(es):\n\nЭто сообщение создано автоматически mail-сервисом.\nК сожалению,"
        " невозможно доставить сообщение по следующему адресу:\n\n<%TO%>:\nThis person's account is exceeding their"
        " quota.\n\n--- Below the next line is a copy of the message.\n--- Ниже этой линии находится копия"
        " сообщения.\n\nReturn-Path: <anna@shop.example>\n%HEAD%\n", charset="koi8-r",
    )
    page = (
        "<HTML>\n<HEAD>\n<TITLE>Undeliverable: Your order 4711</TITLE>\n</HEAD>\n<BODY>\n<P><FONT SIZE=2>Your"
        " message<BR>\n<BR>\n&nbsp; To:&nbsp;&nbsp;&nbsp;&nbsp;&nbsp; announce@lists.example<BR>\n&nbsp; Subject:"
        " Your order 4711<BR>\n<BR>\ndid not reach the following recipient(s):<BR>\n<BR>\n%TO% on Mon, 21 Sep 2026"
        " 10:00:00 -0300<BR>\n&nbsp;&nbsp;&nbsp; The recipient name is not recognized<BR>\n&nbsp;&nbsp;&nbsp;"
        " MSEXCH:IMS:far:CENTRAL:DC02 0 (000C05A6) Unknown Recipient<BR>\n</FONT>\n</P>\n</BODY>\n</HTML>\n"
    )
    yield plain("exchange-5.5-html", f"bounce {TO}=hard", "System Administrator <postmaster@far.example>",
        "Undeliverable: Your order 4711", page.replace("announce@lists.example", "%TO%"), kind="html")
    yield mixed(
        "exchange-x400", "bounce hard", "System Administrator"
        " <postmaster@far.example>", "Undeliverable: RE: Your order 4711",
        "Your message\n\n  To:      %TO%\n  Subject: RE: Your order 4711\n\ndid not reach the following"
        " recipient(s):\n\nc=US;a= ;p=FAR;o=Nexus2;dda:SMTP=%TO%; on Mon, 21 Sep 2026\n17:12:28 -0400\n    The"
        " recipient name is not recognized\n    MSEXCH:IMS:FAR:Nexus2:IMS-01 0 (000C05A6) Unknown Recipient\n",
    )
    yield mixed(
        "hotpop", "bounce soft", "MAILER-DAEMON@hotpop.example (Mail Delivery"
        " System)", "Undelivered Mail Returned to Sender",
        "Undeliverable Address: %TO%\n\nReason: The email you sent to the address specified\nabove has been"
        " returned because the recipient is over disk quota.  This\naccount will not be able to receive any email"
        " until the account owner\nremoves some email from the server.\n\n\nSystem Contact:"
        " postmaster@hotpop.example\n\n\nOriginal message attached (Max 5k)\n",
    )
    yield plain(
        "gmail-older-delay", "delay soft", "Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
        "Delivery Status Notification"
        " (Delay)", "This is an automatically generated Delivery Status Notification\n\nTHIS IS A WARNING"
        " MESSAGE ONLY.\n\nYOU DO NOT NEED TO RESEND YOUR MESSAGE.\n\nDelivery to the following recipient has been"
        " delayed:\n\n     %TO%\n\nMessage will be retried for 2 more day(s)\n\n   ----- Message header follows"
        " -----\n\n%HEAD%\n",
    )
    yield plain(
        "mimecast-busy", "bounce soft", '"Mail Delivery System"'
            ' <mailer-daemon@far.example>', "[Postmaster] Email Delivery Failure",
        "This is a delivery failure notification message indicating that\nan email anna@shop.example addressed to"
        " email address :\n-- %TO%\n\nWith subject Your order 4711 sent on the Mon, 21 Sep 2026 10:00:00"
        " +0000\ncould not be delivered. The problem appears to be :\n-- Recipient server unavailable or"
        " busy\n\nAdditional information follows :\n-- 4.4.4 Temporary server error. Please try again later"
        " ATTR5\n\nThis condition occurred after 30 attempt(s) to deliver over\na period of 92 hour(s) and 52"
        " minute(s).\n\nIf you sent the email to multiple recipients, you will receive one\nof these messages for"
        " each one which failed delivery,  otherwise\nthey have been sent.\n",
    )
    yield plain(
        "kundenserver-delay", "delay soft", "Mail Delivery System"
        " <mailer-daemon@kundenserver.example>", "Warning: message delayed 2 days",
        "This message was created automatically by mail delivery software.\n\nA message that you sent has not yet"
        " been delivered to one or more of\nits recipients after 2 days.\n\nThe message has not yet been delivered"
        " to the following addresses:\n\n  <%TO%>\n\nhost far.example[192.0.2.1]:\nconnection to mail exchanger"
        " failed\n\nNo action is required on your part. Delivery attempts will continue for\nsome time, and this"
        " warning may be repeated at intervals if the message\nremains undelivered. Eventually the mail delivery"
        " software will give up,\nand when that happens, the message will be returned to you.\n\n--- The header of"
        " the original message is following. ---\n\n%HEAD%\n",
    )
    yield postfix(
        "postfix-expanded-from", "delay soft", "<box@inner.example> (expanded from <%TO%>): temporary failure."
        " Command output:\nQuota\n    exceeded message delivery"
        " failed", "4.3.0", "Diagnostic-Code: x-unix; Quota exceeded message delivery failed to"
        "\n    /mail/mbx/INBOX", "delayed",
    )
    yield dsn(
        "exchange-french", "bounce hard", "postmaster@far.example", "Non remis : Your order 4711",
        "Échec de la remise pour ces destinataires ou groupes :\n\n%TO%\nL'adresse de messagerie que vous avez"
        " entrée est introuvable.",
        "Reporting-MTA: dns;ex.far.example\n\nFinal-Recipient: rfc822;%TO%\nAction: failed\nStatus:"
        " 5.1.1\nDiagnostic-Code: smtp;550 5.1.1 RESOLVER.ADR.ExRecipNotFound; not found", kind="message/rfc822",
    )
    yield plain(
        "exchange-swedish", "bounce hard", "postmaster@far.example", "Det gick inte att leverera: Your order 4711",
        "Det gick inte att leverera till följande mottagare eller grupper:\n\n%TO%\nDet gick inte att hitta"
        " e-postadressen. Den finns inte.\n\n550 5.1.1 RESOLVER.ADR.RecipNotFound; not found\n",
    )
    yield plain(
        "exchange-czech-full", "bounce soft", "postmaster@far.example", "Nedoručitelné: Your order 4711",
        "Doručení se nezdařilo těmto příjemcům nebo skupinám:\n\n%TO%\nPoštovní schránka příjemce je plná a nemůže"
        " přijímat zprávy.\n",
    )
    yield plain(
        "exchange-turkish", "bounce hard", "postmaster@far.example", "Teslim edilemedi: Your order 4711",
        "Bu alıcılara veya gruplara teslim edilemedi:\n\n%TO%\nGirdiğiniz e-posta adresi bulunamadı.\n",
    )
    yield postfix("wording-user-over-limit", "bounce soft", "<%TO%>: said", "5.0.0", smtp + "550 Maildir over quota"
        " / delivery failed")
    yield postfix("wording-no-account", "bounce hard", "<%TO%>: said", "5.0.0", smtp + "550 #5.1.0 Address"
        " rejected. %TO%")
    yield postfix("wording-cox", "bounce block", "<%TO%>: said", "5.0.0", smtp + "554 cox.example cmsmtp 192.0.2.9"
        " blocked. Error Code: AUP#POL")
    yield postfix("wording-comcast", "bounce hard", "<%TO%>: said", "5.1.1", smtp + "550 5.1.1 Not our Customer")
    yield postfix("wording-helo", "bounce block", "<%TO%>: said", "5.7.1", smtp + "550 5.7.1 <shop.example>: Helo"
        " command rejected: Host not found")
    yield postfix("wording-starttls", "bounce block", "<%TO%>: said", "5.7.4", "Diagnostic-Code: X-Postfix; TLS is"
        " required, but was not offered by host mx.far.example[192.0.2.1]")
    yield postfix("wording-mx-lookup", "bounce soft", "<%TO%>: said", "4.4.3", "Diagnostic-Code: X-Postfix; Host or"
        " domain name not found. Name service error for name=far.example type=MX: Host not found, try again")
    yield postfix("wording-suspended", "bounce hard", "<%TO%>: said", "5.2.1", smtp + "554 5.2.1 This account has"
        " been suspended for abuse")
    yield arf("arf-comcast", "complaint"
        " none", "feedbackloop@comcast.example", "Feedback-Type: abuse\nUser-Agent: ReturnPathFBL/1.0\nVersion:"
        " 0.1\nOriginal-Mail-From: anna@shop.example\nOriginal-Rcpt-To: %TO%\nSource-IP:"
        " 192.0.2.9\nAuthentication-Results: mx.example; dkim=pass")


def _later_others() -> Iterator[Sample]:
    """Mail of servers that reports no failure, and mail that speaks of failures."""

    def no(name: str, sender: str, subject: str, body: str, more: str = "") -> Sample:
        return Sample(name, plain(name, "none", sender, subject, body, more=more).raw, "")

    auto = "Auto-Submitted: auto-replied\n"
    yield no("null-path-vacation", "Ben Lee <ben.lee@far.example>", "Automatic reply: Your order"
        " 4711", "I am out of office. Your message"
        " has been delivered but will not be read. For help: kim@far.example.\n", auto)
    yield no("quarantine-digest", "Postmaster"
        " <postmaster@shop.example>", "Quarantine summary: 3 new messages", "These messages were held:"
        "\n\n  From: offers@shop-mail.example  Subject: Cheap\n  From: kim@near.example  Subject: Hello\n\nRelease"
        " them at https://mail.shop.example/q\n")
    yield no("quota-warning", "Mail System"
        " <postmaster@shop.example>", "Your mailbox is almost full", "Your mailbox anna@shop.example uses"
        " 95 % of its quota. Delete mail, or ask support@shop.example for more.\n")
    yield no("cron", "root@ops.example (Cron"
        " Daemon)", "Cron <root@ops> /usr/bin/backup", "backup failed: could not send to"
        " store@backup.example: 550 no such user\n", "Auto-Submitted: auto-generated\n")
    yield no("postmaster-person", "Jo (postmaster)"
        " <postmaster@far.example>", "Re: your mail about Ben", "Hi Anna, Ben's address is"
        " benjamin@far.example now. The old one goes at the end of the month. Jo\n")
    yield no("list-welcome", "Listserv <listserv@lists.example>", "You are now subscribed to"
        " USERS", "Send mail to users@lists.example. To"
        " leave write to listserv@lists.example.\n")
    yield no("order-undelivered", "Shop <orders@far.example>", "Undelivered items in order"
        " 4711", "Two items could not be delivered and were"
        " returned to us. Write to service@far.example.\n")
    yield no("german-parcel", "Paket <info@paket.example>", "Zustellung"
        " fehlgeschlagen", "Ihr Paket konnte nicht zugestellt werden: Empfänger"
        " unbekannt verzogen. Fragen an hilfe@paket.example.\n")
    yield no("mail-service-offer", "Mail Delivery Pro"
        " <sales@mdp.example>", "Is your mail rejected? 550 5.7.1 explained", "We help when mail"
        " is blocked. Write to sales@mdp.example.\n", "List-Unsubscribe: <https://mdp.example/u>\nPrecedence: bulk\n")
    bounce = _head("MAILER-DAEMON@mx.relay.example", "Undelivered Mail Returned to"
        " Sender", "Content-Type: text/plain\n")
    text = (
        _head("Ben Lee <ben.lee@far.example>", "Fwd: it came"
            " back", 'Content-Type: multipart/mixed; boundary="=_b1"\n')
        + "\n--=_b1\nContent-Type: text/plain\n\nLook what I got.\n\n--=_b1\nContent-Type: message/rfc822\n\n"
        + f"{bounce}\n<kim@near.example>: 550 5.1.1 user unknown\n\n%HEAD%\n--=_b1--\n"
    )
    yield Sample("attached-bounce", _sample("attached-bounce", "none", text, "").raw, "")


def _last() -> Iterator[Sample]:
    """Written after the reader was mended for those in turn, once more after real ones."""
    smtp = "Remote-MTA: dns; mx.far.example\nDiagnostic-Code: smtp; "
    yield plain(
        "exchange-4", "bounce hard", "System Administrator"
        " <postmaster@far.example>", "Undeliverable: Your order 4711",
        "\nYour message did not reach some or all of the intended recipients.\n\n      To:\tanna@shop.example\n    "
        "  Subject:\tYour order 4711\n      Sent:\t9/21/26 11:34:45 PM\n\nThe following recipient(s) could not be"
        " reached:\n\n      %TO% on 9/21/26 11:34:45 PM\n            Recipient Not Found\n           "
        " MSEXCH:IMC:FAR:SITE:EX\n",
    )
    yield plain(
        "imail-userid", "bounce hard", '"Postmaster" <postmaster@far.example>', "Undeliverable Mail",
        "Invalid final delivery userid: %TO%\n\n\nOriginal message follows.\n\nDate: Mon, 21 Sep 2026 10:00:00"
        " +0000\nMessage-Id: %ID%\nMime-Version: 1.0\nFrom: \"Anna\" <anna@shop.example>\nTo: <%TO%>\nSubject: Your"
        " order 4711\n\nHello\n",
    )
    yield dsn(
        "oracle", "bounce hard", "postmaster@relay.example", "Delivery Notification: Delivery has failed",
        "This report relates to a message you sent with the following header fields:\n\n  Message-id: %ID%\n  To:"
        " %TO%\n  Subject: Your order 4711\n\nYour message cannot be delivered to the following recipients:\n\n "
        " Recipient address: %TO%\n  Reason: Illegal host/domain name"
        " found\n", "Original-envelope-id: 0NFC00LXUMNGMH40@relay.example\nReporting-MTA: dns;relay.example"
        " (tcp-daemon)\n\nOriginal-recipient: rfc822;%TO%\nFinal-recipient: rfc822;%TO%\nAction: failed\nStatus:"
        " 5.4.4 (Illegal host/domain name found)\n",
        kind="message/rfc822",
    )
    css = "<style>\n" + "table.twelve { width: 100% !important; color: #f8842e }\n" * 200 + "</style>"
    yield mixed(
        "aol-html", "bounce hard", "Postmaster"
        " <Postmaster@aol.example>", "Undeliverable: Your order 4711", "", part="--=_b1\n"
        "Content-Type: text/html; charset=UTF-8\n\n<!DOCTYPE html><html><head><style>@media screen { body { margin:"
        " 0 } }</style></head>"
        f"<body>{css}<table><tr><td>Your message to <b>%TO%</b> could not be delivered.</td></tr><tr><td>550 5.1.1"
        f" &lt;%TO%&gt;: Recipient"
        " address rejected: aol.example</td></tr></table></body></html>\n\n--=_b1\nContent-Type:"
        " message/rfc822\n\n%HEAD%\nHello\n\n",
    )
    yield dsn(
        "facebook", "bounce hard", "Facebook <mailer-daemon@mx.facebook.example>", "Sorry, your message could not"
        " be delivered",
        "This message was created automatically by Facebook.\n\nBased on the email preferences of the person you're"
        " trying to email, this message could not be"
        " delivered.", "Reporting-MTA: dns; 10.138.205.200\n\nDiagnostic-Code: SMTP; 550 5.1.1 RCP-P1"
        " http://postmaster.facebook.example/response_codes?ip=192.0.2.54#rcp Recipient address does not"
        " exist\nStatus: 5.1.1\nFinal-Recipient: rfc822; %TO%\nLast-Attempt-Date: Mon, 21 Sep 2026 10:00:00"
        " -0700\nAction: failed", original="", message_id="",
    )
    twice = (
        "  %TO%\n    SMTP error from remote mail server after RCPT TO:<%TO%>:\n    host mx.far.example"
        " [192.0.2.222]: 550 5.2.2 <%TO%>... Mailbox Full\n\n"
    )
    yield plain(
        "mail.ru-two-languages", "bounce soft", "mailer-daemon@corp.mail.example", "Ваше сообщение не доставлено."
        " Mail failure.",
        "Это письмо создано автоматически сервером Mail.Ru, отвечать на него не нужно.\n\nК сожалению, Ваше письмо"
        " не может быть доставлено"
        f" одному или нескольким получателям:\n\n{twice}Рекомендуем Вам проверить корректность указания адресов"
        f" получателей.\n\n"
        "**********************\n\n\nThis message was created automatically by mail delivery software.\n\nA message"
        " that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The"
        " following address(es) failed:\n\n"
        f"{twice}------ This is a copy of the message, including all the headers. ------\n\n%HEAD%\nHello\n",
        more="X-Failed-Recipients: %TO%\n",
    )
    yield plain(
        "sendmail-5", "bounce hard", "Mail Delivery Subsystem"
        " <MAILER-DAEMON@relay.example>", "Returned mail: Host unknown",
        "   ----- Transcript of session follows -----\n550 far.example (smtp)... 550 Host unknown\n554 <%TO%>..."
        " 550 Host unknown (Authoritative answer from name server)\n\n   ----- Unsent message follows"
        " -----\nReceived: by mx5.example; (5.65/1.37) id 0000000; \n    Mon, 21 Sep 2026 10:00:00 +0900\nFrom:"
        " anna@shop.example\nTo: %TO%\nSubject: Your order 4711\nMessage-Id: %ID%\n\nHello\n",
    )
    yield dsn(
        "sendmail-pipe", "bounce block", "Mail Delivery Subsystem"
        " <MAILER-DAEMON@far.example>", "Returned mail: Service unavailable",
        "   ----- The following addresses had permanent fatal errors -----\n\"|IFS=' ' && exec"
        " /usr/local/bin/procmail -f- || exit 75 #ben\"\n    (expanded from: <%TO%>)\n\n   ----- Transcript of"
        " session follows -----\n554 \"|IFS=' ' && exec procmail\"... Service"
        " unavailable", "Reporting-MTA: dns; far.example\n\nFinal-Recipient: RFC822; %TO%\nX-Actual-Recipient:"
        " RFC822; |IFS=' ' && exec procmail #ben@far.example\nAction: failed\nStatus: 5.5.0\n",
    )
    yield dsn(
        "ses-docomo", "bounce hard", "MAILER-DAEMON@email-bounces.amazonses.example", "Delivery Status Notification"
        " (Failure)",
        "The following message to <%TO%> was undeliverable.\nThe reason for the problem:\n5.3.0 - Other mail system"
        " problem 550-'Unknown user"
        " %TO%'", "Reporting-MTA: dns; a192-79.smtp-out.amazonses.example\n\nFinal-Recipient: rfc822;%TO%\nAction:"
        " failed\nStatus: 5.0.0 (permanent failure)\nRemote-MTA: dns; [192.0.2.1]\nDiagnostic-Code: smtp; 5.3.0 -"
        " Other mail system problem 550-'Unknown user %TO%' (delivery attempts: 0)", kind="message/rfc822",
    )
    yield plain(
        "earthlink-quota", "bounce soft", "MAILER-DAEMON@relay.example", "failure notice",
        "Sorry, unable to deliver your message to %TO% for\nthe following reason:\n\n 552 Quota violation for"
        " %TO%\n\nA copy of the original message below this line:\n\n%HEAD%\nHello\n",
    )
    # A sender like any other, and nothing that ties it to an email: it is not read.
    yield plain(
        "gateway-still-trying", "none", "Symantec_AntiVirus_for_SMTP_Gateways@relay.example",
        "Delivery failure notification",
        "Your message with Subject: Your order 4711\ncould not be delivered to the following"
        " recipients:\n\n%TO%\n\nPlease do not resend your original message.\n\nDelivery attempts will continue to"
        " be made for 5  day(s).\n",
    )
    yield mixed(
        "mdaemon-unknown", "bounce hard", "MDaemon@far.example", "Warning: ben.lee@far.example - User unknown!",
        "%TO% - no such user here.\n\nThere is no user by that name at this server.\n\n: Message contains [1] file"
        " attachments\n",
    )
    yield mixed(
        "amen", "bounce hard", "Mail Delivery System"
        " <Mail.Delivery.System@relay.example>", "Delivery status notification",
        f"{'=' * 76}\n      This is an automatically generated Delivery Status Notification.      \n\nDelevery to"
        f" the following recipients"
        f" failed permanently:\n\n   * %TO%\n\n\n{'=' * 76}\n                             Technical details:       "
        f"                      \n\n"
        f"SMTP:RCPT host 192.0.2.20: 553 5.3.0 <%TO%>... No such user here\n\n\n{'=' * 76}\n",
    )
    yield plain(
        "lttf", "bounce hard", '"System Administrator"@relay.example', "Delivery Failure",
        "\nCould not deliver message to the following recipient(s):\n\nFailed Recipient: %TO%\nReason: Remote host"
        " said: 550 unknown user <%TO%>\n\n   -- The header and top 20 lines of the message follows --\n\n%HEAD%\n",
    )
    yield dsn(
        "netscape", "bounce soft", "Mail Administrator"
        " <Postmaster@relay.example>", "Mail System Error - Returned Mail",
        "This Message was undeliverable due to the following reason:\n\nYour message was not delivered because the"
        " destination computer was\nnot reachable within the allowed queue period.  The amount of time\na message"
        " is queued before it is returned depends on local configura-\ntion parameters.\n\nYour message was not"
        " delivered within 2 days.\nHost far.example is not responding.\n\nThe following recipients did not receive"
        " your message:\n\n     <%TO%>\n\nPlease reply to Postmaster@relay.example\nif you feel this message to be"
        " in error.\n", "Reporting-MTA: dns; relay.example\nReceived-From-MTA: dns; [192.0.2.9]\nArrival-Date: Mon,"
        " 21 Sep 2026 16:50:34 -0400\n", kind="message/rfc822",
    )
    yield plain(
        "yahoo-discontinued-two", f"bounce {TO}=hard"
            f" kim@far.example=soft", "MAILER-DAEMON@yahoo.example", "Delivery failure",
        "Message from yahoo.example.\nUnable to deliver message to the following address(es).\n\n<%TO%>:\nSorry"
        " your message to %TO% cannot be delivered. This account has been disabled or"
        " discontinued.\n\n<kim@far.example>:\nSorry your message to kim@far.example cannot be delivered. This"
        " account is over quota.\n\n--- Original message follows.\n\nMessage-ID: %ID%\nFrom: anna@shop.example\nTo:"
        " %TO%, kim@far.example\n",
    )
    yield plain(
        "mailenable-older", "bounce hard", '"Delivery Subsystem"'
            ' <POSTMASTER@relay.example>', "Message Delivery Failure",
        "MailEnable: Message could not be delivered to some recipients.\nThe following recipient(s) could not be"
        " reached:\n\n\tRecipient: [SMTP:%TO%]\n\tReason: Remote SMTP Server Returned: 550 Requested action not"
        " taken: mailbox unavailable or not local.\n\n\nMessage headers"
        " follow:\n\n%HEAD%\n", more="Precedence: bulk\nAuto-Submitted: auto-replied\n",
    )
    yield plain(
        "mxlogic", "bounce hard", '"Mail Delivery System" <MAILER-DAEMON@relay.example>', "Mail delivery failed",
        "This message was created automatically by mail delivery software.\n\nA message that you have sent could"
        " not be delivered to one or more\nrecipients.  This is a permanent error.  The following address"
        " failed:\n\n  <%TO%>: 550 unknown user\n<%TO%>\n\n\n\nIncluded is"
        f" a copy of the message header:\n{'-' * 41}\n%HEAD%\n",
    )
    yield dsn(
        "status-without-recipient", "bounce soft", "Mail Delivery System <>", "Delivery status notification",
        "      This is an automatically generated Delivery Status Notification.      \n\nDelivery to the following"
        " recipients failed permanently:\n\n   *"
        " %TO%\n", "Reporting-MTA: dns; av2.relay.example [192.0.2.40]\nArrival-Date: Mon, 21 Sep 2026 10:00:00"
        " +0200\n",
        kind="message/rfc822",
    )
    yield plain(
        "danish-full", "bounce soft", "postmaster@far.example", "Kan ikke leveres: Your order 4711",
        "Levering mislykkedes til disse modtagere eller grupper:\n\n%TO%\nModtagerens postkasse er fuld og kan ikke"
        " modtage meddelelser nu.\n",
    )
    yield plain(
        "polish-unknown", "bounce hard", "postmaster@far.example", "Niedostarczone: Your order 4711",
        "Dostarczenie do następujących adresatów lub grup nie powiodło się:\n\n%TO%\nNie można odnaleźć"
        " wprowadzonego adresu e-mail.\n",
    )
    yield plain(
        "hungarian-unknown", "bounce hard", "postmaster@far.example", "Kézbesíthetetlen: Your order 4711",
        "A kézbesítés nem sikerült a következő címzettekhez vagy csoportokhoz:\n\n%TO%\nA megadott e-mail-cím nem"
        " található.\n",
    )
    for name, class_, status, why in (
        ("said-recipient-limit", "soft", "4.5.3", "452 4.5.3 Too many recipients"),
        ("said-gone", "hard", "5.1.1", "550 5.1.1 This mailbox is no longer monitored and has been closed"),
        ("said-unknown-local", "hard", "5.1.1", "550 5.1.1 unknown local-part \"ben.lee\" in domain \"far.example\""),
        ("said-spf-hardfail", "block", "5.7.1", "550 5.7.1 SPF check failed: 192.0.2.9 is not permitted to send for"
            " shop.example"),
        ("said-content", "block", "5.0.0", "550 Message contains a prohibited attachment"),
        ("said-talos", "block", "5.0.0", "554 Your access to this mail system has been rejected due to the sending"
            " MTA's poor reputation."),
        ("said-not-local", "hard", "5.0.0", "550 sorry, no mailbox here by that name (#5.1.1 - chkuser)"),
        ("said-out-of-space", "soft", "5.0.0", "554 The recipient's storage is exhausted"),
    ):
        yield postfix(name, f"bounce {class_}", f"<%TO%>: host mx.far.example[192.0.2.1] said:\n   "
            f" {why}", status, smtp + why)


REPORTS: Final = (*_servers(), *_more_servers(), *_odd_reports())
OTHERS: Final = tuple(_others())
LATER: Final = tuple(_later())
LATER_OTHERS: Final = tuple(_later_others())
LAST: Final = tuple(_last())
