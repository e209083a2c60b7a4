"""Guardrails: checks before and after a traced function that may allow, change or block.

A *guardrail* has a ``name`` and the methods ``check_input(inputs)`` and
``check_output(output, inputs)``, each returning a :class:`GuardrailResult` (either may be
missing or, for asynchronous functions, a coroutine function). The protocol is that of
Openlayer's SDK: its guardrails, those of the package ``openlayer-guardrails`` and your own work
with ``@trace(guardrails=[…])``; :class:`BaseGuardrail` is a base class, not a requirement.

A block really blocks: a blocked input does not reach the function, a blocked output does not
reach the caller. The output of a generator or stream is therefore held back until it is over
and checked as a whole. A guardrail that itself fails is reported and allows.
"""

from __future__ import annotations

import abc
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class GuardrailAction(enum.Enum):
    """What a guardrail wants done."""

    ALLOW = "allow"
    BLOCK = "block"
    MODIFY = "modify"


class BlockStrategy(enum.Enum):
    """What the caller gets when something is blocked."""

    RAISE_EXCEPTION = "raise_exception"  # GuardrailBlockedException
    RETURN_EMPTY = "return_empty"  # None, or no items
    RETURN_ERROR_MESSAGE = "return_error_message"  # the result's error message
    SKIP_FUNCTION = "skip_function"  # None, or no items


@dataclass
class GuardrailResult:
    """What a guardrail found.

    Attributes:
        action: What to do.
        modified_data: The inputs or the output to go on with; for ``MODIFY``.
        metadata: Anything to record.
        reason: Why, for people.
        block_strategy: For ``BLOCK``; ``RAISE_EXCEPTION`` by default.
        error_message: For ``RETURN_ERROR_MESSAGE``.

    Raises:
        ValueError: ``MODIFY`` without ``modified_data``.
    """

    action: GuardrailAction
    modified_data: Any = None
    metadata: dict[str, Any] | None = None
    reason: str | None = None
    block_strategy: BlockStrategy | None = None
    error_message: str | None = None

    def __post_init__(self) -> None:
        if self.action is GuardrailAction.MODIFY and self.modified_data is None:
            raise ValueError("modified_data must be given when the action is MODIFY")
        if self.action is GuardrailAction.BLOCK and self.block_strategy is None:
            self.block_strategy = BlockStrategy.RAISE_EXCEPTION


class GuardrailBlockedException(Exception):  # noqa: N818 - the name of Openlayer's SDK
    """A guardrail blocked a call.

    Args:
        guardrail_name: Which one.
        reason: Why.
        metadata: What it found.
    """

    def __init__(
        self, guardrail_name: str, reason: str, metadata: Mapping[str, Any] | None = None
    ) -> None:
        self.guardrail_name = guardrail_name
        self.reason = reason
        self.metadata = dict(metadata or {})
        # Not super(): it may be the exception of Openlayer's SDK, which takes other arguments.
        Exception.__init__(self, f"Guardrail '{guardrail_name}' blocked execution: {reason}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by what it was made of: processes of a pool hand their exceptions over so."""
        made_of = (self.guardrail_name, self.reason, self.metadata)
        return type(self), made_of, vars(self)


class BaseGuardrail(abc.ABC):
    """A base class for guardrails.

    Args:
        name: What it is called in traces.
        enabled: Whether it checks anything.
        config: Kept as ``config``.
    """

    def __init__(self, name: str, enabled: bool = True, **config: Any) -> None:
        self.name = name
        self.enabled = enabled
        self.config = config

    @abc.abstractmethod
    def check_input(self, inputs: dict[str, Any]) -> GuardrailResult:
        """Check the inputs of a call, by parameter name."""

    @abc.abstractmethod
    def check_output(self, output: Any, inputs: dict[str, Any]) -> GuardrailResult:
        """Check the output of a call; of a stream, its joined text or the list of its items."""

    def is_enabled(self) -> bool:
        """Whether it checks anything."""
        return self.enabled

    def get_metadata(self) -> dict[str, Any]:
        """What it is, for logs."""
        return {
            "name": self.name,
            "type": type(self).__name__,
            "enabled": self.enabled,
            "config": self.config,
        }
