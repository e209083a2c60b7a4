"""Text that arrives in many small pieces, held in little more than its own size."""

from __future__ import annotations

# Half an emoji at the end of a piece is kept until its other half has come.
_HALVES = "surrogatepass"


class TextBuffer:
    """Joins pieces of text.

    A list of 100,000 five-letter pieces takes twelve times the size of its text, and so does
    ``io.StringIO`` until it is read; bytes take an eighth more than the text.

    Attributes:
        utf8: The text so far, always the same object. A reader's fast path adds the UTF-8 of a
            piece to it, which saves a call for every chunk.
    """

    __slots__ = ("utf8",)

    def __init__(self) -> None:
        self.utf8 = bytearray()

    def append(self, piece: str) -> None:
        """Add ``piece`` at the end."""
        self.utf8 += piece.encode(errors=_HALVES)

    def __bool__(self) -> bool:
        return bool(self.utf8)

    def text(self) -> str:
        """All pieces in one."""
        return self.utf8.decode(errors=_HALVES)
