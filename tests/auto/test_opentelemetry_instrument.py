"""An application is traced with nothing but environment variables."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from openlayer_otel.standin.openlayer_server import OpenlayerServer
from tests.auto.conftest import RunApplication
from tests.support.otlp_receiver import Receiver, grpc_receiver, http_receiver

SAID = "the application said: lorem ipsum dolor sit amet con"


def assert_ran(output: str) -> None:
    assert output.strip().splitlines() == [SAID]


def assert_one_trace(openlayer_server: OpenlayerServer) -> None:
    (uploaded,) = openlayer_server.traces
    assert uploaded.pipeline == "test-pipeline"
    (step,) = uploaded.row["steps"]
    assert (step["type"], step["model"]) == ("chat_completion", "gpt-x")


def assert_one_span(receiver: Receiver) -> None:
    (received,) = receiver.spans
    assert received.span.name == "chat gpt-x"
    assert received.attributes["gen_ai.usage.output_tokens"] == 5


def test_the_exporter_is_selected_by_name(
    instrument_application: RunApplication, openlayer_server: OpenlayerServer
) -> None:
    done = instrument_application({"OTEL_TRACES_EXPORTER": "openlayer"}).succeeded()
    assert_ran(done.output)
    assert "Traceback" not in done.errors
    assert_one_trace(openlayer_server)


@pytest.mark.parametrize("name", ["OpenLayer", "", " "])
def test_the_name_may_be_spelt_in_any_case_or_be_empty(
    name: str, instrument_application_alone: RunApplication, openlayer_server: OpenlayerServer
) -> None:
    """With an API key Openlayer is the default, and an empty name is none at all."""
    done = instrument_application_alone({"OTEL_TRACES_EXPORTER": name}).succeeded()
    assert_ran(done.output)
    assert done.errors == ""
    assert_one_trace(openlayer_server)


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_otlp_is_selected_by_name(
    instrument_application: RunApplication, openlayer_server: OpenlayerServer, protocol: str
) -> None:
    with (grpc_receiver if protocol == "grpc" else http_receiver)() as receiver:
        done = instrument_application(
            {
                "OTEL_TRACES_EXPORTER": "otlp",
                "OTEL_METRICS_EXPORTER": "none",
                "OTEL_LOGS_EXPORTER": "none",
                "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
                "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            }
        ).succeeded()
        assert_ran(done.output)
        assert_one_span(receiver)
    assert openlayer_server.traces == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_forked_children_of_multiprocessing_need_no_flush_over_otlp(
    application: Path, instrument_application_alone: RunApplication
) -> None:
    """They run no exit hooks, and OpenTelemetry follows nothing else.

    That the application uses gRPC for something else is no matter.
    """
    call = application.read_text(encoding="utf-8").replace("\n", "\n    ").rstrip()
    application.write_text(
        "import multiprocessing, grpc\n"
        f"def work():\n    {call}\n"
        "context = multiprocessing.get_context('fork')\n"
        "processes = [context.Process(target=work) for _ in range(3)]\n"
        "for each in processes: each.start()\n"
        "for each in processes: each.join()\n"
        "assert [each.exitcode for each in processes] == [0, 0, 0]\n",
        encoding="utf-8",
    )
    with http_receiver() as receiver:
        instrument_application_alone(
            {
                "OTEL_TRACES_EXPORTER": "otlp",
                "OTEL_METRICS_EXPORTER": "none",
                "OTEL_LOGS_EXPORTER": "none",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            }
        ).succeeded()
        assert [each.span.name for each in receiver.wait_for(3)] == ["chat gpt-x"] * 3


def test_both_at_once(
    instrument_application: RunApplication, openlayer_server: OpenlayerServer
) -> None:
    with http_receiver() as receiver:
        instrument_application(
            {
                "OTEL_TRACES_EXPORTER": "otlp,openlayer",
                "OTEL_METRICS_EXPORTER": "none",
                "OTEL_LOGS_EXPORTER": "none",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            }
        ).succeeded()
        assert_one_span(receiver)
    assert_one_trace(openlayer_server)


def test_it_can_be_switched_off_by_name(
    instrument_application: RunApplication, openlayer_server: OpenlayerServer
) -> None:
    done = instrument_application(
        {
            "OTEL_TRACES_EXPORTER": "openlayer",
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "openlayer",
        }
    ).succeeded()
    assert_ran(done.output)
    assert openlayer_server.traces == []


def test_with_a_key_and_no_exporter_named_traces_go_to_openlayer(
    instrument_application_alone: RunApplication, openlayer_server: OpenlayerServer
) -> None:
    done = instrument_application_alone({}).succeeded()
    assert_ran(done.output)
    assert done.errors == ""
    assert_one_trace(openlayer_server)


def test_without_a_key_and_no_exporter_named_traces_go_out_over_otlp(
    instrument_application_alone: RunApplication, openlayer_server: OpenlayerServer
) -> None:
    with grpc_receiver() as receiver:
        instrument_application_alone(
            {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}, without=("OPENLAYER_API_KEY",)
        ).succeeded()
        assert_one_span(receiver)


@pytest.mark.parametrize("names", ["openlyer,openlayer", "openlayer, openlyer"])
def test_a_wrong_exporter_name_costs_one_warning_and_the_rest_works(
    instrument_application_alone: RunApplication, openlayer_server: OpenlayerServer, names: str
) -> None:
    done = instrument_application_alone({"OTEL_TRACES_EXPORTER": names}).succeeded()
    assert_ran(done.output)
    (warning,) = done.errors.strip().splitlines()
    assert "OTEL_TRACES_EXPORTER" in warning
    assert "'openlyer'" in warning
    assert_one_trace(openlayer_server)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OTEL_TRACES_EXPORTER", "jaeger"),
        ("OTEL_METRICS_EXPORTER", "prometheus-typo"),
        ("OTEL_LOGS_EXPORTER", "nothing"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/xml"),
        ("OPENLAYER_OTEL_TIMEOUT", "soon"),
        ("OPENLAYER_OTEL_PROVIDERS", "openai,nobody"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_and_the_application_runs(
    instrument_application_alone: RunApplication, variable: str, value: str
) -> None:
    done = instrument_application_alone({variable: value}).succeeded()
    assert_ran(done.output)
    named = [line for line in done.errors.splitlines() if variable in line]
    assert len(named) == 1, done.errors
    assert "Traceback" not in done.errors


def test_an_unreachable_openlayer_does_not_stop_the_application(
    instrument_application: RunApplication,
) -> None:
    done = instrument_application(
        {
            "OTEL_TRACES_EXPORTER": "openlayer",
            "OPENLAYER_BASE_URL": "http://127.0.0.1:9",
            "OPENLAYER_OTEL_EXIT_TIMEOUT": "1",
        }
    ).succeeded()
    assert_ran(done.output)
    assert "Traceback" not in done.errors


def test_an_application_that_seeds_its_random_numbers_has_new_ids_each_time(
    instrument_application_alone: RunApplication,
    application: Path,
    openlayer_server: OpenlayerServer,
) -> None:
    source = application.read_text(encoding="utf-8")
    application.write_text(f"import random\nrandom.seed(42)\n{source}", encoding="utf-8")
    for _ in range(2):
        assert_ran(instrument_application_alone({}).succeeded().output)
    assert len({trace.row["inferenceId"] for trace in openlayer_server.traces}) == 2


def test_an_application_that_calls_init_itself_is_uploaded_once(
    instrument_application: RunApplication,
    application: Path,
    openlayer_server: OpenlayerServer,
) -> None:
    source = application.read_text(encoding="utf-8")
    source = "import openlayer_otel\nopenlayer_otel.init(timeout=7)\n" + source
    application.write_text(source, encoding="utf-8")
    done = instrument_application({"OTEL_TRACES_EXPORTER": "openlayer"}).succeeded()
    assert_ran(done.output)
    assert_one_trace(openlayer_server)
