"""Files that are made piece by piece, as a ZIP that is sent while it is made: nothing of it is kept."""

from __future__ import annotations

import zipfile
from collections.abc import AsyncGenerator, AsyncIterator

from letterlock.actions.exporting import Piece


class _Sink:
    """What a ZIP is written to: it cannot be gone back in."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """Nothing is open."""

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


async def zipped(pieces: AsyncIterator[Piece]) -> AsyncGenerator[bytes, None]:
    """All pieces of one file come one after the other. One that is cut off has no directory at its end, so that every
    reader refuses it."""
    sink = _Sink()
    archive = zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    name, file = "", None
    try:
        async for piece in pieces:
            if piece.file != name or file is None:
                if file is not None:
                    file.close()
                name, file = piece.file, archive.open(piece.file, "w", force_zip64=True)
            file.write(piece.data)
            if data := sink.taken():
                yield data
    finally:
        # An archive that goes with a file open in it complains in the log.
        if file is not None:
            file.close()
    archive.close()
    yield sink.taken()
