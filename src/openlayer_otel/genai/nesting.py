"""One call, one span: who already traces the call that is about to be made.

The rule has one place, :func:`traced_elsewhere`. It is asked once for each request:

* OpenTelemetry's suppression keys switch our tracing off.
* An operation of ours that is under way in this context, and of the same kind, is the span
  of this request: a framework's hook started it and the SDK's hook stands down.
* So is an operation of an official GenAI instrumentor (``opentelemetry-util-genai`` puts its
  data into the context), for the first request made under it. It is taken for one request
  only: those packages leave the data of an open stream in the caller's context, where it
  would swallow every later call.
"""

from __future__ import annotations

from typing import Any

from opentelemetry import context as otel_context
from opentelemetry.context import Context

from openlayer_otel import semconv

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
_TAKEN = "_openlayer_taken"


def traced_elsewhere(context: Context, operation: str) -> bool:
    """Whether a request of kind ``operation`` made in ``context`` needs no span of ours."""
    if not context:
        return False
    for key in _SUPPRESSION_KEYS:
        if context.get(key):
            return True
    outer: Any = context.get(OPERATION_KEY)
    if outer is not None and outer.name == operation:
        return True
    key = _OFFICIAL_KEYS.get(operation)
    official = context.get(key) if key is not None else None
    return official is not None and _take(official)


def _take(official: object) -> bool:
    """Whether this is the first request under an official operation; it is the operation's own."""
    if getattr(official, _TAKEN, False):
        return False
    try:
        object.__setattr__(official, _TAKEN, True)
    except AttributeError:  # slots: cannot be marked, so it is believed every time
        return True
    return True
