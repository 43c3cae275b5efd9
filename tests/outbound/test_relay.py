from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import RelaySink, make_certificate, open_relay_sink
from letterlock.outbound.relay import REPLY_CHARACTERS, Connections, Limits, Route, one_line, relay

RAW = b"From: anna@example.org\r\nTo: bob@example.com\r\nSubject: Hi\r\n\r\nHello\r\n"
SENDER = "anna@example.org"
QUICK = Limits(command=2, greeting=3, envelope=3, content=3, answer=0.3)


def route_to(sink: RelaySink, **changes: object) -> Route:
    fields = {"host": sink.host, "port": sink.port, "security": "none", "helo": "here.example", "limits": QUICK}
    return Route(**{**fields, **changes})  # type: ignore[arg-type]


async def test_each_recipient_gets_an_outcome_of_its_own() -> None:
    async with open_relay_sink() as sink:
        sink.rcpt = {"later@example.com": "450 4.2.0 busy", "never@example.com": "550 5.1.1 no such user"}
        recipients = ["bob@example.com", "later@example.com", "never@example.com"]
        outcomes = await relay(RAW, SENDER, recipients, route_to(sink))
    assert [(o.recipient, o.kind) for o in outcomes] == [
        ("bob@example.com", "delivered"),
        ("later@example.com", "deferred"),
        ("never@example.com", "refused"),
    ]
    assert [o.reply for o in outcomes] == ["250 2.0.0 taken", "450 4.2.0 busy", "550 5.1.1 no such user"]
    assert [(email.sender, email.recipients) for email in sink.emails] == [(SENDER, ("bob@example.com",))]


async def test_the_content_arrives_byte_for_byte_with_dots_at_line_starts() -> None:
    raw = RAW + b".\r\n..\r\n.x\r\nend\r\n"
    async with open_relay_sink() as sink:
        await relay(raw, SENDER, ["bob@example.com"], route_to(sink))
    assert sink.emails[0].content == raw


async def test_content_without_a_last_line_end_gets_one() -> None:
    async with open_relay_sink() as sink:
        await relay(RAW + b"no end", SENDER, ["bob@example.com"], route_to(sink))
    assert sink.emails[0].content == RAW + b"no end\r\n"


async def test_bare_line_ends_cannot_end_the_content_early() -> None:
    raw = RAW + b"one\n.\nMAIL FROM:<evil@example.net>\r.\rtwo\r\n"
    async with open_relay_sink() as sink:
        await relay(raw, SENDER, ["bob@example.com"], route_to(sink))
    assert len(sink.emails) == 1
    assert sink.emails[0].content.endswith(b"one\r\n.\r\nMAIL FROM:<evil@example.net>\r\n.\r\ntwo\r\n")


async def test_a_large_message_arrives_whole() -> None:
    raw = RAW + b"x" * 900 + b"\r\n"
    raw += (b"y" * 76 + b"\r\n") * 30_000
    async with open_relay_sink() as sink:
        outcome = (await relay(raw, SENDER, ["bob@example.com"], route_to(sink, limits=Limits())))[0]
    assert outcome.kind == "delivered"
    assert sink.emails[0].content == raw


@pytest.mark.parametrize(("answer", "kind"), [("451 4.3.0 try later", "deferred"), ("554 5.7.1 spam", "refused")])
async def test_an_answer_to_the_final_dot_is_an_answer_for_all(answer: str, kind: str) -> None:
    async with open_relay_sink() as sink:
        sink.data = answer
        outcomes = await relay(RAW, SENDER, ["a@example.com", "b@example.com"], route_to(sink))
    assert [(o.kind, o.reply, o.handed_over) for o in outcomes] == [(kind, answer, True)] * 2


@pytest.mark.parametrize(("answer", "kind"), [("452 4.3.1 full", "deferred"), ("553 5.7.1 not you", "refused")])
async def test_a_sender_that_is_not_taken_concerns_all_recipients(answer: str, kind: str) -> None:
    async with open_relay_sink() as sink:
        sink.mail = answer
        outcomes = await relay(RAW, SENDER, ["a@example.com", "b@example.com"], route_to(sink))
    assert [(o.kind, o.reply, o.handed_over) for o in outcomes] == [(kind, answer, False)] * 2
    assert not sink.asked


