"""The same scenario through Openlayer's own SDK and through ours: where do the bodies differ?

Each difference is either none, or stands in :data:`MENDED` with the defect of Openlayer's SDK
that it mends (the numbers are those of the defect list in ``docs/openlayer-mapping.md``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from openlayer_otel.export.processor import OpenlayerSpanProcessor
from openlayer_otel.settings import Settings
from openlayer_otel.standin.openlayer_server import OpenlayerServer
from tests.export_differential.captures import (
    DIRECTORY,
    CapturedProvider,
    capture,
    names,
    whole,
)
from tests.export_differential.scenarios import SCENARIOS, World, offline
from tests.support.openlayer_server import free_port

pytestmark = pytest.mark.skipif(
    not DIRECTORY.is_dir(), reason=f"the captures are not here: {DIRECTORY}"
)

# What differs from run to run: replaced by its kind before the bodies are compared.
VOLATILE = {
    "id": str,
    "inferenceId": str,
    "inferenceTimestamp": float,
    "startTime": float,
    "endTime": float,
    "latency": float,
    "timeToFirstToken": float,
}

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# (defect, scenarios, path, what is compared with what) as (theirs, ours) -> bool.
Check = Callable[[Any, Any], bool]
ABSENT = object()


def absent(value: Any) -> bool:
    return value is ABSENT


# Column or field -> the defect, for every scenario that the first pattern matches. A difference
# at a path that nothing matches fails the test; so does an entry that no scenario needs.
MENDED: list[tuple[str, str, str, Check]] = [
    # Tokens: cached and audio tokens are priced apart, which needs usageDetails.
    ("D8", r".", r"usageDetails$", lambda theirs, ours: absent(theirs) and sum(ours.values()) > 0),
    ("D8", r"anthropic", r"(promptTokens)$", lambda theirs, ours: (theirs, ours) == (20, 170)),
    ("D8", r"anthropic_messages(_tools)?$", r"tokens$", lambda theirs, ours: ours == 177),
    ("D8", r"^anthropic_messages$", r"prompt(\[0\]\.(role|content)|#)$",
     lambda theirs, ours: ours in ("system", "You are terse.", 2)),
    # Streams: theirs counts chunks, and knows the requested model only.
    ("D6", r"stream", r"(promptTokens|completionTokens|tokens)$", lambda theirs, ours: True),
    ("D6", r"stream", r"\.model$", lambda theirs, ours: ours.startswith(theirs)),
    ("D6", r"responses_stream", r"output$", lambda t, o: o == "Hello from responses!"),
    # Tool calls: theirs keeps one of several, or glues them together.
    ("D7", r"openai_chat_tools_stream", r"output$", lambda t, o: len(o) == 2),
    ("D7", r"openai_chat_tools$|agent_with", r"output$",
     lambda t, o: [call["name"] for call in o] == ["get_weather", "get_time"]),
    ("D7", r"anthropic_messages_tools", r"output$", lambda t, o: o["content"] == t),
    ("D7", r"anthropic_messages_stream_tools", r"output\.(inputs|arguments)$",
     lambda theirs, ours: {"city": "Paris"} in (theirs, ours)),
    # A stream's answer is one response, not thousands of chunks.
    ("D28", r"stream", r"rawOutput$", lambda t, o: isinstance(t, list) and isinstance(o, dict)),
    # The SDK's models are sent as they came, without the nulls that the models add.
    ("raw", r".", r"rawOutput\..*", lambda theirs, ours: theirs is None and absent(ours)),
    # The request as it went out: OpenAI's SDK asks for base64 where nobody named a format.
    ("request", r"embeddings", r"encoding_format$", lambda theirs, ours: ours == "base64"),
    # Only the async half of their SDK notes it.
    ("async", r"responses_stream_async", r"api_type$", lambda theirs, ours: absent(ours)),
    # Vectors stay out of the trace.
    ("vectors", r"embeddings", r"(^row\.|\.)output$", lambda theirs, ours: ours is None),
    ("vectors", r"embeddings", r"rawOutput\.data\[\d\]\.embedding$",
     lambda theirs, ours: ours == "[4 numbers]"),
    # A failed call is a step, and the row says which step failed and how.
    ("D16", r"nested_error", r"errorType$|failedStep$", lambda theirs, ours: absent(theirs)),
    ("D16", r"nested_error", r"inner\)\.steps#$", lambda theirs, ours: (theirs, ours) == (0, 1)),
    # Binary data is not inlined.
    ("inline", r"multimodal_uploads_disabled", r"dataBase64$", lambda theirs, ours: absent(ours)),
    # The address of the stand-in's storage.
    ("stand-in", r"enabled", r"storageUri$",
     lambda theirs, ours: theirs.rpartition("/")[2] == ours.rpartition("/")[2]),
    # Guardrails: theirs forgets what was modified, and hands a blocked call's message to the
    # function as its input instead of returning it; a raising check has no fields at all.
    ("guardrail", r"guardrail_modify", r"guardrail_modified$", lambda theirs, ours: ours is True),
    ("guardrail", r"guardrail_modify", r"Input\)\.metadata\.n$", lambda theirs, ours: ours == 1),
    ("guardrail", r"block_error_message", r"(^row|guarded\)|Input\))\.output$",
     lambda theirs, ours: ours == "nope"),
    ("guardrail", r"block_error_message", r"guarded\)\.steps#$", lambda t, o: (t, o) == (2, 1)),
    ("guardrail", r"guardrail_block", r"blocker|[rR]aiser", lambda t, o: absent(t) or absent(o)),
    ("guardrail", r"guardrail_block", r"guardrail_(actions|names|blocked|allowed)",
     lambda theirs, ours: theirs != ours),
    ("guardrail", r"guardrail_block", r"(action|reason|blockStrategy|dataType)$",
     lambda theirs, ours: theirs is None and ours is not None),
    ("guardrail", r"block_raise", r"Input\)\.output$", lambda theirs, ours: ours is None),
    ("D16", r"block_raise", r"errorType$", lambda theirs, ours: absent(theirs)),
    # Theirs gives the row's id to the step, too; ours keeps the step's own, which late rows name.
    ("step id", r"inference_id_kwarg", r"steps\(OpenAI Chat Completion\)\.id$",
     lambda theirs, ours: theirs == "my-inference" and bool(UUID.fullmatch(ours))),
    # The file of a trace that waits: theirs is one JSON object with the config as its backend does
    # not take it; ours is a line about the trace, and then the body as it is sent.
    ("file", r"offline_buffer_file", r"^file\.(timestamp|metadata)", lambda t, o: absent(o)),
    ("file", r"offline_buffer_file", r"^file\.(base_url|format|bytes|crc32)$",
     lambda theirs, ours: absent(theirs)),
    ("file", r"offline_buffer_file", r"^config\.[a-z]+_", lambda theirs, ours: absent(ours)),
    ("file", r"offline_buffer_file", r"^config\.[a-z]+[A-Z]", lambda theirs, ours: absent(theirs)),
    # A question of the trace before is on this one.
    ("D15", r".", r"_question$|questionColumnName$", lambda theirs, ours: absent(ours)),
]  # fmt: skip


def differences(theirs: Any, ours: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Every path at which two values differ, with both values."""
    name = path.rpartition(".")[2]
    if isinstance(theirs, str) and name in ("id", "inferenceId") and not UUID.fullmatch(theirs):
        pass  # the user chose it
    elif name in VOLATILE and theirs is not ABSENT and ours is not ABSENT:
        if not isinstance(ours, VOLATILE[name]):
            yield path, theirs, ours
        return
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in {**theirs, **ours}:
            yield from differences(theirs.get(key, ABSENT), ours.get(key, ABSENT), f"{path}.{key}")
    elif isinstance(theirs, list) and isinstance(ours, list):
        if len(theirs) != len(ours):
            yield f"{path}#", len(theirs), len(ours)
        for place, (one, other) in enumerate(zip(theirs, ours, strict=False)):
            where = f"({one['name']})" if path.endswith("steps") else f"[{place}]"
            yield from differences(one, other, f"{path}{where}")
    elif theirs != ours or type(theirs) is not type(ours):
        if isinstance(theirs, (int, float)) and isinstance(ours, (int, float)) and theirs == ours:
            return
        yield path, theirs, ours


