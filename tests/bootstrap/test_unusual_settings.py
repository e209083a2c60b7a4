"""What users write as settings by mistake, or unusually: what happens then, and what is said."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import set_span_in_context

import openlayer_otel
from openlayer_otel import OpenlayerSpanExporter, OpenlayerSpanProcessor, lib
from openlayer_otel.content_capture import ContentCapture
from openlayer_otel.export import otlp_preset
from openlayer_otel.export.replay import replay
from openlayer_otel.export.spool import Spool
from openlayer_otel.settings import DEFAULT_BASE_URL, Settings
from openlayer_otel.standin.openlayer_server import OpenlayerServer
from tests.support.child_process import run_python
from tests.support.openlayer_server import FaultyServer, faulty_server, wait_until
from tests.support.span_log import SpanLog

PROMPT = "what was said"
SECRET = "secret-value"


class Unspeakable:
    """An object of the user's that cannot be written."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


@pytest.fixture
def start(tracer_provider: TracerProvider, openlayer_server: OpenlayerServer) -> Callable[..., Any]:
    """``init()`` that sends to the stand-in, and any setting by name."""

    def init(**settings: Any) -> Settings:
        given: dict[str, Any] = {
            "api_key": "k",
            "inference_pipeline_id": "p",
            "base_url": openlayer_server.url,
            "tracer_provider": tracer_provider,
        }
        openlayer_otel.init(**{**given, **settings})
        return openlayer_otel.bootstrap.settings_in_use()

    return init


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """The warnings of this package so far."""
    return lambda: [
        each.getMessage()
        for each in caplog.records
        if each.levelno >= logging.WARNING and each.name == "openlayer_otel"
    ]


# --- names ---


@pytest.mark.parametrize("name", ["environment", "cls", "variables", "arguments"])
def test_any_name_that_is_no_setting_is_named_and_ignored(
    name: str, start: Callable[..., Any], warnings: Callable[[], list[str]]
) -> None:
    start(**{name: "prod"})
    OpenlayerSpanProcessor(**{name: "prod"}).shutdown()
    OpenlayerSpanExporter(**{name: "prod"}).shutdown()
    assert [each for each in warnings() if "there is no setting" in each] == [
        f"openlayer-otel: there is no setting {name!r}; it is ignored."
    ]


@pytest.mark.parametrize("name", ["timeout", "providers", "max_rows", "spool", "custom_headers"])
def test_an_object_that_cannot_be_written_is_ignored(
    name: str, start: Callable[..., Any], warnings: Callable[[], list[str]]
) -> None:
    given = [Unspeakable()] if name == "providers" else Unspeakable()
    assert getattr(start(**{name: given}), name) == getattr(Settings(), name)
    (warning,) = warnings()
    assert f"argument {name}= cannot be used (RuntimeError)" in warning


# --- settings that protect ---


@pytest.mark.parametrize("way", ["argument", "variable"])
def test_a_capture_policy_that_is_none_records_no_content(
    way: str,
    start: Callable[..., Any],
    call_model: Callable[..., None],
    spans: SpanLog,
    monkeypatch: pytest.MonkeyPatch,
    warnings: Callable[[], list[str]],
) -> None:
    variable = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
    monkeypatch.setenv(variable, "NO-CONTENT" if way == "variable" else "SPAN_ONLY")
    start(**({"capture_content": "NO-CONTENT"} if way == "argument" else {}))
    call_model(PROMPT)
    assert PROMPT not in str(spans.only().attributes)
    (warning,) = warnings()
    assert "capture_content=" in warning if way == "argument" else variable in warning
    assert "no content is recorded" in warning
    assert "must be one of NO_CONTENT, SPAN_ONLY, EVENT_ONLY, SPAN_AND_EVENT" in warning


@pytest.mark.parametrize("otlp", [False, True])
@pytest.mark.parametrize(
    ("name", "value"),
    [("disable_publish", "disabled"), ("base_url", "api.x.com/v1"), ("base_url", "https://")],
)
def test_where_it_is_not_clear_whether_or_where_to_nothing_is_uploaded(
    name: str,
    value: str,
    otlp: bool,
    start: Callable[..., Any],
    openlayer_server: OpenlayerServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    warnings: Callable[[], list[str]],
) -> None:
    # A source that would be next does not make it clear.
    monkeypatch.setenv("OPENLAYER_BASE_URL", openlayer_server.url)
    monkeypatch.setenv("OPENLAYER_DISABLE_PUBLISH", "false")
    start(**{name: value}, otlp=otlp, upload_all=True)
    with openlayer_otel.start_step("step"):
        pass
    openlayer_otel.shutdown(5)
    assert openlayer_server.traces == []
    assert not (tmp_path / "spool").exists()
    (warning,) = warnings()
    assert f"argument {name}=" in warning
    assert "nothing is uploaded" in warning


