"""Whether an environment variable is set: one that is empty or blank is not.

OpenTelemetry's specification has it so, and ``docker-compose`` writes ``OTEL_X=`` for a variable
that it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping


def value_of(environment: Mapping[str, str], name: str) -> str:
    """The value of a variable without the blanks around it; empty if the variable is not set."""
    return environment.get(name, "").strip()


def is_set(environment: Mapping[str, str], name: str) -> bool:
    """Whether a variable has a value that is not blank."""
    return bool(value_of(environment, name))


def set_default(environment: MutableMapping[str, str], name: str, value: str) -> None:
    """Set a variable that is not set."""
    if not is_set(environment, name):
        environment[name] = value
