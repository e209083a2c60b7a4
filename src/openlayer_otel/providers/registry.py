"""The providers by name: which module to wait for, which versions, and what to hook then."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from openlayer_otel.diagnostics import report_failure, warn_once
from openlayer_otel.providers.imports import when_imported
from openlayer_otel.telemetry import Telemetry


class Hooks(Protocol):
    """The hooks of one provider, put in."""

    def remove(self) -> None:
        """Take them out."""


Install = Callable[[Any, Telemetry], Hooks]
"""Given the module that was waited for, puts the hooks of its provider in."""


@dataclass(frozen=True)
class Provider:
    """One provider.

    Attributes:
        name: The name that users select it by.
        distribution: Its package on the index.
        module: The import that triggers the hooks. It is never imported by us.
        minimum: The lowest version supported.
        hooks: Imports what puts the hooks in, once they are wanted.
    """

    name: str
    distribution: str
    module: str
    minimum: tuple[int, ...]
    hooks: Callable[[], Install]


# With import statements: tools that freeze an application find by them what it needs.
def _openai() -> Install:
    from openlayer_otel.providers.openai.hooks import install

    return install


def _anthropic() -> Install:
    from openlayer_otel.providers.anthropic.hooks import install

    return install


PROVIDERS = {
    each.name: each
    for each in (
        Provider(
            name="openai",
            distribution="openai",
            # The last of the modules that the hooks need; "import openai" always loads it.
            module="openai._base_client",
            minimum=(1, 40),
            hooks=_openai,
        ),
        Provider(
            name="anthropic",
            distribution="anthropic",
            module="anthropic._base_client",
            minimum=(0, 40),
            hooks=_anthropic,
        ),
    )
}


class Installation:
    """The hooks of one ``instrument()``: put in as SDKs are imported, taken out together.

    Args:
        telemetry: Where the spans go.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        self.telemetry = telemetry
        self._active = True
        self._hooks: list[Hooks] = []
        self._stops: list[Callable[[], None]] = []

    def add(self, provider: Provider) -> None:
        """Hook ``provider`` when its SDK is imported; at once if it is."""
        stop = when_imported(provider.module, lambda module: self._imported(provider, module))
        self._stops.append(stop)

    def _imported(self, provider: Provider, module: Any) -> None:
        if not self._active:
            return
        try:
            if _old(provider):
                return
            install = provider.hooks()
            self._hooks.append(install(module, self.telemetry))
        except Exception as error:  # noqa: BLE001 - boundary: the SDK's import must succeed
            report_failure(f"hooking {provider.name}", error)

    def remove(self) -> None:
        """Take out every hook; imports that are still to come put in none."""
        self._active = False
        for stop in self._stops:
            stop()
        for hooks in self._hooks:
            try:
                hooks.remove()
            except Exception as error:  # noqa: BLE001 - boundary: the others must go, too
                report_failure("uninstrument()", error)
        self._hooks.clear()


def selected(names: tuple[str, ...] | None) -> list[Provider]:
    """The providers called ``names``; all if None, or if none of them is known.

    Unknown names are warned about.
    """
    if names is None or (names and PROVIDERS.keys().isdisjoint(names)):
        known = list(PROVIDERS.values())
    else:
        known = [PROVIDERS[name] for name in dict.fromkeys(names) if name in PROVIDERS]
    for name in names or ():
        if name not in PROVIDERS:
            warn_once(
                f"provider:{name}",
                "openlayer-otel: providers= (OPENLAYER_OTEL_PROVIDERS) names %r, which is no "
                "known provider; known are: %s. Traced are: %s.",
                name,
                ", ".join(PROVIDERS),
                ", ".join(each.name for each in known),
            )
    return known


def _old(provider: Provider) -> bool:
    """Whether the installed SDK is too old; if so it is said once."""
    version: str | None = None
    try:
        version = importlib.metadata.version(provider.distribution)
    except (importlib.metadata.PackageNotFoundError, KeyError, OSError):
        pass
    if version is None:  # as in a bundle that was stripped of its metadata, or of a part of it
        return False
    found = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if found >= provider.minimum:
        return False
    minimum = ".".join(str(number) for number in provider.minimum)
    warn_once(
        f"version:{provider.name}",
        "openlayer-otel: %s %s is not traced, it is too old; install %s >= %s.",
        provider.distribution,
        version,
        provider.distribution,
        minimum,
    )
    return True
