"""OPENLAYER_OTEL_OTLP: one variable, and the SDK's own exporter sends to Openlayer."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.util.re import parse_env_headers

import openlayer_otel
from openlayer_otel.export.otlp_preset import apply
from tests.support.child_process import run_python
from tests.support.openlayer_server import HANG, faulty_server
from tests.support.otlp_receiver import http_receiver

GIVEN = {
    "OPENLAYER_OTEL_OTLP": "true",
    "OPENLAYER_API_KEY": "key with, odd=signs",
    "OPENLAYER_INFERENCE_PIPELINE_ID": "p-1",
}


def test_the_sdk_reads_endpoint_headers_and_protocol_of_openlayer() -> None:
    environment = dict(GIVEN)
    assert apply(environment)
    endpoint = environment["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
    assert endpoint == "https://api.openlayer.com/v1/otel/v1/traces"
    assert environment["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] == "http/protobuf"
    assert environment["OTEL_TRACES_EXPORTER"] == "otlp"
    assert parse_env_headers(environment["OTEL_EXPORTER_OTLP_TRACES_HEADERS"], liberal=True) == {
        "authorization": "Bearer key with, odd=signs",
        "x-bt-parent": "pipeline_id:p-1",
    }


def test_the_address_follows_the_base_url() -> None:
    environment = {**GIVEN, "OPENLAYER_BASE_URL": "https://openlayer.example/api/v1/"}
    assert apply(environment)
    endpoint = environment["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
    assert endpoint == "https://openlayer.example/api/v1/otel/v1/traces"


def test_nothing_changes_unless_it_is_asked_for() -> None:
    environment = {**GIVEN, "OPENLAYER_OTEL_OTLP": "false"}
    before = dict(environment)
    assert not apply(environment)
    assert environment == before


@pytest.mark.parametrize(
    "variable", ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
)
def test_the_key_does_not_go_to_an_endpoint_of_the_user(
    variable: str, caplog: pytest.LogCaptureFixture
) -> None:
    environment = {**GIVEN, variable: "http://collector:4318"}
    before = dict(environment)
    assert not apply(environment)
    assert environment == before
    assert variable in caplog.text


def test_what_the_user_set_stays() -> None:
    environment = {**GIVEN, "OTEL_TRACES_EXPORTER": "otlp,console"}
    assert apply(environment)
    assert environment["OTEL_TRACES_EXPORTER"] == "otlp,console"


@pytest.mark.parametrize("missing", ["OPENLAYER_API_KEY", "OPENLAYER_INFERENCE_PIPELINE_ID"])
def test_what_is_missing_is_said(missing: str, caplog: pytest.LogCaptureFixture) -> None:
    environment = {name: value for name, value in GIVEN.items() if name != missing}
    assert not apply(environment)
    assert missing in caplog.text


def test_init_sends_over_otlp_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with faulty_server() as server:
        server.mode = 200
        for name, value in {**GIVEN, "OPENLAYER_BASE_URL": server.url}.items():
            monkeypatch.setenv(name, value)
        provider = TracerProvider(shutdown_on_exit=False)
        openlayer_otel.init(instrument=False, tracer_provider=provider)
        provider.get_tracer("test").start_span("one").end()
        openlayer_otel.flush(30)
        (request,) = server.requests
        openlayer_otel.shutdown(5)
    seen = {name.lower(): value for name, value in request["headers"].items()}
    assert request["path"] == "/v1/otel/v1/traces"
    assert seen["authorization"] == "Bearer key with, odd=signs"
    assert seen["x-bt-parent"] == "pipeline_id:p-1"


CHILDREN = """
import multiprocessing
import openlayer_otel

def work(number):
    with openlayer_otel.start_step(f"worker-{number}"):
        pass

if __name__ == "__main__":
    openlayer_otel.init(instrument=False)
    work("parent")
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=work, args=(number,)) for number in range(3)]
    for each in processes: each.start()
    for each in processes: each.join()
    assert [each.exitcode for each in processes] == [0, 0, 0]
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_forked_children_of_multiprocessing_need_no_flush(tmp_path: Path) -> None:
    """They run no exit hooks, and OpenTelemetry follows nothing else."""
    with http_receiver() as receiver:
        environment = {**GIVEN, "OPENLAYER_BASE_URL": receiver.endpoint}
        done = run_python(CHILDREN, environment=environment, directory=tmp_path).succeeded()
        names = sorted(each.span.name for each in receiver.wait_for(4))
    assert names == ["worker-0", "worker-1", "worker-2", "worker-parent"]
    assert done.errors == ""


def test_the_collector_recipe_sends_what_the_preset_sends() -> None:
    page = (Path(__file__).parents[2] / "docs" / "otlp.md").read_text(encoding="utf-8")
    recipe = page.partition("```yaml\n")[2].partition("```")[0]
    for name, value in GIVEN.items():
        recipe = recipe.replace(f"${{env:{name}}}", value)
    said = dict(line.strip().split(": ", 1) for line in recipe.splitlines() if ": " in line)
    environment = dict(GIVEN)
    assert apply(environment)
    # The Collector adds the signal's path to the endpoint itself.
    wanted = environment["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"]
    assert f"{said['endpoint']}/v1/traces" == wanted
    headers = parse_env_headers(environment["OTEL_EXPORTER_OTLP_TRACES_HEADERS"], liberal=True)
    assert {name.lower(): said[name] for name in ("Authorization", "x-bt-parent")} == headers


