"""One call, one span: who already traces the call that is about to be made.

The rule has one place, :func:`traced_elsewhere`. It is asked once for each request:

* OpenTelemetry's suppression keys switch our tracing off.
* An operation that stands above the request and is of the same kind is the span of it: a
  framework's hook started it and the SDK's hook stands down. So does it below an official
  GenAI instrumentor, which puts its data (``opentelemetry-util-genai``) into the context.

An operation above is *taken* by the first request made under it and covers no second one:

* a framework that asks two models for one answer makes two requests, so two spans;
* the official packages leave the data of an open stream in the caller's context, where it
  would swallow every later call;
* an operation of an SDK's own hook is its request, hence taken from the start: what an
  event hook of the HTTP client asks a model meanwhile is another call.
"""

from __future__ import annotations

from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from openlayer_otel import semconv
from openlayer_otel.diagnostics import warn_once

OPERATION_KEY = otel_context.create_key("openlayer-operation")

# create_key() makes a name of its own for each process; the plain one is the older spelling.
_SUPPRESSION_KEYS = tuple(
    key
    for key in (
        semconv.OTEL_SUPPRESS_INSTRUMENTATION_KEY,
        getattr(otel_context, "_SUPPRESS_INSTRUMENTATION_KEY", None),
    )
    if key is not None
)
_OFFICIAL_KEYS = {
    semconv.CHAT: semconv.GENAI_INFERENCE_CONTEXT_KEY,
    semconv.TEXT_COMPLETION: semconv.GENAI_INFERENCE_CONTEXT_KEY,
    semconv.GENERATE_CONTENT: semconv.GENAI_INFERENCE_CONTEXT_KEY,
    semconv.EMBEDDINGS: semconv.GENAI_EMBEDDING_CONTEXT_KEY,
    semconv.RETRIEVAL: semconv.GENAI_RETRIEVAL_CONTEXT_KEY,
    semconv.FETCH_RESPONSE: semconv.GENAI_FETCH_RESPONSE_CONTEXT_KEY,
}
_TAKEN = "openlayer_taken"


def suppressed(context: Context) -> bool:
    """Whether OpenTelemetry's suppression keys switch tracing off in ``context``."""
    for key in _SUPPRESSION_KEYS:  # noqa: SIM110 - any() costs four times as much, per call
        if context.get(key):
            return True
    return False


def suppressing(context: Context) -> Context:
    """``context`` with tracing switched off, by OpenTelemetry's own suppression key."""
    return otel_context.set_value(_SUPPRESSION_KEYS[-1], True, context)


def traced_elsewhere(context: Context, operation: str, request: bool = True) -> bool:
    """Whether an operation of kind ``operation`` begun in ``context`` needs no span of ours.

    Args:
        context: The context of the call.
        operation: ``gen_ai.operation.name`` of the call.
        request: Whether the caller makes the request itself and so takes the operation above;
            a framework's hook leaves it to the SDK's hook below.
    """
    if not context:
        return False
    if suppressed(context):
        return True
    above: Any = context.get(OPERATION_KEY)
    if above is not None and above.name == operation and _covers(above, request):
        return True
    key = _OFFICIAL_KEYS.get(operation)
    official = context.get(key) if key is not None else None
    if official is None or not _covers(official, request):
        return False
    warn_once(
        "nesting:official",
        "openlayer-otel: OpenTelemetry's own GenAI instrumentation traces these calls (%s), so "
        "openlayer-otel adds no spans to them; their spans hold content only as that package's "
        "settings say. To have openlayer-otel's spans instead, switch it off: do not call its "
        "instrument(), or set OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=openai,anthropic.",
        operation,
    )
    return True


def _covers(above: object, request: bool) -> bool:
    """Whether an operation above is not taken yet; ``request`` takes it."""
    if getattr(above, _TAKEN, False):
        return False
    if request:
        try:
            setattr(above, _TAKEN, True)
        except AttributeError:  # frozen or with slots: it is believed every time
            pass
    return True
