"""Two further sets of what servers say, each written before the reader was tried on it: how many it got right at first
sight is in bench/README.md. `SECOND` was written when the reader had learnt from `FIRST`.

Of each: what it is, and of which recipient (as we wrote it) it says what; see bounces.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bounces import TO, Sample, arf, dsn, exim, plain, postfix, qmail

DSN: Final = (
    "Reporting-MTA: dns;{0}\n\nFinal-Recipient: rfc822;%TO%\nAction: {1}\nStatus: {2}\nDiagnostic-Code: smtp;{3}\n"
)

# fmt: off
# Formatted, each would take thrice the lines.


def office(name: str, told: str, subject: str, text: str, status: str, diagnostic: str) -> Sample:
    """Exchange Online: words in the language of the sender's tenant, fields for programs."""
    return dsn(name, told, "Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@far.example>", subject,
        f"<html><body><p>{text}</p><p>%TO%</p></body></html>",
        DSN.format("AM0PR01.prod.outlook.com", "failed", status, diagnostic), kind="message/rfc822", text_kind="html")


def _first() -> Iterator[Sample]:
    yield exim("exim-relay-550", "bounce hard", "    host mx.far.example [192.0.2.1]\n    SMTP error from remote mail"
        " server after RCPT TO:<%TO%>:\n    550 5.1.1 <%TO%>: Recipient address rejected: undeliverable address")
    yield exim("exim-unrouteable", "bounce hard", "    Unrouteable address")
    yield exim("exim-retry-timeout", "bounce soft", "    retry timeout exceeded")
    yield exim("exim-quota-pipe", "bounce soft", "    (generated from ben@far.example)\n    mailbox is full"
        " (MTA-imposed"
        " quota exceeded while writing to file /var/mail/ben)")
    yield exim("exim-spamhaus", "bounce block", "    host mx.far.example [192.0.2.1]\n    SMTP error from remote mail"
        " server after MAIL FROM:<anna@shop.example>:\n    554 5.7.1 Service unavailable; Client host [192.0.2.9]"
        " blocked using zen.spamhaus.org")
    yield qmail("qmail-no-mailbox", "bounce hard", "Sorry, no mailbox here by that name. (#5.1.1)")
    yield qmail("qmail-cname", "bounce hard", "Sorry, I couldn't find any host named far.example. (#5.1.2)")
    yield qmail("qmail-long", "bounce soft", "192.0.2.1 failed after I sent the message.\nRemote host said: 452 4.3.1"
        " Insufficient system storage\nI'm not going to try again; this message has been in the queue too long.")
    yield qmail("qmail-vpopmail-bounced", "bounce hard", "This address no longer accepts mail.")
    yield office("office-german", "bounce hard", "Unzustellbar: Your order 4711", "Ihre Nachricht an ben.lee konnte"
        " nicht"
        " zugestellt werden. ben.lee wurde bei far.example nicht gefunden.", "5.1.10",
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup")
    yield office("office-french", "bounce block", "Non remis : Your order 4711", "Votre message à ben.lee n’a pas pu"
        " être"
        " remis. L’organisation de ben.lee n’accepte pas votre message.", "5.7.133",
        "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required")
    yield office("office-spanish-full", "bounce soft", "No se puede entregar: Your order 4711", "No se pudo entregar el"
        " mensaje. El buzón del destinatario está lleno.", "5.2.2", "554 5.2.2 mailbox full;"
        " STOREDRV.Deliver.Exception:"
        "QuotaExceededException")
    yield office("office-portuguese", "bounce hard", "Não é possível entregar: Your order 4711", "Não foi possível"
        " entregar a sua mensagem. ben.lee não foi encontrado em far.example.", "5.1.1", "550 5.1.1 User unknown")
    yield office("office-japanese", "bounce block", "配信不能: Your order 4711", "ben.lee へのメッセージを配信できま"
        "せんでした。"
        "外部からのメールは受け付けていません。", "5.7.1", "550 5.7.1 Delivery not authorized, message refused")
    yield office("office-italian-loop", "bounce soft", "Non recapitabile: Your order 4711", "Impossibile recapitare il"
        " messaggio.", "5.4.14", "554 5.4.14 Hop count exceeded - possible mail loop ATTR34")
    google = "Mail Delivery Subsystem <mailer-daemon@googlemail.com>"
    yield dsn("gmail-not-found", "bounce hard", google, "Delivery Status Notification (Failure)",
        "** Address not found **\n\nYour message wasn't delivered to %TO% because the address couldn't be found, or is"
        " unable to receive mail.", "Reporting-MTA: dns; googlemail.com\nArrival-Date: Mon, 21 Sep 2026 03:00:00 -0700"
        " (PDT)\nX-Original-Message-ID: %ID%\n\nFinal-Recipient: rfc822; %TO%\nAction: failed\nStatus: 5.1.1\n"
        "Remote-MTA: dns; mx.far.example. (192.0.2.1, the server for the domain far.example.)\nDiagnostic-Code:"
        " smtp; 550"
        " 5.1.1 <%TO%> User doesn't exist\n", kind="message/rfc822")
    yield dsn("gmail-blocked", "bounce block", google, "Delivery Status Notification (Failure)",
        "** Message blocked **\n\nYour message to %TO% has been blocked.", DSN.format("googlemail.com", "failed",
        "5.7.1", "550-5.7.1 [192.0.2.9] Our system has detected that this message is likely unsolicited mail."),
        kind="message/rfc822")
    yield dsn("gmail-delay", "delay soft", google, "Delivery Status Notification (Delay)",
        "** Delivery incomplete **\n\nThere was a temporary problem delivering your message to %TO%. Gmail will"
        " retry for"
        " 45 more hours.", DSN.format("googlemail.com", "delayed", "4.4.1", "The recipient server did not accept our"
        " requests to connect."), kind="message/rfc822")
    yield plain("yahoo-disabled", "bounce hard", "MAILER-DAEMON@yahoo.com", "Failure Notice",
        "Sorry, we were unable to deliver your message to the following address.\n\n<%TO%>:\n554: delivery error: dd"
        " Not a"
        " valid recipient - atlas-production.v2-mail-prod1-gq1.omega.yahoo.com\n\n--- Below this line is a copy of the"
        " message.\n\n%HEAD%\nHello\n")
    yield plain("gmx-de", "bounce hard", "GMX Mailer Daemon <mailer-daemon@gmx.de>", "Mail delivery failed: returning"
        " message to sender", "This message was created automatically by mail delivery software.\n\nA message that"
        " you sent"
        " could not be delivered to one or more of\nits recipients. This is a permanent error. The following address\n"
        "failed:\n\n%TO%:\nSMTP error from remote server for RCPT TO command, host: mx.far.example (192.0.2.1)"
        " reason: 550"
        " Requested action not taken: mailbox unavailable\n\n--- The header of the original message is following."
        " ---\n\n"
        "%HEAD%\n")
    yield postfix("postfix-dovecot-quota", "bounce soft", "<%TO%>: host mx.far.example[private/dovecot-lmtp] said:"
        " 552 5.2.2"
        " <%TO%> Quota exceeded (mailbox for user is full) (in reply to end of DATA command)", "5.2.2",
        "Diagnostic-Code: smtp; 552 5.2.2 <%TO%> Quota exceeded (mailbox for user is full)")
    yield postfix("postfix-refused", "bounce soft", "<%TO%>: connect to mx.far.example[192.0.2.1]:25: Connection"
        " refused",
        "4.4.1", "Diagnostic-Code: X-Postfix; connect to mx.far.example[192.0.2.1]:25: Connection refused")
    yield postfix("postfix-null-mx", "bounce hard", "<%TO%>: Domain far.example does not accept mail (nullMX)", "5.1.0",
        "Diagnostic-Code: X-Postfix; Domain far.example does not accept mail (nullMX)")
    sendmail = "Mail Delivery Subsystem <MAILER-DAEMON@relay.example>"
    yield dsn("sendmail-unknown", "bounce hard", sendmail, "Returned mail: see transcript for details",
        "The original message was received at Mon, 21 Sep 2026 10:00:00 GMT\nfrom shop.example [192.0.2.9]\n\n  "
        " ----- The"
        " following addresses had permanent fatal errors -----\n<%TO%>\n    (reason: 550 5.1.1 <%TO%>... User"
        " unknown)\n",
        DSN.format(" relay.example", "failed", "5.1.1", "550 5.1.1 <%TO%>... User unknown"))
    yield dsn("sendmail-warning", "delay soft", sendmail, "Warning: could not send message for past 4 hours",
        "    **********************************************\n    **      THIS IS A WARNING MESSAGE ONLY      **\n   "
        " ** "
        " YOU DO NOT NEED TO RESEND YOUR MESSAGE  **\n", DSN.format("relay.example", "delayed", "4.4.3",
        "451 far.example: Name server timeout"))
    yield plain("domino-no-fields", "bounce hard", "Postmaster@far.example", "DELIVERY FAILURE: User ben.lee"
        " (ben.lee@far."
        "example) not listed in Domino Directory", "Your message\n\n  Subject: Your order 4711\n\nwas not delivered"
        " to:\n\n  %TO%\n\nbecause:\n\n  User ben.lee (%TO%) not listed in Domino Directory\n", message_id="")
    yield plain("mdaemon", "bounce hard", "MDaemon at far.example <MDaemon@far.example>", "Permanent Delivery Failure",
        "The attached message had PERMANENT fatal delivery errors!\n\nAfter one or more unsuccessful delivery"
        " attempts the"
        " attached message has\nbeen removed from the mail queue on this server.\n\nFailed address: %TO%\n\n--- Session"
        " Transcript ---\n Mon 10:00:01: [1:2] <-- 550 <%TO%>, Recipient unknown\n", message_id="")
    yield plain("barracuda", "bounce block", "postmaster@barracuda.far.example", "**Message you sent blocked by our"
        " bulk"
        " email filter**", "Your message to: %TO%\nwas blocked by our Spam Firewall. The email you sent with the"
        " following"
        " subject has NOT BEEN DELIVERED:\n\nSubject: Your order 4711\n", message_id="")
    yield plain("mimecast", "bounce block", "<postmaster@mimecast.far.example>", "[Postmaster] Email Delivery Failure",
        "This is the mail delivery agent at messagelabs.\nI was unable to deliver your message to the following"
        " addresses:\n\n%TO%\n\nReason: 554 Email rejected due to security policies - MCSpamSignature.sa.16.1\n\nThe"
        " message"
        " subject was: Your order 4711\n", message_id="")
    yield plain("proofpoint", "bounce block", "MAILER-DAEMON@pphosted.far.example", "Undeliverable: Your order 4711",
        "The following recipient(s) could not be reached:\n\n   %TO%\n      550 5.7.1 Message blocked due to spam"
        " content in"
        " the message.\n", message_id="")
    yield plain("zoho", "bounce hard", "mailer-daemon@mail.zoho.com", "Undelivered Mail Returned to Sender",
        "This message was created automatically by mail delivery software.\nA message that you sent could not be"
        " delivered"
        " to one or more of its recipients. This is a permanent error.\n\n%TO% Invalid Recipient, ERROR CODE :550 -"
        " 5.1.1"
        " User does not exist\n\nReceived:from mail.zoho.com by mx.zohomail.com\n\t\nMessage-ID: %ID%\nFrom: Anna"
        " <anna@shop.example>\nTo: %TO%\n")
    yield dsn("icloud", "bounce soft", "Mail Delivery System <MAILER-DAEMON@icloud.far.example>", "Undelivered Mail"
        " Returned"
        " to Sender", "I'm sorry to have to inform you that your message could not be delivered.", DSN.format(
        "x-dns; st11p00im.me.com", "failed", "5.2.2", "552 5.2.2 <%TO%>: user is over quota"))
    yield plain("mail-ru", "bounce hard", "mailer-daemon@corp.mail.ru", "Mail failure.", "This message was created"
        " automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of"
        " its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  %TO%\n    SMTP error from"
        " remote mail server after RCPT TO:<%TO%>:\n    550 Message was not accepted -- invalid mailbox.  Local"
        " mailbox %TO%"
        " is unavailable: user not found\n\n------ This is a copy of the message, including all the headers. ------\n\n"
        "%HEAD%\n")
    yield plain("qq", "bounce hard", "PostMaster@qq.com", "来自qq.com的退信", "抱歉，您的邮件被退回来了……\n\n原邮件"
        "信息：\n时间 2026-"
        "09-21 10:00\n主题 Your order 4711\n收件人 %TO%\n\n退信原因：收件人邮件地址（%TO%）不存在，邮件无法送达"
        "。\nhost mx.far.example"
        " said: 550 Mailbox not found\n", message_id="")
    yield plain("netease-163", "bounce block", "Postmaster@163.com", "系统退信/Systems bounce", "很抱歉，您的邮件没"
        "有发送成功。\n您发送给"
        " %TO% 的邮件被退回。\n退信代码： 554 DT:SPM 发送的邮件内容包含了未被许可的信息，被识别为垃圾邮"
        "件\n", message_id="")
    yield dsn("ses", "bounce hard", "MAILER-DAEMON@eu-west-1.amazonses.com", "Delivery Status Notification (Failure)",
        "An error occurred while trying to deliver the mail to the following recipients:\n%TO%", "Reporting-MTA: dns;"
        " a6-30.smtp-out.eu-west-1.amazonses.com\n\nAction: failed\nFinal-Recipient: rfc822; %TO%\nDiagnostic-Code:"
        " smtp;"
        " 550 5.4.1 Recipient address rejected: Access denied. AS(201806281)\nStatus: 5.4.1\n", kind="message/rfc822")
    yield dsn("ses-suppressed", "bounce hard", "MAILER-DAEMON@amazonses.com", "Delivery Status Notification (Failure)",
        "Amazon SES did not send the message to this address because it is on the suppression list for your account.",
        DSN.format("amazonses.com", "failed", "5.1.1", "Amazon SES did not send the message to this address because"
        " it is on"
        " the suppression list for your account"), kind="message/rfc822")
    yield dsn("courier", "bounce hard", "\"Courier mail server at relay.example\" <@relay.example>", "NOTICE: mail"
        " delivery"
        " status.", "This is a delivery status notification from relay.example,\nrunning the Courier mail server,"
        " version"
        " 1.0.\n\n               UNDELIVERABLE MAIL\n\nYour message to the following recipients cannot be"
        " delivered:\n\n"
        "<%TO%>:\n    mx.far.example [192.0.2.1]:\n>>> RCPT TO:<%TO%>\n<<< 550 User unknown.\n",
        DSN.format(" relay.example", "failed", "5.0.0", " 550 User unknown."), kind="message/rfc822")
    yield dsn("zimbra", "bounce hard", "MAILER-DAEMON@zimbra.relay.example (Mail Delivery System)", "Undelivered Mail"
        " Returned to Sender", "This is the mail system at host zimbra.relay.example.\n\n<%TO%>: unknown user:"
        " \"ben.lee\"",
        DSN.format(" zimbra.relay.example", "failed", "5.1.1", " unknown user: \"ben.lee\""))
    yield plain("hmailserver", "bounce hard", "mailer-daemon@relay.example", "Message undeliverable: Your order 4711",
        "Your message did not reach some or all of the intended recipients.\n\n   Sent: Mon, 21 Sep 2026 10:00:00"
        " +0000\n  "
        " Subject: Your order 4711\n\nThe following recipient(s) could not be reached:\n\n%TO%\n   Error Type: SMTP\n  "
        " Remote server (192.0.2.1) issued an error.\n   hMailServer sent: RCPT TO:<%TO%>\n   Remote server replied:"
        " 550"
        " Unknown user\n\nhMailServer\n", message_id="")
    yield plain("opensmtpd", "bounce hard", "Mailer Daemon <MAILER-DAEMON@relay.example>", "Delivery status"
        " notification:"
        " error", "    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this email.\n\n    An error has"
        " occurred"
        " while attempting to deliver a message for\n    the following list of recipients:\n\n%TO%: 550 Invalid"
        " recipient:"
        " <%TO%>\n\n    Below is a copy of the original message:\n\n%HEAD%\n")
    yield dsn("haraka", "bounce hard", "MAILER-DAEMON@relay.example", "failed mail", "This is the mail delivery"
        " agent at"
        " relay.example.\nI'm afraid I wasn't able to deliver your message to the following addresses:\n\n<%TO%>:"
        " 550 5.1.1"
        " unknown", DSN.format(" relay.example", "failed", "5.1.1", " 550 5.1.1 unknown"), kind="message/rfc822")
    yield dsn("amavis-virus", "bounce block", "\"Content-filter at relay.example\" <postmaster@relay.example>", "VIRUS"
        " (Eicar-Test-Signature) in mail FROM YOU", "VIRUS ALERT\n\nOur content checker found a virus in your email"
        " to the"
        " following recipient:\n-> %TO%\n\nDelivery of the email was stopped!", DSN.format("relay.example", "failed",
        "5.7.0", "554 5.7.0 Reject, id=1-2 - INFECTED: Eicar-Test-Signature"))
    yield arf("arf-yahoo", "complaint none", "Yahoo! Mail AntiSpam Feedback <feedback@arf.mail.yahoo.com>",
        "Feedback-Type: abuse\nUser-Agent: Yahoo!-Mail-Feedback/2.0\nVersion: 0.1\nOriginal-Mail-From:"
        " <bounces@shop.example>\nOriginal-Rcpt-To: %TO%\nReceived-Date: Mon, 21 Sep 2026 10:00:00 PDT")
    yield arf("arf-redacted", "complaint none", "fbl@feedback.far.example", "Feedback-Type: abuse\nUser-Agent:"
        " FBL/1.0\nVersion: 1\nSource-IP: 192.0.2.9", kind="text/rfc822-headers", original="%HEAD%")
    yield plain("vacation-german", "none", "Ben Lee <ben.lee@far.example>", "Automatische Antwort: Your order 4711",
        "Ich bin bis 30. September nicht im Büro. Ihre Nachricht wird nicht weitergeleitet.\n",
        more="Auto-Submitted: auto-replied\n")
    yield plain("auto-ack", "none", "Support <support@far.example>", "[Ticket #991] Your order 4711", "We have"
        " received your"
        " request and will answer within 24 hours. If delivery of your parcel failed, see our page.\n",
        more="Auto-Submitted: auto-replied\n")
    yield plain("challenge", "none", "no-reply@far.example", "Please confirm your message to ben.lee", "Your message"
        " to %TO%"
        " is on hold until you confirm that you are human: https://far.example/c/1\n")
    yield plain("postmaster-newsletter", "none", "Postmaster <postmaster@provider.example>", "New rules for bulk"
        " senders",
        "From February, mail that is not authenticated may be rejected. Please publish DMARC. See 5.7.26 in the"
        " docs.\n")
    for name, sender, text in (
        ("parcel", "noreply@parcel.example", "Delivery failed: your parcel could not be delivered to Anna. Choose a"
        " day."),
        ("card", "billing@shop.example", "Your payment failed. The account has expired."),
    ):
        yield plain(f"about-delivery-{name}", "none", sender, "Delivery failed", f"{text}\n")
    yield dsn("read-receipt", "none", "Ben Lee <ben.lee@far.example>", "Read: Your order 4711", "Your message was"
        " read.",
        "Reporting-UA: far.example; Outlook\nFinal-Recipient: rfc822;%TO%\nOriginal-Message-ID: %ID%\nDisposition:"
        " manual-action/MDN-sent-manually; displayed\n", status="message/disposition-notification", original="")


def _second() -> Iterator[Sample]:
    yield plain("kerio", "bounce hard", "Mail Delivery Subsystem <postmaster@relay.example>", "Delivery Failed (Your"
        " order"
        " 4711)", "Your message was not delivered.\n\nAddressee: %TO%\nFailure reason: 550 5.1.1 User unknown\nServer:"
        " mx.far.example\n", message_id="")
    yield plain("communigate", "bounce hard", "<MAILER-DAEMON@relay.example>", "Undeliverable mail: Your order 4711",
        "Failed to deliver to '%TO%'\nSMTP module(domain far.example) reports:\n account is unknown\n host"
        " mx.far.example"
        " says:\n 550 %TO% unknown user account\n", message_id="")
    yield plain("icewarp", "bounce soft", "<postmaster@relay.example>", "Delivery Report - Failure", "Message Delivery"
        " failed for:\n  %TO%\n\nReason: 452 4.2.2 The email account that you tried to reach is over quota\n\n"
        "%HEAD%\n")
    yield dsn("powermta", "bounce block", "Mailer-Daemon <mailer-daemon@relay.example>", "Delivery report", "Hello,"
        " this is"
        " the mail server on relay.example.\n\nI am sending you this message to inform you on the delivery status of"
        " a\n"
        "message you previously sent.  Immediately below you will find a list of\nthe affected recipients;\n\n  <%TO%>:"
        " delivery to host mx.far.example failed\n", "Reporting-MTA: dns;relay.example\nX-PowerMTA-VirtualMTA: m1\n\n"
        "Original-Recipient: rfc822;%TO%\nFinal-Recipient: rfc822;%TO%\nAction: failed\nStatus: 5.7.1 (delivery not"
        " authorized)\nRemote-MTA: dns;mx.far.example\nDiagnostic-Code: smtp;550 5.7.1 Sender IP reverse lookup"
        " rejected\n"
        "X-PowerMTA-BounceCategory: policy-related\n")
    yield plain("mailgun-words", "bounce hard", "Mail Delivery System <postmaster@mg.shop.example>", "Undelivered Mail:"
        " Your order 4711", "Delivery to the following recipient failed permanently:\n\n     %TO%\n\nReason: Not"
        " delivering"
        " to previously bounced address\n", message_id="")
    yield dsn("ironport", "bounce hard", "Mail Delivery System <MAILER-DAEMON@esa1.far.example>", "Delivery Status"
        " Notification (Failure)", "The following message to <%TO%> was undeliverable.\nThe reason for the"
        " problem:\n5.1.0"
        " - Unknown address error 550-'Requested action not taken: mailbox unavailable'\n", "Reporting-MTA: dns;"
        " esa1.far.example\n\nFinal-Recipient: rfc822;%TO%\nAction: failed\nStatus: 5.0.0 (permanent"
        " failure)\nRemote-MTA:"
        " dns; [192.0.2.1]\nDiagnostic-Code: smtp; 5.1.0 - Unknown address error 550-'Requested action not taken:"
        " mailbox"
        " unavailable' (delivery attempts: 0)\n")
    yield plain("groupwise", "bounce hard", "Mailer-Daemon@far.example", "Message status - undeliverable", "The"
        " message that"
        " you sent was undeliverable to the following:\n\tben.lee (550 no such recipient) <%TO%>\n", message_id="")
    yield plain("xmail", "bounce hard", "postmaster@relay.example", "Error sending message [1234.relay] from"
        " relay.example",
        "[<01>] XMail bounce: Rcpt=[%TO%];Error=[550 5.1.1 Recipient unknown]\n\n\n[<02>] Error sending message"
        " [1234.relay]"
        " from relay.example.\n\nID:        <S1>\nMail From: <anna@shop.example>\nRcpt To:   <%TO%>\n", message_id="")
    yield dsn("james", "bounce hard", "postmaster@relay.example", "Re:Your order 4711", "Hi. This is the James mail"
        " server at"
        " relay.example.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a"
        " permanent"
        " error; I've given up. Sorry it didn't work out.  Below\nI include the list of recipients and the reason"
        " why I was"
        " unable to deliver\nyour message.\n\nFailed recipient(s):\n%TO%\n\nError message:\n550 5.1.1"
        " unknown\n", "Reporting"
        "-MTA: dns; relay.example\nReceived-From-MTA: dns; 192.0.2.9\n\nFinal-Recipient: rfc822; %TO%\nAction: failed\n"
        "Status: 5.1.1\nDiagnostic-Code: X-James; 550 5.1.1 unknown\n", kind="message/rfc822")
    yield dsn("stalwart", "bounce soft", "Mail Delivery Subsystem <MAILER-DAEMON@relay.example>", "Failed to deliver"
        " message",
        "Your message could not be delivered to the following recipients:\n\n<%TO%> (connection to 'mx.far.example'"
        " failed:"
        " Connection timeout)\n", "Reporting-MTA: dns;relay.example\n\nFinal-Recipient: rfc822;%TO%\nAction:"
        " failed\nStatus:"
        " 4.4.1\nRemote-MTA: dns;mx.far.example\nWill-Retry-Until: Mon, 28 Sep 2026 10:00:00 +0000\n",
        status="message/global-delivery-status")
    yield plain("yandex", "bounce hard", "mailer-daemon@yandex.ru", "Недоставленное сообщение", "Это письмо"
        " отправлено почтовым"
        " сервером yandex.ru.\n\nК сожалению, мы вынуждены сообщить Вам о том, что Ваше письмо не может\nбыть"
        " отправлено одному"
        " или нескольким адресатам.\n\n<%TO%>: host mx.far.example[192.0.2.1] said: 550 5.7.1 No such user! (in"
        " reply to RCPT"
        " TO command)\n", message_id="")
    yield plain("naver", "bounce hard", "MAILER-DAEMON@naver.com", "[메일 발송 실패 안내] Your order 4711", "메일이 "
        "정상적으로 발송되지"
        " 못했습니다.\n받는사람 : %TO%\n실패 사유 : 존재하지 않는 메일 주소입니다.\n", message_id="")
    yield plain("seznam", "bounce hard", "MAILER-DAEMON@email.seznam.cz", "Nedoručitelná zpráva", "Vaši zprávu se"
        " nepodařilo"
        " doručit příjemci %TO%.\nDůvod: 550 Uživatel neexistuje.\n", message_id="")
    yield plain("orange-fr", "bounce block", "MAILER-DAEMON@orange.fr (Mail Delivery System)", "Undelivered Mail"
        " Returned to"
        " Sender", "<%TO%>: host smtp-in.orange.fr[192.0.2.1] said: 550 5.2.0 Mail rejete. Mail rejected."
        " ofr_506 [506] (in reply to end of DATA command)\n\n%HEAD%\n")
    yield plain("free-fr-rate", "bounce soft", "MAILER-DAEMON@relay.example", "Undelivered Mail Returned to"
        " Sender", "<%TO%>:"
        " host mx1.free.fr[192.0.2.1] said: 451 too many errors from your ip (slow down), please visit"
        " http://postmaster.free.fr/ (in reply to end of DATA command)\n\n%HEAD%\n")
    yield plain("t-online", "bounce hard", "Mail Delivery System <Mailer-Daemon@t-online.de>", "Mail konnte nicht"
        " zugestellt"
        " werden", "Ihre E-Mail an %TO% konnte nicht zugestellt werden.\nGrund: Empfänger unbekannt (550 user"
        " unknown)\n",
        message_id="")
    yield plain("docomo", "bounce hard", "Mail Administrator <Postmaster@docomo.ne.jp>", "Mail System Error -"
        " Returned Mail",
        "次のあて先へのメッセージはエラーのため送信できませんでした。\n送信先メールアドレスが見つかりませんでした"
        "。\n\n  %TO%\n"
        "  550 Unknown user %TO%\n\n%HEAD%\n", charset="iso-2022-jp")
    yield plain("exchange-2003", "bounce hard", "System Administrator <postmaster@far.example>", "Undeliverable:"
        " Your order"
        " 4711", "Your message did not reach some or all of the intended recipients.\n\n      Subject:\tYour order"
        " 4711\n"
        "      Sent:\t21.09.2026 10:00\n\nThe following recipient(s) could not be reached:\n\n      %TO% on 21.09.2026"
        " 10:01\n            The e-mail account does not exist at the organization this message was sent to.\n"
        "            <far.example #5.1.1>\n", message_id="")
    yield plain("html-only-link", "bounce hard", "postmaster@far.example", "Delivery"
        " failure", "<html><head><style>p{color:"
        "red}</style></head><body><p>Your email to <a href=\"mailto:%TO%\">%TO%</a> has failed.</p><table><tr><td>Error"
        "</td><td>550 5.1.1 RecipientNotFound</td></tr></table></body></html>", kind="html", message_id="")
    two = ("Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; <kim@far.example>\nAction: failed\nStatus:"
        " 5.2.2\nDiagnostic-"
        "Code: smtp; 552 mailbox full\n\nFinal-Recipient: RFC822;<%TO%>\nAction: FAILED\nStatus: 5.1.1\n")
    yield dsn("two-in-angles", "bounce kim@far.example=soft ben.lee@far.example=hard", "MAILER-DAEMON@mx.far.example",
        "Undelivered", "Sorry.", two)
    yield dsn("expanded-then-failed", "bounce hard", "MAILER-DAEMON@mx.far.example", "Delivery status", "Sorry.",
        "Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; list@far.example\nAction: expanded\nStatus: 2.0.0\n\n"
        "Final-Recipient: rfc822; %TO%\nAction: failed\nStatus: 5.1.6\nDiagnostic-Code: smtp; 551 user has moved\n")
    yield dsn("success", "delivered none", "MAILER-DAEMON@mx.far.example", "Delivery Status Notification (Success)",
        "Delivered.", DSN.format("mx", "delivered", "2.1.5", "250 2.1.5 OK"))
    yield plain("fortimail", "bounce block", "postmaster@fortimail.far.example", "Message rejected: Your order"
        " 4711", "The"
        " message to %TO% has been rejected because it contains a banned attachment (invoice.exe).\n", message_id="")
    yield plain("sophos", "bounce block", "Sophos Mail <postmaster@far.example>", "Your message could not be delivered",
        "Your message to %TO% was rejected by policy: 550 5.7.1 DMARC verification failed.\n", message_id="")
    yield plain("trend", "bounce block", "MAILER-DAEMON@in.hes.trendmicro.example", "Undelivered Mail Returned to"
        " Sender",
        "<%TO%>: host in.hes.example[192.0.2.1] said: 554 5.7.1 <shop.example[192.0.2.9]>: Client host rejected:"
        " Blocked by"
        " Trend Micro Email Reputation Service\n\n%HEAD%\n")
    yield plain("late-words", "delay soft", "postmaster@relay.example", "Delivery delayed: Your order"
        " 4711", "Delivery to"
        " these recipients is delayed:\n\n%TO%\n\nWe will keep trying for 2 days; you need do"
        " nothing.\n", message_id="")
    yield plain("greylist-words", "delay soft", "Mail Delivery System <mailer-daemon@relay.example>", "Warning: message"
        " 1xYz delayed 24 hours", "This message was created automatically by mail delivery software.\nA message that"
        " you sent"
        " has not yet been delivered to one or more of its\nrecipients after more than 24 hours on the queue.\n\nThe"
        " address"
        " to which the message has not yet been delivered is:\n\n  %TO%\n    Delay reason: SMTP error: 451 4.7.1"
        " Greylisting in action\n\nNo action is required on your part.\n", message_id="")
    yield arf("arf-fraud", "complaint none", "abuse@provider.example", "Feedback-Type: fraud\nUser-Agent:"
        " x\nVersion: 1\n"
        "Original-Rcpt-To: <%TO%>")
    yield arf("arf-not-spam", "none", "fbl@provider.example", "Feedback-Type: not-spam\nUser-Agent: x\nVersion: 1\n"
        "Original-Rcpt-To: %TO%")
    for name, sender, subject, text in (
        ("moved-person", TO, "Re: Your order 4711", "I no longer work at far.example; my address will be disabled."),
        ("out-of-office-ja", TO, "自動応答: Your order 4711", "現在不在にしております。メッセージは転送されません。"),
        ("monitoring", "root@shop.example", "Cron job failed", "backup: mail delivery to kim@far.example failed,"
        " disk full"),
        ("support-about-bounce", "kim@far.example", "Undelivered mail?", "My mail to ben.lee@far.example came back"
        " with 550"
            " user unknown. Can you help?"),
        ("mailing-list", "mailer@lists.example", "Your subscription", "Mail to you bounced twice; confirm your"
        " address."),
        ("quarantine-digest", "quarantine@far.example", "3 messages were held", "From anna@shop.example: blocked as"
        " spam"),
    ):
        yield plain(name, "none", sender, subject, f"{text}\n")


FIRST: Final = tuple(_first())
SECOND: Final = tuple(_second())
