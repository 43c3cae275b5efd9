"""Secrets that an email names in place of their values: {{secret:ID}} in its text, and the values put in at the end.

`named` says which a text and its HTML name, and refuses them wherever a reader's program would make a link of them;
`filled` writes the values into the parts of an email that compose() made, each part encoded anew, and takes the field
away that named them. Nothing else of the email changes.
"""

from __future__ import annotations

import base64
import binascii
import html as markup
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote

from letterlock.errors import InvalidRequest
from letterlock.message.characters import clean
from letterlock.message.compose import FILLINGS, Draft, Filling, text_part
from letterlock.message.markdown import pieces_of, seen_of, text_of
from letterlock.patterns import on_demand

MOST: Final = 10
"""Places in one email, in its text and in its HTML each."""
_PLACE: Final = on_demand(r"\{\{secret:([A-Za-z0-9_]{1,64})\}\}")
_PLACE_BEGINS: Final = "{{secret:"
_WRAPPED: Final = 4
"""So many times a name is looked for in what an encoding holds that an encoding holds."""
_APART: Final = "\n|\n"
"""Between pieces that are read at once, and no name goes on over it."""
_ALONE: Final = on_demand(r"(?<![^\s(\[{<\"'=:`*])\{\{secret:[A-Za-z0-9_]{1,64}\}\}(?=[.,;:!?)\]}>\"'`*]*(?:\s|\Z))")
_JOINED: Final = on_demand(r"[./@?&%\\]\S*\Z")
_FIELD: Final = on_demand(rb"\r\n" + FILLINGS.encode() + rb":((?:[^\r]|\r\n[ \t])*)")
_MULTIPART: Final = on_demand(rb'Content-Type: multipart/[a-z]+;[^\r]*\r\n boundary="(=_[0-9a-f]{32})"')
_TEXT: Final = on_demand(
    rb"Content-Type: text/(plain|html); charset=utf-8\r\nContent-Transfer-Encoding: (7bit|quoted-printable|base64)"
)
_NEXT: Final = "Write {{secret:ID}} in the text, by itself between blanks, with an id of list_secrets."


def named(text: str, html: str = "") -> tuple[str, ...]:
    """The ids of the secrets that an email's own words name, each once. Raises InvalidRequest where one is misspelt,
    is part of a link or another word, stands in the HTML anywhere but between its words, where nobody sees it, or is
    written so that a reader takes it for one and it would go as it stands."""
    _check_text(text)
    if "{" in _as_read(html):
        _check_html(html)
    ids = tuple(dict.fromkeys((*_PLACE.findall(text), *_PLACE.findall(html))))
    if max(len(_PLACE.findall(text)), len(_PLACE.findall(html))) > MOST:
        raise _refused(f"it names secrets in more than {MOST} places", "Send several emails.")
    return ids


def check_elsewhere(where: str, said: str | bytes) -> None:
    """Raises InvalidRequest when what is no text of an email (`where`) names a secret."""
    if _meant(said) if isinstance(said, str) else _PLACE_BEGINS.encode() in said:
        raise _refused(f"its {where} names a secret, and none is filled in there", _NEXT)


def check_rest(draft: Draft, text: str, html: str) -> None:
    """Raises InvalidRequest when what a draft quotes or passes on beside the caller's own words names a secret that is
    filled in: nobody else says where."""
    for one in draft.fillings:
        place = f"{{{{secret:{one.secret_id}}}}}"
        if draft.text.count(place) != text.count(place) or draft.html.count(place) != html.count(place):
            raise _refused("what it quotes or passes on names the same secret", "Send it without that part.")


def without_places(draft_words: str, fillings: Iterable[Filling]) -> str:
    """Words as a reader of the policy sees them: what will stand there is known otherwise."""
    for one in fillings:
        draft_words = draft_words.replace(f"{{{{secret:{one.secret_id}}}}}", " ")
    return draft_words


def can_be_written(value: str) -> bool:
    """Whether the text of an email can hold it."""
    return all(c.isprintable() or c in "\r\n\t" for c in value) and not any("\ud800" <= c <= "\udfff" for c in value)


def fillings_of(raw: bytes) -> tuple[Filling, ...]:
    """What an email of compose() is to be filled with; () for most."""
    found = _FIELD.search(raw, 0, max(raw.find(b"\r\n\r\n"), 0))
    pairs = (one.strip().partition("=") for one in found[1].decode("ascii", "replace").split(",")) if found else ()
    return tuple(Filling(secret_id, print_) for secret_id, _, print_ in pairs)