def ours_for(
    name: str, instrument: Callable[..., None], provider: TracerProvider, server: OpenlayerServer
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Config and row of a scenario run through our package."""
    settings = Settings.resolve(
        api_key="k",
        inference_pipeline_id="p",
        base_url=server.url,
        upload_attachments="enabled" in name,
    )
    processor = OpenlayerSpanProcessor(settings)
    provider.add_span_processor(processor)
    instrument()
    with CapturedProvider(capture(name)).serving() as llm:
        SCENARIOS[name](World(llm.url, provider.get_tracer("application")))
    assert provider.force_flush(30_000)
    (sent,) = server.wait_for_traces(1)
    return sent.config, sent.row


needed: set[int] = set()
# Scenarios that store files -> how many requests there are before the trace.
FILES = {"attachment_uploads_enabled": 2, "openai_chat_multimodal_uploads_enabled": 6}


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_a_scenario_differs_only_where_a_defect_is_mended(
    name: str,
    instrument: Callable[..., None],
    tracer_provider: TracerProvider,
    openlayer_server: OpenlayerServer,
) -> None:
    body = capture(name)
    config, row = ours_for(name, instrument, tracer_provider, openlayer_server)
    assert_explained(name, config=(body["config"], config), row=(body["rows"][0], row))


def assert_explained(name: str, **parts: tuple[Any, Any]) -> None:
    """Each difference between theirs and ours, by part, is in the table."""
    unexplained = []
    for part, (theirs_whole, ours_whole) in parts.items():
        for path, theirs, ours in differences(theirs_whole, ours_whole, part):
            for number, (_, scenarios, paths, check) in enumerate(MENDED):
                if re.search(scenarios, name) and re.search(paths, path) and check(theirs, ours):
                    needed.add(number)
                    break
            else:
                said = ["(absent)" if value is ABSENT else value for value in (theirs, ours)]
                unexplained.append((path, *said))
    assert unexplained == [], "\n".join(map(repr, unexplained))


@pytest.fixture
def put_away(
    instrument: Callable[..., None], tracer_provider: TracerProvider, tmp_path: Path
) -> Settings:
    """The trace of ``offline``, made while nobody listened; the settings with which it was."""
    settings = Settings.resolve(
        api_key="k",
        inference_pipeline_id=capture_file()["inference_pipeline_id"],
        base_url=f"http://127.0.0.1:{free_port()}",
        spool_directory=str(tmp_path / "spool"),
        max_retries=0,
    )
    tracer_provider.add_span_processor(OpenlayerSpanProcessor(settings))
    instrument()
    offline(World("", tracer_provider.get_tracer("application")))
    tracer_provider.shutdown()
    return settings


def capture_file() -> dict[str, Any]:
    """What Openlayer's SDK writes for a trace that it could not send."""
    return whole("offline_buffer_file")


def test_a_file_that_waits_differs_only_in_its_form(put_away: Settings) -> None:
    theirs = capture_file()
    (path,) = put_away.spool_directory.glob("*.trace")
    first, _, data = path.read_bytes().partition(b"\n")
    header, body = json.loads(first), json.loads(data)
    config, row = theirs.pop("config"), theirs.pop("trace_data")
    header["inference_pipeline_id"] = header.pop("pipeline_id")
    assert_explained(
        "offline_buffer_file",
        file=(theirs, header),
        config=(config, body["config"]),
        row=(row, body["rows"][0]),
    )


def test_a_replayed_trace_is_the_one_that_openlayers_sdk_replays(
    put_away: Settings, tmp_path: Path
) -> None:
    port = int(put_away.base_url.rpartition(":")[2])
    theirs = capture("offline_buffer_replay")
    with OpenlayerServer(port) as server:
        processor = OpenlayerSpanProcessor(put_away)
        (sent,) = server.wait_for_traces(1)
        processor.shutdown()
    assert sent.pipeline == whole("offline_buffer_replay")["path"].split("/")[-2]
    assert_explained(
        "offline_buffer_replay",
        config=(theirs["config"], sent.config),
        row=(theirs["rows"][0], sent.row),
    )


def test_every_entry_of_the_table_is_needed() -> None:
    if not needed:
        pytest.skip("needs the scenarios to have run in this process")
    spare = [entry[:3] for number, entry in enumerate(MENDED) if number not in needed]
    assert spare == []


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_storage_gets_the_files_that_openlayers_sdk_stores(
    name: str,
    instrument: Callable[..., None],
    tracer_provider: TracerProvider,
    openlayer_server: OpenlayerServer,
) -> None:
    """Request by request: an address for each file, the file there, and the trace at the end."""
    captured = [whole(f"{name}.{number}") for number in range(1, FILES[name] + 1)]
    last = f"{name}.{FILES[name] + 1}"
    ours_for(last, instrument, tracer_provider, openlayer_server)
    *requests, row = openlayer_server.requests
    assert row.path.endswith("/data-stream")
    assert len(requests) == len(captured)
    for theirs, ours in zip(captured, requests, strict=True):
        headers = {key.lower(): value for key, value in theirs["headers"].items()}
        assert ours.method == theirs["method"]
        assert ("authorization" in ours.headers) == ("authorization" in headers)
        if theirs["body"] is None:
            assert ours.path == theirs["path"].removeprefix("/ol/v1")
            assert ours.content == b""
        else:
            content = theirs["body"]["__raw__"].encode("latin-1")
            assert without_boundary(ours.headers, ours.content) == without_boundary(
                headers, content
            )


def without_boundary(headers: dict[str, str], content: bytes) -> tuple[str, bytes]:
    """The media type and a form, without the random text between its fields."""
    kind, _, boundary = headers["content-type"].partition("; boundary=")
    return kind, content.replace(boundary.encode(), b"")


def test_every_capture_is_compared() -> None:
    files = {f"{name}.{number}" for name, count in FILES.items() for number in range(1, count + 1)}
    offline_ones = {"offline_buffer_file", "offline_buffer_replay"}
    assert sorted({*SCENARIOS, *files, *offline_ones}) == names()
