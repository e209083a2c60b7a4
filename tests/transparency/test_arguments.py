"""Whatever an application passes reaches the SDK untouched, and never breaks the call."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import logging
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from openlayer_otel import semconv
from openlayer_otel.standin.llm_server import LLMServer
from tests.endings.application import run, settle
from tests.support.sdk_clients import make_client
from tests.support.span_log import SpanLog, json_attribute

BOTH = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
EACH_SDK = pytest.mark.parametrize("sdk", ["openai", "anthropic"])
MESSAGES = [{"role": "user", "content": "Hi"}]


def create(sdk: str, server: LLMServer, asynchronous: bool = False, **arguments: Any) -> Any:
    """Make a chat call; returns its result or the exception that it raised."""

    async def work() -> Any:
        client = make_client(sdk, asynchronous, server.url)
        resource = client.chat.completions if sdk == "openai" else client.messages
        given = {"model": "m", "messages": MESSAGES, **arguments}
        if sdk == "anthropic":
            given = {"max_tokens": 9, **given}
        try:
            return await settle(resource.create(**given))
        except Exception as error:
            return error

    return run(asynchronous, work())


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fails if anything was logged at WARNING or above."""
    caplog.set_level(logging.WARNING)
    yield
    assert [f"{each.name}: {each.getMessage()}" for each in caplog.records] == []


