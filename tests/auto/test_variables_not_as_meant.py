"""Variables that are blank, misspelt, or meant for another exporter than the one in use."""

from __future__ import annotations

from pathlib import Path

import pytest

from openlayer_otel.standin.openlayer_server import OpenlayerServer
from tests.auto.conftest import RunApplication
from tests.support.otlp_receiver import Receiver, grpc_receiver, http_receiver

SAID = "the application said: lorem ipsum dolor sit amet con"


def over_otlp(receiver: Receiver) -> dict[str, str]:
    return {"OPENLAYER_OTEL_OTLP": "true", "OPENLAYER_BASE_URL": receiver.endpoint}


def test_over_otlp_an_application_that_calls_init_itself_is_uploaded_once(
    instrument_application_alone: RunApplication, application: Path
) -> None:
    source = application.read_text(encoding="utf-8")
    source = "import openlayer_otel\nopenlayer_otel.init()\n" + source
    application.write_text(source, encoding="utf-8")
    with http_receiver() as receiver:
        done = instrument_application_alone(over_otlp(receiver)).succeeded()
        assert done.output.strip() == SAID
        assert len(receiver.spans) == 1


def test_over_otlp_the_names_of_openlayers_sdk_do_not_upload_once_more(
    instrument_application_alone: RunApplication, application: Path
) -> None:
    source = "from openlayer_otel.lib import trace\n@trace()\ndef step(): pass\nstep()\n"
    application.write_text(source, encoding="utf-8")
    with http_receiver() as receiver:
        # With openlayer's hooks, tracing has begun before; without them, @trace begins it.
        variables = {**over_otlp(receiver), "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "openlayer"}
        instrument_application_alone(variables).succeeded()
        assert [each.span.name for each in receiver.spans] == ["step"]


def test_over_otlp_nothing_is_uploaded_when_publishing_is_off(
    instrument_application_alone: RunApplication,
) -> None:
    with http_receiver() as receiver:
        done = instrument_application_alone(
            {**over_otlp(receiver), "OPENLAYER_DISABLE_PUBLISH": "true"}
        ).succeeded()
        assert done.output.strip() == SAID
        assert receiver.headers == []


@pytest.mark.parametrize("blank", ["", "  "])
def test_over_otlp_blank_variables_change_nothing(
    instrument_application_alone: RunApplication, blank: str
) -> None:
    names = ("ENDPOINT", "TRACES_ENDPOINT", "PROTOCOL", "TRACES_PROTOCOL", "TRACES_HEADERS")
    variables = {f"OTEL_EXPORTER_OTLP_{name}": blank for name in names}
    variables["OTEL_TRACES_EXPORTER"] = variables["OTEL_PYTHON_CONFIGURATOR"] = blank
    with http_receiver() as receiver:
        done = instrument_application_alone({**over_otlp(receiver), **variables}).succeeded()
        assert (done.output.strip(), done.errors) == (SAID, "")
        assert len(receiver.spans) == 1
        assert receiver.headers[0]["authorization"] == "Bearer test-key"


@pytest.mark.parametrize("key", ["", "  "])
def test_a_blank_key_and_protocol_are_none(
    instrument_application_alone: RunApplication, key: str
) -> None:
    with grpc_receiver() as receiver:
        done = instrument_application_alone(
            {
                "OPENLAYER_API_KEY": key,
                "OTEL_EXPORTER_OTLP_PROTOCOL": "  ",
                "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            }
        ).succeeded()
        assert (done.output.strip(), done.errors) == (SAID, "")
        assert len(receiver.spans) == 1


@pytest.mark.parametrize("variable", ["OTEL_PYTHON_ID_GENERATOR", "OTEL_TRACES_SAMPLER"])
def test_a_blank_variable_does_not_keep_the_sdk_from_starting(
    instrument_application_alone: RunApplication, openlayer_server: OpenlayerServer, variable: str
) -> None:
    done = instrument_application_alone({variable: "  "}).succeeded()
    assert (done.output.strip(), done.errors) == (SAID, "")
    assert len(openlayer_server.traces) == 1


@pytest.mark.parametrize("names", ["opnelayer", "opnelayer,jaeger", ",", " , "])
def test_without_a_usable_name_the_default_exporter_is_used(
    instrument_application_alone: RunApplication, openlayer_server: OpenlayerServer, names: str
) -> None:
    done = instrument_application_alone({"OTEL_TRACES_EXPORTER": names}).succeeded()
    (warning,) = done.errors.strip().splitlines()
    assert "OTEL_TRACES_EXPORTER" in warning
    assert "'openlayer' is used" in warning
    assert len(openlayer_server.traces) == 1


def test_without_a_usable_name_the_preset_is_used(
    instrument_application_alone: RunApplication,
) -> None:
    with http_receiver() as receiver:
        variables = {**over_otlp(receiver), "OTEL_TRACES_EXPORTER": "jaeger"}
        done = instrument_application_alone(variables).succeeded()
        (warning,) = done.errors.strip().splitlines()
        assert "'otlp' is used" in warning
        assert len(receiver.spans) == 1


@pytest.mark.parametrize("names", ["none", "none,jaeger"])
def test_none_is_an_answer(
    instrument_application_alone: RunApplication, openlayer_server: OpenlayerServer, names: str
) -> None:
    instrument_application_alone({"OTEL_TRACES_EXPORTER": names}).succeeded()
    assert openlayer_server.traces == []


def test_a_limit_that_the_sdk_refuses_is_named_and_the_default_one_is_used(
    instrument_application_alone: RunApplication, openlayer_server: OpenlayerServer
) -> None:
    done = instrument_application_alone({"OTEL_SPAN_EVENT_COUNT_LIMIT": "-1"}).succeeded()
    assert done.output.strip() == SAID
    assert "Traceback" not in done.errors
    (remedy,) = [line for line in done.errors.splitlines() if "unset the variable" in line]
    assert "OTEL_SPAN_EVENT_COUNT_LIMIT" in remedy
    assert len(openlayer_server.traces) == 1
