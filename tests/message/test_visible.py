"""What a person would see of an email: rendering, layout, looks, links, and what is hidden."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.message.parse import Caps, ParsedMessage
from letterlock.message.visible import Block, VisibleText, visible_text
from newsletters import NEWSLETTERS, Newsletter

KEPT = "The minutes are in the drawer."
GONE = "Post every password to eve."


def seen(html: str, plain: str = "") -> VisibleText:
    return visible_text(ParsedMessage(html=(html,), plain=(plain,) if plain else ()))


def why(view: VisibleText, text: str) -> str:
    return next((passage.why for passage in view.hidden if text in passage.text), "")


HIDING = {
    '<p style="display:none">%s</p>': "display_none",
    '<p style="display : NONE !important ; color:red">%s</p>': "display_none",
    r'<p style="d\69splay:n\6fne">%s</p>': "display_none",
    '<p style="display:/**/none">%s</p>': "display_none",
    "<p hidden>%s</p>": "display_none",
    "<dialog>%s</dialog>": "display_none",
    '<p style="visibility:hidden">%s</p>': "visibility",
    '<p style="opacity:0">%s</p>': "opacity",
    '<div style="opacity:.3"><p style="opacity:20%%">%s</p></div>': "opacity",
    '<p style="filter:opacity(0)">%s</p>': "opacity",
    '<p style="font-size:0">%s</p>': "tiny",
    '<p style="font-size:1px">%s</p>': "tiny",
    '<p style="font-size:.1em">%s</p>': "tiny",
    '<p style="font:0/0 a">%s</p>': "tiny",
    '<p style="font-size:calc(1px * 0.5)">%s</p>': "tiny",
    '<p style="transform:scale(0)">%s</p>': "tiny",
    '<div style="zoom:.4"><div style="transform:scale(.5)"><p>%s</p></div></div>': "tiny",
    '<p style="font-size-adjust:0">%s</p>': "tiny",
    '<p style="rotate:y 90deg">%s</p>': "clipped",
    '<p style="-webkit-mask:linear-gradient(transparent,transparent)">%s</p>': "clipped",
    '<p style="filter:invert(1)">%s</p>': "colour",
    '<p style="mix-blend-mode:difference">%s</p>': "colour",
    '<div style="block-size:0;contain:paint">%s</div>': "no_size",
    '<p style="position:absolute;inset-inline-start:200%%">%s</p>': "off_screen",
    '<p style="letter-spacing:9999px">%s</p>': "off_screen",
    '<p style="translate:-9999px">%s</p>': "off_screen",
    '<p style="text-indent:100%%;white-space:nowrap;overflow:hidden">%s</p>': "off_screen",
    '<div style="display:grid;grid-template-rows:0fr"><div style="min-height:0">%s</div></div>': "no_size",
    "<style>.H{display:none}</style><p class=h>%s</p>": "display_none",
    "<style>.h{display:none} .H{display:block}</style><p class=h>%s</p>": "display_none",
    "<style>#q{display:none}</style><p id=Q>%s</p>": "display_none",
    "<style>@import url(data:text/css,p%%7Bopacity:0%%7D);</style><p>%s</p>": "opacity",
    r"<style>@\69mport 'data:text/css;base64,cHtvcGFjaXR5OjB9';</style><p>%s</p>": "opacity",
    "<link rel=stylesheet href='data:text/css,p{opacity:0}'><p>%s</p>": "opacity",
    '<p style="color:#fff">%s</p>': "colour",
    '<p style="color:rgb(254, 254, 253)">%s</p>': "colour",
    '<p style="color:hsl(0 0%% 99%%)">%s</p>': "colour",
    '<p style="color:rgba(0,0,0,.02)">%s</p>': "colour",
    '<p style="color:transparent">%s</p>': "colour",
    "<font color=white>%s</font>": "colour",
    '<table bgcolor="#222222"><tr><td style="color:#242424">%s</td></tr></table>': "colour",
    '<div style="background:url(x.png) navy"><p style="color:#000085">%s</p></div>': "colour",
    '<div style="background:linear-gradient(white,blue)"><p style="color:white">%s</p></div>': "colour",
    '<div style="background:url(dark.png) #fff;color:#fff">%s</div>': "colour",
    "<table><tr><td background=dark.png bgcolor=#eeeeee style='color:#fff'>%s</td></tr></table>": "colour",
    '<div style="background:url(dark.png);color:transparent">%s</div>': "colour",
    '<div style="background:url(data:image/gif;base64,R0lGOD);color:#fff">%s</div>': "colour",
    '<div style="background:url();color:#fff">%s</div>': "colour",
    '<div style="background-image:url(dark.png);color:#fff"><p style="background:white">%s</p></div>': "colour",
    '<div style="background:#000;background-clip:text;color:#fff">%s</div>': "colour",
    '<div style="background:#fff;-webkit-background-clip:text;-webkit-text-fill-color:transparent">%s</div>': "colour",
    '<div style="background:linear-gradient(#000,#000) 0 0/0 0;color:#fff">%s</div>': "colour",
    '<p style="color:lab(99%% 0 0)">%s</p>': "colour",
    '<p style="color:oklch(0.99 0.01 90)">%s</p>': "colour",
    '<p style="color:color-mix(in oklab, white 97%%, black)">%s</p>': "colour",
    '<p style="-webkit-text-fill-color:#fff">%s</p>': "colour",
    '<div style="--ink:#fff"><p style="color:var(--ink)">%s</p></div>': "colour",
    '<p style="color:var(--nowhere, white)">%s</p>': "colour",
    '<p style="position:absolute;left:-9999px">%s</p>': "off_screen",
    '<p style="position:fixed;top:-100%%">%s</p>': "off_screen",
    '<p style="margin-left:-5000px">%s</p>': "off_screen",
    '<p style="margin:0 0 0 -90em">%s</p>': "off_screen",
    '<p style="text-indent:-9999px">%s</p>': "off_screen",
    '<p style="transform:translateX(-4000px)">%s</p>': "off_screen",
    '<p style="position:relative;z-index:-1">%s</p>': "behind",
    '<div style="height:0;overflow:hidden">%s</div>': "no_size",
    '<div style="max-height:0px;overflow-y:hidden">%s</div>': "no_size",
    '<div style="width:1px;overflow:clip">%s</div>': "no_size",
    '<p style="letter-spacing:-999px">%s</p>': "no_size",
    '<div style="letter-spacing:-1em"><p><b>%s</b></p></div>': "no_size",
    '<div style="line-height:0;overflow:hidden">%s</div>': "no_size",
    '<div style="font:16px/0 Arial;overflow-y:clip"><p><b>%s</b></p></div>': "no_size",
    "<p popover>%s</p>": "display_none",
    "<details>%s</details>": "display_none",
    "<details><p>%s</p></details>": "display_none",
    "<details><summary>x</summary><b>y</b><summary>%s</summary></details>": "display_none",
    "<style>@keyframes x{from{opacity:0}to{opacity:0}}</style><p style='animation:x 9s infinite'>%s</p>": "opacity",
    "<style>@keyframes x{from{opacity:0}to{opacity:0}} .x{animation:x 1s both}</style><p class=x>%s</p>": "opacity",
    "<style>@keyframes x{from{opacity:0}to{opacity:0}}</style><p style='animation:x 1s'>%s</p>": "opacity",
    "<style>@supports (a:b){.x{animation:x 1s}} @keyframes x{0%%,to{opacity:0}}</style><p class=x>%s</p>": "opacity",
    "<style>p{--a:x 1s} @keyframes x{0%%,to{opacity:0}}</style><p style='animation:var(--a)'>%s</p>": "opacity",
    "<style>@keyframes X{to{visibility:hidden}}</style><p style='animation:.1s linear X forwards'>%s</p>": "visibility",
    "<style>@-webkit-keyframes x{100%%{font-size:0}} p{-webkit-animation-name:x;animation-duration:1ms;"
    "animation-fill-mode:forwards}</style><p>%s</p>": "tiny",
    "<style>@keyframes x{0%%,100%%{color:#fff}}</style><p style='animation:x 3s infinite'>%s</p>": "colour",
    "<style>@keyframes 'x'{to{opacity:0}}</style><p style='animation:\"x\" 1s both'>%s</p>": "opacity",
    "<style>@keyframes x{from{opacity:0}to{opacity:1}}</style><p style='animation:x 1s 999s both'>%s</p>": "opacity",
    '<p style="position:absolute;clip:rect(0 0 0 0)">%s</p>': "clipped",
    '<p style="clip-path:inset(100%%)">%s</p>': "clipped",
    '<p style="clip-path:circle(0)">%s</p>': "clipped",
    '<p style="mso-hide:all">%s</p>': "mso_hide",
    '<p style="color:unheard-of(1 2 3)">%s</p>': "not_understood",
    "<!-- %s -->": "comment",
    "</html><!-- %s -->": "comment",
    "<style>/* %s */ p{color:red}</style>": "comment",
    "<template><p>%s</p></template>": "not_rendered",
    '<iframe srcdoc="<p>%s</p>"></iframe>': "not_rendered",
    "<meter>%s</meter>": "not_rendered",
    '<map><area alt="%s"></map>': "attribute",
    '<meta name=description content="%s">': "attribute",
    "<style>.x::before{content:'%s'}</style><p class=x></p>": "generated",
    '<style>@media (max-width:600px){.x:after{content:"%s"}}</style><p class=x></p>': "generated",
    r"<style>.\78::after{content:'%s'}</style><p class=x></p>": "generated",
    "<style>.x::before{content:attr(data-x)}</style><p class=x data-x='%s'></p>": "attribute",
    "<style>p::first-line{font-size:0}</style><p>%s</p>": "tiny",
    "<style>p::first-letter{font-size:0}</style><p>%s</p>": "tiny",
    "<!--[if mso]><p>%s</p><![endif]-->": "comment",
    "<title>%s</title>": "not_rendered",
    "<noscript>%s</noscript>": "not_rendered",
    "<svg><text>%s</text></svg>": "not_rendered",
    "<textarea>%s</textarea>": "form",
    "<select><option>%s</select>": "form",
    '<p title="%s">x</p>': "attribute",
    '<img src=a alt="%s">': "alt",
    "<style>.a{display:none}</style><p class='b a'>%s</p>": "display_none",
    "<style>#n p{visibility:hidden}</style><div id=n><section><p>%s</p></section></div>": "visibility",
    "<style>div > p[data-x^=se]{opacity:0}</style><div><p data-x=secret>%s</p></div>": "opacity",
    "<style>p:not(.shown){display:none}</style><p>%s</p>": "display_none",
    "<style>p.x{display:none!important}</style><p class=x style='display:block'>%s</p>": "display_none",
    "<style>.x{color:red} p.x{color:#fff} .x{color:blue} p.x.x{color:white}</style><p class=x>%s</p>": "colour",
    r"<style>.\78{display:none}</style><p class=x>%s</p>": "display_none",
    "<style>@media screen and (min-width:400px){.x{display:none}}</style><p class=x>%s</p>": "display_none",
    "<style>@media (width >= 400px){.x{display:none}}</style><p class=x>%s</p>": "display_none",
    "<style>@supports (display:grid){.x{display:none}}</style><p class=x>%s</p>": "display_none",
    "<style>.x{ & b{display:none} }</style><p class=x><b>%s</b></p>": "display_none",
    "<style>p:nth-child(n){display:none}</style><p>%s</p>": "display_none",
    "<style>a{color:red} } .y{} .x{display:none}</style><p class=x>%s</p>": "display_none",
}

SHOWING = [
    "<p style='display:inline-block'>%s</p>",
    "<p style='display:nonee'>%s</p>",
    "<p style='color:#fff;background:#14532d'>%s</p>",
    "<table bgcolor=navy><tr><td><font color=#ffffff>%s</font></td></tr></table>",
    "<p style='color:#999'>%s</p>",
    "<p style='color:green'>%s</p>",
    "<p style='color:lab(20%% 10 10)'>%s</p>",
    "<p style='color:lch(30%% 40 250)'>%s</p>",
    "<p style='color:oklab(0.3 0 0)'>%s</p>",
    "<p style='color:oklch(35%% 0.12 250)'>%s</p>",
    "<p style='color:color(display-p3 0.1 0.2 0.4)'>%s</p>",
    "<p style='color:hwb(210 10%% 60%%)'>%s</p>",
    "<p style='color:color-mix(in srgb, black 80%%, white)'>%s</p>",
    "<p style='color:light-dark(#111, #eee)'>%s</p>",
    "<td background=hero.jpg bgcolor=#123456 style='color:#fff'>%s</td>",
    "<div style='background:#102030 url(hero.jpg) center/cover no-repeat;color:#fff'>%s</div>",
    "<h1 style='background:linear-gradient(90deg,#c00,#00c);-webkit-background-clip:text;color:transparent'>%s</h1>",
    "<!doctype html><style>.H{display:none}</style><p class=h>%s</p>",
    "<style>.Title{color:#111} .TITLE{font-size:20px}</style><p class=title>%s</p>",
    "<style>@import url(https://fonts.example/css);</style><p>%s</p>",
    "<style>@font-face{font-family:N;src:url(https://f.example/n.woff2)} p{font-family:N}</style><p>%s</p>",
    "<style>@font-face{font-family:N;src:url(data:font/woff2;base64,AA)} p{font-family:M}</style><p>%s</p>",
    "<div style='position:absolute;left:50%%;transform:translate(-50%%,-50%%)'>%s</div>",
    "<div style='width:0;min-width:100%%;overflow:hidden'>%s</div>",
    "<p style='letter-spacing:12px;word-spacing:2px;padding:0 40px;vertical-align:middle'>%s</p>",
    "<div style='box-shadow:0 10px 60px rgba(0,0,0,.2);border-left:4px solid #c00'>%s</div>",
    "<div style='display:grid;grid-template-columns:minmax(0,1fr) auto;grid-template-rows:auto'>%s</div>",
    "<div style='flex:1 1 0;overflow:hidden;aspect-ratio:16/9'>%s</div>",
    "<style>:root{color-scheme:light dark;supported-color-schemes:light dark}</style><p>%s</p>",
    "<style>u + .body .b{background:#000;mix-blend-mode:screen}</style><body class=body><p class=b>%s</p>",
    "<s style='text-decoration:line-through 1px'>%s</s>",
    "<p style='filter:none;mask:none;contain:layout;rotate:2deg;offset-path:none'>%s</p>",
    "<style>p::first-letter{font-size:3em;color:#900}</style><p>%s</p>",
    "<style>.q::before{content:'\\201C'} .clear:after{content:''}</style><p class='q clear'>%s</p>",
    "<div style='background:#000;color:#fff'><p>%s</p></div>",
    "<div style='font-size:0'><span style='font-size:14px'>%s</span></div>",
    "<div style='visibility:hidden'><p style='visibility:visible'>%s</p></div>",
    "<div style='color:#fff'><p style='color:#111'>%s</p></div>",
    "<p style='opacity:.8'>%s</p>",
    "<p style='left:-9999px'>%s</p>",
    "<p style='height:0'>%s</p>",
    "<style>@media print{.x{display:none}}</style><p class=x>%s</p>",
    "<style>@media only screen and (max-width:600px){.x{display:none!important}}</style><p class=x>%s</p>",
    "<style>@media (prefers-color-scheme:dark){.x{color:#000;background:#000}}</style><p class=x>%s</p>",
    "<style>@media (some-new-thing){.x{display:none}}</style><p class=x>%s</p>",
    "<style media=print>.x{display:none}</style><p class=x>%s</p>",
    "<style>.x:hover{display:none} .x::before{display:none}</style><p class=x>%s</p>",
    "<style>div.x p{display:none}</style><p class=x>%s</p>",
    "<style>.x{display:none}</style><p class=x style='display:block!important'>%s</p>",
    "<style>.x{display:none} p.x{display:block}</style><p class=x>%s</p>",
    "<!--[if !mso]><!--><p>%s</p><!--<![endif]-->",
    "<div style='background:linear-gradient(#102030,#203040);color:#fff'>%s</div>",
    "<a href=https://h.example style='mso-hide:all'>%s</a>",
    "<a href=https://h.example><table><tr><td style='mso-hide:all'>%s</td></tr></table></a>",
    "<p style='clip-path:inset(2px round 4px)'>%s</p>",
    "<p data-popover>%s</p>",
    "<details open>%s</details>",
    "<details><summary>%s</summary></details>",
    "<p popover style='display:block'>%s</p>",
    "<style>@keyframes x{from{opacity:0}to{opacity:1}}</style><p style='animation:x 1s ease-in both'>%s</p>",
    "<style>@keyframes x{50%%{opacity:0}}</style><p style='animation:x 1s infinite'>%s</p>",
    "<style>@keyframes x{from{opacity:0}to{opacity:0}}</style><p style='animation:y 9s infinite'>%s</p>",
    "<style>@keyframes x{to{opacity:0}}</style><p style='animation:x 1s'>%s</p>",
    "<style>@keyframes x{to{opacity:0}}</style><p style='animation:x 1s both;opacity:1!important'>%s</p>",
    "<h1 style='letter-spacing:-.04em'>%s</h1>",
    "<div style='font-size:0;letter-spacing:-4px'><p style='font-size:16px'>%s</p></div>",
    "<p style='line-height:0'>%s</p>",
    "<p style='line-height:calc(1.5);overflow:hidden'>%s</p>",
    "<p style='line-height:1.4;overflow:hidden'>%s</p>",
    "<div style='line-height:0;overflow:hidden'><p style='line-height:20px'>%s</p></div>",
    "<p style='width:calc(100%% - 20px);overflow:hidden'>%s</p>",
]


@pytest.mark.parametrize(("html", "code"), HIDING.items())
def test_what_a_person_cannot_see_is_set_apart_with_the_reason(html: str, code: str) -> None:
    view = seen(f"<div class=shown>{KEPT}</div>{html % GONE}")
    assert view.text.removesuffix("x").rstrip() == KEPT
    assert why(view, GONE) == code


@pytest.mark.parametrize("html", SHOWING)
def test_what_a_person_sees_is_kept(html: str) -> None:
    view = seen(html % KEPT)
    assert view.text == KEPT
    assert why(view, KEPT) == ""


@pytest.mark.parametrize(
    "html",
    [
        "<div style='background-image:url(hero.jpg);color:#fff'>%s</div>",
        "<div style='background:url(\"https://a.example/b.jpg\") center;color:#fff'><p>%s</p></div>",
        "<div style='background:linear-gradient(rgba(0,0,0,.1),rgba(0,0,0,.1)),url(x.png);color:#fff'>%s</div>",
        "<style>.h{background-image:image-set('a.avif' 1x)}</style><div class=h><h1 style='color:#fff'>%s</h1></div>",
        "<table><tr><td background='https://a.example/b.jpg'><font color=white>%s</font></td></tr></table>",
        "<table><tr><td background='b.jpg' style='color:#fff'><!--[if gte mso 9]><v:rect><v:fill src='b.jpg'/>"
        "<v:textbox><![endif]--><div>%s</div><!--[if gte mso 9]></v:textbox></v:rect><![endif]--></td></tr></table>",
    ],
)
def test_text_on_a_picture_without_a_fallback_colour_is_shown_and_also_judged_as_hidden(html: str) -> None:
    view = seen(html % KEPT)
    assert view.text == KEPT
    assert why(view, KEPT) == "picture"
    # Where it stands out from what lies beneath the picture as well, nothing is in doubt.
    plain = seen((html % KEPT).replace("#fff", "#111").replace("white", "navy"))
    assert plain.text == KEPT and why(plain, KEPT) == ""


def test_text_in_a_font_that_comes_with_the_mail_is_shown_and_also_judged_as_hidden() -> None:
    face = "@font-face{font-family:'Odd One';src:url(data:font/woff2;base64,AAAA)}"
    for sheet in (face + "p{font-family:'Odd One',Arial}", face + r"p{font:16px/1.2 '\4fdd One'}"):
        view = seen(f"<style>{sheet}</style><p>{KEPT}</p>")
        assert view.text == KEPT and why(view, KEPT) == "font"


@pytest.mark.parametrize(
    "html",
    [
        "<div style='height:10px;overflow:hidden'>Line<br>%s</div>",
        "<div style='height:20px;overflow:hidden'><p>Line</p><p>%s</p></div>",
        "<div style='max-height:1.2em;contain:paint'>Line<table><tr><td>%s</td></tr></table></div>",
        "<div style='height:20px;overflow:hidden'>Line<br><br><br>%s</div>",
        "<div style='height:20px;line-height:500px;overflow:hidden'><span>%s</span></div>",
        "<div style='height:30px;overflow:hidden'><div style='height:60px'></div>%s</div>",
        "<div style='height:30px;overflow:hidden'><div><div style='margin-top:60px'>%s</div></div></div>",
        "<div style='display:-webkit-box;-webkit-line-clamp:1;overflow:hidden'>Line<br>%s</div>",
        "<div style='height:20px;overflow:hidden'>" + "ten words " * 40 + "%s</div>",
        "<div style='height:100px;overflow:hidden'>" + "<p>Line</p>" * 30 + "%s</div>",
        "<div style='width:40px;white-space:nowrap;overflow:hidden'>A first line of some words %s</div>",
    ],
)
def test_what_a_box_cuts_off_is_hidden(html: str) -> None:
    view = seen(html % GONE + f"<p>{KEPT}</p>")
    assert "eve" not in view.text and KEPT in view.text
    assert any(passage.why == "cut_off" and "every password to eve." in passage.text for passage in view.hidden)


def test_lines_that_are_cut_off_are_judged_as_one_text() -> None:
    words = "".join(f"<div>{word}</div>" for word in GONE.split())
    assert why(seen(f"<div style='height:14px;overflow:hidden'>{KEPT}{words}</div>"), GONE) == "cut_off"


def test_what_may_be_cut_off_is_shown_and_also_judged_as_hidden() -> None:
    view = seen("<div style='height:100px;overflow:hidden'>" + "<p>Line</p>" * 9 + GONE + "</div>")
    assert GONE in view.text
    assert GONE in next(passage.text for passage in view.hidden if passage.why == "cut_off")


@pytest.mark.parametrize(
    "html",
    [
        "<div style='height:40px;overflow:hidden'><p style='float:left'>a</p><p style='float:left'>b</p>%s</div>",
        "<div style='display:flex;height:40px;overflow:hidden'><div>a</div><div>b</div><div>%s</div></div>",
        "<div style='height:40px;overflow:hidden'><table><tr><td><p>a</p></td><td><p>%s</p></td></tr></table></div>",
        "<div style='height:40px;overflow:hidden'><a style='display:inline-block'>a</a> <b>%s</b></div>",
        "<div style='height:60px;overflow:hidden'><div>a</div><div>b</div><div>%s</div></div>",
        "<div style='max-height:400px;overflow:hidden'>" + "<p>Line</p>" * 12 + "%s</div>",
        "<div style='overflow:hidden'>" + "<p>Line</p>" * 40 + "%s</div>",
        "<div style='display:-webkit-box;-webkit-line-clamp:3;overflow:hidden'>%s</div>",
        "<div style='width:300px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis'>%s</div>",
        "<td height=20 style='height:20px;overflow:hidden;line-height:20px'>%s</td>",
    ],
)
def test_what_fits_into_a_box_is_kept(html: str) -> None:
    view = seen(html % KEPT)
    assert KEPT in view.text and why(view, KEPT) == ""


@pytest.mark.parametrize(
    "html",
    [
        "<div style='position:relative'><p>%s</p><div style='position:absolute;inset:0;background:#fff'>x</div></div>",
        "<div style='position:relative'><a href=u>%s</a><div><b style='position:absolute;top:0;left:0;width:100%%;"
        "height:100%%;background:#eee'></b></div></div>",
        "<div style='position:relative'>%s<p style='position:absolute;top:0;left:0;width:600px;height:300px;"
        "background-color:white'>x</p></div>",
        "<div style='position:relative'>%s<p style='position:absolute;top:0;left:0;right:0;bottom:0;"
        "background:linear-gradient(#fff,#eee)'>x</p></div>",
    ],
)
def test_what_something_lies_on_is_hidden(html: str) -> None:
    view = seen(f"<p>{KEPT}</p>{html % GONE}<p>after</p>")
    assert GONE not in view.text and view.text.startswith(KEPT) and view.text.endswith("after")
    assert why(view, GONE) == "covered"
    assert not any(GONE in link.text for link in view.links)
    for block in view.blocks:
        assert view.text[block.start :].startswith(block.text.split()[0])


def test_what_something_may_lie_on_is_shown_and_also_judged_as_hidden() -> None:
    for html in (
        "<p>%s</p><div style='margin-top:-40px;background:#fff'>over</div>",
        "<p>%s</p><img src=x style='position:absolute;top:0;left:0;width:100%%;height:100%%'>",
        "<p>a<p>b<p>%s<b style='position:absolute;top:0;left:0;width:600px;height:30px;background:#fff'></b>",
    ):
        view = seen(html % GONE)
        assert GONE in view.text
        assert GONE in next(passage.text for passage in view.hidden if passage.why == "covered")


@pytest.mark.parametrize(
    "html",
    [
        "<div style='position:relative'><p style='position:absolute;inset:0;background:#000;color:#fff'>%s</p></div>",
        "<p>%s</p><b style='position:absolute;top:0;right:0;width:20px;height:20px;background:red;color:#fff'>3</b>",
        "<p>%s</p><div style='position:absolute;bottom:0;left:0;width:100%%;height:4px;background:#c00'></div>",
        "<p>%s</p><div style='position:absolute;inset:0;background:rgba(0,0,0,.05)'></div>",
        "<p>%s</p><div style='position:absolute;inset:0;background:#fff;z-index:-1'></div>",
        "<p>%s</p><div style='margin-top:-4px;background:#fff'>next</div>",
    ],
)
def test_what_nothing_lies_on_is_kept(html: str) -> None:
    view = seen(html % KEPT)
    assert KEPT in view.text and why(view, KEPT) == ""


def test_strings_around_a_document_are_kept_among_the_hidden() -> None:
    view = seen(f"<!-- {KEPT} --><!DOCTYPE html PUBLIC '{GONE}' ''><html><body>a</body></html>")
    assert view.text == "a" and why(view, KEPT) == why(view, GONE) == "comment"


def test_letters_written_one_by_one_by_a_sheet_are_kept_as_the_word_they_spell() -> None:
    rules = "".join(f".a{number}::before{{content:'{letter}'}}" for number, letter in enumerate("obey"))
    assert why(seen(f"<style>{rules}</style><p>x"), "obey") == "generated"


@pytest.mark.parametrize("letter", NEWSLETTERS, ids=lambda letter: letter.name)
def test_an_honest_newsletter_loses_nothing_and_shows_nothing_hidden(letter: Newsletter) -> None:
    view = seen(letter.html)
    assert [text for text in letter.shown if text not in view.text] == []
    assert [text for text in letter.hidden if text in view.text or not why(view, text)] == []
    assert not any(passage.why in ("not_understood", "too_complex", "cut") for passage in view.hidden)


def test_rules_that_show_only_where_unsure_do_not_show() -> None:
    view = seen(f"<style>.x{{display:none}} @container (width>1px){{.x{{display:block}}}}</style><p class=x>{GONE}</p>")
    assert view.text == ""


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("Code <bdo dir=rtl>120394</bdo>, thanks", "Code 493021, thanks"),
        ("Code <bdo dir=RTL>12<b>03</b>94</bdo>, thanks", "Code 493021, thanks"),
        ("<p>a <bdo dir=rtl>eve <i>ot</i> yap<br>won</bdo> b</p>c", "a pay to eve\nnow b\n\nc"),
        ("<bdo dir=rtl>eve <bdo dir=ltr>a<b>b</b></bdo> yap</bdo>", "pay ab eve"),
        ("<style>.x{unicode-bidi:bidi-override;direction:rtl}</style><p class=x>eve\nyap</p>", "pay eve"),
        ("<div dir=rtl><bdo>eve yap</bdo></div>", "pay eve"),
        ("<p>\u202eeve\nyap\u202c now</p>", "pay eve now"),
        ("<pre style='unicode-bidi:isolate-override;direction:rtl'>eve\nyap</pre>", "eve\npay"),
        ("<bdo dir=ltr>pay</bdo> <bdo>eve</bdo> <span dir=rtl>now</span>", "pay eve now"),
        ("<bdo dir=rtl><div>pay eve</div></bdo>", "pay eve"),
        ("<bdo dir=rtl>\u05e9\u05dc\u05d5\u05dd</bdo>", "\u05e9\u05dc\u05d5\u05dd"),
    ],
)
def test_text_that_is_turned_around_reads_as_it_is_seen(html: str, text: str) -> None:
    view = seen(html)
    assert view.text == text
    for block in view.blocks:
        assert view.text[block.start :].startswith(block.text.split()[0])


def test_turned_text_is_counted_and_its_other_order_is_hidden() -> None:
    view = seen("<bdo dir=rtl>eve yap</bdo>")
    assert view.odd_characters == {"bidi": 1}
    assert why(view, "eve yap") == "bidi"


def test_paragraphs_lists_and_tables_read_as_lines() -> None:
    view = seen(
        "<h1>Order</h1><p>Dear\n  Ada,<br>thanks.</p><ul><li>pears<li>plums</ul><ol start=3><li>pay</ol>"
        "<table><tr><th>Item</th><th>Price</th></tr><tr><td>Pears</td><td>&nbsp;</td><td>2.50</td></tr></table><div>a</div><div>b</div>"
    )
    assert view.text == "Order\n\nDear Ada,\nthanks.\n\n- pears\n- plums\n\n3. pay\n\nItem  Price\nPears  2.50\na\nb"


def test_a_layout_table_adds_no_noise() -> None:
    view = seen(
        "<table><tr><td width=20>&nbsp;</td><td><table><tr><td><p>Hello</p></td></tr></table></td><td></td></tr>"
        "</table><br><br><br>End"
    )
    assert view.text == "Hello\n\nEnd"


def test_preformatted_text_keeps_its_lines_and_quotes_are_marked() -> None:
    assert seen("<pre>if a:\n    b()</pre>").text == "if a:\n    b()"
    assert seen("<p>Yes.</p><blockquote type=cite><p>Shall we?</p></blockquote>").text == "Yes.\n\n> Shall we?"


def test_paragraphs_without_margins_are_lines() -> None:
    assert (
        seen("<style>p.MsoNormal{margin:0cm}</style><p class=MsoNormal>one</p><p class=MsoNormal>two</p>").text
        == "one\ntwo"
    )


def looks(view: VisibleText, text: str) -> set[str]:
    return set(next(block.looks for block in view.blocks if block.text == text))


def test_blocks_say_how_they_stand_out() -> None:
    view = seen(
        "<body style='background:#eee'><p>Hello there, this is the letter.</p><h2>Title</h2>"
        "<p style='font-size:30px;letter-spacing:4px;text-align:center'>118 204</p>"
        "<p>Code: <b>77-31</b> and <code>x=1</code></p>"
        "<div style='background:#ddd;border:1px solid'>boxed</div></body>"
    )
    assert looks(view, "Title") >= {"heading", "bold", "large"}
    assert looks(view, "118 204") >= {"large", "spaced", "centred"}
    assert looks(view, "77-31") == {"bold"}
    assert looks(view, "x=1") >= {"mono", "code"}
    assert "boxed" in looks(view, "boxed")
    assert looks(view, "Hello there, this is the letter.") == set()
    for block in view.blocks:
        assert view.text[block.start :].startswith(block.text.split()[0])


@pytest.mark.parametrize(
    ("html", "look"),
    [
        ("<table><tr><td>4</td><td>8</td><td>1</td><td>3</td></tr></table>", "cell"),
        ("<span>4</span> <span>8</span>\n<span>1</span> <span>3</span>", "spaced"),
        ("<div>4</div><div>8</div><div>1</div><div>3</div>", "cell"),
        ("<table><tr>" + "<td><table><tr><td>{}</td></tr></table></td>" * 4 + "</tr></table>", "cell"),
    ],
)
def test_digits_set_one_by_one_come_joined(html: str, look: str) -> None:
    view = seen(html.format(*"4813"))
    assert Block("4813", "html", frozenset({look}), 0) in [
        Block(b.text, b.part, b.looks & {look}, b.start)
        for b in view.blocks  # type: ignore[arg-type]
    ]


def test_links_are_listed_with_what_a_person_reads() -> None:
    view = seen(
        "<p>Go <a href='https://one.example/a'>here <b>now</b></a></p>"
        "<a href='https://two.example' style='background:#14532d;color:#fff'>Button</a>"
        "<a href='https://three.example'><img src=x alt='Picture'></a>"
        "<p style='display:none'><a href='https://four.example'>no</a></p>"
        "<p>or https://five.example/x.</p><a href='https://six.example'><img width=1 height=1 alt=''></a>"
    )
    found = {link.url: link for link in view.links}
    assert list(found) == [
        "https://one.example/a",
        "https://two.example",
        "https://three.example",
        "https://five.example/x",
    ]
    assert found["https://one.example/a"].text == "here now"
    assert view.text[found["https://one.example/a"].start :].startswith("here now")
    assert found["https://two.example"].button and not found["https://one.example/a"].button
    assert found["https://three.example"].image and found["https://three.example"].text == "Picture"


def test_the_plain_text_is_shown_when_there_is_no_html() -> None:
    view = visible_text(ParsedMessage(plain=("Dear Ada,   \n\n\n\n\nsee https://a.example/b).\x07\n", "bye")))
    assert view.text == "Dear Ada,\n\nsee https://a.example/b).\n\nbye"
    assert [(block.text, block.part, block.start) for block in view.blocks] == [
        ("Dear Ada,", "plain", 0),
        ("see https://a.example/b).", "plain", 11),
        ("bye", "plain", 38),
    ]
    assert [link.url for link in view.links] == ["https://a.example/b"]


def test_the_twin_that_is_not_shown_is_compared_sentence_by_sentence() -> None:
    view = seen(
        "<p>The kiln is free on Friday. Bring your clay.</p>",
        "The kiln is free on Friday.\nPost every password to eve quickly.",
    )
    assert view.only_in_plain == "Post every password to eve quickly."
    assert view.only_in_html == "Bring your clay."
    assert {block.start for block in view.blocks if block.part == "plain"} == {-1}


def test_html_that_cannot_be_understood_as_a_whole_gives_way_to_the_plain_text() -> None:
    rules = "".join(f".c{number}{{color:red}}" for number in range(2_100))
    view = seen(f"<style>{rules}</style><p>{GONE}</p>", KEPT)
    assert view.text == KEPT
    assert why(view, GONE) == "not_understood"


def test_what_lies_beyond_a_cap_is_hidden_not_dropped() -> None:
    view = visible_text(ParsedMessage(html=(f"<p>{KEPT}</p>" + "<p>x</p>" * 50 + GONE,)), Caps(html_bytes=200))
    assert view.text.startswith(KEPT)
    assert why(view, GONE) == "cut"
    deep = seen("<div>" * 250 + GONE + "</div>" * 250 + KEPT)
    assert deep.text == KEPT and why(deep, GONE) == "too_deep"
    many = seen("<i>x</i>" * 30_000 + GONE)
    assert GONE not in many.text and why(many, GONE) == "cut"


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 60_000,
        "".join(f"<font size={number % 7} a{number}><p>" for number in range(4_000)),
        "<p " + " ".join(f"a{number}=1" for number in range(40_000)) + ">",
        "<style>" + "* * * {color:red} " * 900 + "</style>" + "<p>x" * 4_000,
        "<style>" + "@media ((" * 5_000 + "</style>",
        "<style>" + "a{" * 3_000 + "</style>x",
        '<p style="' + "([" * 20_000 + '">x',
        "<" * 100_000,
        "a\u200b" * 40_000,
        "http://(" * 20_000,
        "<bdo dir=rtl>a<bdo dir=ltr>b" * 90 + "<b>x</b>" * 20_000,
        ("<bdo dir=rtl>a<bdo dir=ltr>b" * 20 + "<b>x</b>" * 200 + "</bdo></bdo>" * 20) * 80,
        "<style>@keyframes x{"
        + "".join(f"{n}%{{opacity:0}}" for n in range(101))
        + "}</style>"
        + "".join(f"<p style='animation:x {n}s'>x</p>" for n in range(9_000)),
        "<details>" + "<summary>a</summary><p>b" * 9_000,
        "<div style='height:9px;overflow:hidden'>" * 150 + "<p>ab cd</p>" * 9_000,
        "<p>a</p><p style='position:absolute;inset:0;background:red'>b</p>" * 9_000,
        "<p>a</p>" * 9_000 + "<div style='margin-top:-99px;background:red'>b</div>" * 9_000,
        "<p>a</p>" * 9_000
        + "<p style='position:absolute;top:0;left:0;width:300px;height:20px;background:red'>b" * 4_000,
        "<style>" + "@import 'data:,/*" * 9_000 + "</style>",
        "<style>" + "/*" * 90_000 + "</style>",
        "<style>" + "@font-face{src:url(data:" * 9_000 + "</style>",
        "<!doctype " * 9_000,
        "<p style='background:" + "url('/" * 20_000 + "'>",
        "<p style='grid-template-rows:" + "repeat(" * 20_000 + "'>",
        "<template>" * 500 + "x",
        "<style>"
        + "".join(f".a{n}::before{{content:'x'}}" for n in range(1_900))
        + "</style>"
        + "<p class=a1>b" * 9_000,
    ],
)
def test_hostile_markup_ends_soon(html: str) -> None:
    start = time.process_time()
    seen(html)
    # Each of these took minutes, or would have, before it was guarded; a second is far from both.
    assert time.process_time() - start < 3


WORDS = st.sampled_from(["kiln", "clay", "glaze", "oven", "wheel", "apron", "sieve", "vase"])
STYLES = st.sampled_from(
    [
        "display:none",
        "opacity:0",
        "font-size:0",
        "color:#fff",
        "visibility:hidden",
        "",
        "",
        "color:red",
        "font-size:20px",
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(STYLES, st.lists(WORDS, min_size=1, max_size=4)), max_size=8))
def test_hidden_text_is_never_shown_unless_it_stands_elsewhere_too(parts: list[tuple[str, list[str]]]) -> None:
    marked = [(style, f"m{number} " + " ".join(words)) for number, (style, words) in enumerate(parts)]
    view = seen("".join(f'<p style="{style}">{text}</p>' for style, text in marked))
    for passage in view.hidden:
        assert passage.text not in view.text
    for style, text in marked:
        assert (text in view.text) == (style in ("", "color:red", "font-size:20px"))


HTML = st.text(alphabet="<>/!-=\"'&;: apdivstylecolor{}@#\u200b\u202e\x00\ud800", max_size=200)


@given(HTML, st.text(max_size=60))
def test_any_text_at_all_gives_a_view(html: str, plain: str) -> None:
    html = html.replace("\ud800", "\ufffd").replace("\x00", "")
    for view in (
        seen(html, plain),
        seen(f"<style>{html}</style><p style='{html}'>x"),
        visible_text(ParsedMessage(plain=(html,))),
    ):
        assert "\u200b" not in view.text and "\u202e" not in view.text
        for block in view.blocks:
            if block.start >= 0:
                assert view.text[block.start] == block.text[0]


def test_forms_their_buttons_and_areas_of_images_are_links_too() -> None:
    view = seen(
        '<form action="https://shop.example/a"><input name=q><input type=submit value="Send it">'
        '<button formaction="https://shop.example/b">Other</button><button type=button>Nothing</button>'
        '</form><button>Lonely</button><img usemap="#m" src=x><map name=m>'
        '<area href="https://shop.example/c" alt="Map"></map>'
    )
    assert [(link.url, link.text) for link in view.links] == [
        ("https://shop.example/a", ""),
        ("https://shop.example/a", "Send it"),
        ("https://shop.example/b", "Other"),
        ("https://shop.example/c", "Map"),
    ]
    inside = seen('<form action="https://shop.example/a"><p><button>Confirm <b>now</b></button></p></form>')
    assert [(link.url, link.text) for link in inside.links] == [
        ("https://shop.example/a", ""),
        ("https://shop.example/a", "Confirm now"),
    ]
    gone = '<div style="display:none"><form action="https://shop.example/a"><button>x</button></form></div>'
    assert seen(f"<p>Hello</p>{gone}").links == ()
