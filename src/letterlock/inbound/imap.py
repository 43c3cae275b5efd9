"""One connection to an IMAP server (RFC 9051, RFC 3501), read with limits. Everything here blocks: for threads only.

Whatever the server says, a call ends within its time, keeps no more than its bytes, and raises Trouble with words for a
person. A folder is opened read-only unless the owner chose otherwise, and nothing is ever fetched that marks mail as
read.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import logging
import re
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from letterlock.logins import Login, Trouble, clean

if TYPE_CHECKING:
    from imapclient import IMAPClient

log = logging.getLogger(__name__)

CONNECT_S: Final = 15.0
CALL_S: Final = 60.0
_LINE: Final = 1_000_000
_SMALL: Final = 8_000_000
"""Bytes that an answer without an email may have."""
_LINES: Final = 50_000
"""Lines that one answer may have: who empties or marks a folder elsewhere makes one an email (RFC 9051 section 7)."""
_COUNTS: Final = 1_000
"""Of these, how often it may say how many emails there are; servers say it once a change."""
_PARENTHESES: Final = 100
"""Of one line about an email. What is asked for here has two within each other; flags and a date add none."""
_FIELDS: Final = ("DELIVERED-TO", "X-ORIGINAL-TO", "ENVELOPE-TO", "TO", "CC")
_REPORT_BYTES: Final = 65_536
_RETURNED: Final = (b"message/rfc822", b"message/global")
_RETURNED_HEADERS: Final = (b"text/rfc822-headers", b"message/rfc822-headers", b"message/global-headers")
_KIND: Final = re.compile(rb"^content-type:\s{0,99}([a-z]{1,20}/[a-z0-9-]{1,40})", re.IGNORECASE | re.MULTILINE)
_ID: Final = re.compile(rb"^message-id:\s{0,99}(<[^<>\s]{1,900}>)", re.IGNORECASE | re.MULTILINE)
_MOST_FOLDERS: Final = 2_000
_MOST_UID: Final = 2**32 - 1
"""RFC 9051 section 2.3.1.1, of UIDVALIDITY too."""
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MOST_NAME: Final = 500
_NO_FOLDERS: Final = {b"\\noselect", b"\\nonexistent"}
_SPAM_NAMES: Final = frozenset({"spam", "junk", "junk e-mail", "junk email", "bulk mail", "spamverdacht"})


Told = Literal["", "unasked", "asked"]
"""That there is new mail: not; some time after it was last asked, by itself; or when it was asked, or just after."""
_JUST_AFTER_S: Final = 0.025


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mailbox is. `pin`: SHA-256 of the certificate in hex, for servers on this machine only."""

    host: str
    port: int
    security: Literal["tls", "starttls"]
    pin: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    uidvalidity: int
    uidnext: int


@dataclass(frozen=True, slots=True)
class Heading:
    """What is fetched of every new email: when it came, its size in bytes, the fields that name recipients (and, where
    reports are looked for, Content-Type)."""

    uid: int
    at: datetime | None
    size: int
    fields: bytes


class _Bounded:
    """Reading for imaplib's classes, straight from the socket: each call of ours has a time and a number of bytes."""

    sock: Any
    abort: type[Exception]

    _buffer = b""
    until = 0.0
    left = 0
    lines = 0
    counts = 0
    bell: socket.socket | None = None
    """While this is set, what can be read from it ends a wait like the time does."""

    def allow(self, seconds: float, octets: int) -> None:
        self.until = time.monotonic() + seconds
        self.left = octets
        self.lines = self.counts = 0

    def _more(self) -> bytes:
        rest = self.until - time.monotonic()
        if rest <= 0:
            raise TimeoutError("the answer takes too long")
        if self.bell is not None and not self.sock.pending():
            with selectors.DefaultSelector() as either:
                either.register(self.sock, selectors.EVENT_READ)
                either.register(self.bell, selectors.EVENT_READ)
                if self.sock not in [key.fileobj for key, _ in either.select(rest)]:
                    raise TimeoutError("it was roused, or the time is over")
        self.sock.settimeout(rest)
        got: bytes = self.sock.recv(65_536)
        self.left -= len(got)
        if self.left < 0:
            raise self.abort("the answer is too long")
        return got

    def read(self, size: int) -> bytes:
        if size > self.left + len(self._buffer):
            raise self.abort(f"a literal of {size} bytes")
        pieces, have = [self._buffer], len(self._buffer)
        while have < size:
            got = self._more()
            if not got:
                raise self.abort("it hung up")
            pieces.append(got)
            have += len(got)
        whole = b"".join(pieces)
        self._buffer = whole[size:]
        return whole[:size]

    def readline(self) -> bytes:
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > _LINE:
                raise self.abort("an endless line")
            got = self._more()
            if not got:
                # imaplib takes it for the end of the connection.
                return b""
            self._buffer += got
        line, self._buffer = self._buffer[: end + 1], self._buffer[end + 1 :]
        self._weigh(line)
        return line

    def _weigh(self, line: bytes) -> None:
        """Ends a conversation in which the server says lawful things without an end."""
        self.lines += 1
        if _NEW.match(line):
            self.counts += 1
        if self.lines > _LINES or self.counts > _COUNTS:
            raise self.abort("an answer of too many lines")
        if line.count(b"(") > _PARENTHESES and _ABOUT_ONE.match(line):
            raise self.abort("an answer with too many parentheses")

    def nothing_read(self) -> bool:
        return not self._buffer


