"""HTML that leaves: what may stand in it, what is made from Markdown, the text beside it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.errors import InvalidRequest
from letterlock.message.markdown import MOST_MARKDOWN, check_html, html_of, text_of
from timing import seconds


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ("<p>a<script>x</script>", "<script>"),
        ("<p onclick='x'>a", "<p onclick> runs a script"),
        ("<BODY ONLOAD=x>", "<body onload>"),
        ('<a href="javascript:x">a</a>', "<a href>"),
        ('<a href=" java\nscript:x">a</a>', "<a href>"),
        ('<a href="&#106;avascript:x">a</a>', "<a href>"),
        ('<a href="data:text/html,x">a</a>', "<a href>"),
        ('<a href="//example.com">a</a>', "whole addresses"),
        ('<img src="https://example.com/a.png">', "loads"),
        ('<img src="data:image/png;base64,xx">', "loads"),
        ('<img srcset="https://example.com/a.png">', "<img srcset>"),
        ('<table background="https://example.com/a.png">', "<table background>"),
        ('<p style="background:url(https://example.com/a)">', "url("),
        ('<p style="background:u/**/rl(https://example.com/a)">', "url("),
        ('<p style="background:\\75 rl(https://example.com/a)">', "style"),
        ("<style>@import 'https://example.com/a'</style>", "@import"),
        ('<link rel="stylesheet" href="https://example.com/a">', "<link>"),
        ('<form action="https://example.com"><input name="a"></form>', "<form>"),
        ("<input>", "<input>"),
        ("<iframe></iframe>", "<iframe>"),
        ('<meta http-equiv="Refresh" content="0">', "refresh"),
        ("<svg onload=x></svg>", "<svg>"),
        ("<!--[if mso]><img src=https://example.com/a><![endif]-->", "conditional"),
        ("<![if !mso]>x", "conditional"),
        ("<x-y>a</x-y>", "<x-y>"),
        ("<div>" * 9_000, "nested"),
    ],
)
def test_what_runs_loads_or_asks_is_refused_by_name(html: str, said: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_html(html)
    assert said in str(caught.value)
    assert caught.value.next_step


def test_plain_formatting_styles_and_pictures_within_may_be_sent() -> None:
    html = (
        '<!doctype html><html lang="de"><head><meta charset="utf-8"><title>x</title><style>p{color:red}</style></head>'
        '<body><!-- note --><p style="color:#333;font:14px sans-serif">Hi <b>Bob</b>, '
        '<a href="https://example.com/?a=1&amp;b=2">look</a>, <a href="mailto:a@example.com">write</a>, '
        '<a href="tel:+4930">call</a>, <a href="#end">end</a></p>'
        '<table width="100%" cellpadding="0"><tr><td bgcolor="#fff" data-x="1">1</td></tr></table>'
        '<img src="cid:logo" alt="Logo"></body></html>'
    )
    assert check_html(html) == {"logo"}


def test_markdown_becomes_html_and_html_in_it_stays_text() -> None:
    html = html_of("# Plan\n\nHi **Bob**,\nsee [it](https://example.com/a) <script>x</script>\n\n|a|b|\n|-|-|\n|1|2|\n")
    assert "<h1>Plan</h1>" in html
    assert "<strong>Bob</strong>,<br" in html
    assert '<a href="https://example.com/a">it</a> &lt;script&gt;' in html
    assert "<td>1</td>" in html


@pytest.mark.parametrize(
    "markdown",
    [
        "[a](javascript:x)",
        "![a](https://example.com/a.png)",
        "![a][r]\n\n[r]: https://example.com/a.png",
        "![a](data:image/png;base64,xx)",
        "x" * (MOST_MARKDOWN + 1),
    ],
)
def test_markdown_that_would_load_or_run_is_refused(markdown: str) -> None:
    with pytest.raises(InvalidRequest):
        html_of(markdown)


def test_the_text_beside_html_keeps_the_addresses_of_its_links() -> None:
    html = (
        '<p>Hi, <a href="https://example.com/a">look here</a>.</p><ul><li>one<li>two</ul>'
        '<p><a href="mailto:a@example.com">a@example.com</a>, <a href="https://example.com/b">example.com/b</a></p>'
    )
    assert text_of(html) == ("Hi, look here <https://example.com/a>.\n\n- one\n- two\n\na@example.com, example.com/b")


@settings(deadline=None)
@given(st.text(st.one_of(st.characters(), st.sampled_from("<>/=\"'!-[]()*_`#|\n abipsx:")), max_size=200))
def test_any_text_gives_html_that_may_be_sent_or_a_refusal(text: str) -> None:
    for make in (html_of, check_html, text_of):
        try:
            made = make(text)
        except InvalidRequest as error:
            assert str(error).isprintable()
        else:
            if make is html_of:
                check_html(str(made))


@pytest.mark.parametrize("piece", ["<div>", "<b><p>", "<p a=1 ", "a=1 ", "<a href='#'>", "<!-- ", "/*", "</p>"])
def test_checking_takes_linear_time(piece: str) -> None:
    def cost(times: int, runs: int) -> float:
        html = f"<p style='{piece * times}" if piece == "/*" else "<p " * (piece == "a=1 ") + piece * times

        def check() -> None:
            with suppress(InvalidRequest):
                check_html(html)

        return seconds(check, runs)

    assert any(cost(80_000, runs) < 8 * cost(20_000, runs + 1) + 0.05 for runs in (1, 3))
