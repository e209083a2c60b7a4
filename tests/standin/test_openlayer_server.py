"""The stand-in for Openlayer takes in what Openlayer takes in."""

from __future__ import annotations

import gzip
import json

import pytest
import requests

from openlayer_otel.standin.openlayer_server import OpenlayerServer

BODY = {"config": {"outputColumnName": "output"}, "rows": [{"output": "hi", "steps": []}]}


def send(server: OpenlayerServer, **arguments: object) -> requests.Response:
    url = server.url + "/inference-pipelines/p-1/data-stream"
    return requests.post(url, timeout=30, **{"json": BODY, **arguments})  # type: ignore[arg-type]


def test_a_row_is_a_trace(openlayer_server: OpenlayerServer) -> None:
    assert send(openlayer_server).json() == {"success": True}
    (trace,) = openlayer_server.wait_for_traces(1)
    assert (trace.pipeline, trace.row, trace.config) == ("p-1", BODY["rows"][0], BODY["config"])


def test_a_compressed_body_is_read(openlayer_server: OpenlayerServer) -> None:
    packed = gzip.compress(json.dumps(BODY).encode())
    send(openlayer_server, json=None, data=packed, headers={"content-encoding": "gzip"})
    assert openlayer_server.traces[0].row["output"] == "hi"


def test_it_fails_as_told_and_keeps_what_it_refused(openlayer_server: OpenlayerServer) -> None:
    openlayer_server.fail(503, times=1, headers={"retry-after": "1"})
    refused = send(openlayer_server)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert send(openlayer_server).status_code == 200
    assert [request.status for request in openlayer_server.requests] == [503, 200]
    assert len(openlayer_server.traces) == 1


def test_an_attachment_goes_through_a_presigned_address(openlayer_server: OpenlayerServer) -> None:
    url = openlayer_server.url + "/storage/presigned-url"
    answer = requests.post(url, params={"objectName": "attachments/a.txt"}, timeout=30).json()
    file = {"file": ("attachments/a.txt", b"two\r\nlines", "text/plain")}
    requests.post(answer["url"], data=answer["fields"], files=file, timeout=30)
    assert openlayer_server.attachments == {"attachments/a.txt": b"two\r\nlines"}


def test_waiting_for_traces_ends(openlayer_server: OpenlayerServer) -> None:
    with pytest.raises(TimeoutError):
        openlayer_server.wait_for_traces(1, timeout=0.01)