@EACH_SDK
@BOTH
@pytest.mark.usefixtures("quiet")
def test_messages_given_as_a_generator_are_consumed_once_by_the_sdk(
    sdk: str, asynchronous: bool, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    taken: list[int] = []

    def conversation() -> Iterator[dict[str, str]]:
        for number in range(3):
            taken.append(number)
            yield {"role": "user", "content": f"message {number}"}

    create(sdk, llm_server, asynchronous, messages=conversation())
    assert taken == [0, 1, 2]
    assert len(llm_server.requests[-1]["body"]["messages"]) == 3
    recorded = json_attribute(instrumented.only(), semconv.INPUT_MESSAGES)
    assert [each["parts"][0]["content"] for each in recorded] == [
        "message 0",
        "message 1",
        "message 2",
    ]


@EACH_SDK
def test_messages_are_recorded_as_they_were_at_the_call(
    sdk: str, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    messages = [{"role": "user", "content": "first"}]
    stream = create(sdk, llm_server, messages=messages, stream=True)
    for _ in stream:
        messages.append({"role": "user", "content": "later"})
        messages[0]["content"] = "changed"
    recorded = json_attribute(instrumented.only(), semconv.INPUT_MESSAGES)
    assert recorded == [{"role": "user", "parts": [{"type": "text", "content": "first"}]}]


@EACH_SDK
@pytest.mark.usefixtures("quiet")
def test_arguments_that_say_not_given_set_nothing(
    sdk: str, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    module = __import__(sdk)
    absent = [module.NOT_GIVEN, *([module.omit] if hasattr(module, "omit") else [])]
    for value in absent:
        more = {"temperature": value, "stop": value} if sdk == "openai" else {"system": value}
        create(sdk, llm_server, tools=value, stream=value, **more)
    for span in instrumented.ended:
        assert semconv.REQUEST_TEMPERATURE not in (span.attributes or {})
        assert semconv.TOOL_DEFINITIONS not in (span.attributes or {})
    assert len(instrumented.ended) == len(absent)


class _Hostile:
    def __str__(self) -> str:
        raise ValueError("no text")

    __repr__ = __str__

    def __iter__(self) -> Any:
        raise ValueError("no items")

    def __getattr__(self, name: str) -> Any:
        raise ValueError("no attributes")


class _Color(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class _Point:
    x: int


def _cycle() -> Any:
    found: dict[str, Any] = {"name": "cycle"}
    found["self"] = found
    return found


_ODD = {
    "hostile": _Hostile(),
    "cycle": _cycle(),
    "surrogate": "half \ud83d an emoji",
    "big-integer": 2**80,
    "nan": float("nan"),
    "infinity": float("-inf"),
    "bytes": b"\xff\x00",
    "date": datetime.datetime(2026, 1, 1),
    "decimal": decimal.Decimal("1.5"),
    "enum": _Color.RED,
    "uuid": uuid.UUID(int=1),
    "dataclass": _Point(1),
    "set": {1, 2},
    "type": int,
    "keys": {1: "one", None: "none", ("a",): "tuple"},
    "deep": json.loads("[" * 400 + "]" * 400),
}


@EACH_SDK
@BOTH
@pytest.mark.parametrize("where", ["content", "extra_body", "tools", "stop"])
@pytest.mark.parametrize("kind", _ODD)
@pytest.mark.usefixtures("quiet")
def test_odd_values_fare_as_they_do_without_tracing(
    sdk: str,
    asynchronous: bool,
    where: str,
    kind: str,
    llm_server: LLMServer,
    instrument: Callable[..., None],
    spans: SpanLog,
) -> None:
    value = _ODD[kind]
    arguments: dict[str, Any] = {
        "content": {"messages": [{"role": "user", "content": value}]},
        "extra_body": {"extra_body": {"odd": value}},
        "tools": {"tools": [{"type": "function", "function": {"name": value}}]},
        "stop": {"stop" if sdk == "openai" else "stop_sequences": value},
    }[where]
    bare = create(sdk, llm_server, asynchronous, **arguments)
    requests = [each["body"] for each in llm_server.requests]
    llm_server.reset()
    instrument()
    seen = create(sdk, llm_server, asynchronous, **arguments)
    assert type(seen) is type(bare)
    if isinstance(bare, Exception):
        assert repr(seen.args) == repr(bare.args)
    assert str([each["body"] for each in llm_server.requests]) == str(requests)
    for span in spans.ended:
        for name, attribute in (span.attributes or {}).items():
            if isinstance(attribute, str):
                attribute.encode()
            if name in (semconv.INPUT_MESSAGES, semconv.TOOL_DEFINITIONS):
                json.loads(str(attribute))
    assert spans.open == []
    assert len(spans.ended) <= 1


@EACH_SDK
@pytest.mark.usefixtures("quiet")
def test_a_prompt_of_five_megabytes_and_a_conversation_of_two_thousand_messages(
    sdk: str, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    create(sdk, llm_server, messages=[{"role": "user", "content": "x" * 5_000_000}])
    many = [{"role": "user", "content": f"message {n}"} for n in range(2000)]
    create(sdk, llm_server, messages=many)
    assert [len(each["body"]["messages"]) for each in llm_server.requests] == [1, 2000]
    assert len(instrumented.ended) == 2
    for span in instrumented.ended:
        assert json_attribute(span, semconv.INPUT_MESSAGES)
        assert len(span.attributes or {}) < 100
        assert span.dropped_attributes == 0


@EACH_SDK
def test_a_request_with_every_field_has_fewer_than_a_hundred_attributes(
    sdk: str, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    body = {f"vendor_field_{number}": number for number in range(300)}
    create(sdk, llm_server, extra_body=body, metadata={str(n): "v" for n in range(50)})
    span = instrumented.only()
    assert len(span.attributes or {}) < 100
    assert span.dropped_attributes == 0


class _Word(str, enum.Enum):
    """As applications name the models that they use."""

    MODEL = "gpt-4o"
    EFFORT = "low"
    END = "END"


@EACH_SDK
@pytest.mark.usefixtures("quiet")
def test_an_enum_is_recorded_as_the_text_that_is_sent(
    sdk: str, llm_server: LLMServer, instrumented: SpanLog
) -> None:
    given: dict[str, Any] = {"reasoning_effort": _Word.EFFORT, "stop": [_Word.END]}
    if sdk == "anthropic":
        effort = {"output_config": {"effort": _Word.EFFORT}}
        given = {"extra_body": effort, "stop_sequences": [_Word.END]}
    create(sdk, llm_server, model=_Word.MODEL, **given)
    span = instrumented.only()
    attributes = span.attributes or {}
    assert span.name == "chat gpt-4o"
    assert type(attributes[semconv.REQUEST_MODEL]) is str
    assert type(attributes[semconv.REQUEST_REASONING_LEVEL]) is str
    assert attributes[semconv.REQUEST_REASONING_LEVEL] == "low"
    assert attributes[semconv.REQUEST_STOP_SEQUENCES] == ("END",)
