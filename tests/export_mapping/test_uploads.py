"""Binary data goes to the storage first; the trace goes out whatever happens to the data."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from openlayer_otel.attachments import binaries
from openlayer_otel.export.client import Client
from openlayer_otel.export.fitting import encode
from openlayer_otel.export.payload import Body
from openlayer_otel.export.uploads import AttachmentUploads, Memory
from openlayer_otel.settings import Settings
from openlayer_otel.standin.openlayer_server import OpenlayerServer
from tests.export_mapping.traces import Traces, chat_attributes, said

DATA = b"hello-bytes"
MD5 = hashlib.md5(DATA).hexdigest()


class Storage:
    """A backend whose storage takes a PUT (Google or Azure) and may refuse."""

    def __init__(self) -> None:
        self.status = 200
        self.puts: list[tuple[dict[str, str], bytes]] = []
        self.asked = 0
        storage = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                storage.asked += 1
                answer = {"url": f"{storage.url}/put/x", "fields": {}, "storageUri": "gs://b/x"}
                self._answer(storage.status, json.dumps(answer).encode())

            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                storage.puts.append((dict(self.headers), body))
                self._answer(200, b"")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def storage() -> Iterator[Storage]:
    made = Storage()
    yield made
    made.server.shutdown()
    made.server.server_close()


def settings_for(url: str, **more: Any) -> Settings:
    return Settings(api_key="k", base_url=url, upload_attachments=True, timeout=5.0, **more)


def body_with_attachment(traces: Traces, settings: Settings) -> Body:
    binaries.keep(DATA, "text/plain")
    attachment = {
        "id": "1",
        "name": "a.txt",
        "mediaType": "text/plain",
        "sizeBytes": 11,
        "checksumMd5": MD5,
    }
    attributes = {
        "openlayer.step.type": "user_call",
        "openlayer.step.attachments": json.dumps([attachment]),
    }
    with traces.span("attach", attributes):
        pass
    body = traces.body(settings)
    assert body is not None
    return body


def uploaded(uploads: AttachmentUploads, body: Body) -> Body:
    """``body`` after its attachments were uploaded as far as they could be."""
    data = encode(body.content)
    done = uploads.complete(data, body.checksums, Memory())
    return replace(body, content=json.loads(done.data))


def attachment_of(body: Body) -> dict[str, Any]:
    found: dict[str, Any] = body.content["rows"][0]["steps"][0]["attachments"][0]
    return found


def test_the_reference_names_where_the_data_is_in_the_captured_order(
    traces: Traces, kept_content: None, openlayer_server: OpenlayerServer
) -> None:
    settings = settings_for(openlayer_server.url)
    body = body_with_attachment(traces, settings)
    sent = uploaded(AttachmentUploads(Client(settings)), body)
    name = f"attachments/{MD5}.txt"
    assert openlayer_server.attachments == {name: DATA}
    assert list(attachment_of(sent).items()) == [
        ("id", "1"),
        ("name", "a.txt"),
        ("mediaType", "text/plain"),
        ("storageUri", f"stand-in://storage/{name}"),
        ("sizeBytes", 11),
        ("checksumMd5", MD5),
    ]
    assert "storageUri" not in attachment_of(body)


def test_the_same_data_is_uploaded_once(
    traces: Traces, kept_content: None, openlayer_server: OpenlayerServer
) -> None:
    settings = settings_for(openlayer_server.url)
    uploads = AttachmentUploads(Client(settings))
    body = body_with_attachment(traces, settings)
    first, second = uploaded(uploads, body), uploaded(uploads, body)
    assert attachment_of(first) == attachment_of(second)
    assert len(openlayer_server.requests) == 2


def test_media_in_messages_are_uploaded_wherever_the_row_names_them(
    traces: Traces, kept_content: None, openlayer_server: OpenlayerServer
) -> None:
    binaries.keep(DATA, "image/png")
    part = {
        "type": "uri",
        "uri": f"urn:md5:{MD5}",
        "modality": "image",
        "mime_type": "image/png",
        "checksum_md5": MD5,
    }
    with traces.span(
        "chat", chat_attributes(**{"gen_ai.input.messages": said(("user", [part, part]))})
    ):
        pass
    settings = settings_for(openlayer_server.url)
    body = traces.body(settings)
    assert body is not None
    row = uploaded(AttachmentUploads(Client(settings)), body).content["rows"][0]
    for messages in (row["prompt"], row["steps"][0]["inputs"]["prompt"]):
        for item in messages[0]["content"]:
            assert item["attachment"]["storageUri"].endswith(f"{MD5}.png")
    assert list(openlayer_server.attachments) == [f"attachments/{MD5}.png"]


def test_a_storage_without_form_fields_gets_a_put_and_no_key(
    traces: Traces, kept_content: None, storage: Storage
) -> None:
    settings = settings_for(storage.url)
    sent = uploaded(AttachmentUploads(Client(settings)), body_with_attachment(traces, settings))
    ((headers, data),) = storage.puts
    assert data == DATA
    assert headers["Content-Type"] == "text/plain"
    assert "Authorization" not in headers
    assert attachment_of(sent)["storageUri"] == "gs://b/x"


@pytest.mark.parametrize("status", [401, 404, 500])
def test_a_refused_upload_leaves_checksum_and_size(
    traces: Traces,
    kept_content: None,
    storage: Storage,
    caplog: pytest.LogCaptureFixture,
    status: int,
) -> None:
    storage.status = status
    settings = settings_for(storage.url)
    uploads = AttachmentUploads(Client(settings))
    body = body_with_attachment(traces, settings)
    for _ in range(3):
        sent = uploaded(uploads, body)
        assert attachment_of(sent)["checksumMd5"] == MD5
        assert "storageUri" not in attachment_of(sent)
    assert storage.asked == 1, "traces must not wait for a storage that refuses"
    assert [str(status) in record.message for record in caplog.records] == [True]


def test_an_unreachable_backend_costs_the_data_only(traces: Traces, kept_content: None) -> None:
    settings = settings_for("http://127.0.0.1:9")
    sent = uploaded(AttachmentUploads(Client(settings)), body_with_attachment(traces, settings))
    assert attachment_of(sent)["sizeBytes"] == 11


def test_data_that_is_gone_leaves_its_reference(
    traces: Traces, kept_content: None, storage: Storage
) -> None:
    settings = settings_for(storage.url)
    attributes = {
        "openlayer.step.attachments": json.dumps(
            [{"name": "b.txt", "mediaType": "text/plain", "checksumMd5": "gone", "sizeBytes": 3}]
        ),
        "openlayer.step.type": "user_call",
    }
    with traces.span("attach", attributes):
        pass
    body = traces.body(settings)
    assert body is not None
    sent = uploaded(AttachmentUploads(Client(settings)), body)
    assert attachment_of(sent)["checksumMd5"] == "gone"
    assert storage.asked == 0


def test_what_cannot_be_uploaded_may_be_inlined(
    traces: Traces, kept_content: None, storage: Storage
) -> None:
    storage.status = 500
    settings = settings_for(storage.url, inline_attachments=True)
    sent = uploaded(AttachmentUploads(Client(settings)), body_with_attachment(traces, settings))
    assert attachment_of(sent)["dataBase64"] == "aGVsbG8tYnl0ZXM="
