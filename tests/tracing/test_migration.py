"""Each row of docs/migration.md: their line with our import does what it says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from opentelemetry.sdk.trace import TracerProvider

import openlayer_otel
from openlayer_otel import bootstrap, lib
from openlayer_otel import tracing as tracer
from openlayer_otel.standin.llm_server import LLMServer
from openlayer_otel.standin.openlayer_server import OpenlayerServer
from tests.support.chat_clients import ANSWER
from tests.support.child_process import run_python
from tests.support.sdk_clients import make_client
from tests.support.span_log import SpanLog, json_attribute

PAGE = Path(__file__).parents[2] / "docs" / "migration.md"
ASK: dict[str, Any] = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


def test_every_name_on_the_page_exists() -> None:
    text = PAGE.read_text(encoding="utf-8")
    ours = [line.split("|")[2] for line in text.splitlines() if line.startswith("| `")]
    assert len(ours) > 15
    for names in re.findall(r"from openlayer_otel import ([\w, ]+)`", " ".join(ours)):
        for name in names.replace(" as ", ",").split(",")[:1]:
            assert hasattr(openlayer_otel, name.strip()) or name.strip() in ("tracing", "lib")
    for home, module in (("openlayer_otel.lib", lib), ("openlayer_otel.tracing", tracer)):
        for names in re.findall(rf"from {re.escape(home)} import ([\w, ]+)`", " ".join(ours)):
            for name in names.split(","):
                assert hasattr(module, name.strip()), name


@pytest.fixture
def their_init(
    openlayer_server: OpenlayerServer, tracer_provider: TracerProvider
) -> Iterator[OpenlayerServer]:
    """``init()`` as the SDK's users call it."""
    lib.init(
        api_key="k",
        inference_pipeline_id="p",
        base_url=openlayer_server.url,
        timeout=30,
        max_retries=1,
        offline_buffer_enabled=True,
        background_publish_enabled=True,
        attachment_upload_enabled=False,
        auto_instrument=["openai"],
        tracer_provider=tracer_provider,
        upload_all=True,
    )
    yield openlayer_server
    bootstrap.shutdown()


def test_init_and_a_wrapped_client(
    their_init: OpenlayerServer, llm_server: LLMServer, spans: SpanLog
) -> None:
    client = make_client("openai", False, llm_server.url)
    assert lib.trace_openai(client) is client
    assert isinstance(client, openai.OpenAI)

    @lib.trace()
    def ask() -> str:
        return str(client.chat.completions.create(**ASK).choices[0].message.content)

    ask()
    assert spans.tree() == [["ask", ["chat gpt-4o"]]]
    assert bootstrap.flush(60)
    (received,) = their_init.traces
    assert received.row["output"] == ANSWER


def test_configure_is_deprecated_and_works(
    openlayer_server: OpenlayerServer, tracer_provider: TracerProvider, spans: SpanLog
) -> None:
    with pytest.warns(DeprecationWarning, match="use init"):
        lib.configure(
            api_key="k",
            inference_pipeline_id="p",
            base_url=openlayer_server.url,
            tracer_provider=tracer_provider,
        )
    lib.trace(lambda: None)()
    bootstrap.shutdown()
    assert len(spans.ended) == 1


def test_trace_with_everything_that_it_took(steps: SpanLog) -> None:
    @tracer.trace(
        name="ask",
        step_type=tracer.StepType.AGENT,
        inference_pipeline_id="p2",
        context_kwarg="docs",
        question_kwarg="query",
        promote={"query": "asked"},
        metadata={"k": 1},
        on_flush_failure=lambda trace, config, error: None,
    )
    def ask(query: str, docs: list[str]) -> str:
        return "out"

    assert ask("q", ["d"]) == "out"
    said = steps.only().attributes or {}
    assert said["openlayer.inference_pipeline.id"] == "p2"
    assert said["openlayer.step.question"] == "q"
    assert json.loads(str(said["openlayer.step.context"])) == ["d"]
    assert json.loads(str(said["openlayer.trace.column.asked"])) == "q"
    assert json.loads(str(said["openlayer.step.metadata"])) == {"k": 1}


async def test_trace_async_on_everything_it_took(steps: SpanLog) -> None:
    @tracer.trace_async()
    async def coroutine() -> int:
        return 1

    @tracer.trace_async()
    async def stream() -> Any:
        yield "a"

    @tracer.trace_async()
    def plain() -> int:
        return 2

    assert (await coroutine(), [item async for item in stream()], plain()) == (1, ["a"], 2)
    assert len(steps.ended) == 3


