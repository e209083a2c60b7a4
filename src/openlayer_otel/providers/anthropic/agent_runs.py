"""The spans of a tool runner: the run, and its tools.

A *runner* (``beta.messages.tool_runner``) asks the model, runs the tools that it wants, and
asks again, one *step* for each answer that the application takes from it. A *run* is the span
of a runner, ``invoke_agent``: it starts with the first step and ends with the last, when the
runner is closed, or when it is collected. It is current while the runner works, never while
the application does. Below it are the model calls, which know nothing of it, and one
``execute_tool`` span for each tool that ran.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, set_span_in_context

from openlayer_otel import semconv
from openlayer_otel.diagnostics import report_failure
from openlayer_otel.genai import messages as shape
from openlayer_otel.genai.current import attach, take_back
from openlayer_otel.genai.operation import Operation
from openlayer_otel.genai.record import Endpoint, Identity, Record
from openlayer_otel.genai.sdk_objects import json_of
from openlayer_otel.providers.anthropic.blocks import content_parts, input_messages
from openlayer_otel.providers.anthropic.messages import finish_reason
from openlayer_otel.telemetry import Telemetry

RUN_KEY = otel_context.create_key("openlayer-anthropic-run")
"""Context key of the run that is current."""
_HERE = Identity("")


def _read_parameters(body: Mapping[str, Any], record: Record) -> None:
    model = body.get("model")
    if isinstance(model, str):
        record.attributes[semconv.REQUEST_MODEL] = model
    if record.with_content:
        record.input_messages = input_messages(json_of(body.get("messages")))
        record.system_instructions = content_parts(json_of(body.get("system")))


def _read_last_message(body: Any, record: Record) -> None:
    if record.with_content and isinstance(body, dict) and body.get("content"):
        reason = finish_reason(body.get("stop_reason"))
        parts = content_parts(body["content"])
        record.output_messages = [shape.output_message(body.get("role"), parts, reason)]


def _read_tool_use(body: Mapping[str, Any], record: Record) -> None:
    attributes = record.attributes
    attributes[semconv.TOOL_TYPE] = "function"
    call_id = body.get("id")
    if isinstance(call_id, str) and call_id:
        attributes[semconv.TOOL_CALL_ID] = call_id
    if record.with_content:
        # What describes a tool is content, as in the tool definitions of a request.
        description = body.get("description")
        record.steps = {}
        if isinstance(description, str) and description:
            record.steps[semconv.TOOL_DESCRIPTION] = description
        if body.get("input") is not None:
            record.steps[semconv.TOOL_CALL_ARGUMENTS] = json_of(body["input"])


def _read_tool_result(body: Any, record: Record) -> None:
    result = body.get("content")
    parts = content_parts(json_of(result))
    if parts and all(part["type"] == "text" for part in parts):
        result = "".join(str(part["content"]) for part in parts)
    elif parts:
        result = parts
    if record.with_content and result is not None:
        record.steps = {semconv.TOOL_CALL_RESULT: result}
    if body.get("is_error") is True:
        record.failure = ("tool_error", result if isinstance(result, str) else None)


AGENT = Endpoint(
    operation=semconv.INVOKE_AGENT,
    request=_read_parameters,
    response=_read_last_message,
    model=lambda body, path: None,
    kind=SpanKind.INTERNAL,
)
TOOL = Endpoint(
    operation=semconv.EXECUTE_TOOL,
    request=_read_tool_use,
    response=_read_tool_result,
    model=lambda body, path: body.get("name"),
    target=semconv.TOOL_NAME,
    kind=SpanKind.INTERNAL,
)


class Run:
    """The span of one runner, from its first step to its last.

    Make one with :meth:`start`; a run without an operation records nothing and changes nothing.

    Attributes:
        recorded: Whether there is a span.
    """

    def __init__(
        self,
        telemetry: Telemetry,
        operation: Operation | None = None,
        context: Context | None = None,
    ) -> None:
        self.recorded = operation is not None
        self._telemetry = telemetry
        self._operation = operation
        self._context = None if context is None else otel_context.set_value(RUN_KEY, self, context)
        self._answer: Any = None
        self._uses_done: set[str] = set()

    @staticmethod
    def start(
        telemetry: Telemetry,
        parameters: Mapping[str, Any],
        context: Context,
        conversation: str | None = None,
    ) -> Run:
        """Start the span of a run.

        Args:
            telemetry: Where it goes.
            parameters: What the runner sends with each request.
            context: The context of the first step.
            conversation: The conversation that its client names.
        """
        here = _HERE if conversation is None else Identity("", conversation=conversation)
        started = Operation.start(telemetry, AGENT, here, parameters, "", context)
        if isinstance(started, Operation):
            return Run(telemetry, started, started.context)
        if started.get_span_context().is_valid:
            # Dropped by a sampler, which thereby decides for the spans below it.
            return Run(telemetry, None, set_span_in_context(started, context))
        return Run(telemetry)

    def answered(self, message: Any) -> None:
        """The model has answered with ``message`` (JSON); the last answer is the run's."""
        if isinstance(message, dict):
            self._answer = message

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make the run current for the block."""
        if self._context is None:
            yield
            return
        token = attach(self._context)
        try:
            yield
        finally:
            take_back(token)

    def stopped(self, error: BaseException) -> None:
        """A step has raised ``error``: the run's own end, or a failure."""
        if self._operation is None:
            return
        if isinstance(error, (StopIteration, StopAsyncIteration)):
            self._operation.finish(self._answer)
        else:
            self._operation.fail(error, self._answer)

    def left(self, outcome: str) -> None:
        """The application has left the runner (``semconv.OUTCOME_*``)."""
        if self._operation is not None:
            self._operation.finish(self._answer, outcome)

    @contextmanager
    def tool(self, use: Mapping[str, Any]) -> Iterator[Result]:
        """The block is one execution of a tool.

        Args:
            use: ``name``, ``id``, ``description`` and ``input`` of the tool's use.

        Yields:
            Takes the tool's result.
        """
        result = Result()
        started = self._start_tool(use)
        if started is None:
            yield result
            return
        token = attach(started.context)
        try:
            yield result
        except BaseException as error:
            take_back(token)
            started.fail(error)
            raise
        take_back(token)
        started.finish(result.block)

    def _start_tool(self, use: Mapping[str, Any]) -> Operation | None:
        """The operation of one execution of a tool; None if it is not recorded."""
        if self._context is None or not self.recorded:
            return None
        try:
            # What a tool asks a model is no answer of this run.
            context = otel_context.set_value(RUN_KEY, None, self._context)
            started = Operation.start(self._telemetry, TOOL, _HERE, use, "", context)
        except Exception as error:  # noqa: BLE001 - boundary: the tool must run
            report_failure("starting the span of a tool", error)
            return None
        return started if isinstance(started, Operation) else None

    def use_of(self, name: object, given: object) -> str | None:
        """The id of the use of a tool in the last answer; None if it is not found there.

        Args:
            name: The tool's name.
            given: The tool's input. Of several uses that are alike, the next one is meant.
        """
        content = self._answer.get("content") if self._answer is not None else None
        for block in content if isinstance(content, list) else ():
            use = block.get("id") if isinstance(block, dict) else None
            if (
                isinstance(use, str)
                and use not in self._uses_done
                and block.get("name") == name
                and block.get("input") == given
            ):
                self._uses_done.add(use)
                return use
        return None


class Result:
    """What a tool answered.

    Attributes:
        block: The ``tool_result`` block, or as much of one as is known.
    """

    __slots__ = ("block",)

    def __init__(self) -> None:
        self.block: dict[str, Any] | None = None
