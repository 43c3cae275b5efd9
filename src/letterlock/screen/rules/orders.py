"""Text that gives orders to whoever reads it on a person's behalf: to drop its instructions, to hand things over, ...

`find(text)` gives the orders in any text; the rules apply it to what is shown, to subject, names and file names.
What is hidden is judged by rules/hidden.py with the same function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

from letterlock.message.characters import fold
from letterlock.patterns import on_demand
from letterlock.screen.lexicon import Concept, Meaning, concepts, glance
from letterlock.screen.readings import readings
from letterlock.screen.rule import Evidence, Hit, Rule


class Order(NamedTuple):
    """An order found in a text: which kind (a name in KINDS) and where; `start` is -1 where only its folded form
    (look-alike letters, spaced letters) says it."""

    kind: str
    start: int
    end: int


class Kind(NamedTuple):
    weight: float
    reason: str


class _Combination(NamedTuple):
    """Concepts that make an order when they stand within `reach` words of one sentence: one of `first` first, all of
    `needs`, one of `one_of`, none of `never`, and one of `last` last (-1: anything)."""

    kind: str
    first: int
    needs: int
    one_of: int
    never: int
    last: int
    reach: int


KINDS: Final[dict[str, Kind]] = {
    "override": Kind(0.88, "It tells its reader to ignore earlier instructions."),
    "addressed": Kind(0.82, "It speaks to an assistant or agent instead of to a person."),
    "role": Kind(0.84, "It tries to give its reader a new role."),
    "hand_over": Kind(0.86, "It asks for codes, passwords or mail contents to be sent elsewhere."),
    # "Email" is more often a thing than an act.
    "mail_out": Kind(0.6, "It asks for codes, passwords or mail contents to be sent elsewhere."),
    "reveal_prompt": Kind(0.82, "It asks for the instructions an assistant was given."),
    "conceal": Kind(0.84, "It asks that something be hidden from the user."),
    "relay": Kind(0.82, "It wants a message or a phone number passed on to the user as if it were ours."),
    "claim": Kind(0.82, "It claims a permission, or new instructions, that an email cannot give."),
    "append": Kind(0.84, "It asks for data to be put into a link."),
    "turn": Kind(0.88, "It imitates the turns or marks of a chat with a model."),
    # Also how anybody writes about XML.
    "tag": Kind(0.3, "It contains a tag that may stand around an email when a model reads it."),
    "tool": Kind(0.88, "It contains the syntax of a tool call."),
    "boundary": Kind(0.86, "It pretends that the email ends and somebody else goes on."),
}

_C = Concept
_SENDING: Final = _C.SEND | _C.REVEAL
_TABLE: Final = (
    _Combination("override", _C.OVERRIDE, _C.ORDERS, _C.PRIOR | _C.ALL | _C.YOUR | _C.SYSTEM | _C.AI, _C.MINE, -1, 8),
    _Combination("override", _C.OVERRIDE, _C.SYSTEM | _C.PROMPT, _C.PRIOR | _C.ALL | _C.YOUR | _C.AI, _C.MINE, -1, 6),
    _Combination("override", _C.PRIOR | _C.ALL | _C.ORDERS, _C.ORDERS | _C.LATE, _C.PRIOR | _C.ALL, 0, _C.LATE, 8),
    _Combination("override", _C.OVERRIDE, _C.PRIOR | _C.SEND | _C.SECRET, _C.ADDRESS | _C.URL, 0, -1, 14),
    _Combination("hand_over", _SENDING, _C.SECRET | _C.ADDRESS, -1, 0, _C.ADDRESS, 14),
    _Combination("mail_out", _C.MAIL, _C.SECRET | _C.ADDRESS, -1, 0, _C.ADDRESS, 14),
    _Combination("conceal", _C.NOT, _C.TELL | _C.USER, -1, 0, _C.USER, 7),
    _Combination("conceal", _C.QUIET | _C.SEND, _C.QUIET | _C.SEND, -1, 0, -1, 12),
    _Combination("reveal_prompt", _C.REVEAL, _C.SYSTEM | _C.PROMPT, -1, 0, -1, 7),
    _Combination("addressed", _C.ATTENTION, _C.AI, -1, 0, -1, 3),
    _Combination("addressed", _C.AI, _C.MUST, _C.SEND | _C.MAIL | _C.OVERRIDE | _C.CALL, 0, -1, 9),
    _Combination("addressed", _C.NOTE, _C.AI, _C.SEND | _C.OVERRIDE | _C.REVEAL | _C.SECRET, _C.MINE, -1, 12),
    _Combination("relay", _C.TELL, _C.USER | _C.CALL, _C.PHONE | _C.URL, 0, -1, 12),
    _Combination("append", _C.URL, _C.SECRET | _C.APPEND, -1, 0, -1, 12),
)  # fmt: skip
# Plain numbers: they are compared for every pair of words.
_COMBINATIONS: Final = tuple(
    _Combination(kind, int(first), int(needs), int(one_of), int(never), int(last), reach)
    for kind, first, needs, one_of, never, last, reach in _TABLE
)
_REACH: Final = max(combination.reach for combination in _COMBINATIONS)

_AGENT: Final = (
    r"(?:ai|llm|email|mail|helper|virtual|digital|automated|automatic)?[ -]?"
    r"(?:assistant|agent|chatbot|bot|model|copilot|ai|llm|gpt)s?"
)
_MACHINE: Final = (
    r"(?:(?:ai|llm|automated|automatic|virtual|digital|language|e?mail)[ -](?:assistant|agent|model|system|tool|reader)"
    r"|copilot|ai|llm|gpt)s?"
)


class _Phrase(NamedTuple):
    """`gates`: without one of these words in the text the pattern is not tried."""

    kind: str
    gates: frozenset[str]
    pattern: re.Pattern[str]


def _phrase(kind: str, gates: str, *pattern: str) -> _Phrase:
    return _Phrase(kind, frozenset(gates.split("|")), on_demand("".join(pattern), re.IGNORECASE | re.MULTILINE))


_AGENTS: Final = "assistant|agent|bot|model|copilot|ai |ai:|ai,|llm|gpt"
_DO: Final = (
    "(?:mail|email|send|forward|ignore|disregard|open|tell|reply|answer|must|should|are|not|read|call|visit|click|delete"
    "|print|reveal|summari[sz]e|respond|execute|run|follow|use|search|find|copy)"
)
_TAGS: Final = ("document", "email", "mail")
_TAG_GATE: Final = "</"
# No repetition stands inside another one, and every repetition has an end: linear on any text.
_PHRASES: Final[tuple[_Phrase, ...]] = (
    _phrase(
        "role", "you are",
        r"\byou are (?:now|no longer) (?:\w{1,30} ){0,5}(?:agent|assistant|ai|model|bot|dan|jailbroken|unrestricted)\b",
    ),
    _phrase(
        "role", "from now|from this",
        r"\bfrom (?:now|this (?:line|point|moment)) on,? you(?:r| will| must| are| should|'ll)? ?"
        r"(?:only )?(?:answers?|obey|act|respond|follow|serve|ignore|work for)\b",
    ),
    _phrase(
        "role", "act |behave|respond|operate|pretend",
        r"\b(?:act|behave|respond|operate|pretend) (?:as|like|to be) (?:an? |if you were )?(?:\w{1,30} ){0,3}"
        r"(?:ai|assistant|model|chatbot|dan|chatgpt|terminal|hacker)\b",
    ),
    _phrase(
        "role", " mode",
        r"\b(?:enable|enter|activate|switch to|entering) (?:\w{1,30} ){0,2}"
        r"(?:developer|god|dan|debug|admin|jailbreak|unrestricted|override) mode\b",
    ),
    _phrase("role", "ab jetzt|von nun", r"\b(?:ab jetzt|von nun an) (?:bist|antwortest|gehorchst|handelst) du\b"),
    _phrase(
        "role", "desde ahora|a partir de|ora in poi|partir de maintenant",
        r"\b(?:desde ahora|a partir de (?:ahora|agora)|d'ora in poi|à partir de maintenant),? "
        r"(?:eres|responde|actúa|você é|és|tu es|vous êtes|sei|rispondi)",
    ),
    _phrase(
        "addressed", _AGENTS,
        r"(?:^|[.!?:>*\"'(\]])\s{0,3}(?:dear |hey |hi |hello |ok |note to (?:the |any )?|to (?:the |any )?)?",
        rf"{_AGENT}\s?[:,-]\s{{0,3}}(?:please |you |do |now |immediately )?{_DO}\b",
    ),
    _phrase(
        "addressed", _AGENTS,
        r"\b(?:note|notice|message|instructions?|memo|reminder|attention|directive) (?:to|for) ",
        rf"(?:the |any |all |your )?(?:reading |summari[sz]ing |processing )?{_AGENT}"
        r"(?=\s?[:,;.!\])-]|\s(?:reading|processing|handling|summari))",
    ),
    _phrase(
        "addressed", _AGENTS,
        r"(?:^|[.!?>*\"'(\]]|p\.? ?s\.?:?)\s{0,3}(?:this (?:part )?is )?(?:only )?for (?:the |any |an |every |your )?",
        rf"{_MACHINE}\s?(?:[:,;-]|that\b|which\b|reading\b|processing\b|summari)",
    ),
    _phrase("addressed", _AGENTS, rf"<!--\s{{0,9}}(?:to |for |dear |note to )?(?:the |any )?{_AGENT}\s?[:,-]"),
    _phrase("addressed", "attention", rf"\battention,? (?:the |all |any )?{_AGENT}\b"),
    _phrase(
        "addressed", "you are|you're",
        rf"\b(?:if|since|as|because) you(?: are|'re) (?:an? |the )?(?:\w{{1,30}} )?{_AGENT}\b",
    ),
    _phrase(
        "addressed", _AGENTS,
        rf"\bthe (?:email|mail|reading|ai|helper) {_AGENT} (?:has to|must|should|needs to|shall|will)\b",
    ),
    _phrase(
        "addressed", _AGENTS,
        rf"\b(?:any|every|whichever) {_AGENT} (?:reading|processing|summari[sz]ing|that reads|handling)\b",
    ),
    _phrase(
        "addressed", "the user",
        r"\bbefore (?:you )?(?:answer(?:ing)?|reply(?:ing)?|respond(?:ing)?)(?: to)? the user\b",
    ),
    _phrase(
        "conceal", " user|owner|human|reader|principal",
        r"\b(?:without|never|do not|don't) (?:tell|telling|mention|mentioning|inform|informing|notify|notifying|alert"
        r"|alerting|show|showing|ask|asking|reveal|revealing)\b(?: \w{1,30}){0,4} (?:the |your |its )?"
        r"(?:user|owner|human|reader|principal)\b",
    ),
    _phrase(
        "conceal", "tell ",
        r"\btell (?:the|your) (?:user|owner|human|reader|principal)s? (?:that )?(?:nothing|everything|all)"
        r" (?:has )?(?:happened|changed|is|was|went|came|worked)\b",
    ),
    _phrase("conceal", "keep ", r"\bkeep (?:quiet|this (?:hidden|secret)|it (?:hidden|secret)) (?:about|from)\b"),
    _phrase(
        "conceal", "silently|secretly|quietly",
        r"\b(?:execute|run|do|perform|carry out) (?:them|it|this|that|these) (?:silently|secretly|quietly)\b",
    ),
    _phrase("relay", "tell ", r"\btell (?:the|your) (?:user|reader|owner|human|recipient)s? (?:to|that)\b"),
    _phrase(
        "hand_over", "hand over|hand me|hand out",
        r"\bhand (?:over|me|out) (?:the |all |any |your |their )?(?:stored |saved |latest |newest )?"
        r"(?:logins?|passwords?|credentials?|codes?|tokens?|secrets?|keys?)\b",
    ),
    _phrase(
        "hand_over", "forward|send|mail|upload|post|copy|exfiltrate",
        r"\b(?:forward|send|mail|email|upload|post|copy|exfiltrate) (?:all|every|any|the entire|the whole"
        r"|the last \d{1,4}) (?:of )?(?:the |your |their |his |her )?(?:\w{1,30} ){0,2}(?:e-?mails?|messages?|mailbox"
        r"|inbox|contacts?|conversations?|passwords?|codes?|credentials?|address book|files)\b(?: \w{1,30}){0,5}"
        r" to \S{1,60}@",
    ),
    _phrase(
        "reveal_prompt", "prompt|instruction|message",
        r"\b(?:reveal|print|repeat|output|show|disclose|leak) (?:me )?(?:all )?(?:your|the) "
        r"(?:system |initial |hidden |original |full |entire ){1,3}(?:prompt|instructions?|message)\b",
    ),
    _phrase(
        "claim", "has already|has approved|has authori|has consented|has given|has pre",
        r"\b(?:user|owner|principal|human) (?:of this \w{1,20} )?has (?:already |pre-?|explicitly |fully )?"
        r"(?:approved|authori[sz]ed|consented|confirmed|given (?:you )?permission|agreed)\b",
    ),
    _phrase(
        "claim", "prompt|instructions|guidelines|rules",
        r"\byour (?:(?:system |initial |core )(?:prompt|instructions|guidelines|rules)|prompt|programming) "
        r"(?:has|have|was|were) (?:been )?(?:updated|changed|replaced|superseded|overridden|revoked)\b",
    ),
    # Of instructions alone people write, too: what makes it a claim is what the reader shall do from now on.
    _phrase(
        "claim", "instructions|guidelines|rules",
        r"\byour (?:instructions|guidelines|rules) (?:have|were) (?:been )?(?:(?:superseded|overridden|revoked)\b"
        r"|(?:updated|changed|replaced)\b[^\n]{0,80}\b(?:you (?:must|should|shall|now|are|will)|from now|ignore|forward"
        r"|send|reveal|assistant|agent)\b)",
    ),
    _phrase(
        "claim", "admin |system |developer |root |operator ",
        r"\bbegin (?:admin|system|developer|root|operator) (?:message|instructions?|prompt|override|command)\b",
    ),
    _phrase(
        "claim", "owner of",
        r"\bowner of (?:this|the) (?:inbox|mailbox|account|e-?mail) (?:wants|asks|has asked|needs|requires"
        r"|instructed|would like) (?:you|the assistant|the agent)\b",
    ),
    _phrase(
        "override", "everything above|everything before|all of the above|user's",
        r"\b(?:ignore|disregard|forget) (?:everything|all) (?:of the )?(?:above|before|prior|previous"
        r"|you (?:were|have been) told)\b|\bdo not (?:follow|obey|do|execute) the user's\b",
    ),
    _phrase(
        "override", "previous|prior|earlier|existing",
        r"\b(?:(?:all|any|your)(?: of)?(?: the| your)? (?:previous|prior|earlier|existing) (?:rules|guidelines)"
        r"|(?:previous|prior|earlier|existing) (?:instructions|restrictions|prompts?))"
        r"(?: \w{1,20}){0,3} (?:void|no longer appl(?:y|ies)|obsolete|cancelled|suspended|lifted|revoked)\b",
    ),
    _phrase(
        "relay", "the user|your user",
        r"\bin your (?:reply|answer|response|summary|message)s? to (?:the|your) user\b",
    ),
    _phrase(
        "addressed", _AGENTS,
        r"\b(?:important|this is|instructions?) for (?:the |all |any )?(?:automated |ai )?"
        r"(?:assistants?|agents?|bots?|copilots?|llms?|ais?)\b",
    ),
    _phrase(
        "addressed", _AGENTS,
        # People are agents, too: of houses, insurances, artists.
        r"\b(?:dear|hello|hi|hey) (?:(?:ai |llm |email |mail |virtual )(?:agent|assistant|bot|model)"
        r"|assistant|bot|chatbot|copilot|llm|ai|model)\s?[!,.:]",
    ),
    _phrase(
        "addressed", "as an ai|as an llm|as a language|as an auto",
        r"\bas an? (?:ai|llm|language model|automated)(?: agent| assistant| model)? "
        r"(?:with|you (?:must|should|are|have|will))\b",
    ),
    _Phrase(
        "turn", frozenset(("<|", "<\uff5c", "\uff1c|", "\uff1c\uff5c")),
        on_demand("[<\uff1c][|\uff5c][a-z\u2581][a-z0-9_\u2581-]{1,40}[|\uff5c][>\uff1e]", re.IGNORECASE),
    ),
    _phrase(
        "turn", "_calls]|_tools]|_results]|_prompt]",
        r"\[/?(?:tool_calls|available_tools|tool_results|system_prompt)\]",
    ),
    _phrase("turn", "<", r"</?(?:think|thinking|scratchpad|untrusted[a-z_ -]{0,20}|unused\d{1,4})>"),
    _phrase("tag", _TAG_GATE, rf"</(?:{'|'.join(_TAGS)})>"),
    _phrase(
        "turn", "inst]|sys>>|_of_turn|[system]|[assistant]",
        r"\[/?INST\]|<</?SYS>>|</?(?:start|end)_of_turn>|\[(?:system|assistant)\](?=[\s:(#])",
    ),
    _phrase(
        "turn", "<",
        r"</?(?:system|assistant|human|im_start|im_end|system_prompt|system-reminder|instructions?|admin)>",
    ),
    _phrase(
        "turn", "<", r"<(?:now )?(?:system|god|security|developer|admin|root)[ _-](?:mode|override|prompt|message)\b"
    ),
    _phrase(
        "turn", "assistant:|assistant :|ai:|ai :|system:|system :",
        r"^[> \t#*]{0,6}(?:human|user) ?:[^\n]{0,2000}\n{1,3}[> \t#*]{0,6}(?:assistant|ai|system) ?:",
    ),
    _phrase("turn", "assistant: ", r"\b(?:user|human): [^\n]{1,400} assistant: "),
    _phrase("turn", "##", r"^[> \t]{0,4}#{2,4} ?(?:system|instruction|assistant|response|new instructions?)s? ?:"),
    _phrase(
        "turn", "system|assistant",
        r"\b(?:system|assistant)(?: message| prompt| override| instruction| note| notice)?\s?: "
        r"(?:you |ignore|from now|the user|new )",
    ),
    _phrase(
        "tool", "tool_|function_|antml:|<invoke|</invoke|<parameter",
        r"<parameter name=|</?(?:tool_call|tool_use|tool_result|function_calls?|function_results?|antml:\w+|invoke"
        r"|tool_response)\b",
    ),
    _phrase("tool", "tool_|function_call", r"\b(?:tool_call|function_call|tool_use|tool_calls)\"?\s?[:=({]"),
    _phrase(
        "tool", "\"arg|\"param|\"input",
        r"\{\s{0,9}\"(?:name|tool|function|action)\"\s?:\s?\"[\w.-]{1,60}\"\s?,\s{0,9}"
        r"\"(?:arguments|args|parameters|input|params)\"\s?:",
    ),
    _phrase(
        "tool", "_email|_inbox|_otp|_links|_attachment",
        r"\b(?:send_email|forward_email|reply_to_email|wait_for_otp|read_email|list_emails|search_emails|delete_inbox"
        r"|extract_links|get_attachment|escalate_email)\s?\(",
    ),
    _phrase(
        "boundary", "---|===|###|***|___|~~~",
        r"[-=#*_~]{3} ?(?:the )?(?:end|start|begin(?:ning)?) (?:of )?(?:the |this )?(?:untrusted |external |quoted )?"
        r"(?:e-?mail|mail|content|document|data|context|input)\b ?(?:content|body|text|data)? ?[-=#*_~]{3,40}\s{0,4}"
        r"(?:user|system|assistant|owner|human|admin|operator|developer|new)\b",
    ),
    _phrase(
        "boundary", "---|===|###|***|___|~~~",
        r"[-=#*_~]{3} ?(?:the |this )?(?:e-?mail|mail|message|content|document) (?:ends?|stops?|is over)(?: here)?\b",
    ),
    _phrase("boundary", "<<<", r"<<<(?:email|end) ?[0-9a-f]{0,40}"),
    _phrase("boundary", " speaking", r"\b(?:owner|operator|administrator|developer|user) (?:is )?speaking\b"),
)  # fmt: skip


_SHORTEST: Final = 6
# Looked for by what is common to several of them first: most mail has none.
_MARKS: Final = (
    *"_<|[]#*~=\"＜", "--", "ai", "assistant", "system", "user", "has ", "hand ", "as a", "partir de", "everything",
    "instruction", "owner", "mode", "cop", "from ", "",
)  # fmt: skip


def _by_mark() -> tuple[tuple[str, tuple[str, ...]], ...]:
    marks: dict[str, list[str]] = {}
    for gate in sorted(frozenset().union(*(phrase.gates for phrase in _PHRASES))):
        marks.setdefault(next(mark for mark in _MARKS if mark in gate), []).append(gate)
    return tuple((mark, tuple(gates)) for mark, gates in marks.items())


_BY_MARK: Final = _by_mark()


# A word or two on each of many lines: a list, or a sentence that wants to look like one.
_LEAST_LINES: Final = 5
_SHORT_LINES: Final = on_demand(
    rf"(?:^[ \t]{{0,9}}[^\s]{{1,40}}(?:[ \t][^\s]{{1,40}})?[ \t]{{0,9}}(?:\n{{1,3}}|\Z)){{{_LEAST_LINES},400}}",
    re.MULTILINE,
)


def _short_runs(text: str) -> Iterator[tuple[int, int]]:
    """Where many lines of a word or two follow each other."""
    short = sum(len(line) < 100 and len(line.split(None, 2)) in (1, 2) for line in text.split("\n"))
    if short >= _LEAST_LINES:
        for run in _SHORT_LINES.finditer(text):
            yield run.span()


@lru_cache(maxsize=32)
def find(text: str) -> tuple[Order, ...]:
    """The orders in `text`, by place. Linear in the text."""
    if len(text) < _SHORTEST:
        return ()
    found = list(_plain(text))
    for start, end in _short_runs(text):
        found += [Order(order.kind, start, end) for order in _plain(" ".join(text[start:end].split()))]
    for reading in readings(text):
        found += [Order(order.kind, reading.start, reading.end) for order in _as_folded(reading.text)]
    folded = fold(text)
    if folded != text.lower():
        kinds = {order.kind for order in found}
        told = [*_plain(folded), *(order for reading in readings(folded) for order in _plain(reading.text))]
        found += [Order(order.kind, -1, -1) for order in told if order.kind not in kinds]
    return tuple(sorted(set(found), key=lambda order: (order.start, order.kind)))


def _as_folded(text: str) -> Iterator[Order]:
    yield from _plain(text)
    folded = fold(text)
    if folded != text.lower():
        yield from _plain(folded)


def _plain(text: str) -> Iterator[Order]:
    lowered = text.lower()
    present = {gate for mark, gates in _BY_MARK if mark in lowered for gate in gates if gate in lowered}
    opening = {tag: lowered.find(f"<{tag}>") for tag in _TAGS} if _TAG_GATE in present else {}
    for kind, gates, pattern in _PHRASES:
        if not gates.isdisjoint(present):
            for match in pattern.finditer(text):
                # What closes a tag nobody opened closes one that a program has put around the email.
                opened = kind != "tag" or 0 <= opening[match[0][2:-1].lower()] < match.start()
                yield Order(kind if opened else "turn", match.start(), match.end())
    if _may_combine(text):
        yield from _combined(text, concepts(text))


# Papers that people ask for every day; whoever hands them over gives away no secret.
_PAPERS: Final = frozenset({"invoice", "invoices", "receipt", "receipts", "statement", "statements"})
_ABOUT: Final = int(_C.ORDERS | _C.SYSTEM | _C.PROMPT | _C.AI)
_OF_ORDERS: Final = int(_C.PRIOR | _C.ALL | _C.YOUR | _C.SYSTEM | _C.AI | _C.OVERRIDE | _C.PROMPT)


def _takes_back(text: str, meanings: list[Meaning]) -> bool:
    """Whether what is to be ignored is an earlier email: "ignore my last mail, the instructions in it were wrong"."""
    comma = text.find(",", meanings[0].end, meanings[-1].start)
    if comma < 0:
        return False
    before = after = 0
    for found in meanings:
        if found.start < comma:
            before |= found.bits
        else:
            after |= found.bits
    return bool(before & (_C.MAIL | _C.NOTE)) and not before & _ABOUT and not after & _OF_ORDERS


def _may_combine(text: str) -> bool:
    """Whether _combined could find something, by the places of the words alone."""
    meanings = glance(text)
    if meanings is None:
        return True
    total = len(meanings)
    for first, (place, bits) in enumerate(meanings):
        possible = _beginning(bits)
        if not possible:
            continue
        together = bits
        for last in range(first + 1, total):
            at, others = meanings[last]
            if at - place > _REACH:
                break
            together |= others
            for _, _, needs, one_of, never, ending, reach in possible:
                if (
                    together & needs == needs
                    and at - place <= reach
                    and together & one_of
                    and not together & never
                    and others & ending
                ):
                    return True
    return False


def _combined(text: str, meanings: list[Meaning]) -> Iterator[Order]:
    meanings = [
        found._replace(bits=found.bits & ~_C.SECRET)
        if found.bits & _C.SECRET and text[found.start : found.end].lower() in _PAPERS
        else found
        for found in meanings
    ]
    free: dict[str, int] = {}
    total = len(meanings)
    for first, anchor in enumerate(meanings):
        # Which combinations may begin here is decided once; for most words that is none.
        possible = _beginning(anchor.bits)
        if not possible:
            continue
        together = anchor.bits
        for last in range(first + 1, total):
            other = meanings[last]
            distance = other.place - anchor.place
            if distance > _REACH:
                break
            together |= other.bits
            for kind, _, needs, one_of, never, ending, reach in possible:
                if (
                    together & needs == needs
                    and distance <= reach
                    and together & one_of
                    and not together & never
                    and other.bits & ending
                    and anchor.start >= free.get(kind, 0)
                    and not (kind == "override" and _takes_back(text, meanings[first : last + 1]))
                ):
                    free[kind] = other.end
                    yield Order(kind, anchor.start, other.end)


@lru_cache(maxsize=1024)
def _beginning(bits: int) -> tuple[_Combination, ...]:
    return tuple(combination for combination in _COMBINATIONS if bits & combination.first)


def _excerpt(text: str, start: int, end: int) -> str:
    return " ".join(text[max(0, start - 40) : end + 80].split())[:200]


def _check(kind: str) -> Callable[[Evidence], Iterable[Hit]]:
    def check(evidence: Evidence) -> Iterator[Hit]:
        text = evidence.visible.text
        for order in find(text):
            if order.kind == kind:
                yield Hit(_excerpt(text, order.start, order.end), "text", order.start, order.end)
        for where, value in evidence.outer:
            if any(order.kind == kind for order in find(value)):
                yield Hit(value[:200], where)

    return check


ORDERS: Final[tuple[Rule, ...]] = tuple(
    Rule(f"orders.{name}", kind.weight, kind.reason, _check(name)) for name, kind in KINDS.items()
)
