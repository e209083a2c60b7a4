"""Attachments of traces that wait on disk: they wait there, too, and are uploaded before them."""

from __future__ import annotations

import signal
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from openlayer_otel.attachments import binaries
from openlayer_otel.cli.main import main
from openlayer_otel.export import kept, uploads
from openlayer_otel.export.spool import Spool
from openlayer_otel.standin.exchange import Json
from openlayer_otel.standin.openlayer_server import OpenlayerServer
from tests.export_delivery.attachment_data import files, md5, place_of
from tests.export_delivery.conftest import Processing
from tests.export_delivery.test_life_cycle import START, Applications
from tests.support.openlayer_server import FaultyServer, free_port, wait_until

Make = Callable[..., Processing]

ROW, PRESIGNED, STORAGE = "/data-stream", "/storage/presigned-url", "/stand-in-storage"

ATTACH = """
import json
from openlayer_otel.attachments import binaries
def attach(name, *contents):
    tracer = provider.get_tracer("test")
    described = []
    for number, data in enumerate(contents):
        md5 = binaries.keep(data, "text/plain")
        described.append({"name": f"{number}.txt", "mediaType": "text/plain",
                          "checksumMd5": md5, "sizeBytes": len(data)})
    attributes = {"openlayer.step.type": "agent",
                  "openlayer.step.attachments": json.dumps(described)}
    tracer.start_span(name, attributes=attributes).end()
"""

UNTIL_EMPTY = """
from pathlib import Path
spool = Path(os.environ["OPENLAYER_OTEL_SPOOL_DIRECTORY"])
ends = time.monotonic() + 90
while list(spool.glob("*.trace")) and time.monotonic() < ends:
    time.sleep(0.05)
"""

UPLOADS = {"OPENLAYER_OTEL_UPLOAD_ATTACHMENTS": "true"}


class Backend(OpenlayerServer):
    """An Openlayer with a storage; ``refuse`` says which paths get which status."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.refuse: dict[str, int] = {}

    def _take_in(
        self, path: str, headers: dict[str, str], content: bytes, body: Any
    ) -> tuple[int, Json]:
        for part, status in self.refuse.items():
            if part in path:
                return status, {"error": "as told"}
        return super()._take_in(path, headers, content, body)

    def stored(self) -> Counter[str]:
        """How often each file was stored, by checksum."""
        bodies = [each.content for each in self.requests if each.path.startswith(STORAGE)]
        return Counter(md5(body.split(b"\r\n\r\n")[-1].rpartition(b"\r\n--")[0]) for body in bodies)

    def names(self) -> Counter[str]:
        """How often each trace was taken in."""
        return Counter(trace.row["steps"][0]["name"] for trace in self.traces)

    def places(self) -> dict[str, list[str | None]]:
        """Where each trace says that its attachments are."""
        roots = [trace.row["steps"][0] for trace in self.traces]
        return {
            root["name"]: [each.get("storageUri") for each in root.get("attachments", ())]
            for root in roots
        }


@pytest.fixture
def port() -> int:
    """Where the backend will be; nobody listens there yet."""
    return free_port()


@pytest.fixture
def applications(port: int, tmp_path: Path) -> Iterator[Applications]:
    """Programs that upload attachments, to that backend."""
    nobody = FaultyServer(port=port)
    starter = Applications(nobody, tmp_path / "spool")
    starter.environment["OPENLAYER_BASE_URL"] = f"http://127.0.0.1:{port}"
    starter.environment.update(UPLOADS)
    yield starter
    starter.stop()


@pytest.fixture
def backend() -> Iterator[Backend]:
    """A running backend."""
    with Backend() as running:
        yield running


@pytest.fixture
def processing(backend: Backend, processing: Make, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Processors that upload attachments to the running backend, and are impatient."""
    monkeypatch.setattr(uploads, "PAUSE_AFTER_FAILURE", 0.1)
    return lambda **more: processing(
        **{"base_url": backend.url, "upload_attachments": True, **more}
    )


def attach(provider: TracerProvider, name: str, *contents: bytes) -> None:
    """A trace with attachments."""
    exec(ATTACH, made := {"provider": provider})
    made["attach"](name, *contents)


