"""The trace as the user's code sees it: what is said about the whole of it, not about one step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.tracing.columns import row_metadata, update_trace
from openlayer_otel.tracing.recording import Step


class Trace:
    """The trace that the current step belongs to.

    Attributes:
        step: The step whose span carries the trace's values.
    """

    __slots__ = ("step",)

    def __init__(self, step: Step) -> None:
        self.step = step

    @property
    def id(self) -> str:
        """Its id, as 32 hexadecimal digits."""
        return self.step.trace_id

    @property
    def inference_id(self) -> str | None:
        """The id of its row, if it was given one."""
        said: str | None = self._said(semconv.TRACE_INFERENCE_ID)
        return said

    @inference_id.setter
    def inference_id(self, inference_id: object) -> None:
        self.update(inference_id=inference_id)

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata and columns that were recorded so far; setting it adds to that."""
        return row_metadata(self.step)

    @metadata.setter
    def metadata(self, metadata: Mapping[str, Any]) -> None:
        self.update(metadata=metadata)

    def _said(self, attribute: str) -> Any:
        return (getattr(self.step.span, "attributes", None) or {}).get(attribute)

    def update(self, **values: Any) -> None:
        """As :func:`~openlayer_otel.update_current_trace`, for this trace."""
        update_trace(self.step, values)

    update_metadata = update
