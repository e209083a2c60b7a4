"""Text that arrives in many small pieces, held in little more than its own size."""

from __future__ import annotations

PIECES = 512
"""How many pieces are held before they are joined."""


class TextBuffer:
    """Joins pieces of text.

    A list of 100,000 five-letter pieces takes twelve times the size of its text, and so does
    ``io.StringIO`` until it is read; pieces are therefore joined to longer ones on the way.

    Attributes:
        pieces: The latest pieces, always the same list. A reader's fast path appends to it and
            calls :meth:`join` when it holds ``PIECES``, which saves a call for every chunk.
    """

    __slots__ = ("_long", "pieces")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._long: list[str] = []

    def append(self, piece: str) -> None:
        """Add ``piece`` at the end."""
        self.pieces.append(piece)
        if len(self.pieces) >= PIECES:
            self.join()

    def join(self) -> None:
        """Make one piece of those held."""
        self._long.append("".join(self.pieces))
        self.pieces.clear()

    def __bool__(self) -> bool:
        return bool(self.pieces or self._long)

    def text(self) -> str:
        """All pieces in one."""
        if self.pieces:
            self.join()
        if len(self._long) > 1:
            self._long[:] = ["".join(self._long)]
        return self._long[0] if self._long else ""