def test_steps_and_updates_as_they_were_written(steps: SpanLog) -> None:
    with tracer.create_step("s", step_type=tracer.StepType.USER_CALL, inputs={"a": 1}) as step:
        step.log(output="o", metadata={"m": 1})
        tracer.update_current_trace(inferenceId="id", user_id="u", custom="c")
        tracer.update_current_step(attributes={"ground_truth": "g"}, metadata={"n": 2})
    span = steps.only()
    said = span.attributes or {}
    assert json_attribute(span, "openlayer.step.output") == "o"
    assert json_attribute(span, "openlayer.step.metadata") == {"m": 1, "n": 2}
    assert json_attribute(span, "openlayer.step.ground_truth") == "g"
    assert (said["openlayer.trace.inference_id"], said["user.id"]) == ("id", "u")


def test_the_name_of_a_trace_is_that_of_its_root_step_and_a_column(
    their_init: OpenlayerServer, spans: SpanLog
) -> None:
    """With Openlayer's SDK it is a column; people who write it want the trace to be called so."""

    @lib.trace()
    def ask(question: str) -> None:
        with lib.create_step("inner"):
            lib.update_current_trace(name="support", release="1.2")

    ask("why?")
    assert spans.tree() == [["ask", ["inner"]]]
    assert bootstrap.flush(60)
    (received,) = their_init.traces
    row = received.row
    assert (row["name"], row["release"], row["question"]) == ("support", "1.2", "why?")
    assert row["steps"][0]["name"] == "support"
    assert row["steps"][0]["steps"][0]["name"] == "inner"


def test_every_name_of_the_sdk_but_other_providers_is_there() -> None:
    """``openlayer.lib`` 0.36; what it has beyond this is for providers that are not traced here."""
    for name in [
        "init",
        "configure",
        "get_tracer_config",
        "auto_instrument",
        "unpatch_all",
        "trace",
        "trace_async",
        "trace_anthropic",
        "trace_openai",
        "trace_async_openai",
        "update_current_trace",
        "update_current_step",
        "replay_buffered_traces",
        "get_buffer_status",
        "clear_offline_buffer",
        "set_user_session_context",
        "update_trace_user_session",
        "get_current_user_id",
        "get_current_session_id",
        "clear_user_session_context",
    ]:
        assert callable(getattr(lib, name))
        assert name in lib.__all__


def test_what_tracing_has_by_the_same_name_is_the_same() -> None:
    shared = [name for name in lib.__all__ if hasattr(tracer, name)]
    assert len(shared) >= 20
    for name in shared:
        assert getattr(lib, name) is getattr(tracer, name)


def test_the_configuration_is_told_without_the_key(their_init: OpenlayerServer) -> None:
    told = lib.get_tracer_config()
    assert (told["api_key"], told["inference_pipeline_id"]) == ("***", "p")
    assert (told["timeout"], told["offline_buffer_enabled"], told["publish"]) == (30, True, True)


def test_sdks_are_traced_on_demand_with_the_settings_of_init(
    openlayer_server: OpenlayerServer,
    tracer_provider: TracerProvider,
    llm_server: LLMServer,
    spans: SpanLog,
) -> None:
    lib.init(
        api_key="k",
        inference_pipeline_id="p",
        base_url=openlayer_server.url,
        auto_instrument=False,
        redact=lambda text: text.replace("hi", "***"),
        tracer_provider=tracer_provider,
    )
    client = make_client("openai", False, llm_server.url)
    try:
        assert lib.auto_instrument(False) == {}
        client.chat.completions.create(**ASK)
        assert not spans.ended
        lib.trace_openai(client)
        client.chat.completions.create(**ASK)
        span = spans.only()
        assert "***" in str((span.attributes or {})["gen_ai.input.messages"])
        lib.unpatch_all()
        client.chat.completions.create(**ASK)
        # @trace goes on as it was.
        lib.trace(lambda text: text)("hi")
        traced = spans.ended[-1]
        assert len(spans.ended) == 2
        assert json_attribute(traced, "openlayer.step.output") == "***"
        assert lib.auto_instrument(["openai"]) == {"openai": True}
        client.chat.completions.create(**ASK)
        assert len(spans.ended) == 3
    finally:
        lib.unpatch_all()
        bootstrap.shutdown()


@pytest.mark.may_warn
def test_a_callback_for_failed_deliveries_is_said_to_be_ignored(
    openlayer_server: OpenlayerServer,
    tracer_provider: TracerProvider,
    caplog: pytest.LogCaptureFixture,
) -> None:
    lib.init(
        api_key="k",
        inference_pipeline_id="p",
        base_url=openlayer_server.url,
        auto_instrument=False,
        tracer_provider=tracer_provider,
        on_flush_failure=lambda row, config, error: None,
    )
    bootstrap.shutdown()
    assert "on_flush_failure" in caplog.text


