"""Hold back a line until all of it is there."""

from __future__ import annotations

__all__ = ["WholeLines"]

_LONGEST = 1 << 17  # the reader keeps half of that of a line


class WholeLines:
    r"""Lets whole lines pass; a carriage return ends a line too, since a progress bar prints no other end.

    Examples
    --------
    >>> lines = WholeLines()
    >>> lines.add(b"epoch: 1/20"), lines.add(b"0 frames: 0\nfps"), lines.rest()
    (b'', b'epoch: 1/200 frames: 0\n', b'fps')
    """

    def __init__(self) -> None:
        self._rest = b""

    def add(self, data: bytes) -> bytes:
        """Return the lines that are complete with `data`."""
        end = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        if not end and len(self._rest) < _LONGEST:
            self._rest += data
            return b""
        whole = self._rest + (data[:end] if end else data)
        self._rest = data[end:] if end else b""
        return whole

    def rest(self) -> bytes:
        """Return what has no end, and forget it."""
        rest, self._rest = self._rest, b""
        return rest
