"""Text that arrives in many small pieces, held in little more than its own size."""

from __future__ import annotations

_PIECES = 256


class TextBuffer:
    """Joins pieces of text.

    A list of 100,000 five-letter pieces takes twelve times the size of its text; pieces are
    therefore joined to longer ones on the way.
    """

    __slots__ = ("_long", "pieces")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._long: list[str] = []

    def append(self, piece: str) -> None:
        """Add ``piece`` at the end."""
        pieces = self.pieces
        pieces.append(piece)
        if len(pieces) >= _PIECES:
            self._long.append("".join(pieces))
            pieces.clear()

    def __bool__(self) -> bool:
        return bool(self.pieces or self._long)

    def text(self) -> str:
        """All pieces in one."""
        if self.pieces:
            self._long.append("".join(self.pieces))
            self.pieces.clear()
        if len(self._long) > 1:
            self._long[:] = ["".join(self._long)]
        return self._long[0] if self._long else ""
