"""Open files as attachments: the application finds them as it left them."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from openlayer_otel import log_attachment, start_step
from tests.support.span_log import SpanLog


class Tape:
    """Knows where it is, and only goes forward."""

    def __init__(self) -> None:
        self.left = b"payload"

    def tell(self) -> int:
        return 7 - len(self.left)

    def seek(self, position: int) -> None:
        raise OSError("goes forward only")

    def read(self) -> bytes:
        read, self.left = self.left, b""
        return read


class OnceSeekable(io.BytesIO):
    """Refuses to be put back when it has been read."""

    def seek(self, position: int, whence: int = 0) -> int:
        if self.tell() > 0:
            raise ValueError("was read")
        return super().seek(position, whence)


@pytest.mark.may_warn
def test_what_cannot_be_put_back_is_not_read(
    steps: SpanLog, caplog: pytest.LogCaptureFixture
) -> None:
    tape = Tape()
    with start_step("s"):
        assert log_attachment(tape) is None
    assert tape.read() == b"payload"
    assert "openlayer.step.attachments" not in (steps.only().attributes or {})
    assert "log_attachment" in caplog.text


@pytest.mark.may_warn
def test_a_pipe_is_not_read(steps: SpanLog) -> None:
    out, into = os.pipe()
    os.write(into, b"payload")
    os.close(into)
    with open(out, "rb") as pipe, start_step("s"):
        assert log_attachment(pipe) is None
        assert pipe.read() == b"payload"


@pytest.mark.may_warn
def test_what_was_read_is_kept_where_putting_it_back_fails(steps: SpanLog) -> None:
    with start_step("s"):
        attachment = log_attachment(OnceSeekable(b"payload"))
    assert attachment is not None
    assert attachment.data == b"payload"
    assert "openlayer.step.attachments" in (steps.only().attributes or {})


def test_a_file_goes_on_where_it_was(steps: SpanLog, tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_text("one\ntwo\n")
    with path.open() as file, start_step("s"):
        assert file.readline() == "one\n"
        attachment = log_attachment(file)
        assert attachment is not None
        assert attachment.data == b"two\n"
        assert file.readline() == "two\n"


class Upload:
    """As an upload of Starlette's: read by awaiting, around a file."""

    filename = "page.png"
    content_type = "image/png"

    def __init__(self) -> None:
        self.file = io.BytesIO(b"png")

    async def read(self) -> bytes:
        return self.file.read()


def test_the_file_in_an_upload_is_read_and_put_back(steps: SpanLog) -> None:
    upload = Upload()
    with start_step("s"):
        attachment = log_attachment(upload)
    assert attachment is not None
    assert (attachment.name, attachment.media_type) == ("page.png", "image/png")
    assert (attachment.data, upload.file.read()) == (b"png", b"png")


@pytest.mark.may_warn
def test_what_is_no_file_is_warned_about_by_its_kind(
    steps: SpanLog, caplog: pytest.LogCaptureFixture
) -> None:
    with start_step("s"):
        assert log_attachment({"a": 1}) is None
        assert log_attachment([1]) is None
    said = [record.getMessage() for record in caplog.records]
    assert [("was given dict" in each, "was given list" in each) for each in said] == [
        (True, False),
        (False, True),
    ]
    assert not any("report" in each for each in said)


def test_a_signed_address_gives_its_file_name_only(steps: SpanLog) -> None:
    with start_step("s"):
        signed = log_attachment("HTTPS://storage.example/a/b.png?X-Amz-Signature=secret#page")
        assert signed is not None
        bare = log_attachment("https://storage.example")
    assert (signed.name, signed.media_type) == ("b.png", "image/png")
    assert bare is not None and bare.name == "attachment"


def test_an_address_that_holds_plain_text_is_data(steps: SpanLog) -> None:
    with start_step("s"):
        attachment = log_attachment("data:text/plain,hello%20world")
    assert attachment is not None
    assert (attachment.data, attachment.media_type) == (b"hello world", "text/plain")
