"""HTML that leaves: made from Markdown, or given and checked; and the plain text that always goes with it.

Checked means refused, never mended: only elements, attributes and links of a closed list may stand in it, nothing that
runs, loads from elsewhere or asks for input. What is made here is checked by the same rules.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from letterlock.errors import InvalidRequest
from letterlock.message.address import shown
from letterlock.message.parse import ParsedMessage
from letterlock.message.sheets import names
from letterlock.message.visible import VisibleText, visible_text
from letterlock.patterns import on_demand

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

MOST_MARKDOWN: Final = 200_000
"""Characters of Markdown that are rendered."""


def html_of(markdown: str) -> str:
    """CommonMark with tables and strike-through as HTML; a line break stays one, HTML in it is shown as text.

    Raises InvalidRequest as `check_html` does, or when it is too long."""
    from markdown_it import MarkdownIt

    if len(markdown) > MOST_MARKDOWN:
        raise InvalidRequest(
            f"The Markdown has {len(markdown)} characters; {MOST_MARKDOWN} are the most.",
            next_step="Send the long part as an attachment.",
        )
    renderer = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    # Its own list of bad schemes would leave such a link as text without a word; check_html says what is wrong.
    renderer.validateLink = lambda url: True  # type: ignore[method-assign]
    if "\0" in markdown:
        # CommonMark section 2.3 would put U+FFFD in its place.
        raise InvalidRequest("The Markdown holds a NUL character (U+0000).", next_step="Leave it out.")
    html = str(renderer.render(markdown))
    check_html(html)
    return html


def text_of(html: str) -> str:
    """What a person would see of `html`, as plain text; the address of a link follows its words in angle brackets."""
    seen = seen_of(html)
    pieces: list[str] = []
    at = 0
    for link in sorted((link for link in seen.links if link.start >= 0 and link.text), key=lambda link: link.start):
        # Where a link runs over several lines its text is laid out otherwise; then its address ends its first line.
        end = link.start + len(link.text)
        if seen.text[link.start : end] != link.text:
            end = seen.text.find("\n", link.start)
            end = len(seen.text) if end < 0 else end
        url = link.url.strip()
        bare = url.removeprefix("mailto:")
        if link.start < at or url.startswith("#") or link.text.strip() in (url, bare, bare.partition("://")[2]):
            continue
        pieces += [seen.text[at:end], f" <{bare}>"]
        at = end
    return "".join((*pieces, seen.text[at:]))


@lru_cache(4)  # composing asks once more about what was just checked
def check_html(html: str) -> frozenset[str]:
    """The content ids of the pictures that `html` shows, when it may be sent.

    Raises InvalidRequest, which names the element and what to do, on scripts, event attributes, links that are not
    http(s), mailto or tel, anything loaded from elsewhere, forms, frames, and every element that is not on the list."""
    from selectolax.lexbor import LexborHTMLParser

    # The renderer reads at most what can be read in linear time, and tells of the words beyond: here at least a dot.
    if any(passage.why in ("cut", "not_understood") for passage in seen_of(f"{html} .").hidden):
        raise _refused("it is too deeply nested, or holds styles that cannot be understood", "Write simpler HTML.")
    if _CONDITIONAL.search(html):
        # Some clients read what stands in such a comment as HTML.
        raise _refused("it holds a conditional comment", "Leave out comments of the form <!--[if ...]>.")
    pictures: set[str] = set()
    root = LexborHTMLParser(html).root
    for node in root.traverse() if root is not None else ():
        tag = node.tag or "-"
        if tag == "style":
            _check_style("<style>", node.text())
        elif tag[0] not in "-!":
            if tag not in _ELEMENTS:
                why = _WHY_NOT.get(tag, "it is not among the elements that may be sent")
                raise _refused(f"it holds <{tag[:40]}>: {why}", _INSTEAD.get(tag, "Leave it out."))
            pictures |= _check_attributes(tag, node)
    return frozenset(pictures)


def seen_of(html: str) -> VisibleText:
    """What a person would see of `html`, and what not."""
    return visible_text(ParsedMessage(html=(html,)))


def pieces_of(html: str) -> list[tuple[bool, str]]:
    """Everything that stands between the tags of `html` and within them, in its order, undone of entities; True: words
    that are shown as they are, and belong to no link."""
    from selectolax.lexbor import LexborHTMLParser

    found: list[tuple[bool, str]] = []
    root = LexborHTMLParser(html).root
    for node in root.traverse(include_text=True) if root is not None else ():
        if node.tag == "-text":
            found.append((not _within(node, ("a", "style", "title")), node.text(deep=False) or ""))
        elif node.tag == "-comment":
            found.append((False, node.html or ""))
        else:
            found += [(False, f"{name}={value or ''}") for name, value in node.attributes.items()]
    return found


def _within(node: LexborNode, tags: tuple[str, ...]) -> bool:
    while (parent := node.parent) is not None:
        if parent.tag in tags:
            return True
        node = parent
    return False


def _check_attributes(tag: str, node: LexborNode) -> set[str]:
    pictures: set[str] = set()
    for name, given in node.attributes.items():
        value = given or ""
        where = f"<{tag} {name[:40]}>"
        if name.startswith("on"):
            raise _refused(f"{where} runs a script", "Leave the attribute out.")
        if name == "style":
            _check_style(where, value)
        elif name == "href":
            # WHATWG URL section 4.4: blanks around and line ends within an address do not count.
            url = "".join(c for c in value.strip() if c not in "\t\r\n").strip(_CONTROLS)
            if not (_LINK.match(url) or url.startswith("#")):
                raise _refused(
                    f"{where} has the address {shown(value)}",
                    "Write whole addresses that begin with https:, http:, mailto: or tel:.",
                )
        elif name == "src":
            if not _PICTURE.fullmatch(value):
                raise _refused(
                    f"{where} loads {shown(value)} from elsewhere, which tells its owner who reads the email when",
                    'Attach the picture inline and write src="cid:ITS-CONTENT-ID".',
                )
            pictures.add(value[4:])
        elif name not in _ATTRIBUTES and not name.startswith(("aria-", "data-")):
            raise _refused(f"it holds the attribute {where}", "Leave the attribute out.")
    if tag == "meta" and "refresh" in (node.attributes.get("http-equiv") or "").lower():
        raise _refused("<meta http-equiv=refresh> leads elsewhere", "Leave it out.")
    return pictures


def _check_style(where: str, style: str) -> None:
    plain = _COMMENT.sub("", style).lower()
    # CSS Syntax section 4.3.7: with escapes a name can be spelt in many ways.
    bad = next((sign for sign in _LOADING if sign in plain), "")
    if bad:
        raise _refused(f"the style in {where} holds {shown(bad)}", "Leave it out: styles may not load or run anything.")


def _refused(why: str, next_step: str) -> InvalidRequest:
    return InvalidRequest(f"The html cannot be sent: {why}.", next_step=next_step)


_CONTROLS: Final = "".join(map(chr, range(0x21)))
_LINK: Final = on_demand(r"(?:https?://[^/\s]|mailto:[^\s]|tel:[+0-9])", re.IGNORECASE)
_PICTURE: Final = on_demand(r"cid:[A-Za-z0-9._@+-]{1,100}")
_CONDITIONAL: Final = on_demand(r"<!(?:--)?\s{0,9}\[")
_COMMENT: Final = on_demand(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_LOADING: Final = ("\\", "url(", "@import", "image-set(", "src(", "expression(", "behavior", "-moz-binding")
_ELEMENTS: Final = names(
    "html head body title meta style main header footer section article aside nav div span p br wbr hr h1 h2 h3 h4 h5 "
    "h6 center font pre a abbr address b bdi bdo big blockquote cite code del dfn em i ins kbd mark q s samp small "
    "strike strong sub sup time tt u var ul ol li dl dt dd table caption colgroup col thead tbody tfoot tr td th img "
    "figure figcaption details summary ruby rb rt rp rtc"
)
_ATTRIBUTES: Final = names(
    "class id title dir lang xml:lang xmlns align valign width height bgcolor color border bordercolor cellpadding "
    "cellspacing colspan rowspan scope role span name size face type start value reversed alt target rel hspace vspace "
    "nowrap summary datetime charset content http-equiv media text link vlink alink abbr headers open noshade clear "
    "compact cite marginwidth marginheight leftmargin topmargin"
)
_RUNS, _LOADS, _ASKS = "scripts are not sent", "nothing is loaded from elsewhere", "forms are not sent"
_FORMS: Final = ("form", "input", "button", "select", "option", "textarea", "label", "fieldset", "datalist")
_WHY_NOT: Final = {
    **dict.fromkeys(("script", "noscript", "template", "svg", "math", "applet"), _RUNS),
    **dict.fromkeys(("link", "base", "iframe", "frame", "frameset", "object", "embed"), _LOADS),
    **dict.fromkeys(("audio", "video", "source", "track", "picture", "canvas"), _LOADS),
    **dict.fromkeys(_FORMS, _ASKS),
}
_INSTEAD: Final = {
    **dict.fromkeys(_FORMS, "Ask for an answer by email, or link to a page."),
    "link": "Write the styles into style attributes.",
    **dict.fromkeys(("svg", "picture", "canvas"), "Attach a picture inline and show it with <img src=cid:...>."),
    **dict.fromkeys(("audio", "video", "object", "embed"), "Attach the file."),
}
