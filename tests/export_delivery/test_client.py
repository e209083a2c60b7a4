"""Small rules of the HTTP client, each by itself."""

from __future__ import annotations

import orjson
import pytest

from openlayer_otel.export.answers import Verdict, retry_after, verdict_of
from openlayer_otel.export.client import FIRST_PAUSE, LONGEST_PAUSE, pause_after
from openlayer_otel.export.fitting import encode, encode_to_fit


def test_pauses_double_up_to_a_limit() -> None:
    pauses = [pause_after(failures) for failures in range(1, 12)]
    assert FIRST_PAUSE * 0.75 <= pauses[0] <= FIRST_PAUSE
    assert pauses[3] > pauses[0] * 4
    assert max(pauses) <= LONGEST_PAUSE


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("inf", 3600.0),
        ("315360000", 3600.0),
        ("nan", 0.0),
        (None, None),
        ("", None),
        ("7", 7.0),
        ("1.5", 1.5),
        ("-3", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 60.0),
        ("soon", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_date(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, now=1_445_412_420.0) == seconds


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, b'{"success":true}', Verdict.SENT),
        (204, b"", Verdict.SENT),
        (200, b"<html>", Verdict.LATER),
        (302, b"", Verdict.MISCONFIGURED),
        (400, b"", Verdict.REFUSED),
        (401, b"", Verdict.MISCONFIGURED),
        (408, b"", Verdict.LATER),
        (409, b"", Verdict.LATER),
        (413, b"", Verdict.TOO_LARGE),
        (422, b"", Verdict.REFUSED),
        (429, b"", Verdict.LATER),
        (500, b"", Verdict.LATER),
        (599, b"", Verdict.LATER),
    ],
)
def test_each_status_has_its_consequence(status: int, body: bytes, verdict: Verdict) -> None:
    assert verdict_of(status, body) is verdict


def test_what_json_has_no_word_for_does_not_cost_the_trace() -> None:
    body = encode({"rows": [{"a": float("nan"), "b": 2**70, 3: "\ud83d", "c": object}]})
    assert set(orjson.loads(body)["rows"][0]) == {"a", "b", "3", "c"}


def test_the_raw_output_goes_first_and_the_rest_stays() -> None:
    row = {"output": "o" * 3_000, "steps": [_step("root", rawOutput={"text": "r" * 50_000})]}
    body = orjson.loads(encode_to_fit({"config": {}, "rows": [row]}, 10_000))
    (cut,) = body["rows"]
    assert cut["steps"][0]["rawOutput"] is None
    assert cut["output"] == "o" * 3_000
    assert cut["truncated"]["raw_outputs"] == 1
    assert "texts" not in cut["truncated"]


def test_vectors_are_cut_like_texts() -> None:
    row = {"output": [0.123456] * 100_000, "steps": [_step("root")]}
    data = encode_to_fit({"config": {}, "rows": [row]}, 10_000)
    assert len(data) <= 10_000
    assert orjson.loads(data)["rows"][0]["truncated"]["lists"] == 1


def test_objects_with_many_names_are_cut_but_no_row_and_no_step() -> None:
    scores = {f"customer-{number}": number for number in range(40_000)}
    step = _step("root", inputs={"scores": scores}, metadata={"scores": scores})
    row = {"output": "o", **{f"column-{number}": 1 for number in range(100)}, "steps": [step]}
    data = encode_to_fit({"config": {}, "rows": [{**row, "scores": scores}]}, 50_000)
    assert len(data) <= 50_000
    (cut,) = orjson.loads(data)["rows"]
    assert {*row, "scores", "truncated"} == set(cut)
    assert cut["scores"]["customer-0"] == 0
    assert "more]" in cut["scores"]["…"]
    assert set(step) == set(cut["steps"][0])
    assert cut["truncated"]["objects"] == 3


@pytest.mark.parametrize(
    "value", [True, {}, {"bytes": None}, {"bytes": "no"}, {"bytes": 1, "else": 2}, [1], "x"]
)
def test_what_the_user_calls_truncated_is_kept_when_the_body_is_cut(value: object) -> None:
    row = {"output": "o" * 50_000, "steps": [_step("root", metadata={"truncated": value})]}
    first = encode_to_fit({"config": {}, "rows": [row]}, 20_000)
    again = encode_to_fit(orjson.loads(first), 10_000)
    (cut,) = orjson.loads(again)["rows"]
    metadata = cut["steps"][0]["metadata"]
    assert metadata["metadata_truncated"] == value
    assert metadata["truncated"] == cut["truncated"]
    assert cut["truncated"]["bytes"] > 50_000, "how large it was before it was cut first"


def test_steps_are_cut_last_and_of_the_deepest_the_last_ones_first() -> None:
    inner = [_step(f"leaf {number}") for number in range(2_000)]
    row = {"output": "", "steps": [_step("root", steps=[_step("middle", steps=inner)])]}
    data = encode_to_fit({"config": {}, "rows": [row]}, 10_000)
    assert len(data) <= 10_000
    (cut,) = orjson.loads(data)["rows"]
    assert cut["steps"][0]["steps"][0]["name"] == "middle"
    left = [step["name"] for step in cut["steps"][0]["steps"][0]["steps"]]
    assert left == [f"leaf {number}" for number in range(len(left))]
    assert len(data) > 4_000, "no more than needed, about"
    assert cut["truncated"]["steps"] == 2_000 - len(left)


def test_a_limit_that_nothing_fits_leaves_the_root() -> None:
    tree = _step("root", steps=[_step("a", steps=[_step("b"), _step("c", steps=[_step("d")])])])
    data = encode_to_fit({"config": {}, "rows": [{"output": "", "steps": [tree]}]}, 10)
    (cut,) = orjson.loads(data)["rows"]
    assert cut["steps"][0]["name"] == "root"
    assert cut["steps"][0]["steps"] == []
    assert cut["truncated"]["steps"] == 4


def _step(name: str, **more: object) -> dict[str, object]:
    return {"name": name, "metadata": {}, "steps": [], "rawOutput": None, **more}