def test_what_one_process_could_not_send_another_uploads(
    applications: Applications, port: int
) -> None:
    program = "attach('one', b'shared', b'alone' * 1000); attach('two', b'shared')"
    applications.run(START, ATTACH, program)
    assert applications.waiting() == 2
    data = files(applications.spool, ".data")
    assert {stat.S_IMODE(path.stat().st_mode) for path in data} == {0o600}
    assert len(data) == 3
    assert len({path.stat().st_ino for path in data}) == 2, "the same data is on disk once"
    with Backend(port) as backend:
        applications.run(START, UNTIL_EMPTY)
    assert backend.attachments == {
        f"attachments/{md5(b'shared')}.txt": b"shared",
        f"attachments/{md5(b'alone' * 1000)}.txt": b"alone" * 1000,
    }
    assert backend.names() == Counter(["one", "two"])
    assert backend.places() == {
        "one": [place_of(b"shared"), place_of(b"alone" * 1000)],
        "two": [place_of(b"shared")],
    }
    assert set(backend.stored().values()) == {1}
    assert files(applications.spool) == []


def test_a_replayed_row_is_the_one_that_would_have_been_sent_at_once(
    processing: Make, backend: Backend
) -> None:
    provider, processor = processing(max_retries=0)
    attach(provider, "direct", b"data")
    assert provider.force_flush(10_000)
    backend.refuse = {"": 503}
    attach(provider, "replayed", b"data", b"more")
    wait_until(lambda: processor.counts().spooled == 1)
    backend.refuse = {}
    direct, replayed = backend.wait_for_traces(2)
    (one,) = direct.row["steps"][0]["attachments"]
    other, _ = replayed.row["steps"][0]["attachments"]
    assert list(one.items())[1:] == list(other.items())[1:]
    assert direct.config == replayed.config


def test_several_processes_upload_each_file_and_send_each_trace_once(
    applications: Applications, port: int
) -> None:
    program = """
for number in range(40):
    attach(f"trace-{number}", b"file-%d" % (number % 5), b"own-%d" % number)
"""
    applications.run(START, ATTACH, program)
    assert applications.waiting() == 40
    with Backend(port) as backend:
        backend.answer_after(0.01)
        processes = [applications.start(START, UNTIL_EMPTY) for _ in range(4)]
        for process in processes:
            _, errors = process.communicate(timeout=180)
            assert process.returncode == 0, errors
    assert backend.names() == Counter(f"trace-{number}" for number in range(40))
    contents = [b"file-%d" % number for number in range(5)] + [b"own-%d" % n for n in range(40)]
    assert backend.stored() == Counter(map(md5, contents))
    for number in range(40):
        expected = [place_of(b"file-%d" % (number % 5)), place_of(b"own-%d" % number)]
        assert backend.places()[f"trace-{number}"] == expected
    assert files(applications.spool, ".data") == []


def test_a_replayer_killed_between_upload_and_row_leaves_the_row_to_the_next(
    applications: Applications, port: int
) -> None:
    applications.run(START, ATTACH, "attach('one', b'data')")
    with Backend(port) as backend:
        backend.refuse = {ROW: 503}
        process = applications.start(START, "time.sleep(60)")
        wait_until(lambda: any(ROW in each.path for each in backend.requests))
        process.send_signal(signal.SIGKILL)
        process.wait()
        backend.refuse = {}
        applications.run(START, UNTIL_EMPTY)
    assert backend.names() == Counter(["one"])
    assert backend.places() == {"one": [place_of(b"data")]}
    assert backend.stored() == Counter([md5(b"data")])
    assert files(applications.spool) == []


def test_with_uploads_off_no_data_is_stored(applications: Applications) -> None:
    applications.run(
        START, ATTACH, "attach('one', b'data')", OPENLAYER_OTEL_UPLOAD_ATTACHMENTS="false"
    )
    assert applications.waiting() == 1
    assert len(files(applications.spool)) == 1


