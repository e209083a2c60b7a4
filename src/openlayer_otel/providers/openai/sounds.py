"""What kind of sound some bytes are, told from how they begin: answers do not say it."""

from __future__ import annotations

UNKNOWN_SOUND = "audio/pcm"
"""Of all formats that the API makes, the one that has no head to be told by."""

_BEGINNINGS = (
    (b"RIFF", "audio/wav"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xf1", "audio/aac"),
    (b"\xff\xf9", "audio/aac"),
)


def media_type_of_sound(data: bytes) -> str:
    """The media type of ``data``, which is sound in one of the API's formats."""
    for beginning, media_type in _BEGINNINGS:
        if data.startswith(beginning):
            return media_type
    # A frame of MPEG audio begins with eleven bits that are set; those of AAC are known by now.
    if len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0 and data[1] & 0x06:
        return "audio/mpeg"
    return UNKNOWN_SOUND
