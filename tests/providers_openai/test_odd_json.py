"""Servers that call themselves compatible send anything anywhere: no reader may mind."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from openlayer_otel.genai.encoding import to_json
from openlayer_otel.genai.record import Endpoint, Record
from openlayer_otel.providers.openai.sdk import OPENAI
from tests.providers_openai.samples import ANSWERS, REQUESTS, STREAMS

_ODD = (None, True, 0, -1.5, "text", "", [], {}, [None], [[]], [3], {"type": None}, [{}], 2**70)


def _endpoint(path: str) -> Endpoint:
    found = OPENAI.endpoint("post", path)
    assert found is not None
    return found


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, item in items:
        yield from _places(item, (*path, key))


def _bent(sample: Any) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """``sample`` with each of its values, one at a time, replaced by something else."""
    for place in _places(sample):
        for odd in _ODD:
            if not place:
                yield place, odd
                continue
            made = copy.deepcopy(sample)
            holder = made
            for key in place[:-1]:
                holder = holder[key]
            holder[place[-1]] = odd
            yield place, made


def _check(record: Record) -> None:
    """What was read can be put on a span."""
    to_json([record.input_messages, record.output_messages, record.steps])
    for name, value in record.attributes.items():
        assert isinstance(value, (str, bool, int, float, list)), (name, value)
        if isinstance(value, list):
            assert all(isinstance(each, str) for each in value), (name, value)
    for messages in (record.input_messages, record.output_messages):
        for message in messages or []:
            assert isinstance(message["role"], str)
            assert all(isinstance(part["type"], str) for part in message["parts"])


@pytest.mark.parametrize("path", ANSWERS)
def test_any_value_in_an_answer_may_be_of_any_type(path: str) -> None:
    endpoint = _endpoint(path)
    for _, answer in _bent(ANSWERS[path]):
        record = Record(with_content=True)
        endpoint.response(answer, record)
        _check(record)


@pytest.mark.parametrize("path", REQUESTS)
def test_any_value_in_a_request_may_be_of_any_type(path: str) -> None:
    endpoint = _endpoint(path)
    for place, request in _bent(REQUESTS[path]):
        if place:
            record = Record(with_content=True)
            endpoint.request(request, record)
            _check(record)


@pytest.mark.parametrize("content", [True, False])
@pytest.mark.parametrize("path", STREAMS)
def test_any_value_in_an_event_may_be_of_any_type(path: str, content: bool) -> None:
    endpoint = _endpoint(path)
    assert endpoint.stream is not None
    events = STREAMS[path]
    for number, event in enumerate(events):
        for place, odd in _bent(event):
            if not place:
                continue  # what is no object never reaches a reader
            reader = endpoint.stream(content)
            for each in (*events[:number], odd, *events[number + 1 :]):
                reader.read(copy.deepcopy(each))
            record = Record(with_content=content)
            endpoint.response(reader.response(), record)
            _check(record)


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_cut_anywhere_is_read_as_far_as_it_came(path: str) -> None:
    endpoint = _endpoint(path)
    assert endpoint.stream is not None
    for length in range(len(STREAMS[path]) + 1):
        reader = endpoint.stream(True)
        for each in STREAMS[path][:length]:
            reader.read(copy.deepcopy(each))
        record = Record(with_content=True)
        endpoint.response(reader.response(), record)
        _check(record)