async def test_a_connection_lost_after_the_final_dot_is_uncertain() -> None:
    async with open_relay_sink() as sink:
        sink.drop_after_dot = 1
        sink.rcpt = {"never@example.com": "550 no"}
        outcomes = await relay(RAW, SENDER, ["a@example.com", "never@example.com"], route_to(sink))
    assert [(o.kind, o.handed_over) for o in outcomes] == [("uncertain", True), ("refused", False)]


async def test_no_answer_to_the_final_dot_in_time_is_uncertain() -> None:
    async with open_relay_sink() as sink:
        sink.hang_after_dot = True
        outcomes = await relay(RAW, SENDER, ["a@example.com"], route_to(sink))
    assert outcomes[0].kind == "uncertain"


async def test_handing_over_is_asked_with_the_recipients_the_server_took_before_it_has_the_message() -> None:
    seen: list[tuple[list[str], int]] = []
    async with open_relay_sink() as sink:
        sink.rcpt = {"never@example.com": "550 no"}

        async def handing_over(taken: Sequence[str]) -> bool:
            seen.append((list(taken), len(sink.emails)))
            return True

        await relay(RAW, SENDER, ["a@example.com", "never@example.com"], route_to(sink), handing_over)
    assert seen == [(["a@example.com"], 0)]
    assert len(sink.emails) == 1


async def test_a_message_that_may_not_be_handed_over_any_more_is_not_sent() -> None:
    async def no(taken: Sequence[str]) -> bool:
        return False

    async with open_relay_sink() as sink:
        outcomes = await relay(RAW, SENDER, ["a@example.com"], route_to(sink), no)
        await asyncio.sleep(0.05)
    assert [(o.kind, o.handed_over) for o in outcomes] == [("deferred", False)]
    assert not sink.emails


async def test_nobody_listening_is_deferred_and_the_reply_does_not_name_the_server() -> None:
    async with open_relay_sink() as sink:
        pass
    outcomes = await relay(RAW, SENDER, ["a@example.com"], route_to(sink))
    assert outcomes[0].kind == "deferred"
    assert str(sink.port) not in outcomes[0].reply


@pytest.mark.parametrize("answer", ["552 5.5.3 too many recipients", "530 5.7.0 log in first", "421 4.3.2 closing"])
async def test_an_answer_that_somebody_can_mend_is_deferred(answer: str) -> None:
    async with open_relay_sink() as sink:
        sink.rcpt = {"a@example.com": answer}
        outcomes = await relay(RAW, SENDER, ["a@example.com", "b@example.com"], route_to(sink))
    assert (outcomes[0].kind, outcomes[0].reply) == ("deferred", answer)
    assert outcomes[1].kind == ("deferred" if answer.startswith("421") else "delivered")


# Connections that stay open


async def test_an_open_connection_takes_the_next_message() -> None:
    kept = Connections()
    async with open_relay_sink() as sink:
        for n in range(3):
            (outcome,) = await relay(RAW, SENDER, [f"r{n}@example.com"], route_to(sink), None, kept)
            assert outcome.kind == "delivered"
        assert (sink.sessions, len(sink.emails)) == (1, 3)
        kept.close_idle(0)


async def test_an_open_connection_that_the_server_has_closed_is_replaced() -> None:
    kept = Connections()
    async with open_relay_sink() as sink:
        await relay(RAW, SENDER, ["a@example.com"], route_to(sink), None, kept)
        (connection,) = kept._idle[route_to(sink)]
        assert isinstance(connection.client.transport, asyncio.WriteTransport)
        connection.client.transport.abort()
        await asyncio.sleep(0.01)
        (outcome,) = await relay(RAW, SENDER, ["b@example.com"], route_to(sink), None, kept)
        assert outcome.kind == "delivered"
        assert (sink.sessions, len(sink.emails)) == (2, 2)
        kept.close_idle(0)


