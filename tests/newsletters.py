"""Honest newsletters as the tools of real senders write them, with all they hide for good reasons. Written for these
tests. Of each: what a person reads of it, sentence by sentence, what is hidden from them, and the HTML.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Newsletter:
    name: str
    shown: tuple[str, ...]
    hidden: tuple[str, ...]
    html: str


_HEAD = (
    "<!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0 Transitional//EN' "
    "'http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd'><html xmlns='http://www.w3.org/1999/xhtml'><head>"
    "<meta http-equiv=Content-Type content='text/html; charset=utf-8'>"
    "<meta name=viewport content='width=device-width, initial-scale=1'>"
)
_PAD = "&#847;&zwnj;&nbsp;&#8199;&shy;" * 30

NEWSLETTERS = (
    Newsletter(
        "a shop with a hero picture and a bulletproof button",
        ("Autumn is in", "Wool, cord and felt, from 29 euros.", "Shop the coats", "Free returns within 60 days."),
        ("New coats, fresh from the loom",),
        _HEAD + "<!--[if mso]><xml><o:OfficeDocumentSettings><o:PixelsPerInch>96</o:PixelsPerInch>"
        "</o:OfficeDocumentSettings></xml><![endif]--><style>#outlook a{padding:0} .ExternalClass{width:100%}"
        "@media only screen and (max-width:480px){.w{width:100%!important}.hide{display:none!important}}</style></head>"
        "<body style='margin:0;background:#f4f4f4'><div style='display:none;max-height:0;overflow:hidden;mso-hide:all'>"
        f"New coats, fresh from the loom {_PAD}</div><table width=100%><tr><td align=center>"
        "<table width=600 class=w bgcolor=#ffffff><tr><td background='https://shop.example/hero.jpg' height=320 "
        "style='background:url(https://shop.example/hero.jpg) center/cover no-repeat'>"
        "<!--[if gte mso 9]><v:rect fill=true style='width:600px;height:320px'><v:fill type=frame "
        "src='https://shop.example/hero.jpg'/><v:textbox inset='0,0,0,0'><![endif]--><div><h1 style='color:#ffffff;"
        "font:700 40px/44px Georgia,serif;text-shadow:0 1px 3px rgba(0,0,0,.4)'>Autumn is in</h1></div>"
        "<!--[if gte mso 9]></v:textbox></v:rect><![endif]--></td></tr><tr><td class=hide style='padding:20px 40px'>"
        "Wool, cord and felt, from 29 euros.</td></tr><tr><td align=center><!--[if mso]><v:roundrect "
        "href='https://shop.example/c' fillcolor='#1a1a1a'><center>Shop the coats</center></v:roundrect><![endif]-->"
        "<a href='https://shop.example/c' "
        "style='background:#1a1a1a;color:#ffffff;display:inline-block;line-height:44px;"
        "width:200px;-webkit-text-size-adjust:none;mso-hide:all'>Shop the coats</a></td></tr>"
        "<tr><td style='font-size:11px;color:#8a8a8a'>Free returns within 60 days.</td></tr></table></table>",
    ),
    Newsletter(
        "a blocks editor with a copy of the menu for phones",
        ("Issue 41: the long table", "Read in browser", "We baked with eleven bakers.", "Mill Street 3, 20099 Hamburg"),
        ("Menu", "Rye, spelt and a very old oven"),
        _HEAD + "<style>p{margin:10px 0;padding:0} body,#bodyTable{height:100%;width:100%;background-color:#FAFAFA}"
        ".mcnPreviewText{display:none!important} #templateHeader{background:#f7f7f7 none no-repeat center/cover}"
        ".mobileOnly{display:none;max-height:0;overflow:hidden;font-size:0} @media only screen and (max-width:480px)"
        "{.mobileOnly{display:block!important;max-height:none!important;font-size:14px!important} .desk{display:none"
        "!important}}</style></head><body><!--*|IF:MC_PREVIEW_TEXT|*--><span class=mcnPreviewText style='display:none;"
        "font-size:0px;line-height:0px;max-height:0px;max-width:0px;opacity:0;overflow:hidden;visibility:hidden;"
        "mso-hide:all'>Rye, spelt and a very old oven</span><!--*|END:IF|*--><div class=mobileOnly>Menu</div>"
        "<table id=bodyTable><tr><td id=templateHeader><div class=desk><a href='https://mill.example/41'>Read in "
        "browser</a></div><h1>Issue 41: the long table</h1></td></tr><tr><td><p>We baked with eleven bakers.</p>"
        "<em>Mill Street 3, 20099 Hamburg</em></td></tr></table>",
    ),
    Newsletter(
        "dark mode with two logos",
        ("Weekly report", "You walked 41 km.", "See the map"),
        ("Your week in numbers",),
        "<!doctype html><html lang=en><head><meta name=color-scheme content='light dark'>"
        "<meta name=supported-color-schemes content='light dark'><style>:root{color-scheme:light dark;"
        "supported-color-schemes:light dark} .d{display:none} @media (prefers-color-scheme:dark){body,.bg{background:"
        "#111!important}.t{color:#f1f1f1!important}.l{display:none!important}.d{display:block!important}}"
        "[data-ogsc] .t{color:#f1f1f1!important} [data-ogsb] .bg{background-color:#111!important}"
        "u + .body .gmail-blend-screen{background:#000;mix-blend-mode:screen} u + .body .gmail-blend-difference"
        "{background:#000;mix-blend-mode:difference}</style></head><body class=body style='background:#fff'>"
        "<div style='display:none'>Your week in numbers</div><div class=bg><img class=l src=l.png alt='Trail' width=90>"
        "<div class=d style='display:none;mso-hide:all'><img src=d.png alt='Trail, white' width=90></div>"
        "<div class=gmail-blend-screen><div class=gmail-blend-difference><h2 class=t style='color:#111'>Weekly report"
        "</h2></div></div><p class=t style='color:#333'>You walked 41 km.</p><a href='https://trail.example/m' "
        "style='background-image:linear-gradient(#0a5,#0a5);background-color:#0a5;color:#fff'>See the map</a></div>",
    ),
    Newsletter(
        "columns that are one line each, with spaces in no font size",
        ("Left of the river", "A walk of two hours.", "Right of the river", "A walk of three hours."),
        (),
        _HEAD + "</head><body style='background-color:#e8eef2'><div "
        "style='font-size:0;text-align:center;max-width:640px;"
        "margin:0 auto;overflow:hidden'><!--[if mso]><table><tr><td width=320><![endif]--><div style='display:"
        "inline-block;width:100%;max-width:320px;vertical-align:top;font-size:16px'><h3>Left of the "
        "river</h3><p>A walk "
        "of two hours.</p></div> <div style='display:inline-block;width:100%;max-width:320px;vertical-align:top;"
        "font-size:16px'><h3>Right of the river</h3><p>A walk of three hours.</p></div></div>"
        "<div style='font-size:1px;line-height:1px;height:1px'>&nbsp;</div>",
    ),
    Newsletter(
        "a card that reaches over the picture above it",
        ("The garden in June", "Five beds, one hose.", "What to sow now"),
        (),
        "<!doctype html><body style='margin:0'><div style='background:#dfeee0 url(https://g.example/bed.jpg) "
        "center/cover;padding:60px 20px 120px'><h1 style='color:#143d1b'>The garden in June</h1></div>"
        "<div style='position:relative;margin:-80px 24px 0;background:#ffffff;border-radius:12px;padding:24px;"
        "box-shadow:0 12px 60px rgba(0,0,0,.18)'><p>Five beds, one hose.</p><p style='border-left:4px solid #2a7;"
        "padding-left:16px'>What to sow now</p></div>",
    ),
    Newsletter(
        "headlines in a gradient, in a font from the net",
        ("Season of sound", "Twelve evenings, one ticket.", "From 4 March"),
        ("Doors open at seven",),
        "<!doctype html><head><link rel=stylesheet href='https://fonts.example/css2?family=Syne'><style>@import "
        "url('https://fonts.example/css2?family=Syne:wght@800&display=swap'); @font-face{font-family:'Syne';font-style:"
        "normal;font-weight:800;src:local('Syne'),url(https://fonts.example/s.woff2) format('woff2');unicode-range:"
        "U+0000-00FF} h1{font-family:Syne,Helvetica,sans-serif;letter-spacing:-.03em;line-height:.95}</style></head>"
        "<body><span style='color:transparent;visibility:hidden;display:none;opacity:0;height:0;width:0;font-size:0'>"
        "Doors open at seven</span><h1 "
        "style='background:linear-gradient(90deg,#5b21b6,#be185d);-webkit-background-clip:"
        "text;background-clip:text;-webkit-text-fill-color:transparent'>Season of sound</h1><p "
        "style='color:oklch(0.3 0.02 "
        "260)'>Twelve evenings, one ticket.</p><p style='color:lab(30% 10 20);text-transform:uppercase;letter-spacing:"
        "4px'>From 4 March</p>",
    ),
    Newsletter(
        "a code in boxes with a copy for other programs",
        ("Your code is", "5", "Ask again at the desk if it does not work."),
        (),
        "<!doctype html><body><p>Your code is</p><table cellspacing=8><tr>"
        + "".join(
            f"<td style='width:40px;height:48px;overflow:hidden;text-align:center;font:700 28px/48px monospace;"
            f"border:1px solid #ccc;border-radius:8px'>{digit}</td>"
            for digit in "580263"
        )
        + "</tr></table><p style='color:#6b7280'>Ask again at the desk if it does not work.</p>",
    ),
    Newsletter(
        "notifications with titles cut to one line",
        ("3 new answers", "Mara on: How do you glaze a tile that is fired", "Open the thread"),
        (),
        "<!doctype html><body><div style='max-width:560px;margin:auto'><h2 style='margin:0 0 8px'>3 new answers</h2>"
        "<div style='width:480px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis'><b>Mara</b> on: How do you "
        "glaze a tile that is fired</div><div "
        "style='display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical;"
        "overflow:hidden;line-height:20px;max-height:40px'>Twice, thinly, and with a day between.</div>"
        "<a href='https://k.example/t' style='display:block;height:44px;line-height:44px;overflow:hidden;background:"
        "#0b57d0;color:#fff;text-align:center'>Open the thread</a></div>",
    ),
    Newsletter(
        "a picture with a caption on it and a badge",
        ("Sold out twice", "-20%", "The lamp is back.", "Have a look"),
        (),
        "<!doctype html><body><div style='position:relative;width:600px;height:300px;overflow:hidden;background:#222'>"
        "<img src=lamp.jpg width=600 height=300 alt='A lamp' style='position:absolute;top:0;left:0;width:100%;height:"
        "100%'><div style='position:absolute;left:24px;bottom:24px;color:#fff;font-size:32px'>Sold out twice</div>"
        "<span style='position:absolute;top:12px;right:12px;width:48px;height:48px;border-radius:50%;background:#c00;"
        "color:#fff;line-height:48px;text-align:center'>-20%</span></div><p>The lamp is back.</p><p><a "
        "href='https://lamp.example'>Have a look</a></p>",
    ),
    Newsletter(
        "a table that labels its cells on phones",
        ("Train", "Leaves", "IC 204", "07:42", "Platform 9"),
        ("Leaves at",),
        "<!doctype html><style>td,th{padding:8px 12px;border-bottom:1px solid #ddd} .clear:after{content:'';display:"
        "table;clear:both} .note::before{content:'\\201C'} @media (max-width:600px){thead{display:none} td::before"
        "{content:'Leaves "
        "at';font-weight:700}}</style><body><table><thead><tr><th>Train</th><th>Leaves</th></tr></thead>"
        "<tr><td>IC 204</td><td>07:42</td></tr></table><p class='note clear'>Platform 9</p>",
    ),
    Newsletter(
        "an accordion and tabs that some programs can open",
        ("Answers to your questions", "When does it open?", "How do I get there?"),
        ("At nine, on Sundays at ten.", "Tram 4 to the lake."),
        "<!doctype html><style>.acc{max-height:0;overflow:hidden;transition:max-height .3s} "
        ".box:checked + .acc{max-height:"
        "400px} input.box{display:none}</style><body><h2>Answers to your questions</h2><details><summary>When does it "
        "open?</summary><p>At nine, on Sundays at ten.</p></details><label for=q2>How do I get there?</label>"
        "<input class=box type=checkbox id=q2><div class=acc><p>Tram 4 to the lake.</p></div>",
    ),
    Newsletter(
        "slides that move in, and a countdown in pictures",
        ("Two days left", "The last seats for the boat.", "Book a seat"),
        (),
        "<!doctype html><style>@keyframes up{from{opacity:0;transform:translateY(20px)}to{opacity:1;transform:none}}"
        ".s{animation:up .6s ease-out both} .b{transition:background .2s} "
        ".b:hover{background:#000!important}</style><body>"
        "<h1 class=s style='animation-delay:.2s'>Two days left</h1><img src=https://c.example/t.gif alt='02:11:40' "
        "width=300 height=80><p class=s>The last seats for the boat.</p><a class=b href='https://boat.example' style="
        "'background:#0369a1;color:#f8fafc;padding:14px 28px;border-radius:999px;filter:drop-shadow(0 2px 4px "
        "rgba(0,0,0,.2))'>Book a seat</a>",
    ),
    Newsletter(
        "a personal letter out of a word processor",
        ("Dear all,", "the hall is ours again from May.", "Warm wishes", "Henrike"),
        (),
        "<html xmlns:o='urn:schemas-microsoft-com:office:office'><head><style><!-- /* Font Definitions */ @font-face"
        "{font-family:Calibri;panose-1:2 15 5 2 2 2 4 3 2 4;} /* Style Definitions */ p.MsoNormal,li.MsoNormal{margin:"
        "0cm;font-size:11.0pt;font-family:'Calibri',sans-serif;} a:link{mso-style-priority:99;color:#0563C1;} "
        "span.EmailStyle17{mso-style-type:personal-compose;color:windowtext;} @page "
        "WordSection1{size:612.0pt 792.0pt;} "
        "div.WordSection1{page:WordSection1;} --></style></head><body lang=DE link='#0563C1' "
        "style='word-wrap:break-word'>"
        "<div class=WordSection1><p class=MsoNormal><span style='mso-fareast-language:EN-US'>Dear "
        "all,<o:p></o:p></span>"
        "</p><p class=MsoNormal><o:p>&nbsp;</o:p></p><p class=MsoNormal "
        "style='text-indent:35.4pt'>the hall is ours again "
        "from May.</p><p class=MsoNormal>Warm wishes</p><p class=MsoNormal><span "
        "style='color:windowtext'>Henrike</span>"
        "</p></div>",
    ),
    Newsletter(
        "utility classes with variables, logical sides and grids",
        ("Release 8.2", "Builds are twice as fast.", "Read the notes", "Sent to you as a maintainer"),
        ("What changed since 8.1",),
        "<!doctype html><style>:root{--ink:#0f172a;--paper:#fff;--gap:16px} .sr{position:absolute;inline-size:1px;"
        "block-size:1px;margin:-1px;padding:0;overflow:hidden;clip:rect(0,0,0,0);white-space:nowrap;border-width:0} "
        ".grid{display:grid;grid-template-columns:minmax(0,1fr) auto;grid-template-rows:auto 1fr;gap:var(--gap)} "
        ".card{color:var(--ink);background:var(--paper);padding-inline:24px;margin-block:16px;margin-inline:auto;"
        "max-inline-size:600px;min-width:0;flex:1 1 0;contain:layout} .btn{color:#fff;background:color-mix(in srgb,"
        "#1d4ed8 90%,black);translate:0 -1px;text-decoration:underline "
        "1px;outline-offset:2px}</style><body><div class=card>"
        "<span class=sr>What changed since 8.1</span><div class=grid><h2>Release 8.2</h2><p>Builds "
        "are twice as fast.</p>"
        "</div><a class=btn href='https://b.example/n'>Read the notes</a><p style='color:rgb(100 "
        "116 139)'>Sent to you as a "
        "maintainer</p></div>",
    ),
    Newsletter(
        "white text on dark bands, a bill and a footer in small print",
        ("Bill of September", "Total", "18.40", "It is paid on the 5th.", "You get this because you have a contract."),
        ("Bill of September: 18.40, paid on the 5th",),
        _HEAD + "</head><body bgcolor='#ffffff' text='#222222' link='#005ea8'><font color='#ffffff' size=1 style="
        "'display:none !important'>Bill of September: 18.40, paid on the 5th</font><table width=640 "
        "bgcolor='#003b5c'><tr>"
        "<td style='color:#ffffff;padding:24px'><b>Bill of September</b></td></tr></table><table "
        "width=640><tr><td>Total"
        "</td><td align=right style='white-space:nowrap'>18.40</td></tr><tr><td colspan=2 height=1 style='height:1px;"
        "line-height:1px;font-size:1px;background:#ccc'>&nbsp;</td></tr></table><p>It is paid on the 5th.</p>"
        "<p style='font-size:9px;color:#767676'>You get this because you have a contract.</p>"
        "<img src='https://t.example/o.gif' width=1 height=1 alt='' "
        "style='display:block;height:1px;width:1px;opacity:0'>",
    ),
)  # fmt: skip
