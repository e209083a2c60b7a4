"""Images, sound, videos and documents reach Openlayer in any package's shape."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from openlayer_otel.attachments import binaries
from tests.export_mapping.traces import Traces, chat_attributes

DATA = b"\x00\x01 some bytes"
ENCODED = base64.b64encode(DATA).decode()
MD5 = hashlib.md5(DATA).hexdigest()
SOUND = {
    "type": "uri",
    "modality": "audio",
    "mime_type": "audio/wav",
    "uri": f"urn:md5:{MD5}",
    "checksum_md5": MD5,
    "size_bytes": len(DATA),
    "transcript": "hello there",
}
CALL = {"type": "tool_call", "id": "c", "name": "f", "arguments": {}}


def content_of(traces: Traces, *messages: Any) -> Any:
    """What the prompt's first message holds."""
    given = json.dumps(messages)
    with traces.span("chat", chat_attributes(**{"gen_ai.input.messages": given})):
        pass
    return traces.step()["inputs"]["prompt"][0]["content"]


def output(traces: Traces, *parts: Any) -> Any:
    given = json.dumps([{"role": "assistant", "parts": parts}])
    with traces.span("chat", chat_attributes(**{"gen_ai.output.messages": given})):
        pass
    return traces.step()["output"]


def data_address(media_type: str) -> str:
    return f"data:{media_type};base64,{ENCODED}"


@pytest.mark.parametrize(
    ("block", "kind", "media_type"),
    [
        ({"type": "video_url", "video_url": {"url": data_address("video/mp4")}}, "file",
         "video/mp4"),
        ({"type": "audio_url", "audio_url": {"url": data_address("audio/wav")}}, "audio",
         "audio/wav"),
        ({"type": "document_url", "document_url": data_address("application/pdf")}, "file",
         "application/pdf"),
        ({"type": "uri", "modality": "image", "uri": data_address("image/png")}, "image",
         "image/png"),
        ({"document": {"format": "pdf", "name": "a.pdf", "source": {"bytes": ENCODED}}}, "file",
         "application/pdf"),
        ({"video": {"format": "mp4", "source": {"bytes": ENCODED}}}, "file", "video/mp4"),
        ({"image": {"format": "png", "source": {"bytes": ENCODED}}}, "image", "image/png"),
        ({"type": "file", "file": {"file_data": ENCODED, "format": "video/mp4"}}, "file",
         "video/mp4"),
    ],
)  # fmt: skip
def test_data_in_any_wrapper_becomes_a_reference(
    traces: Traces, kept_content: None, block: dict[str, Any], kind: str, media_type: str
) -> None:
    (item,) = content_of(traces, {"role": "user", "content": [block]})
    attachment = item["attachment"]
    assert (item["type"], attachment["mediaType"]) == (kind, media_type)
    assert attachment["checksumMd5"] == MD5
    assert ENCODED not in json.dumps(traces.content())
    held = binaries.get(MD5)
    assert held is not None and held.data == DATA


@pytest.mark.parametrize(
    ("block", "kind"),
    [
        ({"type": "video_url", "video_url": {"url": "https://a.example/x"}}, "file"),
        ({"type": "audio_url", "audio_url": "https://a.example/x"}, "audio"),
        ({"type": "document_url", "document_url": "https://a.example/x"}, "file"),
        ({"type": "input_file", "file_url": "https://a.example/x"}, "file"),
    ],
)
def test_an_address_in_any_wrapper_stays_an_address(
    traces: Traces, block: dict[str, Any], kind: str
) -> None:
    (item,) = content_of(traces, {"role": "user", "content": [block]})
    assert (item["type"], item["attachment"]["url"]) == (kind, "https://a.example/x")


@pytest.mark.parametrize(
    ("part", "media_type"),
    [
        ({"type": "uri", "modality": "image", "uri": "https://a.example/a.png"}, "image/png"),
        ({"type": "uri", "modality": "image", "uri": "https://a.b/c.webp?sig=a/b.gif#x"},
         "image/webp"),
        ({"type": "uri", "modality": "image", "uri": "https://a.example/show.pdf"}, "image/jpeg"),
        ({"type": "uri", "modality": "audio", "uri": "https://a.example/a.mp3"}, "audio/mpeg"),
        ({"type": "uri", "modality": "document", "uri": "https://a.example/a.csv"}, "text/csv"),
        ({"type": "uri", "modality": "image", "uri": "https://[bad/a"}, "image/jpeg"),
        ({"type": "file", "modality": "document", "file_id": "f", "filename": "a.txt"},
         "text/plain"),
    ],
)  # fmt: skip
def test_an_address_or_a_name_says_what_kind_of_media_it_is(
    traces: Traces, part: dict[str, Any], media_type: str
) -> None:
    (item,) = content_of(traces, {"role": "user", "parts": [part]})
    assert item["attachment"]["mediaType"] == media_type


