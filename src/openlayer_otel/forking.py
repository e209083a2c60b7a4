"""What a forked child does before its own code goes on.

Only the thread that forked lives in the child. A lock that another one held at that moment stays
held for ever, so the child makes each of its locks anew.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar

Action = TypeVar("Action", bound=Callable[[], object])


def in_forked_child(action: Action) -> Action:
    """Have ``action`` called in every child that is forked from here on; also a decorator.

    Where the system knows no fork (Windows), nothing happens.

    Args:
        action: Called on the child's only thread; must not wait for another one.

    Returns:
        ``action`` itself.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=action)
    return action
