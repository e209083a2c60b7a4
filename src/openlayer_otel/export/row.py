"""The row of a trace: its columns, in the merge order of Openlayer's SDK.

Later wins: the base columns, the root step's metadata, the trace's metadata, user and session,
ground truth, the root step's inputs, context and question. *Reserved* columns are those that
the config names; what the user calls by such a name gets a column of another name
(``input_output``, ``metadata_cost``), so that neither is lost.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.export.fitting import TRUNCATED
from openlayer_otel.export.names import names_of
from openlayer_otel.export.reading import decoded
from openlayer_otel.genai.encoding import clean_text, plain

_CONFIG = {
    "latencyColumnName": "latency",
    "costColumnName": "cost",
    "timestampColumnName": "inferenceTimestamp",
    "inferenceIdColumnName": "inferenceId",
    "numOfTokenColumnName": "tokens",
}
# Config name -> column; sent only if the row has the column, whoever set it: an argument or a
# promoted value called "user_id" is the row's user, as in Openlayer's SDK.
_OPTIONAL_CONFIG = {
    "userIdColumnName": "user_id",
    "sessionIdColumnName": "session_id",
    "groundTruthColumnName": "groundTruth",
    "contextColumnName": "context",
    "questionColumnName": "_question",
}
# Those of the special columns that stand before the inputs.
_BEFORE_INPUTS = ("user_id", "session_id", "groundTruth")
_BASE = frozenset(
    {
        *("inferenceTimestamp", "inferenceId", "output", "latency", "cost", "tokens", "steps"),
        TRUNCATED,  # of a row that is cut to fit
    }
)


class TraceFacts:
    """What the spans of a trace say about the trace as a whole.

    Args:
        spans: The readings (or bare attributes) of the spans that say something about the trace
            (:attr:`Names.of_trace`), by start; later ones win.
        root: The reading of the root step; it wins over the others.

    Attributes:
        name: Name of the trace: of its root step.
        pipeline_id: The inference pipeline that gets it.
        inference_id: The row's id, if the user chose it.
        columns: Metadata, promoted columns and tags.
        user_id: The user.
        session_id: The session, else the conversation.
        ground_truth: The right answer.
        context: Retrieved texts.
        question: The user's question.
    """

    def __init__(self, spans: Sequence[Mapping[str, Any]], root: Mapping[str, Any]) -> None:
        by_weight = [root, *reversed(spans)]
        self.name = _last(by_weight, semconv.TRACE_NAME)
        self.pipeline_id = _last(by_weight, semconv.INFERENCE_PIPELINE_ID)
        self.inference_id = _last(by_weight, semconv.TRACE_INFERENCE_ID)
        self.user_id = _last(by_weight, semconv.USER_ID)
        self.session_id = _last(by_weight, semconv.SESSION_ID) or _last(
            by_weight, semconv.CONVERSATION_ID
        )
        self.ground_truth = _last_value(by_weight, semconv.TRACE_GROUND_TRUTH)
        if self.ground_truth is None:
            self.ground_truth = decoded(root.get(semconv.STEP_GROUND_TRUTH))
        self.context = _last_value(by_weight, semconv.STEP_CONTEXT)
        self.question = _last(by_weight, semconv.STEP_QUESTION)
        self.columns = _columns(spans)


def _last(readings: Iterable[Mapping[str, Any]], name: str) -> str | None:
    """The text of the reading that weighs most; ``readings`` begins with it."""
    for reading in readings:
        if name in reading:
            value = reading[name]
            if value is not None and value != "":
                return clean_text(value if isinstance(value, str) else str(value))
    return None


def _last_value(readings: Iterable[Mapping[str, Any]], name: str) -> Any:
    for reading in readings:
        if reading.get(name) is not None:
            return decoded(reading[name])
    return None


def _columns(spans: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    tags: list[Any] = []
    for reading in spans:
        if semconv.TRACE_METADATA in reading:
            given = decoded(reading[semconv.TRACE_METADATA])
            if isinstance(given, dict):
                columns.update(given)
        for attribute, column in names_of(reading).columns:
            columns[clean_text(column)] = decoded(reading[attribute])
        each = reading.get(semconv.TRACE_TAGS)
        if each is None:
            continue
        each = decoded(each) if isinstance(each, str) else each
        for tag in each if isinstance(each, (list, tuple)) else [each]:
            if tag is not None and tag not in tags:
                tags.append(tag)
    if tags:
        columns["tags"] = [plain(tag) for tag in tags]
    return columns


NO_FACTS = TraceFacts([], {})
"""Those of a trace of which no span says anything about the trace."""


def row_of(
    root: Mapping[str, Any], facts: TraceFacts, belongs_to: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Config and row of a trace.

    Args:
        root: The root step, with all steps inside it.
        facts: What the trace says as a whole.
        belongs_to: Columns of a row that is a part of a larger trace (see the docs).

    Returns:
        The config and the row.
    """
    base = _base(root, facts)
    special = _special(facts, belongs_to)
    reserved = {**base, **special, TRUNCATED: None}
    inputs = root["inputs"] if isinstance(root["inputs"], dict) else {}
    metadata = {**root["metadata"], **facts.columns}
    # The same value under the same name needs no second column (a retriever's "context").
    taken = {*inputs, *metadata}
    columns = [_free(name, "input", inputs[name], reserved, taken) for name in inputs]
    row = base
    taken.update(columns)
    for name, value in metadata.items():
        row[_free(name, "metadata", value, reserved, taken)] = value
    for name in _BEFORE_INPUTS:
        if name in special:
            row[name] = special[name]
    row.update(zip(columns, inputs.values(), strict=True))
    row.update(special)
    return _config(columns, special, row), row


