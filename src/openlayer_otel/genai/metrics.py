"""The GenAI client metrics: how long calls took and how many tokens they used.

Instruments, units and bucket boundaries are those of the conventions
(semantic-conventions-genai, gen-ai-metrics). A call costs one measurement for each value it
has; a chunk of a stream costs none unless ``chunk_metrics`` is on.

Metrics count every call, also one whose span a sampler drops: a counter that shows a tenth
of the tokens is worse than none. Where no meter provider is set, nothing is measured and
unsampled calls stay as cheap as without metrics; one that is set later is used from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry import metrics
from opentelemetry.context import Context
from opentelemetry.metrics import Counter, Histogram, MeterProvider

from openlayer_otel import semconv

if TYPE_CHECKING:
    from openlayer_otel.genai.operation import Operation

_SECONDS = tuple(0.01 * 2**power for power in range(14))
_TOKENS = tuple(4.0**power for power in range(14))

_INFERENCE = frozenset({semconv.CHAT, semconv.TEXT_COMPLETION, semconv.GENERATE_CONTENT})
# Span attribute -> the counter that adds it up, and what is counted.
_USAGE = {
    semconv.USAGE_INPUT_TOKENS: ("input_tokens", "Input tokens, cached ones included."),
    semconv.USAGE_OUTPUT_TOKENS: ("output_tokens", "Output tokens, reasoning included."),
    semconv.USAGE_CACHE_READ_INPUT_TOKENS: (
        "cache_read.input_tokens",
        "Input tokens read from the provider's cache.",
    ),
    semconv.USAGE_CACHE_WRITE_INPUT_TOKENS: (
        "cache_write.input_tokens",
        "Input tokens written to the provider's cache.",
    ),
    semconv.USAGE_REASONING_OUTPUT_TOKENS: (
        "reasoning.output_tokens",
        "Output tokens spent on reasoning.",
    ),
}
_FROM_REQUEST = (
    semconv.OPERATION_NAME,
    semconv.PROVIDER_NAME,
    semconv.REQUEST_MODEL,
    semconv.SERVER_ADDRESS,
    semconv.SERVER_PORT,
)
_FROM_RESPONSE = (
    semconv.RESPONSE_MODEL,
    semconv.OPENAI_RESPONSE_SERVICE_TIER,
    semconv.OPENAI_RESPONSE_SYSTEM_FINGERPRINT,
)
# Token sums need no exemplars, which cost the SDK as much as the sum itself. An empty context
# would mean the current one.
_NO_SPAN = Context({"openlayer-no-exemplar": True})


class ClientMetrics:
    """The instruments of one meter provider.

    Args:
        name: Name of the instrumentation scope.
        version: Its version.
        provider: The meter provider; the global one by default, even if it is set later.
    """

    __slots__ = (
        "_duration",
        "_embeddings_duration",
        "_embeddings_tokens",
        "_first_chunk",
        "_per_chunk",
        "_usage",
    )

    def __init__(self, name: str, version: str, provider: MeterProvider | None) -> None:
        meter = metrics.get_meter(name, version, provider)

        def histogram(name: str, unit: str, about: str, boundaries: tuple[float, ...]) -> Histogram:
            return meter.create_histogram(
                name, unit, about, explicit_bucket_boundaries_advisory=boundaries
            )

        self._duration = histogram(
            semconv.METRIC_DURATION, "s", "Duration of one call of a model.", _SECONDS
        )
        self._embeddings_duration = histogram(
            semconv.METRIC_EMBEDDINGS_DURATION, "s", "Duration of one embeddings call.", _SECONDS
        )
        self._embeddings_tokens = histogram(
            semconv.METRIC_EMBEDDINGS_INPUT_TOKENS,
            "{token}",
            "Input tokens of one embeddings call.",
            _TOKENS,
        )
        self._first_chunk = histogram(
            semconv.METRIC_TIME_TO_FIRST_CHUNK,
            "s",
            "Time from the request to the first chunk of a streamed answer.",
            _SECONDS,
        )
        self._per_chunk = histogram(
            semconv.METRIC_TIME_PER_OUTPUT_CHUNK,
            "s",
            "Time between two chunks of a streamed answer.",
            _SECONDS,
        )
        self._usage: dict[str, Counter] = {
            attribute: meter.create_counter(semconv.METRIC_USAGE_PREFIX + name, "{token}", about)
            for attribute, (name, about) in _USAGE.items()
        }

    @property
    def wanted(self) -> bool:
        """Whether a meter provider takes measurements now."""
        duration = self._duration
        # The API hands out stand-ins that turn real once a global provider is set. An API
        # whose stand-ins look different only costs measurements that nobody takes.
        if getattr(duration, "_real_instrument", duration) is None:
            return False
        return type(duration) is not metrics.NoOpHistogram

    def record(
        self,
        operation: Operation,
        found: Mapping[str, Any],
        error_type: str | None,
        seconds: float,
    ) -> None:
        """Measure an operation that is over.

        Args:
            operation: The operation; kinds for which the conventions have no metric count for
                nothing.
            found: The attributes that its response gave.
            error_type: ``error.type``, if it failed.
            seconds: From its start to its end.
        """
        name = operation.name
        if name == semconv.EMBEDDINGS:
            duration = self._embeddings_duration
        elif name in _INFERENCE:
            duration = self._duration
        else:
            return
        attributes = _attributes(operation, found)
        context = operation.context  # exemplars name the call's span
        failed = {**attributes, semconv.ERROR_TYPE: error_type} if error_type else attributes
        duration.record(seconds, failed, context)
        if duration is self._embeddings_duration:
            tokens = found.get(semconv.USAGE_INPUT_TOKENS)
            if tokens is not None:
                self._embeddings_tokens.record(tokens, attributes, context)
            return
        first = found.get(semconv.RESPONSE_TIME_TO_FIRST_CHUNK)
        if first is not None:
            self._first_chunk.record(first, attributes, context)
        for attribute, counter in self._usage.items():
            tokens = found.get(attribute)
            if tokens:
                counter.add(tokens, attributes, _NO_SPAN)

    def chunk_recorder(self, operation: Operation) -> Callable[[float], None] | None:
        """What to tell the seconds between two chunks of an operation's stream."""
        if operation.name not in _INFERENCE or not self.wanted:
            return None
        record, attributes, context = (
            self._per_chunk.record,
            _attributes(operation, {}),
            operation.context,
        )
        return lambda seconds: record(seconds, attributes, context)


def _attributes(operation: Operation, found: Mapping[str, Any]) -> dict[str, Any]:
    started_with = operation.attributes
    attributes = {name: started_with[name] for name in _FROM_REQUEST if name in started_with}
    for name in _FROM_RESPONSE:
        if name in found:
            attributes[name] = found[name]
    return attributes