def test_the_otlp_preset_uploads_nothing_without_a_usable_address() -> None:
    environment = {
        "OPENLAYER_OTEL_OTLP": "true",
        "OPENLAYER_API_KEY": "k",
        "OPENLAYER_INFERENCE_PIPELINE_ID": "p",
        "OPENLAYER_BASE_URL": "api.x.com/v1",
    }
    before = dict(environment)
    assert not otlp_preset.apply(environment)
    assert environment == before


def test_what_waits_is_not_replayed_to_the_default_address(
    start: Callable[..., Any], tmp_path: Path
) -> None:
    Spool(tmp_path / "spool", 100_000).put(DEFAULT_BASE_URL, "p", b'{"rows":[]}')
    assert [each.answer for each in replay(start(base_url="api.x.com/v1"))] == [None]


def test_certificates_are_verified_where_it_is_not_clear_whether(
    start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLAYER_VERIFY_SSL", "false")
    assert start(verify_ssl="ture").verify_ssl is True


def test_the_scheme_of_an_address_may_be_in_capitals(
    start: Callable[..., Any], openlayer_server: OpenlayerServer
) -> None:
    start(base_url=openlayer_server.url.replace("http", "HTTP", 1), upload_all=True)
    with openlayer_otel.start_step("step"):
        pass
    assert openlayer_otel.flush(30)
    assert len(openlayer_server.traces) == 1


@pytest.mark.parametrize("empty", ["", "  ", b""])
def test_an_empty_text_is_not_given(
    empty: Any,
    start: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    warnings: Callable[[], list[str]],
) -> None:
    monkeypatch.setenv("OPENLAYER_OTEL_TIMEOUT", "7")
    names = ("verify_ssl", "spool", "capture_content", "disable_publish", "providers", "timeout")
    settings = start(**dict.fromkeys(names, empty))
    assert settings.verify_ssl and settings.spool and not settings.disable_publish
    assert settings.capture_content is ContentCapture.SPAN_ONLY
    assert settings.providers is None
    assert settings.timeout == 7
    assert warnings() == []


# --- providers ---


@pytest.mark.parametrize(
    ("value", "traced", "warned"),
    [
        (",", True, True),
        ([" "], True, True),
        (" ", True, False),
        ("all", True, False),
        (["All"], True, False),
        ("none", False, False),
        ("NONE", False, False),
        ([], False, False),
        ("OpenAI, anthropic", True, False),
        ("anthropic", False, False),
    ],
)
def test_which_providers_are_traced(
    value: Any,
    traced: bool,
    warned: bool,
    start: Callable[..., Any],
    call_model: Callable[..., None],
    spans: SpanLog,
    warnings: Callable[[], list[str]],
) -> None:
    start(providers=value)
    call_model(PROMPT)
    assert len(spans.started) == traced
    assert ["providers=" in each for each in warnings()] == [True] * warned


@pytest.mark.parametrize(
    ("asked", "traced"),
    [(None, True), ("", True), ("openai", True), (["OpenAI"], True), ("Anthropic", False)],
)
@pytest.mark.parametrize("way", ["init", "auto_instrument"])
def test_the_old_names_take_providers_as_users_write_them(
    way: str,
    asked: Any,
    traced: bool,
    tracer_provider: TracerProvider,
    call_model: Callable[..., None],
    spans: SpanLog,
    warnings: Callable[[], list[str]],
) -> None:
    given: dict[str, Any] = {"disable_publish": True, "tracer_provider": tracer_provider}
    if way == "init":
        lib.init(**given, auto_instrument=asked)
    else:
        lib.init(**given, auto_instrument=False)
        assert lib.auto_instrument(asked).get("openai", False) is traced
    call_model(PROMPT)
    assert len(spans.started) == traced
    assert warnings() == []


def test_the_old_names_trace_all_where_it_cannot_be_told_which(
    tracer_provider: TracerProvider, warnings: Callable[[], list[str]]
) -> None:
    lib.init(auto_instrument=5, disable_publish=True, tracer_provider=tracer_provider)  # type: ignore[arg-type]
    assert set(lib.auto_instrument(6)) >= {"openai", "anthropic"}  # type: ignore[arg-type]
    assert [each.partition(" cannot")[0] for each in warnings()] == [
        "openlayer-otel: auto_instrument=",
        "openlayer-otel: auto_instrument()",
    ]


# --- numbers and texts ---


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    """A stand-in for Openlayer that remembers the headers."""
    with faulty_server() as running:
        yield running


def test_bytes_are_the_text_that_they_are(start: Callable[..., Any], server: FaultyServer) -> None:
    start(
        api_key=b"sk-1",
        inference_pipeline_id=b"p-1",
        base_url=server.url.encode(),
        custom_headers=b"X-Team: blue",
        upload_all=True,
    )
    with openlayer_otel.start_step("step"):
        pass
    assert openlayer_otel.flush(30)
    (request,) = server.requests
    headers = {name.lower(): value for name, value in dict(request["headers"]).items()}
    assert headers["authorization"] == "Bearer sk-1"
    assert headers["x-team"] == "blue"
    assert "/p-1/" in request["path"]


@pytest.mark.parametrize("value", [b"\xff\xfe", {b"\xff": "x"}])
def test_bytes_that_are_no_text_are_refused(
    value: Any, start: Callable[..., Any], warnings: Callable[[], list[str]]
) -> None:
    assert start(custom_headers=value).custom_headers is None
    assert len(warnings()) == 1


@pytest.mark.parametrize(
    "value", [f"X Team {SECRET}: 1", f"X-Team: {SECRET}\N{SNOWMAN}", {f"a {SECRET}": "1"}, SECRET]
)
def test_headers_that_cannot_be_used_are_not_quoted(
    value: Any, start: Callable[..., Any], warnings: Callable[[], list[str]]
) -> None:
    assert start(custom_headers=value).custom_headers is None
    (warning,) = warnings()
    assert "custom_headers=" in warning
    assert SECRET not in warning


@pytest.mark.parametrize(("value", "rows"), [(16.0, 16), ("16.0", 16), (b"16", 16), (1.5, 32)])
def test_a_whole_number_may_be_written_as_a_float(
    value: Any, rows: int, start: Callable[..., Any]
) -> None:
    assert start(max_rows=value).max_rows == rows


@pytest.mark.parametrize("long", [1e10, 1e300, "inf"])
def test_for_ever_is_a_time_that_can_be_waited(
    long: Any,
    start: Callable[..., Any],
    openlayer_server: OpenlayerServer,
    tracer_provider: TracerProvider,
    warnings: Callable[[], list[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    died: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", died.append)
    names = ("max_trace_age", "timeout", "deadline", "exit_timeout", "exporter_grace")
    start(**dict.fromkeys(names, long), upload_all=True)
    tracer = tracer_provider.get_tracer("the application")
    # A root that has ended has the worker wait for its child.
    root = tracer.start_span("root")
    child = tracer.start_span("child", context=set_span_in_context(root))
    root.end()
    with openlayer_otel.start_step("step"):
        pass
    wait_until(lambda: len(openlayer_server.traces) == 1)
    child.end()
    assert openlayer_otel.flush(30)
    assert len(openlayer_server.traces) == 2
    openlayer_otel.shutdown(5)
    assert [each.exc_type for each in died] == []
    assert warnings() == []


# --- without any directory ---

NO_DIRECTORY = """
import pathlib, tempfile

def none(*arguments, **names):
    raise FileNotFoundError("No usable temporary directory found")

def homeless(*arguments):
    raise RuntimeError("Could not determine home directory.")

tempfile.gettempdir = tempfile.mkdtemp = none
pathlib.Path.home = homeless
import openlayer_otel
openlayer_otel.init(base_url="http://127.0.0.1:9", max_retries=0, exit_timeout=1, upload_all=True)
with openlayer_otel.start_step("step"):
    pass
openlayer_otel.shutdown(2)
print("runs on")
"""


def test_a_process_without_any_directory_runs_on(
    child_environment: dict[str, str], tmp_path: Path
) -> None:
    del child_environment["OPENLAYER_OTEL_SPOOL_DIRECTORY"]
    done = run_python(NO_DIRECTORY, environment=child_environment, directory=tmp_path).succeeded()
    assert "runs on" in done.output
    assert "cannot write to the spool" in done.errors
    assert "Traceback" not in done.errors