def without_field(head: bytes) -> bytes:
    """The header of such an email as anybody but this house may see it."""
    return _FIELD.sub(b"", head)


def filled(raw: bytes, values: Mapping[str, str]) -> bytes:
    """The email with the value of each id where its text and HTML name it, and without the field that named them.
    Raises ValueError when one of them is named nowhere."""
    head, _, body = raw.partition(b"\r\n\r\n")
    head = without_field(head)
    at = head.index(b"\r\nContent-Type:") + 2
    missing = set(values)
    made = head[:at] + _entity(head[at:], body, values, missing)
    if missing:
        raise ValueError("a secret is named nowhere in the email")
    return made


def _entity(head: bytes, body: bytes, values: Mapping[str, str], missing: set[str]) -> bytes:
    if found := _TEXT.fullmatch(head):
        subtype, encoding = found[1].decode(), found[2]
        if encoding == b"base64":
            body = base64.b64decode(body)
        elif encoding == b"quoted-printable":
            body = binascii.a2b_qp(body)

        def value_of(place: re.Match[str]) -> str:
            value = values.get(place[1])
            if value is None:
                return place[0]
            missing.discard(place[1])
            return markup.escape(value).replace("\n", "<br>\n") if subtype == "html" else value

        return text_part(subtype, _PLACE.sub(value_of, body.decode().replace("\r\n", "\n")))
    if found := _MULTIPART.match(head):
        mark = b"--" + found[1]
        first, *parts, last = body.split(mark)
        made = [_part(part, values, missing) for part in parts]
        if any(mark in part for part in made):
            raise ValueError("a value looks like the end of a part")
        body = mark.join((first, *made, last))
    return head + b"\r\n\r\n" + body


def _part(part: bytes, values: Mapping[str, str], missing: set[str]) -> bytes:
    """One part with the line ends around it."""
    head, _, body = part[2:-2].partition(b"\r\n\r\n")
    return b"\r\n" + _entity(head, body, values, missing) + b"\r\n"


def _check_html(html: str) -> None:
    pieces = pieces_of(html)
    if _meant(_APART.join(piece for shown, piece in pieces if not shown)):
        raise _refused("its html names a secret in a link, an attribute or where it is not shown", _NEXT)
    seen = seen_of(html)
    if _meant(_APART.join(passage.text for passage in seen.hidden)):
        raise _refused("its html names a secret where nobody who reads it sees it", _NEXT)
    places = len(_PLACE.findall(html))
    words = [piece for shown, piece in pieces if shown]
    if not places == _meant(seen.text) == _meant(_APART.join(words)):
        raise _refused("its html names a secret in other letters than it shows", _NEXT)
    if places:
        for piece in (*(word for word in words if _PLACE_BEGINS in word), text_of(html)):
            _check_text(piece)


def _as_read(text: str) -> str:
    """`text` in small letters without blanks and what is not seen, undone of entities, percent signs and other shapes
    of the same letters."""
    for _ in range(_WRAPPED):
        before = text
        text = unquote(markup.unescape(text))
        if not text.isascii():
            seen = clean(text).text
            gone = {ord(c): None for c in set(seen) if unicodedata.category(c) in ("Cf", "Mn", "Me")}
            text = unicodedata.normalize("NFKC", seen.translate(gone))
        if text == before:
            break
    return "".join(text.lower().split())


def _meant(text: str) -> int:
    """How often a reader would find the name of a secret in `text`."""
    return _as_read(text).count(_PLACE_BEGINS)


def _check_text(text: str) -> None:
    meant = _meant(text)
    if meant != len(_PLACE.findall(text)):
        raise _refused("it names a secret in a form that is not understood", _NEXT)
    alone = list(_ALONE.finditer(text))
    # Any program that reads mail makes links of such words.
    if meant != len(alone) or any(_JOINED.search(text[max(0, one.start() - 2_000) : one.start()]) for one in alone):
        raise _refused("it names a secret within a link, an address or another word", _NEXT)


def _refused(why: str, next_step: str) -> InvalidRequest:
    return InvalidRequest(f"The email cannot be sent: {why}.", next_step=next_step)
