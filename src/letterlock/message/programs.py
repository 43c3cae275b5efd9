"""Whether a file would run when somebody opens it, or is active or shut to a look: by its name, by its content, by what
lies packed in it.

`danger_of(name, data)` never raises. Archives are walked by their local headers, so that no two readers can differ
over what is in them; of each member only the beginning is unpacked, and how much of all is bounded.
"""

from __future__ import annotations

import html
import re
import struct
import zlib
from dataclasses import dataclass
from typing import Final

from letterlock.patterns import on_demand


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ENDINGS: Final = _words("""
    exe com scr pif bat cmd msi msp msix appx vbs vbe js jse wsf wsh hta ps1 psm1 jar apk ipa app dmg pkg deb
    rpm lnk reg cpl dll sys ocx iso img vhd vhdx gadget scf url inf application appref-ms xll jnlp chm action
    workflow command run elf docm dotm xlsm xltm xlam pptm potm ppam ppsm
    desktop library-ms search-ms searchconnector-ms settingcontent-ms msc msu mst theme themepack diagcab
    vb wsc sct shb shs xbap website ps1xml cdxml appimage pyw pyz pyc
""")
"""What a system runs, installs or mounts when its user double-clicks."""
_SOURCES: Final = _words("py rb pl sh bash zsh ksh fish php lua tcl r ipynb")
"""Text that a system with the right tools may run, and that people who write programs send each other."""
_PAGES: Final = _words("html htm xhtml xht shtml svg")
_SEALED: Final = {
    "mht": "a web page in one file",
    "mhtml": "a web page in one file",
    "rdp": "a remote connection",
    "one": "a OneNote section",
    "onepkg": "a OneNote notebook",
    **dict.fromkeys(
        ("7z", "rar", "cab", "ace", "arj", "lzh", "lha", "bz2", "xz", "zst", "lz", "br", "z"), "an archive"
    ),
    **dict.fromkeys(("tbz", "tbz2", "txz", "tzst", "wim", "cpio", "xar", "uue"), "an archive"),
}
"""What may hold anything and cannot be looked into here."""
_SEALED_BEGINNINGS: Final = (
    (b"7z\xbc\xaf\x27\x1c", "an archive"),
    (b"Rar!\x1a\x07", "an archive"),
    (b"MSCF\0\0\0\0", "an archive"),
    (b"\xfd7zXZ\0", "an archive"),
    *((b"BZh%d1AY&SY" % level, "an archive") for level in range(1, 10)),
    (b"\x28\xb5\x2f\xfd", "an archive"),
    (b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3", "a OneNote section"),
)
_OFFICE: Final = _words("docx dotx xlsx xltx pptx potx ppsx odt ods odp odg epub vsdx")
"""Archives by their making, which hold pictures and pages as part of a document."""
_PAGE: Final = on_demand(
    rb"\s*(?:<\?xml[^>]{0,200}>\s*)?(?:<!--.{0,400}?-->\s*)?<(?:!doctype\s+(?:html|svg)|html|svg)\b", re.S | re.I
)
_ACTS: Final = on_demand(
    r"<(?:\w{1,20}:)?(?:script|iframe|frame|object|embed|applet|form|base|foreignobject)\b|[\s\"'/]on[a-z]{3,30}\s{0,9}="
    r"|(?:java|vb)script\s{0,9}:|http-equiv\s{0,9}=\s{0,9}[\"']?\s{0,9}refresh|<!entity"
)
_MOST_PAGE: Final = 5_000_000
_TURNED: Final = on_demand("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_BEGINNINGS: Final = (
    (b"\x7fELF", "a Linux program"),
    (b"\xfe\xed\xfa\xce", "a macOS program"),
    (b"\xfe\xed\xfa\xcf", "a macOS program"),
    (b"\xce\xfa\xed\xfe", "a macOS program"),
    (b"\xcf\xfa\xed\xfe", "a macOS program"),
    (b"\xca\xfe\xba\xbe", "a macOS or Java program"),
    (b"#!", "a script"),
    (b"L\0\0\0\x01\x14\x02\0", "a Windows shortcut"),
    (b"dex\n", "an Android program"),
    (b"\0asm", "a WebAssembly program"),
)
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# A directory entry of a compound file is named in UTF-16 (MS-CFB section 2.6.1), those of macros so (MS-OVBA 2.2.1).
_OLE_MACROS: Final = "_VBA_PROJECT".encode("utf-16-le")
_LOCAL: Final = b"PK\x03\x04"
_LOCAL_BYTES: Final = 30
_DEFLATED: Final = 8
_HEAD: Final = 512
_PIECE: Final = 65_536
_UNPACKED: Final = 20_000_000
"""All archives within one file together."""
_MEMBERS: Final = 20_000
_DEPTH: Final = 3
_WITHIN: Final = (_LOCAL, _OLE, b"\x1f\x8b")
_TAR_BLOCK: Final = 512


@dataclass(frozen=True, slots=True)
class Danger:
    """Parts of a sentence, "" where nothing is so. `runs`: what makes the file a program ("a Windows program");
    `active`: what it is that may act on who opens it, or cannot be looked into ("a web page that acts")."""

    runs: str = ""
    active: str = ""


def danger_of(name: str, data: bytes) -> Danger:
    """What the file may do to whoever opens it."""
    look = _Look(in_document=_ending(name) in _OFFICE)
    return Danger(look.file(name, data, _DEPTH), look.active)


def _ending(name: str) -> str:
    # Windows drops dots and blanks at the end, and NTFS streams are named behind a colon.
    plain = name.replace("\\", "/").rpartition("/")[2].partition(":")[0].rstrip(". \t\0").lower()
    return plain.rpartition(".")[2] if "." in plain else ""


class _Look:
    """One look through a file and what is packed in it."""

    def __init__(self, *, in_document: bool) -> None:
        self.active = ""
        self._in_document = in_document
        self._room = _UNPACKED
        self._members = _MEMBERS

    def file(self, name: str, data: bytes, depth: int) -> str:
        if _TURNED.search(name):
            return "a file whose name is written to look like another"
        if (ending := _ending(name)) in _ENDINGS:
            return f"a .{ending} file"
        if data.startswith(b"MZ") and b"\0" in data[:256]:
            return "a Windows program"
        for start, what in _BEGINNINGS:
            if data.startswith(start) and not (start == b"#!" and ending in _SOURCES):
                return what
        if data.startswith(_OLE) and _OLE_MACROS in data:
            return "a document with macros"
        if data[0x8001:0x8006] == b"CD001" or data[-512:-508] == b"koly":
            return "a disk image"
        if b"<hta:application" in data[:100_000].lower():
            return "an HTML application"
        self.active = self.active or self._acts(ending, data, packed=depth < _DEPTH)
        if depth == 0:
            if data.startswith(_WITHIN):
                self.active = self.active or "an archive within archives too deep to look into"
            return ""
        # Anything may stand before the first member: a self-extracting archive is one with a program there.
        if _LOCAL in data[:1_000_000] or data[-22:-18] == b"PK\x05\x06":
            return self._zip(data, depth - 1)
        if data[257:262] == b"ustar":
            return self._tar(data, depth - 1)
        if data.startswith(b"\x1f\x8b"):
            return self._member(re.sub(r"(?i)\.t?gz$", "", name), self._unpacked(memoryview(data), 31), depth - 1)
        return ""

    def _acts(self, ending: str, data: bytes, *, packed: bool) -> str:
        """Of what is packed only the beginning is there."""
        within = "an archive that holds " if packed else ""
        if ending in _SOURCES:
            return f"{within}source code (.{ending})"
        sealed = _SEALED.get(ending) or next((what for start, what in _SEALED_BEGINNINGS if data.startswith(start)), "")
        if sealed:
            return f"{within}{sealed} that cannot be looked into"
        if ending not in _PAGES and not _PAGE.match(data[:2000].replace(b"\0", b"").removeprefix(b"\xef\xbb\xbf")):
            return ""
        if packed:
            return "" if self._in_document else "an archive that holds a web page"
        # Without its zeros UTF-16 reads like ASCII here.
        text = html.unescape(data[:_MOST_PAGE].replace(b"\0", b"").decode("latin-1")).lower()
        return "a web page that acts" if len(data) > _MOST_PAGE or _ACTS.search(text) else ""

    def _zip(self, data: bytes, depth: int) -> str:
        """Local file headers, APPNOTE 4.3.7: flags at 6, method at 8, lengths of name and extra field at 26 and 28."""
        view = memoryview(data)
        at = data.find(_LOCAL)
        while at >= 0 and at + _LOCAL_BYTES <= len(data):
            self._members -= 1
            if self._members < 0:
                return "an archive of more files than can be looked at"
            encrypted, method = data[at + 6] & 1, data[at + 8]
            named, extra = struct.unpack_from("<HH", data, at + 26)
            start = at + _LOCAL_BYTES + named + extra
            name = data[at + _LOCAL_BYTES : at + _LOCAL_BYTES + named].decode("utf-8", "replace")
            if encrypted:
                self.active = self.active or "a locked archive"
            if name.rpartition("/")[2].lower() == "vbaproject.bin":
                return "a document with macros"
            if not name.endswith("/"):
                content = b""
                if not encrypted and method == _DEFLATED:
                    content = self._unpacked(view[start:], -zlib.MAX_WBITS)
                elif not encrypted and method == 0:
                    # What is packed within without being pressed is met as this walk goes on.
                    content = data[start : start + _HEAD]
                if found := self._member(name, content, depth):
                    return found
            at = data.find(_LOCAL, at + 4)
        return ""

    def _tar(self, data: bytes, depth: int) -> str:
        """Headers of POSIX.1-1988: name in the first 100 bytes, size in octal at 124."""
        at = 0
        while at + _TAR_BLOCK <= len(data) and data[at]:
            self._members -= 1
            if self._members < 0:
                return "an archive of more files than can be looked at"
            name = data[at : at + 100].partition(b"\0")[0].decode("utf-8", "replace")
            digits = data[at + 124 : at + 136].strip(b" \0")
            size = int(digits, 8) if re.fullmatch(rb"[0-7]{1,11}", digits) else 0
            if found := self._member(name, data[at + _TAR_BLOCK : at + _TAR_BLOCK + size], depth):
                return found
            at += _TAR_BLOCK * (1 + -(-size // _TAR_BLOCK))
        return ""

    def _member(self, name: str, content: bytes, depth: int) -> str:
        found = self.file(name, content, depth)
        return f"an archive that holds {found}" if found and not found.startswith("an archive") else found

    def _unpacked(self, packed: memoryview, window: int) -> bytes:
        """The beginning of a deflated stream, and as much of it as there is room for when it is an archive itself."""
        stream = zlib.decompressobj(window)
        pieces: list[bytes] = []
        try:
            # Piece by piece: what follows the stream's end would be copied.
            for at in range(0, len(packed), _PIECE):
                most = _HEAD if not pieces else max(1, self._room)
                pieces.append(stream.decompress(packed[at : at + _PIECE], most))
                if at == 0:
                    # A tar in a gzip shows itself only behind the first name.
                    if self._room <= 0 or not (pieces[0].startswith(_WITHIN) or pieces[0][257:262] == b"ustar"):
                        break
                    pieces.append(stream.decompress(stream.unconsumed_tail, max(1, self._room)))
                self._room -= len(pieces[-1])
                if stream.eof or self._room <= 0:
                    break
        except zlib.error:
            pass
        return b"".join(pieces)
