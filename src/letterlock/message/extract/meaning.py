"""What kind of mail it is."""

from __future__ import annotations

import re
from typing import Literal

from letterlock.message.extract.codes import Code
from letterlock.message.extract.keywords import Hint, fold, scan
from letterlock.message.extract.links import Links
from letterlock.message.parse import ParsedMessage
from letterlock.message.visible import VisibleText
from letterlock.patterns import on_demand

Category = Literal[
    "otp",
    "verify_link",
    "magic_link",
    "reset_link",
    "invite",
    "receipt",
    "newsletter",
    "notification",
    "personal",
    "bounce",
    "auto_reply",
    "calendar",
    "support",
    "other",
]


def categorise(parsed: ParsedMessage, visible: VisibleText, code: Code | None, links: Links) -> Category:
    """One category, by rule: what the mail is for first, then who sends such mail."""
    by_machine = _by_machine(parsed)
    if by_machine:
        return by_machine
    if code:
        return "otp"
    if links.primary:
        return _OF_LINK[links.primary.kind]
    text = fold(visible.text[:6_000])
    subject = fold(parsed.subject[:500])
    if any(part.content_type == "text/calendar" for part in parsed.attachments):
        return "calendar"
    if _RECEIPT.search(subject) or (_RECEIPT.search(text) and _TOTAL.search(text)):
        return "receipt"
    if _TICKET.search(subject):
        return "support"
    bulk = parsed.header("List-Unsubscribe") or parsed.header("Precedence").strip().lower() in ("bulk", "list")
    if parsed.header("List-Id") and not links.unsubscribe:
        return "other"
    if _is_robot(parsed) and len(text) < _LONG and (_account(subject) or _IP.search(text)):
        return "notification"
    if bulk or links.unsubscribe or len(links.all) > _MANY_LINKS:
        return "newsletter"
    if _is_robot(parsed):
        return "notification"
    if not parsed.html and parsed.from_ and (parsed.in_reply_to or _GREETING.search(text[:200])):
        return "personal"
    return "other"


_OF_LINK: dict[str, Category] = {
    "verify": "verify_link",
    "magic": "magic_link",
    "reset": "reset_link",
    "invite": "invite",
}
_MANY_LINKS = 12
_LONG = 2_500
# Notices of a sign-in or a change tell where it came from.
_IP = on_demand(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?!\d)")
_RECEIPT = on_demand(
    r"\b(?:receipt|invoice|order (?:confirmation|has|number|#|no)|your order|purchase|"
    r"payment (?:received|confirmation)|rechnung|bestell\w+|quittung|facture|reçu|commande|factura|recibo|"
    r"pedido|fattura|ricevuta|ordine|factuur|bestelling|faktura|kvitto|kvittering|zamówieni\w+|objednávk\w+|"
    r"счет|чек|заказ\w*|sipariş\w*|fatura)\b|订单|訂單|发票|領収書|注文|영수증|주문"
)
_TOTAL = on_demand(
    r"\b(?:total|subtotal|amount|paid|summe|gesamt|betrag|montant|importe|totale|totaal|belopp|kwota|итого|"
    r"toplam)\b|[$€£¥]\s?\d|合計|总计|합계"
)
_TICKET = on_demand(
    r"\[(?:ticket|case|request|support)?\s?#?\s?\d{3,}\]|\b(?:ticket|support request|case)\b\s?#?\s?\d{3,}"
)
_GREETING = on_demand(
    r"\b(?:hi|hello|hey|dear|hallo|liebe|lieber|bonjour|salut|hola|ciao|hoi|hej|moi|cześć|ahoj|привет|"
    r"здравствуйте|merhaba)\b"
)
_ROBOT = on_demand(
    r"no-?reply|do-?not-?reply|notif|alert|mailer|bounce|accounts?|security|info|hello|support|team|billing|"
    r"service|admin|system|robot|updates?"
)


def _by_machine(parsed: ParsedMessage) -> Category | None:
    """Answers of machines to our own mail: bounces (RFC 3464) and automatic replies (RFC 3834)."""
    kind = parsed.header("Content-Type").lower()
    sender = parsed.from_[0].address.lower() if parsed.from_ else ""
    if (
        "delivery-status" in kind
        or sender.startswith(("mailer-daemon", "postmaster@"))
        or parsed.header("X-Failed-Recipients")
    ):
        return "bounce"
    answered = parsed.header("Auto-Submitted").strip().lower()
    if answered.startswith("auto-replied") or parsed.header("X-Autoreply") or parsed.header("X-Autorespond"):
        return "auto_reply"
    if parsed.header("Precedence").strip().lower() in ("auto_reply", "auto-reply"):
        return "auto_reply"
    if _AWAY.match(parsed.subject.strip()):
        return "auto_reply"
    return None


_AWAY = on_demand(
    r"(?:automatic reply|auto(?:matic)?[- ]?reply|out of (?:the )?office|automatische antwort|abwesenheit|"
    r"réponse automatique|absence|respuesta automática|resposta automática|risposta automatica|"
    r"automatisch antwoord|autosvar|automatyczna odpowiedź|автоответ|自动回复|自動返信)",
    re.IGNORECASE,
)


def _account(subject: str) -> bool:
    """Whether the subject (folded) speaks of the reader's own account."""
    about = int(Hint.PASSWORD | Hint.LOGIN | Hint.SECURITY | Hint.VERIFY | Hint.RESET | Hint.CODE)
    return any(bits & about for _, _, bits in scan(subject))


def _is_robot(parsed: ParsedMessage) -> bool:
    if parsed.header("Auto-Submitted").strip().lower().startswith("auto-generated"):
        return True
    return bool(parsed.from_ and _ROBOT.search(parsed.from_[0].address.partition("@")[0].lower()))