@pytest.mark.parametrize(
    "variable",
    [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        "OTEL_TRACES_EXPORTER",
    ],
)
@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_variable_is_not_set(variable: str, blank: str) -> None:
    wanted = dict(GIVEN)
    assert apply(wanted)
    environment = {**GIVEN, variable: blank}
    assert apply(environment)
    if variable == "OTEL_EXPORTER_OTLP_ENDPOINT":
        wanted[variable] = blank
    assert environment == wanted


def test_the_sdk_reads_the_users_headers_and_timeout() -> None:
    given = {
        "OPENLAYER_CUSTOM_HEADERS": "X-Team: red, \N{POUND SIGN}5",
        "OPENLAYER_OTEL_TIMEOUT": "2.5",
    }
    environment = {**GIVEN, **given}
    assert apply(environment)
    headers = parse_env_headers(environment["OTEL_EXPORTER_OTLP_TRACES_HEADERS"], liberal=True)
    assert headers["x-team"] == "red, \N{POUND SIGN}5"
    assert headers["x-bt-parent"] == "pipeline_id:p-1"
    assert environment["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"] == "3"
    environment = {**GIVEN, **given, "OTEL_EXPORTER_OTLP_TIMEOUT": "30"}
    assert apply(environment)
    assert "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT" not in environment


def test_a_setting_that_no_variable_of_the_sdk_stands_for_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for _ in range(2):
        assert apply({**GIVEN, "OPENLAYER_VERIFY_SSL": "false"})
    (record,) = caplog.records
    assert "OPENLAYER_VERIFY_SSL" in record.getMessage()


def test_nothing_is_set_for_the_sdk_when_publishing_is_off() -> None:
    environment = {**GIVEN, "OPENLAYER_DISABLE_PUBLISH": "true"}
    before = dict(environment)
    assert not apply(environment)
    assert environment == before


@pytest.fixture
def destination(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Arguments of ``init()`` that send to ``destination["server"]``, taken out before."""
    with faulty_server() as server:
        server.mode = 200
        yield {
            "server": server,
            "otlp": True,
            "api_key": "k",
            "inference_pipeline_id": "p",
            "base_url": server.url,
            "instrument": False,
        }
        openlayer_otel.shutdown(5)


def _send_one_span(provider: TracerProvider) -> bool:
    provider.get_tracer("test").start_span("one").end()
    return openlayer_otel.flush(30)


def test_init_uploads_nothing_when_publishing_is_off(destination: dict[str, Any]) -> None:
    server = destination.pop("server")
    provider = TracerProvider(shutdown_on_exit=False)
    openlayer_otel.init(**destination, disable_publish=True, tracer_provider=provider)
    _send_one_span(provider)
    assert openlayer_otel.shutdown(5)
    assert server.requests == []


def test_init_passes_the_headers_on(destination: dict[str, Any]) -> None:
    server = destination.pop("server")
    provider = TracerProvider(shutdown_on_exit=False)
    openlayer_otel.init(**destination, custom_headers={"X-Team": "red"}, tracer_provider=provider)
    _send_one_span(provider)
    (request,) = server.requests
    seen = {name.lower(): value for name, value in request["headers"].items()}
    assert (seen["x-team"], seen["x-bt-parent"]) == ("red", "pipeline_id:p")


def test_init_passes_the_timeout_on(destination: dict[str, Any]) -> None:
    server = destination.pop("server")
    server.mode = HANG
    provider = TracerProvider(shutdown_on_exit=False)
    openlayer_otel.init(**destination, timeout=0.3, tracer_provider=provider)
    begun = time.monotonic()
    _send_one_span(provider)
    assert time.monotonic() - begun < 5  # the default is 10
    assert len(server.requests) > 0


def test_init_starts_anew_after_the_provider_was_shut_down(destination: dict[str, Any]) -> None:
    server = destination.pop("server")
    provider = TracerProvider(shutdown_on_exit=False)
    for count in (1, 2):
        openlayer_otel.init(**destination, tracer_provider=provider)
        assert _send_one_span(provider)
        assert len(server.requests) == count
        provider.shutdown()


@pytest.mark.parametrize("arguments", [{}, {"otlp": True}])
def test_init_does_not_add_to_what_sends_over_otlp_already(
    arguments: dict[str, Any], destination: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    server = destination.pop("server")
    exporter = OTLPSpanExporter(endpoint=f"{server.url}/otel/v1/traces")
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    openlayer_otel.init(**{**destination, "otlp": False, **arguments}, tracer_provider=provider)
    _send_one_span(provider)
    assert len(server.requests) == 1
    assert "OPENLAYER_OTEL_OTLP" in caplog.text