def is_own_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def pin_of(place: Place) -> str:
    """The SHA-256 of the certificate that a server on this machine shows. Raises Trouble."""
    connection = Connection(Place(place.host, place.port, place.security, "any"))
    try:
        return connection.shown_pin
    finally:
        connection.close()


class Connection:
    """An open connection; log_in() first, then open a folder. `cut` and `rouse` may be called from any thread."""

    def __init__(self, place: Place) -> None:
        """Connects, over TLS. Raises Trouble."""
        if place.pin and not is_own_machine(place.host):
            raise Trouble(
                "certificate", f"Only the certificate of a server on this machine can be pinned, not {place.host}'s."
            )
        self.place = place
        self.shown_pin = ""
        self._busy = threading.Lock()
        self._over = False
        self._alive = True
        with self._words():
            self._client = self._connected()
        self._bell, self._rope = socket.socketpair()
        self._bell.setblocking(False)
        self._rope.setblocking(False)

    def _connected(self) -> IMAPClient:
        import imapclient
        from imapclient.imap4 import IMAP4WithTimeout
        from imapclient.tls import IMAP4_TLS

        place, context = self.place, _context(self.place)

        class Encrypted(_Bounded, IMAP4_TLS):  # type: ignore[misc]
            pass

        class Plain(_Bounded, IMAP4WithTimeout):  # type: ignore[misc]
            pass

        class Client(imapclient.IMAPClient):  # type: ignore[misc]
            def _create_IMAP4(self) -> Any:
                kind = Encrypted if self.ssl else Plain
                kind.until, kind.left = time.monotonic() + CONNECT_S, _SMALL
                return kind(place.host, place.port, *((context,) if self.ssl else ()), CONNECT_S)

            def _set_read_timeout(self) -> None:
                """_Bounded sets it before each read."""

        client = Client(place.host, place.port, ssl=place.security == "tls", ssl_context=context, timeout=CONNECT_S)
        # It would put every line into its log.
        client._imap.debug = 0
        try:
            if place.security == "starttls":
                client._imap.allow(CONNECT_S, _SMALL)
                client.starttls(context)
                if not client._imap.nothing_read():
                    # What was said before the encryption could be anybody's.
                    raise Trouble("protocol", f"{place.host} speaks on before it encrypts.")
            self._check_pin(client)
        except BaseException:
            with contextlib.suppress(OSError):
                client._imap.shutdown()
            raise
        return client

    def _check_pin(self, client: IMAPClient) -> None:
        shown = client._imap.sock.getpeercert(binary_form=True)
        self.shown_pin = hashlib.sha256(shown or b"").hexdigest()
        if self.place.pin not in ("", "any", self.shown_pin):
            raise Trouble(
                "certificate",
                f"{self.place.host} shows another certificate than the one that was pinned.",
                "If you have set it up anew, run `letterlock connect` again with --pin.",
            )

    def log_in(self, login: Login) -> None:
        """Raises Trouble: `login` when it refuses, `wants_app_password`, `imap_off` where it says so."""
        with self._words(CONNECT_S * 2):
            if login.oauth:
                self._client.oauth2_login(login.username, login.secret)
            elif login.username.isascii() and login.secret.isascii():
                self._client.login(login.username, login.secret)
            else:
                # LOGIN knows ASCII only (RFC 3501 section 6.2.3).
                self._client.plain_login(login.username, login.secret)

    def can_idle(self) -> bool:
        with self._words():
            return bool(self._client.has_capability("IDLE"))

    def can_move(self) -> bool:
        with self._words():
            return bool(self._client.has_capability("MOVE"))

    def spam_folder(self) -> str:
        """By its use (RFC 6154), else by its name; "" when there is none. Raises Trouble: `folder` where the server
        gives no list that can be read."""
        with self._listing(), self._words():
            # As they are: one name that is not encoded as it should be would spoil the list.
            self._client.folder_encode = False
            try:
                listed = self._client.list_folders()[:_MOST_FOLDERS]
            finally:
                self._client.folder_encode = True
            found = [
                (uses, delimiter, name)
                for flags, delimiter, written in listed
                if not (uses := {bytes(flag).lower() for flag in flags}) & _NO_FOLDERS and (name := _name_of(written))
            ]
            for uses, _, name in found:
                if b"\\junk" in uses:
                    return name
            for _, delimiter, name in found:
                last = name.rpartition((delimiter or b"/").decode("ascii", "replace"))[2]
                if name.lower() in _SPAM_NAMES or last.lower() in _SPAM_NAMES:
                    return name
            return ""

    @contextlib.contextmanager
    def _listing(self) -> Iterator[None]:
        try:
            yield
        except Trouble as trouble:
            if trouble.kind != "protocol" or not self._alive:
                raise
            raise Trouble("folder", f"{self.place.host} gives no list of its folders that can be read.") from None

    def open(self, folder: str, *, change: bool = False) -> Opened:
        """`change`: its mail is to be marked or moved."""
        with self._words():
            try:
                said = self._client.select_folder(folder, readonly=not change)
            except self._client.Error as error:
                if isinstance(error, self._client.AbortError):
                    raise
                raise Trouble(
                    "folder",
                    f"The folder {folder!a} cannot be opened: {_said(error)}.",
                    "Run `letterlock connect` again.",
                ) from None
            validity, following = said.get(b"UIDVALIDITY"), said.get(b"UIDNEXT")
            if not isinstance(validity, int) or not 0 < validity <= _MOST_UID:
                raise Trouble("protocol", f"{self.place.host} does not number the emails of {folder!a}.")
            if not isinstance(following, int) or not 0 < following <= _MOST_UID:
                following = max(self._found("UID *"), default=0) + 1
            return Opened(validity, following)

    def after(self, uid: int) -> list[int]:
        """The numbers of what came after `uid`, ascending."""
        with self._words():
            # `n:*` means the last one also where its number is below n.
            return sorted({one for one in self._found(f"UID {uid + 1}:*") if one > uid})

    def since(self, day: date) -> list[int]:
        """The numbers of what came on that day or later, ascending."""
        with self._words():
            said = f"SINCE {day.day}-{_MONTHS[day.month - 1]}-{day.year}"
            return sorted(set(self._found(said)))

    def still_there(self, uids: Sequence[int]) -> list[int]:
        """Those of at most some hundreds that the folder still has."""
        with self._words():
            return self._found(f"UID {','.join(map(str, uids))}")

    def _found(self, criteria: str) -> list[int]:
        found: list[int] = self._client.search(criteria)
        if any(not 0 < one <= _MOST_UID for one in found):
            raise Trouble("protocol", f"{self.place.host} gives emails numbers that there are not.")
        return found

    def headings(self, uids: Sequence[int], *, reports: bool = False) -> list[Heading]:
        """Of those that are still there, ascending. `reports`: so that is_report() can tell."""
        fields_asked = (*_FIELDS, "CONTENT-TYPE") if reports else _FIELDS
        asked = f"BODY.PEEK[HEADER.FIELDS ({' '.join(fields_asked)})]"
        with self._words():
            found = self._client.fetch(list(uids), ["INTERNALDATE", "RFC822.SIZE", asked])
            headings = []
            for uid in sorted(found):
                data = found[uid]
                fields = next((value for key, value in data.items() if key.startswith(b"BODY[HEADER")), None)
                if isinstance(fields, bytes):
                    at, size = data.get(b"INTERNALDATE"), data.get(b"RFC822.SIZE")
                    headings.append(Heading(uid, _moment(at), size if isinstance(size, int) else 0, fields))
            return headings

    def returned_id(self, uid: int) -> str:
        """The Message-ID, with its angle brackets, of the email that a report (RFC 6522) gives back in its third part;
        "" when it gives none back. Nothing else of the report is read."""
        kind = _KIND.search(self._part(uid, "BODY.PEEK[3.MIME]"))
        named = kind[1].lower() if kind else b""
        if named in _RETURNED:
            head = self._part(uid, "BODY.PEEK[3.HEADER.FIELDS (MESSAGE-ID)]")
        elif named in _RETURNED_HEADERS:
            head = self._part(uid, f"BODY.PEEK[3]<0.{_REPORT_BYTES}>")
        else:
            return ""
        found = _ID.search(head)
        return found[1].decode("utf-8", "replace") if found else ""

    def _part(self, uid: int, asked: str) -> bytes:
        """b"" where there is no such part; some servers call it an error to ask for it."""
        with self._words():
            try:
                data = self._client.fetch([uid], [asked]).get(uid, {})
            except self._client.Error as error:
                if isinstance(error, self._client.AbortError):
                    raise
                return b""
            found = next((value for key, value in data.items() if key.startswith(b"BODY[3")), None)
            return found if isinstance(found, bytes) else b""

    def raw(self, uid: int, most: int) -> bytes | None:
        """An email as it is there, None when it is gone or longer than `most` bytes."""
        with self._words(CALL_S * 2, most + _SMALL):
            data = self._client.fetch([uid], [f"BODY.PEEK[]<0.{most + 1}>"]).get(uid, {})
            body = next((value for key, value in data.items() if key.startswith(b"BODY[]")), None)
            return body if isinstance(body, bytes) and len(body) <= most else None

    def idle(self, seconds: float, *, ask: bool = False) -> Told:
        """Wait (RFC 2177) until something new is said to be there, the time is over, or rouse() is called. `ask`: ask
        first, since some servers keep for a while what they could tell."""
        with self._words(seconds + CALL_S):
            client = self._client._imap
            if ask:
                self._client.noop()
                if self.told_new():
                    return "asked"
            tag = client._command("IDLE")
            told: Told = ""
            # What came since the last command may be told before the server agrees.
            while (line := client._get_response()) is not None:
                if line.startswith(tag):
                    raise client.error("no IDLE")
            agreed = time.monotonic()
            client.until = agreed + seconds
            try:
                client.bell = self._bell
                with contextlib.suppress(TimeoutError):
                    while not told and not self.told_new(spend=False):
                        line = client._get_line()
                        if _NEW.match(line):
                            told = "unasked" if time.monotonic() - agreed > _JUST_AFTER_S else "asked"
                        if _BYE.match(line):
                            raise client.abort("it said goodbye")
            finally:
                client.bell = None
            with contextlib.suppress(BlockingIOError):
                self._bell.recv(_SMALL)
            client.allow(CALL_S, _SMALL)
            # imapclient's own idle_done may ask for something else first, which no server answers while it idles.
            client.send(b"DONE\r\n")
            self._client._consume_until_tagged_response(tag, "IDLE")
            return told or ("asked" if self.told_new() else "")

    def rouse(self) -> None:
        """End the wait of an idle(), or the next one's."""
        # When it is full there is enough in it, and when it is closed nobody waits.
        with contextlib.suppress(OSError):
            self._rope.send(b"!")

    def told_new(self, *, spend: bool = True) -> bool:
        """Whether the server said meanwhile, in an answer to something else, that there is new mail; `spend`: it is
        forgotten then."""
        said = self._client._imap.untagged_responses
        told = "EXISTS" in said or "RECENT" in said
        if spend:
            said.pop("EXISTS", None)
            said.pop("RECENT", None)
        return told

    def look(self) -> None:
        """So that the server says what is new, where it cannot by itself."""
        with self._words():
            self._client.noop()

    def mark_read(self, uid: int) -> None:
        with self._words():
            self._client.add_flags([uid], [b"\\Seen"], silent=True)

    def move(self, uid: int, folder: str) -> None:
        """Raises Trouble where the server cannot (RFC 6851)."""
        with self._words():
            self._client.move([uid], folder)

    def close(self) -> None:
        with contextlib.suppress(Trouble), self._words(2.0):
            self._client.logout()
        self.cut()

    def cut(self) -> None:
        """End it at once: whoever reads from it gets an error."""
        self._over = True
        with contextlib.suppress(OSError):
            # Not ssl's own: that one may not be called while another thread reads.
            socket.socket.shutdown(self._client._imap.sock, socket.SHUT_RDWR)
        self._leave()

    def _leave(self) -> None:
        """Give the socket back, by whoever is the last to use it."""
        if self._over and hasattr(self, "_client") and self._busy.acquire(blocking=False):
            try:
                with contextlib.suppress(OSError):
                    self._client._imap.shutdown()
                self._bell.close()
                self._rope.close()
            finally:
                self._busy.release()

    @contextlib.contextmanager
    def _words(self, seconds: float = CALL_S, octets: int = _SMALL) -> Iterator[None]:
        """A call to the server within these limits; what goes wrong as Trouble."""
        from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError, ProtocolError

        host = self.place.host
        self._busy.acquire()
        try:
            if hasattr(self, "_client"):
                self._client._imap.allow(seconds, octets)
            yield
        except Trouble:
            raise
        except LoginError as error:
            if isinstance(error.__context__, IMAPClientAbortError):
                # It hung up in the middle: that says nothing of the password.
                raise Trouble("protocol", f"{host} broke the login off: {_said(error)}.") from None
            raise _login_trouble(host, str(error)) from None
        except ssl.SSLCertVerificationError as error:
            raise Trouble(
                "certificate",
                f"{host} shows a certificate that is not trusted: {error.verify_message}.",
                "Look at the name of the server. One on this machine, such as Proton Mail Bridge, can be pinned: --pin."
                if is_own_machine(host)
                else "Write the name that is in its certificate. Somebody may be between you and it.",
            ) from None
        except ssl.SSLError:
            raise Trouble(
                "unreachable",
                f"{host} does not speak TLS on port {self.place.port}.",
                "Port 993 wants --security tls, port 143 --security starttls.",
            ) from None
        except socket.gaierror:
            raise Trouble(
                "unreachable", f"{host} is not known by that name.", "Look at its spelling, and at the network."
            ) from None
        except TimeoutError:
            raise Trouble("unreachable", f"{host} does not answer in time.") from None
        except IMAPClientAbortError as error:
            self._alive = False
            raise Trouble("protocol", f"{host} broke the conversation off: {_said(error)}.") from None
        except OSError as error:
            raise Trouble("unreachable", f"{host} cannot be reached ({error.strerror or 'it hung up'}).") from None
        except Exception as error:
            if isinstance(error, IMAPClientError) and not isinstance(error, ProtocolError):
                raise Trouble("protocol", f"{host} refuses: {_said(error)}.") from None
            # An answer that is no IMAP may break the library in any place; it is the server's fault and no other's.
            log.debug("an answer of %s cannot be read: %r", host, error)
            raise Trouble("protocol", f"{host} gives an answer that is no IMAP.") from None
        finally:
            self._busy.release()
            self._leave()


