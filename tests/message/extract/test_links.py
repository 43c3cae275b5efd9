"""Links: which one the mail was sent for, where each really goes, and what is odd about it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.message.extract.links import Link, Links, find_links
from letterlock.message.parse import Mailbox, ParsedMessage
from letterlock.message.visible import Block, ShownLink, VisibleText

TOKEN = "tZ8qkW3xVb0LmP5sYd7R"


def links_of(
    *links: tuple[str, str], subject: str = "", text: str = "", sender: str = "noreply@shop.example", listed: str = ""
) -> Links:
    """The links (url, text) of a mail whose body is `text` followed by them, each on its own line."""
    body, shown = text + "\n", []
    for url, label in links:
        shown.append(ShownLink(url, label, "html", start=len(body)))
        body += label + "\n"
    headers = (("List-Unsubscribe", listed),) if listed else ()
    parsed = ParsedMessage(headers=headers, subject=subject, from_=(Mailbox("Shop", sender),))
    blocks = tuple(Block(line, "html") for line in body.split("\n") if line)
    return find_links(parsed, VisibleText(text=body, blocks=blocks, links=tuple(shown)))


def one(url: str, label: str = "here", **more: str) -> Link:
    return links_of((url, label), **more).all[0]  # type: ignore[arg-type]


FOOTER = (
    ("https://shop.example/", "Shop"),
    ("https://shop.example/help/verify-email", "Help Center"),
    ("https://shop.example/privacy", "Privacy"),
    (f"https://shop.example/unsubscribe/{TOKEN}", "Unsubscribe"),
)


@pytest.mark.parametrize(
    ("subject", "label", "path", "kind"),
    [
        ("Confirm your email address", "Confirm email", f"verify?token={TOKEN}", "verify"),
        ("Please activate your account", "Activate account", f"activate/{TOKEN}", "verify"),
        ("Bitte bestätigen Sie Ihre E-Mail-Adresse", "E-Mail bestätigen", f"konto/bestaetigung/{TOKEN}", "verify"),
        ("Подтвердите адрес", "Подтвердить", f"confirm/{TOKEN}", "verify"),
        ("确认您的邮箱", "确认邮箱", f"confirm?key={TOKEN}", "verify"),
        ("Reset your password", "Choose a new password", f"password/reset/{TOKEN}", "reset"),
        ("Réinitialisation de votre mot de passe", "Réinitialiser", f"mdp?token={TOKEN}", "reset"),
        ("パスワード再設定", "パスワードを再設定する", f"reset?token={TOKEN}", "reset"),
        ("Sign in to Shop", "Sign in", f"auth/magic?token={TOKEN}", "magic"),
        ("Inicia sesión en Shop", "Iniciar sesión", f"login/{TOKEN}", "magic"),
        ("Ann invited you to the team Blue", "Join the team", f"invite/{TOKEN}", "invite"),
        ("Einladung ins Team", "Einladung annehmen", f"invitations/{TOKEN}", "invite"),
    ],
)
def test_the_action_link_comes_first_with_its_kind(subject: str, label: str, path: str, kind: str) -> None:
    target = f"https://shop.example/{path}"
    links = links_of(*FOOTER[:2], (target, label), *FOOTER[2:], subject=subject)
    assert links.primary is not None
    assert links.primary.url == target
    assert links.primary.kind == kind
    assert links.all[0] == links.primary


def test_a_bare_address_is_named_by_the_words_before_it() -> None:
    target = f"https://shop.example/a/{TOKEN}"
    links = links_of((target, target), subject="Welcome", text="To confirm your email address, open this link:")
    assert links.primary is not None
    assert links.primary.kind == "verify"


def test_a_click_tracker_with_an_action_word_is_primary() -> None:
    target = f"https://click.mailer.example/ls/click?upn={TOKEN}{TOKEN}"
    links = links_of(FOOTER[0], (target, "Confirm email"), *FOOTER[1:], subject="Confirm your email address")
    assert links.primary is not None
    assert links.primary.url == target
    assert "redirector" in links.primary.flags


@pytest.mark.parametrize(
    ("subject", "links"),
    [
        ("Your login code is 482913", FOOTER),
        ("Our spring news", (*FOOTER, (f"https://click.mailer.example/ls/click?upn={TOKEN}", "Shop now"))),
        ("Our spring news", (("https://shop.example/sale", "Sign in and save"), *FOOTER)),
        ("Your receipt", ((f"https://shop.example/orders/{TOKEN}", "View order"), *FOOTER)),
        ("Booking confirmation", ((f"https://shop.example/bookings/{TOKEN}", "My booking"), *FOOTER)),
        ("New sign-in to your account", (("https://shop.example/security", "Secure your account"), *FOOTER)),
        ("Password changed", (("https://shop.example/docs/reset-password", "How to reset your password"), *FOOTER)),
        ("You can sign in now", (("https://shop.example/login", "Sign in"), *FOOTER)),
        ("", ()),
    ],
)
def test_mails_without_an_action_have_no_primary_link(subject: str, links: tuple[tuple[str, str], ...]) -> None:
    assert links_of(*links, subject=subject).primary is None


@pytest.mark.parametrize(
    ("url", "label", "kind"),
    [
        ("https://shop.example/unsubscribe?u=1", "click here", "unsubscribe"),
        ("https://shop.example/x1", "Abmelden vom Newsletter: abbestellen", "unsubscribe"),
        ("https://shop.example/x2", "Se désabonner", "unsubscribe"),
        ("https://shop.example/x3", "配信停止", "unsubscribe"),
        ("https://shop.example/x4", "View in browser", "view_in_browser"),
        ("https://shop.example/x5", "Im Browser ansehen", "view_in_browser"),
        ("https://www.facebook.com/shop", "Facebook", "social"),
        ("https://shop.example/help", "Help", "help"),
        ("https://shop.example", "Shop", "home"),
        ("https://zoom.us/j/123456789", "Join meeting", "meeting"),
        ("https://shop.example/files/report.pdf", "The report", "download"),
        (f"https://click.mailer.example/ls/click?upn={TOKEN}", "Read more", "tracking"),
        ("https://shop.example/products/17", "Look at it", "other"),
    ],
)
def test_each_link_has_a_kind(url: str, label: str, kind: str) -> None:
    assert one(url, label).kind == kind


@pytest.mark.parametrize(
    ("url", "host", "flag"),
    [
        ("https://www.google.com/url?q=https%3A%2F%2Fevil.example%2Fa&sa=D", "evil.example", ""),
        ("https://portal.example/leave?goto=https%3A%2F%2Fevil.example%2Fa", "evil.example", "open_redirect"),
        (
            "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fgood.example%2F&data=x",
            "good.example",
            "",
        ),
        ("https://urldefense.proofpoint.com/v2/url?u=https-3A__good.example_a&d=D", "good.example", ""),
        ("https://urldefense.com/v3/__https://good.example/a__;!!abc", "good.example", ""),
        ("https://x.awstrack.me/L0/https:%2F%2Fgood.example%2Fa/1/0100", "good.example", "redirector"),
        ("https://shop.example/redirect?url=https://shop.example/b", "shop.example", "redirector"),
        (f"https://click.mailer.example/ls/click?upn={TOKEN}", "click.mailer.example", "redirector"),
    ],
)
def test_redirectors_are_followed_on_paper(url: str, host: str, flag: str) -> None:
    link = one(url)
    assert link.url == url
    assert link.host == host
    assert {"redirector", "open_redirect"} & set(link.flags)
    if flag:
        assert flag in link.flags


def test_a_page_that_leads_on_after_its_token_is_no_redirector() -> None:
    link = one(f"https://id.shop.example/verify?token={TOKEN}&redirect_to=https://app.example/")
    assert link.host == "id.shop.example"
    assert not link.flags


@pytest.mark.parametrize(
    ("url", "label", "flag"),
    [
        ("https://evil.example/", "https://shop.example/login", "mismatch"),
        ("https://evil.example/", "www.shop.example", "mismatch"),
        ("https://evil.example/", "shop.com", "mismatch"),
        ("https://sh0p-online.example/", "x", "look_alike"),
        ("https://shop-online.example.evil.test/", "x", "look_alike"),
        ("https://shop-onlime.example/", "x", "look_alike"),
        ("https://xn--shp-online-u9a.example/", "x", "punycode"),
        ("https://sh\u043ep.example/", "x", "mixed_script"),
        ("http://203.0.113.9/login", "x", "ip_host"),
        ("http://3405803785/login", "x", "ip_host"),
        ("http://[2001:db8::1]/", "x", "ip_host"),
        ("https://shop.example@evil.example/", "x", "userinfo"),
        ("javascript:alert(1)", "x", "bad_scheme"),
        ("data:text/html,hello", "x", "bad_scheme"),
        ("ftp://shop.example/x", "x", "bad_scheme"),
        ("http://", "x", "bad_scheme"),
        ("https://[bad", "x", "bad_scheme"),
        ("java\tscript:alert(1)", "x", "bad_scheme"),
        ("https://shop.example/" + "a" * 3_000, "x", "cut"),
    ],
)
def test_odd_links_are_flagged(url: str, label: str, flag: str) -> None:
    assert flag in one(url, label, sender="noreply@shop-online.example").flags


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("https://mail.shop.example/a", "shop.example"),
        ("https://shop.example/report.pdf", "report.pdf"),
        ("https://shop.example/a", "Version 2.0"),
        ("mailto:help@shop.example", "help@shop.example"),
        ("https://münchen.example/", "münchen"),
        ("https://例え.example/", "例え"),
    ],
)
def test_honest_links_carry_no_flag(url: str, label: str) -> None:
    assert one(url, label).flags == ()


@pytest.mark.parametrize(
    "host",
    [
        "paypa1.com", "g00gle.com", "rnicrosoft.com", "netf1ix.com", "linkedln.com", "gooogle.com", "paypal-login.com",
        "accounts.google.com.evil.test", "\u0430\u0440\u0440\u04cf\u0435.com", "xn--80ak6aa92e.com",
        "\u0441\u043e\u0440.com",
    ],
)  # fmt: skip
def test_hosts_that_read_as_a_well_known_one_are_flagged_whoever_sends(host: str) -> None:
    assert "look_alike" in one(f"https://{host}/x").flags
    assert "look_alike" in one(f"https://{host}/x", sender=f"noreply@{host}").flags


@pytest.mark.parametrize(
    "host",
    [
        "paypal.com", "www.paypal.com", "amazon.de", "accounts.google.co.uk", "docs.google.com", "github.io",
        "githubusercontent.com", "slack-edge.com", "discordapp.com", "paypalobjects.com", "amazonaws.com",
        "microsoftonline.com", "motion.app", "strike.me", "finance.example", "cloud.com", "apple.news",
        "\u044f\u043d\u0434\u0435\u043a\u0441.com", "\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444",
        "\u0441\u043e\u0440.\u0440\u0444",
    ],
)  # fmt: skip
def test_honest_hosts_near_a_well_known_one_are_not(host: str) -> None:
    assert one(f"https://{host}/x").flags == ()


@pytest.mark.parametrize(
    ("subject", "label", "path", "kind"),
    [
        ("Verify your email address", "Verify email", "v/x7", "verify"),
        ("Verify your email address", "Verify email", "verify?t=1", "verify"),
        ("Ann invited you to the team Blue", "Accept invitation", "invite/abc", "invite"),
        ("Reset your password", "Reset password", "reset/k2", "reset"),
        ("Sign in to Shop", "Sign in", "login?code=9x", "magic"),
    ],
)
def test_a_short_token_makes_an_action_link_too(subject: str, label: str, path: str, kind: str) -> None:
    links = links_of((f"https://shop.example/{path}", label), *FOOTER, subject=subject, text="Welcome to Shop.")
    assert links.primary is not None
    assert (links.primary.url, links.primary.kind) == (f"https://shop.example/{path}", kind)


@pytest.mark.parametrize(
    ("subject", "label", "path"),
    [
        ("Your password was changed", "Reset your password", "password/reset"),
        ("New sign-in to your account", "Sign in", "login"),
        ("Verify your email address", "How to verify", "verify-email"),
        ("Your order", "Track", "t/x7"),
        ("Your password was changed", "Reset your password", "en/reset"),
        ("New sign-in", "Sign in", "login?lang=en"),
        ("New sign-in", "Sign in", "login?utm_source=mail"),
    ],
)
def test_pages_for_everybody_are_no_action_links(subject: str, label: str, path: str) -> None:
    assert links_of((f"https://shop.example/{path}", label), subject=subject).primary is None


def test_the_header_says_best_where_to_unsubscribe() -> None:
    listed = "<mailto:leave@lists.example>, <https://lists.example/leave/1>"
    assert links_of(*FOOTER, listed=listed).unsubscribe == "https://lists.example/leave/1"
    assert links_of(*FOOTER, listed="<mailto:leave@lists.example>").unsubscribe == "mailto:leave@lists.example"
    assert links_of(*FOOTER).unsubscribe == f"https://shop.example/unsubscribe/{TOKEN}"
    assert links_of(*FOOTER[:3]).unsubscribe == ""


def test_one_address_shown_twice_is_one_link_with_the_better_text() -> None:
    target = f"https://shop.example/verify/{TOKEN}"
    links = links_of((target, target), (target, "Confirm email"), subject="Confirm your email")
    assert len(links.all) == 1
    assert links.all[0].text == "Confirm email"


def test_there_are_never_more_than_two_hundred_links() -> None:
    assert len(links_of(*[(f"https://shop.example/{n}", "x") for n in range(500)]).all) == 200


def test_no_action_is_taken_from_a_link_that_hides_its_host() -> None:
    target = f"https://shop.example@evil.example/verify?token={TOKEN}"
    assert links_of((target, "Confirm email"), subject="Confirm your email").primary is None


@given(st.lists(st.tuples(st.text(), st.text()), max_size=6), st.text(), st.text())
def test_no_text_makes_it_fail(links: list[tuple[str, str]], subject: str, sender: str) -> None:
    found = links_of(*links, subject=subject, sender=sender)
    assert all(len(link.url) <= 2_000 and 0 <= link.confidence < 1 for link in found.all)


_URL_LETTERS = st.text(alphabet="abcdeXYZ0189.:/?#&=%@-_[]~;,\u0430é ", max_size=60)


@given(_URL_LETTERS, st.sampled_from(["https://", "http:", "HTTPS://a/", "https://a.example/?url=", "mailto:", "//"]))
def test_no_address_makes_it_fail(rest: str, start: str) -> None:
    for link in links_of((start + rest, rest)).all:
        assert isinstance(link.host, str)


@pytest.mark.parametrize("piece", ["a", "/", "&url=", "%2f", "http://", "a.", "-", "A1", "?u=https://a.example/?u="])
def test_long_addresses_take_linear_time(piece: str) -> None:
    start = time.process_time()
    links_of(*[(f"https://shop.example/{n}" + piece * (3_000 // len(piece)), piece * 300) for n in range(200)])
    assert time.process_time() - start < 3