@pytest.mark.parametrize(
    "block",
    [
        {"type": "document", "source": {"type": "content", "content": [
            {"type": "text", "text": "the document's text"}]}},
        {"type": "image", "id": "img_1"},
        {"type": "file", "file": {"name": "a.pdf"}},
    ],
)  # fmt: skip
def test_media_that_are_neither_here_nor_elsewhere_stay_as_they_came(
    traces: Traces, block: dict[str, Any]
) -> None:
    (item,) = content_of(traces, {"role": "user", "content": [block]})
    assert item["type"] == "text"
    assert json.loads(item["text"]) == block


def test_a_document_given_in_words_is_words(traces: Traces) -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "the document's text"}
    block = {"type": "document", "title": "T", "source": source}
    assert content_of(traces, {"role": "user", "content": [block]}) == "the document's text"


def test_a_spoken_answer_is_there_to_read(traces: Traces) -> None:
    words, sound = output(traces, SOUND)
    assert words == {"type": "text", "text": "hello there"}
    assert (sound["type"], sound["attachment"]["checksumMd5"]) == ("audio", MD5)


def test_a_spoken_answer_is_kept_beside_tool_calls(traces: Traces) -> None:
    answer = output(traces, SOUND, CALL)
    assert answer["tool_calls"] == [{"name": "f", "arguments": {}}]
    assert [item["type"] for item in answer["content"]] == ["text", "audio"]


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "parts": [SOUND]},
        {"role": "assistant", "parts": [
            {"type": "file", "modality": "audio", "file_id": "audio_1",
             "transcript": "hello there"}]},
        {"role": "assistant", "content": None,
         "audio": {"id": "audio_1", "data": ENCODED, "transcript": "hello there"}},
    ],
)  # fmt: skip
def test_a_spoken_message_in_the_history_is_there_to_read(
    traces: Traces, message: dict[str, Any]
) -> None:
    words, sound = content_of(traces, message)
    assert words == {"type": "text", "text": "hello there"}
    assert sound["type"] == "audio"


def test_media_that_a_tool_answers_are_attachments(traces: Traces) -> None:
    words = {"type": "text", "content": "listen"}
    answer = {"type": "tool_call_response", "id": "a", "response": [words, SOUND]}
    items = content_of(traces, {"role": "tool", "parts": [answer]})
    assert [item["type"] for item in items] == ["text", "text", "audio"]
    assert items[0] == {"type": "text", "text": "listen"}
    assert items[2]["attachment"]["checksumMd5"] == MD5
    body = traces.body()
    assert body is not None and body.checksums == (MD5,)


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "source": {"type": "base64", "media_type": "image/png",
                                     "data": ENCODED}},
        {"type": "image", "data": ENCODED, "mimeType": "image/png"},
        {"type": "input_image", "image_url": data_address("image/png")},
        {"image": {"format": "png", "source": {"bytes": ENCODED}}},
    ],
)  # fmt: skip
def test_an_image_in_a_tools_answer_is_an_attachment_in_any_packages_shape(
    traces: Traces, kept_content: None, block: dict[str, Any]
) -> None:
    result = {"type": "tool_result", "tool_use_id": "a", "content": [block]}
    (item,) = content_of(traces, {"role": "user", "content": [result]})
    assert item["type"] == "image"
    assert item["attachment"]["checksumMd5"] == MD5
    assert ENCODED not in json.dumps(traces.content())


@pytest.mark.parametrize(
    "screen",
    [
        {"type": "computer_screenshot", "image_url": data_address("image/png")},
        {"type": "uri", "modality": "image", "uri": f"urn:md5:{MD5}", "checksum_md5": MD5},
    ],
)
def test_the_screen_that_a_computer_call_shows_is_an_attachment(
    traces: Traces, kept_content: None, screen: dict[str, Any]
) -> None:
    answer = {"type": "tool_call_response", "id": "a", "response": screen}
    (item,) = content_of(traces, {"role": "tool", "parts": [answer]})
    assert (item["type"], item["attachment"]["checksumMd5"]) == ("image", MD5)
