"""Odd SMTP dialogues without end: `dialogue(seed)` gives the same steps for the same seed.

A step is bytes to write or a Pause. Most dialogues are right for a while and then go wrong in one to five ways:
commands out of order, split or glued writes, huge lines, NULs, bad paths, bare CR or LF, dots, RSET and QUIT midway,
BDAT, STARTTLS, early close. Nothing waits for answers, except at a Pause.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from mutate import mutate

INBOX = "box@letterlock.localhost"


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait this long, reading what comes."""

    seconds: float


Step = bytes | Pause
_PATHS = (
    b"<>",
    b"<@>",
    b"<a@b@c.example>",
    b"a@b.example",
    b"<a@b.example",
    b"<" + b"x" * 70 + b"@b.example>",
    b"<a@" + b"d." * 130 + b"example>",
    b"<@relay.example:a@b.example>",
    b'<"a b"@b.example>',
    b'<"a>b"@b.example>',
    b"<a@[127.0.0.1]>",
    b"<a@b.example> SIZE=0",
    b"<a@b.example> SIZE=99999999999999999999",
    b"<a@b.example> SIZE=-1 BODY=9BITMIME",
    b"<a@b.example> BODY=8BITMIME SMTPUTF8",
    b"<a@b.example> XYZZY=1",
    "<müller@b.example>".encode(),
    "<müller@b.example> SMTPUTF8".encode(),
    b"<\xff\xfe@b.example>",
    b"<a\x00b@b.example>",
    b"<postmaster>",
    b"< a@b.example >",
    b"",
)
_LINES = (
    b"NOOP",
    b"NOOP " + b"x" * 600,
    b"RSET",
    b"RSET now",
    b"HELP",
    b"VRFY <a@b.example>",
    b"EXPN list",
    b"AUTH PLAIN AGFAYgBj",
    b"STARTTLS",
    b"STARTTLS now",
    b"BDAT 5 LAST\r\nhello",
    b"BDAT 99999999999999999999",
    b"DATA now",
    b"DATA",
    b"ETRN x",
    b"TURN",
    b"EHLO",
    b"EHLO [127.0.0.1]",
    b"HELO \x00",
    b"LHLO x.example",
    b"MAIL",
    b"MAIL FROM",
    b"MAIL FROM:",
    b"MAIL TO:<a@b.example>",
    b"RCPT TO:",
    b"RCPT FROM:<a@b.example>",
    b"rcpt to : <a@b.example>",
    b"",
    b" ",
    b"\x00\x01\x02",
    b"\xff" * 40,
    b"QUIT now",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(40),
    b"X" * 1_100,
    b"X" * 70_000,
    b"A" * 300_000,
)


def dialogue(seed: int, inbox: str = INBOX) -> list[Step]:
    """The odd dialogue with this number, most of it with mail for `inbox`. Each message holds a word of its own,
    `dialogue<seed>x<n>`, in its text where the text survives."""
    random = Random(seed)
    pieces: list[bytes] = [random.choice((b"EHLO odd.example\r\n", b"EHLO odd.example\r\n", b"HELO odd.example\r\n"))]
    for n in range(random.choice((1, 1, 1, 2, 3))):
        pieces += _transaction(random, f"dialogue{seed}x{n}", inbox)
    for _ in range(random.choice((0, 1, 1, 2, 3, 5))):
        random.choice((_insert, _insert, _drop, _swap, _cut, _repeat, _bend))(pieces, random)
    if random.random() < 0.8:
        pieces.append(b"QUIT\r\n")
    return _written(pieces, random)


def _transaction(random: Random, word: str, inbox: str) -> list[bytes]:
    sender = random.choice(_PATHS) if random.random() < 0.15 else b"<a@sender.example>"
    box = inbox.encode()
    recipients = [b"<" + box + b">"]
    for _ in range(random.choice((0, 0, 0, 1, 2, 120))):
        recipients.insert(
            random.randrange(len(recipients) + 1),
            random.choice((*_PATHS, b"<nobody@letterlock.localhost>", b"<" + box.replace(b"@", b"+tag@") + b">")),
        )
    return [
        b"MAIL FROM:" + sender + b"\r\n",
        *(b"RCPT TO:" + path + b"\r\n" for path in recipients),
        b"DATA\r\n",
        _message(random, word.encode()),
    ]