def _context(place: Place) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if place.pin:
        # Its certificate is compared as a whole instead; Connection allows that on this machine only.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _login_trouble(host: str, said: str) -> Trouble:
    lower = said.lower()
    if any(word in lower for word in ("application-specific", "app password", "app-specific", "authorization code")):
        return Trouble("wants_app_password", f"{host} wants an app password, not that of the account.")
    if _IMAP_OFF.search(lower):
        return Trouble("imap_off", f"IMAP is switched off for this mailbox at {host}.")
    if any(word in lower for word in ("basicauth", "basic auth", "oauth", "modern auth")):
        return Trouble("wants_oauth", f"{host} takes no password from programs, only OAuth.")
    if "web browser" in lower or "weblogin" in lower:
        return Trouble("login", f"{host} wants you to confirm this login in a web browser first: {clean(said)}.")
    if "unavailable" in lower or "too many" in lower or "try again" in lower or "in use" in lower:
        return Trouble("unreachable", f"{host} lets nobody in right now: {clean(said)}.")
    return Trouble("login", f"{host} refuses this name and password: {clean(said)}.")


_IMAP_OFF: Final = re.compile(
    r"\bimap4?\b.{0,40}\b(?:disabled|deactivated|blocked|not (?:enabled|allowed|activated|permitted))"
    r"|\bnot enabled for imap|\b(?:enable|activate|switch on|turn on)\b.{0,40}\bimap4?\b"
)


def _said(error: Exception) -> str:
    """Without the words of the libraries around it."""
    words = _AROUND.sub("", str(error.args[0]) if error.args else "")
    return "it hung up" if words.startswith("socket error: EOF") else clean(words)


def _name_of(written: object) -> str:
    """The name by which a folder can be opened again, "" for none; a list may hold anything."""
    from imapclient.imap_utf7 import decode

    try:
        name = decode(written) if isinstance(written, bytes) else ""
    except ValueError:
        return ""
    return name if len(name) <= _MOST_NAME and name.isprintable() else ""


def _moment(at: object) -> datetime | None:
    # imapclient gives the local time of this machine without its zone.
    return at.astimezone(UTC) if isinstance(at, datetime) and at.year > 1971 else None


_AROUND: Final = re.compile(r"\A(?:command: \S+ => |\w+ failed: )")
_NEW: Final = re.compile(rb"\* \d{1,10} (?:EXISTS|RECENT)\b", re.IGNORECASE)
_ABOUT_ONE: Final = re.compile(rb"\* \d{1,10} FETCH\b", re.IGNORECASE)
_BYE: Final = re.compile(rb"\* BYE\b", re.IGNORECASE)