async def test_a_421_on_an_open_connection_is_no_answer_to_the_message() -> None:
    kept = Connections()
    async with open_relay_sink() as sink:
        await relay(RAW, SENDER, ["a@example.com"], route_to(sink), None, kept)
        sink.closing = 1
        (outcome,) = await relay(RAW, SENDER, ["b@example.com"], route_to(sink), None, kept)
        assert outcome.kind == "delivered"
        assert sink.sessions == 2
        kept.close_idle(0)


async def test_a_connection_on_which_an_answer_was_lost_is_not_used_again() -> None:
    kept = Connections()
    async with open_relay_sink() as sink:
        sink.drop_after_dot = 1
        await relay(RAW, SENDER, ["a@example.com"], route_to(sink), None, kept)
        (outcome,) = await relay(RAW, SENDER, ["b@example.com"], route_to(sink), None, kept)
        assert (outcome.kind, sink.sessions) == ("delivered", 2)
        kept.close_idle(0)


async def test_a_refused_message_leaves_nothing_of_it_on_the_connection() -> None:
    kept = Connections()
    async with open_relay_sink() as sink:
        await relay(RAW, SENDER, ["a@example.com"], route_to(sink), None, kept)
        sink.rcpt = {"never@example.com": "550 no"}
        await relay(RAW, SENDER, ["never@example.com"], route_to(sink), None, kept)
        await relay(RAW, SENDER, ["b@example.com"], route_to(sink), None, kept)
        kept.close_idle(0)
    assert [email.recipients for email in sink.emails] == [("a@example.com",), ("b@example.com",)]


# TLS and login


async def test_starttls_that_is_asked_for_and_not_offered_sends_nothing() -> None:
    async with open_relay_sink() as sink:
        outcomes = await relay(RAW, SENDER, ["a@example.com"], route_to(sink, security="starttls"))
    assert outcomes[0].kind == "deferred"
    assert "STARTTLS" in outcomes[0].reply
    assert not sink.asked


async def test_a_certificate_nobody_vouches_for_is_not_accepted(tmp_path: Path) -> None:
    context, _ = make_certificate(tmp_path)
    async with open_relay_sink(starttls=context) as sink:
        outcomes = await relay(RAW, SENDER, ["a@example.com"], route_to(sink, security="starttls"))
    assert outcomes[0].kind == "deferred"
    assert outcomes[0].reply.startswith("the certificate of the mail server is not trusted")
    assert not sink.asked


