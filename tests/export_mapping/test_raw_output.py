"""The providers' bodies that wait for their spans take a bounded part of the memory."""

from __future__ import annotations

from openlayer_otel.attachments import RawOutputs


def _held(outputs: RawOutputs, count: int) -> list[int]:
    return [number for number in range(count) if outputs.take(number) is not None]


def test_the_oldest_bodies_go_when_there_are_too_many_bytes() -> None:
    outputs = RawOutputs(max_bytes=1_000)
    outputs.wanted = True
    for number in range(5):
        outputs.keep(number, b"x" * 400)
    assert _held(outputs, 5) == [3, 4]


def test_a_body_that_was_taken_or_replaced_makes_room() -> None:
    outputs = RawOutputs(max_bytes=1_000)
    outputs.wanted = True
    for _ in range(10):
        outputs.keep(0, b"x" * 400)
        outputs.keep(1, b"y" * 400)
        outputs.take(1)
    outputs.keep(2, b"z" * 400)
    assert _held(outputs, 3) == [0, 2]


def test_the_oldest_bodies_go_when_there_are_too_many() -> None:
    outputs = RawOutputs(max_count=2)
    outputs.wanted = True
    for number in range(4):
        outputs.keep(number, b"x")
    assert _held(outputs, 4) == [2, 3]
