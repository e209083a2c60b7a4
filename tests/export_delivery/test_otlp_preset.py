"""OPENLAYER_OTEL_OTLP: one variable, and the SDK's own exporter sends to Openlayer."""

from __future__ import annotations

from pathlib import Path

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.util.re import parse_env_headers

import openlayer_otel
from openlayer_otel.export.otlp_preset import apply
from tests.support.openlayer_server import faulty_server

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
