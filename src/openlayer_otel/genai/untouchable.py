"""Objects that must not be read to record them: reading does something.

A mock of ``unittest.mock`` remembers it as a call of the code under test; a lazy object or a
query set of Django's asks the database.
"""

from __future__ import annotations

from typing import Any

_MOCKS = "unittest.mock"
_LAZY_OBJECTS = "django.utils.functional"
_QUERY_SETS = ("django.db.models.query", "QuerySet")
MODULES = frozenset({_MOCKS, _LAZY_OBJECTS})
"""Where the classes of mocks and lazy objects are."""


def untouched(value: Any) -> Any:
    """What stands for a mock or a lazy object; None for any other object.

    Only the class is looked at: ``isinstance`` asks a lazy object what it is, too.
    """
    module = type(value).__module__
    if module == _MOCKS:
        return repr(value)
    if module == _LAZY_OBJECTS:
        fields = object.__getattribute__(value, "__dict__")
        if "_wrapped" in fields:
            found = fields["_wrapped"]
            return f"[{type(value).__name__}, not evaluated]" if type(found) is object else found
    return None


def text_of(value: Any) -> str:
    """What an object says of itself. Raises whatever its ``__str__`` does."""
    kind = type(value)
    if kind.__module__ == _MOCKS:
        return repr(value)  # __str__ counts as a call
    if any((base.__module__, base.__name__) == _QUERY_SETS for base in kind.__mro__):
        fields = vars(value)
        if fields.get("_result_cache") is None:
            model = getattr(fields.get("model"), "__name__", "objects")
            return f"[{kind.__name__} of {model}, not evaluated]"
    return str(value)