async def test_a_certificate_for_another_name_is_not_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context, trusted = make_certificate(tmp_path, "other.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    async with open_relay_sink(starttls=context) as sink:
        outcomes = await relay(RAW, SENDER, ["a@example.com"], route_to(sink, security="starttls"))
    assert outcomes[0].kind == "deferred"
    assert not sink.asked


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_mail_goes_over_tls_to_a_server_that_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    context, trusted = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    offered = {"starttls": context} if security == "starttls" else {"tls": context}
    async with open_relay_sink(**offered) as sink:
        outcomes = await relay(RAW, SENDER, ["a@example.com"], route_to(sink, security=security))
    assert outcomes[0].kind == "delivered"
    assert security == "tls" or sink.emails[0].tls


async def test_a_login_is_used_and_a_wrong_one_is_tried_again_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, trusted = make_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    async with open_relay_sink(starttls=context, login=("anna", "right")) as sink:
        route = route_to(sink, security="starttls", username="anna", password="right")
        good = await relay(RAW, SENDER, ["a@example.com"], route)
        route = route_to(sink, security="starttls", username="anna", password="wrong")
        bad = await relay(RAW, SENDER, ["a@example.com"], route)
    assert good[0].kind == "delivered"
    assert sink.emails[0].login == "anna"
    assert bad[0].kind == "deferred"
    assert bad[0].reply.startswith("535")
    assert len(sink.emails) == 1


# International mail and size


async def test_international_addresses_go_out_with_smtputf8() -> None:
    async with open_relay_sink() as sink:
        outcomes = await relay(RAW, SENDER, ["jörg@example.com"], route_to(sink))
    assert outcomes[0].kind == "delivered"
    assert sink.emails[0].recipients == ("jörg@example.com",)
    assert "SMTPUTF8" in sink.emails[0].options


async def test_international_addresses_are_refused_where_the_server_does_not_take_them() -> None:
    async with open_relay_sink(smtputf8=False) as sink:
        outcomes = await relay(RAW, SENDER, ["jörg@example.com"], route_to(sink))
    assert outcomes[0].kind == "refused"
    assert "SMTPUTF8" in outcomes[0].reply


async def test_eight_bit_content_is_announced() -> None:
    raw = RAW + "Grüße\r\n".encode()
    async with open_relay_sink() as sink:
        await relay(raw, SENDER, ["a@example.com"], route_to(sink))
    assert "BODY=8BITMIME" in sink.emails[0].options
    assert sink.emails[0].content == raw


async def test_a_message_over_the_size_the_server_names_is_refused_before_it_is_sent() -> None:
    async with open_relay_sink(size=50) as sink:
        outcomes = await relay(RAW, SENDER, ["a@example.com"], route_to(sink))
    assert outcomes[0].kind == "refused"
    assert not sink.asked


async def test_an_address_reaches_the_wire_as_it_was_approved() -> None:
    addresses = ['"a b"@example.com', '"x@y"@example.com', "o'neil+tag@example.com"]
    async with open_relay_sink() as sink:
        await relay(RAW, SENDER, addresses, route_to(sink))
    assert sink.asked == addresses


# Servers that misbehave


@contextlib.asynccontextmanager
async def open_odd_server(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[Route]:
    talks: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.append(asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            try:
                await talk(reader, writer)
            finally:
                writer.transport.abort()
                await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    limits = Limits(command=0.3, greeting=0.5, envelope=0.5, content=0.5, answer=0.3)
    try:
        yield Route("127.0.0.1", server.sockets[0].getsockname()[1], "none", "here.example", limits=limits)
    finally:
        server.close()
        # A connection that was just taken gets its task first.
        await asyncio.sleep(0.01)
        for task in talks:
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


@given(st.binary(max_size=300))
def test_a_server_that_says_anything_at_all_never_makes_it_raise(said: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()

    async def scenario() -> None:
        async with open_odd_server(talk) as route:
            outcomes = await relay(RAW, SENDER, ["a@example.com"], route)
        assert outcomes[0].kind in ("deferred", "refused")
        assert len(outcomes[0].reply) <= REPLY_CHARACTERS
        assert outcomes[0].reply.isprintable()

    asyncio.run(scenario())


async def test_a_server_that_says_nothing_is_left_in_time() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with open_odd_server(talk) as route:
        async with asyncio.timeout(3):
            outcomes = await relay(RAW, SENDER, ["a@example.com"], route)
    assert outcomes[0].kind == "deferred"


async def test_a_connection_lost_while_the_content_is_sent_is_deferred_not_uncertain() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        for answer in (b"250 odd\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
            await reader.readline()
            writer.write(answer)
        await reader.readexactly(1000)
        writer.transport.abort()

    handed: list[Sequence[str]] = []

    async def handing_over(taken: Sequence[str]) -> bool:
        handed.append(taken)
        return True

    raw = RAW + (b"y" * 76 + b"\r\n") * 200_000
    async with open_odd_server(talk) as route:
        outcomes = await relay(raw, SENDER, ["a@example.com"], route, handing_over)
    assert (outcomes[0].kind, handed) == ("deferred", [])


async def test_an_endless_answer_is_cut_off() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"220-" + b"x" * 4000 + b"\r\n")
            await writer.drain()

    async with open_odd_server(talk) as route:
        async with asyncio.timeout(3):
            outcomes = await relay(RAW, SENDER, ["a@example.com"], route)
    assert outcomes[0].kind == "deferred"


@given(st.text())
def test_a_reply_becomes_one_printable_line(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert len(line) <= REPLY_CHARACTERS
    assert "  " not in line