def _base(root: Mapping[str, Any], facts: TraceFacts) -> dict[str, Any]:
    """The columns that every row has."""
    return {
        "inferenceTimestamp": root["startTime"],
        "inferenceId": facts.inference_id or root["id"],
        "output": root["output"],
        "latency": root["latency"],
        # A root without these keys (a traced function) has 0: the backend adds up its steps.
        "cost": root.get("cost", 0),
        "tokens": root.get("tokens", 0),
        "steps": [root],
    }


def _special(facts: TraceFacts, belongs_to: Mapping[str, Any]) -> dict[str, Any]:
    """The columns with a meaning of their own that something set."""
    if facts is NO_FACTS:
        return dict(belongs_to)
    columns = {
        "user_id": facts.user_id,
        "session_id": facts.session_id,
        "groundTruth": facts.ground_truth,
        "context": facts.context,
        "_question": facts.question,
        **belongs_to,
    }
    return {name: value for name, value in columns.items() if value is not None}


def _config(
    inputs: list[str], special: Mapping[str, Any], row: Mapping[str, Any]
) -> dict[str, Any]:
    """Which column means what."""
    config: dict[str, Any] = {
        "outputColumnName": "output",
        "inputVariableNames": inputs,
        **_CONFIG,
    }
    for key, column in _OPTIONAL_CONFIG.items():
        if column in special or (column in row and _fits(column, row[column])):
            config[key] = column
    return config


def _fits(column: str, value: Any) -> bool:
    """Whether a value that is only called so can be meant: many an argument is a "context"."""
    if column == "context":
        return isinstance(value, list) and all(isinstance(text, str) for text in value)
    return value is not None


def _free(
    name: str, origin: str, value: Any, reserved: Mapping[str, Any], others: Container[str]
) -> str:
    """The column for ``name``: itself, or another one if it is reserved for another value."""
    if name not in reserved or (name not in _BASE and reserved[name] == value):
        return name
    free = f"{origin}_{name}"
    while free in reserved or free in others:
        free += "_"
    return free