def test_a_storage_that_is_down_delays_only_the_traces_that_need_it(
    processing: Make, backend: Backend, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    backend.refuse = {STORAGE: 503}
    provider, processor = processing()
    attach(provider, "with data", b"data")
    wait_until(lambda: processor.counts().spooled == 1)
    attach(provider, "without")
    assert provider.force_flush(10_000)
    assert backend.names() == Counter(["without"])
    backend.refuse = {}
    backend.wait_for_traces(2)
    assert backend.names() == Counter(["without", "with data"])
    assert backend.places()["with data"] == [place_of(b"data")]
    wait_until(lambda: not files(tmp_path / "spool"))
    assert caplog.text.count("an attachment was not uploaded (the storage: status 503)") == 1


def test_a_storage_that_stumbles_delays_nothing(processing: Make, backend: Backend) -> None:
    backend.fail(503, times=2)
    provider, processor = processing()
    attach(provider, "with data", b"data")
    assert provider.force_flush(10_000)
    assert processor.counts().sent == 1
    assert backend.places() == {"with data": [place_of(b"data")]}


def test_a_trace_does_not_wait_for_its_attachments_for_ever(
    processing: Make, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "PATIENCE", 0.5)
    backend.refuse = {STORAGE: 503}
    provider, _ = processing()
    attach(provider, "with data", b"data")
    backend.wait_for_traces(1)
    assert backend.places() == {"with data": [None]}
    (described,) = backend.traces[0].row["steps"][0]["attachments"]
    assert described["checksumMd5"] == md5(b"data")


def test_a_storage_that_refuses_delays_nothing(processing: Make, backend: Backend) -> None:
    backend.refuse = {PRESIGNED: 404}
    provider, processor = processing()
    attach(provider, "with data", b"data")
    assert provider.force_flush(10_000)
    assert backend.places() == {"with data": [None]}
    assert processor.counts().sent == 1


def test_a_wrong_key_that_is_put_right_costs_no_attachment(
    processing: Make, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend.refuse = {"": 401}
    provider, processor = processing()
    attach(provider, "with data", b"data")
    wait_until(lambda: processor.counts().spooled == 1)
    provider.shutdown()
    backend.refuse = {}
    processing()
    backend.wait_for_traces(1)
    assert backend.places() == {"with data": [place_of(b"data")]}


def test_without_a_disk_attachments_wait_in_memory(processing: Make, backend: Backend) -> None:
    backend.refuse = {"": 503}
    provider, processor = processing(spool=False, max_retries=0)
    attach(provider, "with data", b"data")
    wait_until(lambda: any(ROW in each.path for each in backend.requests))
    backend.refuse = {}
    backend.wait_for_traces(1)
    assert backend.places() == {"with data": [place_of(b"data")]}
    wait_until(lambda: processor.counts().sent == 1)


def test_the_same_data_in_traces_at_the_same_time_is_uploaded_once(
    processing: Make, backend: Backend
) -> None:
    backend.answer_after(0.05)
    provider, _ = processing()
    for number in range(12):
        attach(provider, f"trace-{number}", b"shared")
    assert provider.force_flush(20_000)
    assert len(backend.traces) == 12
    assert backend.stored() == Counter([md5(b"shared")])


def test_the_command_uploads_what_waits_whatever_is_set_in_its_shell(
    processing: Make,
    backend: Backend,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    backend.refuse = {"": 503}
    provider, _ = processing(max_retries=0)
    attach(provider, "one", b"data")
    provider.shutdown()
    monkeypatch.setenv("OPENLAYER_BASE_URL", backend.url)
    monkeypatch.setenv("OPENLAYER_API_KEY", "k")
    assert main(["spool", "status"]) == 0
    assert "traces      1\nattachments 1\n" in capsys.readouterr().out
    backend.refuse = {STORAGE: 500}
    assert main(["spool", "replay"]) == 1
    assert "1 not sent (attachments: the storage: status 500)\n1 left" in capsys.readouterr().out
    backend.refuse = {}
    assert main(["spool", "replay"]) == 0
    assert backend.places() == {"one": [place_of(b"data")]}


def test_the_command_tries_a_storage_that_is_down_once(
    processing: Make,
    backend: Backend,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    backend.refuse = {"": 503}
    provider, _ = processing(max_retries=0)
    attach(provider, "one", b"data")
    attach(provider, "two", b"other")
    attach(provider, "without")
    provider.shutdown()
    monkeypatch.setenv("OPENLAYER_BASE_URL", backend.url)
    monkeypatch.setenv("OPENLAYER_API_KEY", "k")
    backend.refuse = {STORAGE: 503}
    backend.requests.clear()
    assert main(["spool", "replay"]) == 1
    output = capsys.readouterr().out
    assert "1 sent" in output
    assert "2 not sent (attachments: the storage: status 503)\n" in output
    assert output.endswith("2 left\n")
    assert sum(each.path.startswith(STORAGE) for each in backend.requests) == 1
    assert backend.names() == Counter(["without"])


def test_damaged_data_is_set_aside_and_its_trace_goes_without(
    processing: Make, backend: Backend, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    backend.refuse = {"": 503}
    provider, _ = processing(max_retries=0)
    attach(provider, "one", b"data", b"good")
    provider.shutdown()
    (damaged,) = files(tmp_path / "spool", f".{md5(b'data')}.data")
    damaged.write_bytes(b"dat")
    backend.refuse = {}
    processing()
    backend.wait_for_traces(1)
    assert backend.places() == {"one": [None, place_of(b"good")]}
    wait_until(lambda: files(tmp_path / "spool") == [damaged.with_suffix(".unreadable")])
    assert "cannot be read" in caplog.text
    assert Spool(tmp_path / "spool", 10_000).status().unreadable == 1


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """Other tests keep no data here, and this one leaves none."""
    yield
    binaries._held.clear()
    binaries._size = 0
