"""A screening rule: a name, a weight, a reason and a check. Rules are data around a function."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from letterlock.message.attached import AttachedText
from letterlock.message.authenticate import AuthReport
from letterlock.message.characters import clean
from letterlock.message.parse import Mailbox, ParsedMessage
from letterlock.message.visible import VisibleText


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that rules may look at."""

    parsed: ParsedMessage
    visible: VisibleText
    auth: AuthReport
    attached: tuple[AttachedText, ...] = ()
    outer: tuple[tuple[str, str], ...] = field(init=False, repr=False)
    """Strings beside the body that a model may come to see, as they are shown, and what each is: subject, name (of
    whoever writes or wants the answer), to, cc, address (the words in addresses), file name."""
    smuggled: tuple[tuple[str, str], ...] = field(init=False, repr=False)
    """What invisible characters in those say, and where."""

    def __post_init__(self) -> None:
        outer: list[tuple[str, str]] = []
        smuggled: list[tuple[str, str]] = []
        for what, value in _outer(self.parsed):
            cleaned = clean(value)
            if shown := " ".join(cleaned.text.split()) if what in _ONE_LINE else cleaned.text.strip():
                outer.append((what, shown))
            smuggled += ((what, said) for _, said in cleaned.decoded)
        for name in self.parsed.written_names:
            smuggled += (("file name", said) for _, said in clean(name).decoded)
        object.__setattr__(self, "outer", tuple(outer))
        object.__setattr__(self, "smuggled", tuple(smuggled))

    def all_said(self) -> Iterator[Said]:
        """Every text of it: shown, beside the body, hidden, in attachments."""
        yield Said("text", self.visible.text, True)
        for what, value in self.outer:
            yield Said(what, value)
        for passage in self.visible.hidden:
            yield Said(f"hidden ({passage.why})", passage.text)
        if self.visible.only_in_plain:
            yield Said("hidden (plain twin)", self.visible.only_in_plain)
        for one in self.attached:
            yield Said(attachment_place(one.index), one.text, True)
            for passage in one.hidden:
                yield Said(attachment_place(one.index), passage.text)


class Said(NamedTuple):
    """One text of an email. `where` as of a Hit in it; `placed`: so are offsets in it."""

    where: str
    text: str
    placed: bool = False


_ONE_LINE: Final = frozenset({"subject", "name"})
# More than any tool shows of each.
_MOST_NAMES: Final = 200
_NAME_CHARS: Final = 2_000
_WORDS_OF_ADDRESS: Final = re.compile(r"[^\W\d_]{2,}")
_LEAST_WORDS: Final = 4


def _outer(parsed: ParsedMessage) -> Iterator[tuple[str, str]]:
    yield "subject", parsed.subject
    for mailbox in (*parsed.from_[:_MOST_NAMES], *parsed.reply_to[:_MOST_NAMES]):
        yield "name", mailbox.name
    for what, mailboxes in (("to", parsed.to), ("cc", parsed.cc)):
        # Names follow each other where they are shown, and what one begins the next may end.
        yield what, ",\n".join(box.name[:_NAME_CHARS] for box in mailboxes[:_MOST_NAMES] if box.name)
    everybody = (*parsed.from_, *parsed.reply_to, *parsed.to[:_MOST_NAMES], *parsed.cc[:_MOST_NAMES])
    # An address may stand for its words: "ignore.all.previous.instructions@pottery.example".
    yield "address", "\n\n".join(filter(None, map(_words_of, everybody)))
    yield (
        "file name",
        "\n\n".join(
            attachment.filename[:_NAME_CHARS].replace("_", " ").replace("-", " ") for attachment in parsed.attachments
        ),
    )


def _words_of(mailbox: Mailbox) -> str:
    words = _WORDS_OF_ADDRESS.findall(mailbox.address)
    return " ".join(words) if len(words) >= _LEAST_WORDS else ""


def attachment_place(index: int) -> str:
    """`where` of what was found in the text of an attachment."""
    return f"attachment {index}"


@dataclass(frozen=True, slots=True)
class Hit:
    """Where a rule fired: `start`, `end` in VisibleText.text, in the text of an attachment (`where` is then
    attachment_place of its index), or -1 where it fired elsewhere (`where` says)."""

    excerpt: str = ""
    where: str = "text"
    start: int = -1
    end: int = -1


@dataclass(frozen=True, slots=True)
class Rule:
    """`weight` 0..1 is the score a mail has when only this rule fires; `hard` rules quarantine by themselves."""

    name: str
    weight: float
    reason: str
    check: Callable[[Evidence], Iterable[Hit]]
    hard: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that fired, in words a person understands. `excerpt` is for people only: it never reaches a model."""

    rule: str
    reason: str
    weight: float
    where: str = "text"
    start: int = -1
    end: int = -1
    excerpt: str = ""
