"""Guardrails that may be asked by one thread at a time.

Those of ``openlayer-guardrails`` that look for personal data keep what they found on the
instance until they redact it, so that threads that share one redact by each other's findings:
what should have gone stays. A traced function is shared by all threads of its application;
here they take turns. Other guardrails, which may wait for a server, are asked by all at once.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from contextlib import AbstractContextManager
from typing import Any

from openlayer_otel.forking import in_forked_child

# The class whose instances need it, and which is nobody else's to import.
_NOT_THREAD_SAFE = "PresidioGuardrail"

# Reentrant: a check may call a function that has the same guardrail.
_turns: weakref.WeakKeyDictionary[Any, threading.RLock] = weakref.WeakKeyDictionary()
_making = threading.Lock()
_ANY_TIME = contextlib.nullcontext()


def turn(guardrail: Any) -> AbstractContextManager[Any]:
    """What to hold while ``guardrail`` is asked."""
    if all(base.__name__ != _NOT_THREAD_SAFE for base in type(guardrail).__mro__):
        return _ANY_TIME
    with _making:
        return _turns.setdefault(guardrail, threading.RLock())


@in_forked_child
def _forget_turns() -> None:
    """In the child nobody is asking."""
    global _making
    _making = threading.Lock()
    _turns.clear()