def _message(random: Random, word: bytes) -> bytes:
    """A message as it goes over the wire, with the end of DATA; now and then not the right one."""
    kind = random.randrange(10)
    if kind < 4:
        mail = b"From: a@sender.example\r\nSubject: " + word + b"\r\nMessage-ID: <" + word + b"@s.example>\r\n\r\n"
        mail += b"Hello " + word + b", your code is 481516.\r\nSee https://shop.example/v?t=" + word + b"\r\n"
    elif kind < 8:
        mail = mutate(random.randrange(1 << 30))[:100_000]
        head, blank, body = mail.partition(b"\r\n\r\n")
        mail = head + blank + word + b"\r\n" + body
        if random.random() < 0.8:
            # Most senders keep to CRLF; the rest shows that the others are refused.
            mail = mail.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    elif kind == 8:
        mail = (
            word
            + b"\r\n"
            + random.choice((b".", b"..", b"...", b".\r", b"\n.\n", b"\r\n.\r", b".\x00"))
            + b"\r\nmore\r\n"
        )
    else:
        mail = random.choice((b"", b"\r\n", b"\n", b"\x00" * 2000, b"x" * 200_000, random.randbytes(3000), word))
    if random.random() < 0.9:
        mail = mail.replace(b"\r\n.", b"\r\n..")
        mail = b"." + mail if mail.startswith(b".") else mail
    if not mail.endswith(b"\r\n"):
        mail += b"\r\n"
    ends = (b".\r\n",) * 16 + (b".\n", b"\n.\n", b".\r\r\n", b"", b".\r\n.\r\n", b".\r\nQUIT\r\n")
    return mail + random.choice(ends)


def _insert(pieces: list[bytes], random: Random) -> None:
    pieces.insert(
        random.randrange(len(pieces) + 1), random.choice(_LINES) + random.choice((b"\r\n", b"\r\n", b"\n", b"\r", b""))
    )


def _drop(pieces: list[bytes], random: Random) -> None:
    if len(pieces) > 1:
        del pieces[random.randrange(len(pieces))]


def _swap(pieces: list[bytes], random: Random) -> None:
    a, b = random.randrange(len(pieces)), random.randrange(len(pieces))
    pieces[a], pieces[b] = pieces[b], pieces[a]


def _repeat(pieces: list[bytes], random: Random) -> None:
    at = random.randrange(len(pieces))
    pieces[at:at] = [pieces[at]] * random.choice((1, 2, 30))


def _cut(pieces: list[bytes], random: Random) -> None:
    at = random.randrange(len(pieces))
    pieces[at] = pieces[at][: random.randrange(len(pieces[at]) + 1)]
    if random.random() < 0.5:
        del pieces[at + 1 :]


def _bend(pieces: list[bytes], random: Random) -> None:
    at = random.randrange(len(pieces))
    piece = bytearray(pieces[at])
    for _ in range(random.choice((1, 3, 20))):
        if piece:
            piece[random.randrange(len(piece))] = random.choice(
                (0, 10, 13, 32, 46, 60, 62, 128, 255, random.randrange(256))
            )
    pieces[at] = bytes(piece)


def _written(pieces: list[bytes], random: Random) -> list[Step]:
    """The pieces as writes: one by one with pauses, all at once, or split anywhere."""
    way = random.randrange(4)
    if way == 0:
        return [b"".join(pieces)]
    steps: list[Step] = []
    for piece in pieces:
        if way == 1 and 1 < len(piece) < 20_000:
            cuts = sorted(random.randrange(len(piece)) for _ in range(random.choice((1, 2, 5))))
            for begin, end in zip((0, *cuts), (*cuts, len(piece)), strict=True):
                steps += [piece[begin:end], Pause(0.002)]
        else:
            steps.append(piece)
            if way == 2:
                steps.append(Pause(0.005))
    return steps