@pytest.mark.parametrize("wrapped", [False, True], ids=["trace", "trace_openai"])
def test_the_environment_is_enough(
    wrapped: bool,
    child_environment: dict[str, str],
    openlayer_server: OpenlayerServer,
    tmp_path: Path,
) -> None:
    source = (
        "from openai import OpenAI\n"
        "from openlayer_otel.lib import trace, trace_openai\n"
        f"client = trace_openai(OpenAI()) if {wrapped} else OpenAI()\n"
        "@trace()\n"
        "def ask():\n"
        "    client.chat.completions.create(model='gpt-x', messages=[])\n"
        "ask()\n"
    )
    done = run_python(source, environment=child_environment, directory=tmp_path).succeeded()
    assert done.errors == ""
    (received,) = openlayer_server.traces
    (step,) = received.row["steps"]
    models = [each["model"] for each in step["steps"]]
    assert (step["name"], models) == ("ask", ["gpt-x"] if wrapped else [])


def test_without_a_key_nothing_is_started(tmp_path: Path, child_environment: Any) -> None:
    environment = {k: v for k, v in child_environment.items() if k != "OPENLAYER_API_KEY"}
    source = (
        "from opentelemetry import trace as api\n"
        "from openlayer_otel.lib import trace\n"
        "@trace()\n"
        "def answer(): return 42\n"
        "print(answer(), type(api.get_tracer_provider()).__name__)\n"
    )
    done = run_python(source, environment=environment, directory=tmp_path).succeeded()
    assert done.output.strip() == "42 ProxyTracerProvider"
    assert done.errors == ""


def test_a_second_init_adds_to_the_first(
    their_init: OpenlayerServer, tracer_provider: TracerProvider
) -> None:
    lib.init(timeout=5)
    config = lib.get_tracer_config()
    assert (config["timeout"], config["max_retries"]) == (5.0, 1)
    assert config["inference_pipeline_id"] == "p"
    lib.init(max_retries=None)
    assert lib.get_tracer_config()["max_retries"] == 5
    bootstrap.shutdown()
    lib.init(api_key="k2", inference_pipeline_id="p2", tracer_provider=tracer_provider)
    assert lib.get_tracer_config()["timeout"] != 5.0


def test_a_provider_can_be_added_later(
    their_init: OpenlayerServer, llm_server: LLMServer, spans: SpanLog
) -> None:
    client = make_client("anthropic", False, llm_server.url)
    ask = {"model": "claude-x", "max_tokens": 9, "messages": []}
    client.messages.create(**ask)
    assert spans.ended == []
    assert lib.auto_instrument(["anthropic"]) == {"anthropic": True}
    client.messages.create(**ask)
    openai_client = make_client("openai", False, llm_server.url)
    openai_client.chat.completions.create(**ASK)
    assert [span.name for span in spans.ended] == ["chat claude-x", "chat gpt-4o"]


def test_the_fields_of_a_step_can_be_read_and_set(steps: SpanLog) -> None:
    with lib.create_step("s", lib.StepType.CHAT_COMPLETION, inputs={"q": 1}) as step:
        assert (step.name, step.step_type, step.inputs) == (
            "s",
            lib.StepType.CHAT_COMPLETION,
            {"q": 1},
        )
        assert (step.output, step.model, step.metadata, step.end_time) == (None, None, {}, None)
        assert step.start_time is not None
        step.name = "renamed"
        step.output = {"answer": 2}
        step.ground_truth = "yes"
        step.model = "m"
        step.prompt_tokens = 3
        step.metadata["a"] = 1
        step.metadata.update(b=2)
        step.metadata.setdefault("b", 3)
        step.metadata = {"c": [4]}
        step.id = "step-1"
        assert (step.output, step.ground_truth, step.model) == ({"answer": 2}, "yes", "m")
        assert step.metadata == {"a": 1, "b": 2, "c": [4]}
    said = steps.only().attributes or {}
    assert said["openlayer.step.name"] == "renamed"
    assert said["openlayer.step.id"] == "step-1"
    assert said["gen_ai.usage.input_tokens"] == 3
    assert json_attribute(steps.only(), "openlayer.step.metadata") == {"a": 1, "b": 2, "c": [4]}


def test_the_fields_of_a_step_that_nobody_records_can_be_set() -> None:
    with lib.create_step("s") as step:
        step.output = "out"
        step.metadata["a"] = 1
        step.latency = 5
        assert (step.output, step.metadata, step.latency) == (None, {}, None)


