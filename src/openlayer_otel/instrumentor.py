"""``OpenlayerInstrumentor``: one line that traces every call of the providers' SDKs.

Nothing of an SDK is imported here: hooks are put in when the application imports it,
before or after ``instrument()``. Under ``opentelemetry-instrument`` the entry point
``opentelemetry_instrumentor: openlayer`` calls the same class.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]

from openlayer_otel import telemetry as telemetry_module
from openlayer_otel.diagnostics import report_failure, warn_once
from openlayer_otel.forking import in_forked_child
from openlayer_otel.providers.registry import Installation, selected
from openlayer_otel.setting_scopes import TRACING_SETTINGS, warn_without_effect
from openlayer_otel.settings import Settings
from openlayer_otel.telemetry import Telemetry


class OpenlayerInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Traces the calls of the OpenAI and Anthropic SDKs as OpenTelemetry GenAI spans.

    ``OpenlayerInstrumentor().instrument()`` switches tracing on for the process,
    ``.uninstrument()`` off. Keyword arguments of ``instrument()``, all optional:

    * ``tracer_provider``, ``meter_provider``, ``logger_provider``: where spans, metrics and
      events go; the global providers by default, even if they are set later.
    * ``providers``: names of the providers to trace, such as ``["openai"]``; all by default.
    * ``capture_content``: where message content is recorded, ``"SPAN_ONLY"`` (the default),
      ``"NO_CONTENT"``, ``"EVENT_ONLY"``, ``"SPAN_AND_EVENT"``, or a bool.
    * ``redact``: a function called with every content text; returns what may be kept.
    * any other field of :class:`~openlayer_otel.settings.Settings`.

    Neither method raises: what cannot be used is named in one warning.
    """

    _installation: Installation | None = None
    # What was in use before, to go back to.
    _before: Telemetry | None = None
    _bare = False
    # Names of the settings and providers that were said while tracing was on.
    _added: frozenset[str] = frozenset()
    # Whether it was init() that switched tracing on.
    _of_init = False

    def instrument(self, **kwargs: Any) -> Any:
        """Switch tracing on; see the class.

        Where it is on, what nobody has said before is still taken over, such as ``redact=`` under
        ``opentelemetry-instrument`` or after ``init()``; one warning names what was said otherwise.
        """
        with _lock:
            if self.is_instrumented_by_opentelemetry and self._say_more(kwargs):
                return None
            return super().instrument(**kwargs)

    def uninstrument(self, **kwargs: Any) -> Any:
        """Switch tracing off; what ``init()`` has set up for ``@trace`` stays."""
        with _lock:
            self._of_init, self._added = False, frozenset()
            return super().uninstrument(**kwargs)

    def _renew(self, settings: Settings, **providers: Any) -> None:
        """Trace with other settings from here on, on behalf of whoever switched tracing on.

        Where it is off, that is ``init()``.
        """
        with _lock:
            added = self._added
            if self.is_instrumented_by_opentelemetry:
                super().uninstrument()
            else:
                self._of_init = True
            super().instrument(settings=settings, **providers)
            self._added = added

    def instrumentation_dependencies(self) -> Collection[str]:
        """None: each provider is looked for by itself, and a newer SDK is no conflict."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        # An exception here would keep opentelemetry-instrument from loading all others.
        try:
            providers = {
                name: _usable(kwargs.pop(name, None), name, method)
                for name, method in _PROVIDERS.items()
            }
            for name in _OF_OPENTELEMETRY:
                kwargs.pop(name, None)
            given = kwargs.pop("settings", None)
            addition = kwargs.pop("in_addition", {})
            self._added = frozenset(addition)
            named = {name for name, value in kwargs.items() if value is not None}
            self._bare = not named and all(each is None for each in (given, *providers.values()))
            warn_without_effect(named - TRACING_SETTINGS, "instrument()", "init()")
            before = self._before = telemetry_module.activated()
            if isinstance(given, Settings):
                settings = given
            else:
                settings = Settings.resolve(**kwargs)
                if before is not None:
                    settings = _with_those_of(before.settings, settings, kwargs)
            telemetry = _with_addition(settings, providers, addition)
            telemetry_module.activate(telemetry)
            installation = Installation(telemetry)
            self._installation = installation
            for provider in selected(settings.providers):
                installation.add(provider)
        except Exception as error:  # noqa: BLE001 - boundary, see above
            report_failure("instrument()", error)

    def _say_more(self, kwargs: dict[str, Any]) -> bool:
        """Take over what was not said before; returns whether anything here differs from it."""
        installation = self._installation
        if installation is None:
            return False
        try:
            now = installation.telemetry
            new = _different(now, kwargs)
            late = set() if self._bare else _said_before(now, new)
            if late:
                said = ", ".join(sorted(late))
                warn_once(
                    f"instrument:late:{said}",
                    "openlayer-otel: calls are traced already, by what was said before of %s; what "
                    "this instrument() says of it does nothing. Say it once, or call "
                    "uninstrument() first.",
                    said,
                )
            taken = {name: value for name, value in new.items() if name not in late}
            if taken:
                names = self._added.union(taken)
                providers = {name: taken.pop(name, known) for name, known in now.providers.items()}
                self._renew(replace(now.settings, **taken), **providers)
                self._added = names
            return bool(new)
        except Exception as error:  # noqa: BLE001 - boundary: tracing must not stop a program
            report_failure("instrument()", error)
            return False

    def _uninstrument(self, **kwargs: Any) -> None:
        installation, self._installation = self._installation, None
        if installation is not None:
            installation.remove()
        before, self._before = self._before, None
        telemetry_module.activate(before)


# Arguments that OpenTelemetry's own loader gives.
_OF_OPENTELEMETRY = ("skip_dep_check", "raise_exception_on_conflict")
# Argument of instrument() -> the method that makes it what it is.
_PROVIDERS = {
    "tracer_provider": "get_tracer",
    "meter_provider": "get_meter",
    "logger_provider": "get_logger",
}


def _with_those_of(known: Settings, settings: Settings, given: dict[str, Any]) -> Settings:
    """``settings``, and where none was given, what ``init()`` was told to record."""
    kept = {name: getattr(known, name) for name in TRACING_SETTINGS if given.get(name) is None}
    return replace(settings, **kept)


def _with_addition(
    settings: Settings, providers: dict[str, Any], addition: Mapping[str, Any]
) -> Telemetry:
    """The telemetry of these, with what was said in addition."""
    added = {name: value for name, value in addition.items() if name not in _PROVIDERS}
    given = {name: addition.get(name, known) for name, known in providers.items()}
    return Telemetry(replace(settings, **added), **given)


def _different(now: Telemetry, arguments: dict[str, Any]) -> dict[str, Any]:
    """What ``arguments`` of ``instrument()`` say that is not so now: settings and providers."""
    ours = {
        name: value
        for name, value in arguments.items()
        if value is not None and name not in (*_OF_OPENTELEMETRY, "settings", "in_addition")
    }
    found = {
        name: _usable(ours.pop(name, None), name, method) for name, method in _PROVIDERS.items()
    }
    new = {
        name: provider
        for name, provider in found.items()
        if provider is not None and provider is not now.providers[name]
    }
    warn_without_effect(ours.keys() - TRACING_SETTINGS, "instrument()", "init()")
    asked = Settings.resolve({}, **ours)  # without the environment: it has been read
    for name in TRACING_SETTINGS & ours.keys():
        if getattr(asked, name) != getattr(now.settings, name):
            new[name] = getattr(asked, name)
    return new


def _said_before(now: Telemetry, names: Iterable[str]) -> set[str]:
    """Those of ``names`` that were given: providers, and settings that are not the default."""
    defaults = Settings()
    return {
        name
        for name in names
        if (
            now.providers[name] is not None
            if name in _PROVIDERS
            else getattr(now.settings, name) != getattr(defaults, name)
        )
    }


def is_bare() -> bool:
    """Whether the SDKs are traced, and ``instrument()`` was told nothing about how."""
    instrumentor = OpenlayerInstrumentor()
    return bool(instrumentor.is_instrumented_by_opentelemetry and instrumentor._bare)


def is_of_init() -> bool:
    """Whether the SDKs are traced, and it was ``init()`` that switched that on."""
    return OpenlayerInstrumentor()._of_init


def switch_on_for_init(
    settings: Settings, tracer_provider: Any, addition: Mapping[str, Any]
) -> None:
    """Have the SDKs traced as an ``init()`` says.

    Args:
        settings: Those of the ``init()``.
        tracer_provider: Where the spans go.
        addition: What ``instrument()`` said on top of the ``init()`` before.
    """
    instrumentor = OpenlayerInstrumentor()
    instrumentor.instrument(
        settings=settings, tracer_provider=tracer_provider, in_addition=addition
    )
    instrumentor._of_init = True


def said_after_init() -> dict[str, Any]:
    """What ``instrument()`` said on top of what ``init()`` had: settings and providers."""
    instrumentor = OpenlayerInstrumentor()
    if instrumentor._installation is None or not instrumentor._of_init:
        return {}
    now = instrumentor._installation.telemetry
    return {
        name: now.providers[name] if name in _PROVIDERS else getattr(now.settings, name)
        for name in instrumentor._added
    }


def renew(settings: Settings, **providers: Any) -> None:
    """Trace with other settings from here on, on behalf of whoever switched tracing on.

    Args:
        settings: The settings.
        providers: ``tracer_provider`` and the like, as for ``instrument()``.
    """
    OpenlayerInstrumentor()._renew(settings, **providers)


def _usable(provider: Any, name: str, method: str) -> Any:
    """``provider`` if it is one, else None: the global one is used."""
    if provider is None or callable(getattr(provider, method, None)):
        return provider
    warn_once(
        f"instrument:{name}",
        "openlayer-otel: %s= is %s, which has no %s(); the global one is used.",
        name,
        type(provider).__qualname__,
        method,
    )
    return None


# Two threads that instrument at once would put two layers of hooks in. Reentrant: hooking imports.
_lock = threading.RLock()


@in_forked_child
def _renew_lock() -> None:
    global _lock
    _lock = threading.RLock()