@pytest.mark.parametrize("by", ["log", "assignment"])
def test_a_step_lasts_as_long_as_it_is_told(by: str, steps: SpanLog) -> None:
    with lib.create_step("latency") as step:
        if by == "log":
            step.log(latency=1500.0, start_time=1.0)
        else:
            step.latency, step.start_time = 1500.0, 1.0
    with lib.create_step("end") as step:
        assert step.start_time is not None
        if by == "log":
            step.log(latency=1.0, end_time=step.start_time + 2)
        else:
            step.end_time = step.start_time + 2
        assert step.latency == pytest.approx(2000, abs=1)
    with lib.create_step("before its start") as step:
        step.log(end_time=1.0)
    for name, seconds in (("latency", 1.5), ("end", 2)):
        span = steps.named(name)
        assert span.start_time and span.end_time
        assert span.end_time - span.start_time == pytest.approx(seconds * 1e9, abs=1e6)
        assert "openlayer.step.metadata" not in (span.attributes or {})
    early = steps.named("before its start")
    assert early.start_time and early.end_time and early.end_time >= early.start_time


def test_the_fields_of_a_trace_can_be_read_and_set(steps: SpanLog) -> None:
    @lib.trace()
    def ask() -> None:
        current = lib.get_current_trace()
        assert current is not None
        assert (current.inference_id, current.metadata) == (None, {})
        current.inference_id = "row-1"
        current.metadata = {"a": 1}
        current.update_metadata(metadata={"b": 2})
        assert (current.inference_id, current.metadata) == ("row-1", {"a": 1, "b": 2})
        current.update_metadata(customer="acme", limits=[1, 2])
        lib.update_current_trace(score=1.5)
        columns = {"customer": "acme", "limits": [1, 2], "score": 1.5}
        assert current.metadata == {"a": 1, "b": 2, **columns}

    ask()
    assert (steps.only().attributes or {})["openlayer.trace.inference_id"] == "row-1"


@pytest.mark.may_warn
def test_attachments_have_what_those_of_the_sdk_have(steps: SpanLog, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("hello")
    made = {
        "bytes": lib.Attachment.from_bytes(b"hello", "a", "text/plain", inline=True),
        "base64": lib.Attachment(name="a", media_type="text/plain", data_base64="aGVsbG8="),
        "file": lib.Attachment.from_file(file, extract_metadata=False),
        "path": lib.Attachment(name="a", file_path=str(file)),
    }
    for each in made.values():
        assert each.has_data() and each.is_valid() and not each.is_uploaded()
        assert (each.get_bytes(), each.size_bytes) == (b"hello", 5)
        assert each.data_base64 == "aGVsbG8="
        assert each.to_dict()["checksumMd5"] == each.checksum_md5
        assert lib.Attachment.from_dict(each.to_dict()).id == each.id
    assert made["file"].get_reference() == str(file)
    missing = lib.Attachment.from_file(tmp_path / "none.txt")
    assert not missing.is_valid()
    stored = lib.Attachment(name="s", storage_uri="gs://b/s")
    with lib.create_step("s") as step:
        assert step.attach(made["bytes"]) is made["bytes"]
        assert step.attach(missing) is None
        step.attach(stored)
        step.attach(_OfTheSdk())
    references = json_attribute(steps.only(), "openlayer.step.attachments")
    assert [each["name"] for each in references] == ["a", "s", "of the SDK"]
    assert references[1]["storageUri"] == "gs://b/s"
    assert references[2]["sizeBytes"] == 5


class _OfTheSdk:
    """As an attachment of Openlayer's SDK."""

    def to_dict(self) -> dict[str, Any]:
        """As the SDK's."""
        return {"id": "1", "name": "of the SDK", "mediaType": "text/plain", "filePath": "/none"}

    def get_bytes(self) -> bytes:
        """As the SDK's."""
        return b"hello"


def test_what_the_sdk_takes_by_position_and_without_meaning(
    openlayer_server: OpenlayerServer, tracer_provider: TracerProvider, spans: SpanLog
) -> None:
    lib.init("k", "p", openlayer_server.url, tracer_provider=tracer_provider)
    with pytest.raises(TypeError, match="by name"):
        lib.init("k", "p", openlayer_server.url, 60)
    assert lib.trace(inputs={"a": 1}, output="o")(lambda b: b)(2) == 2
    assert bootstrap.flush(60)
    bootstrap.shutdown()
    (received,) = openlayer_server.traces
    assert (received.pipeline, received.row["output"], received.row["b"]) == ("p", 2, 2)
