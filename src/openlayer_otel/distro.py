"""Defaults for ``opentelemetry-instrument``: no code, a few environment variables.

A *distro* sets defaults before anything starts, a *configurator* then builds the SDK from the
environment. OpenTelemetry takes the first of each that it finds installed, or the one named by
``OTEL_PYTHON_DISTRO`` and ``OTEL_PYTHON_CONFIGURATOR``. With another one in charge (such as
``opentelemetry-distro``) everything here stays out of the way, and
``OTEL_TRACES_EXPORTER=openlayer`` works all the same.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from importlib.metadata import entry_points
from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined]
from opentelemetry.sdk import environment_variables
from opentelemetry.sdk._configuration import _OTelSDKConfigurator
from opentelemetry.sdk.trace import TracerProvider

from openlayer_otel.diagnostics import warn_once
from openlayer_otel.environment import is_set, set_default, value_of
from openlayer_otel.export import otlp_preset
from openlayer_otel.export.child_ends import when_child_ends
from openlayer_otel.id_generator import SeparateIdGenerator
from openlayer_otel.settings import Settings
from openlayer_otel.time_limits import within

TRACES_EXPORTER = "OTEL_TRACES_EXPORTER"
OPENLAYER = "openlayer"
_ID_GENERATOR = "OTEL_PYTHON_ID_GENERATOR"
# Names a file that stands in for the variables; an older SDK knows none.
_CONFIG_FILE = getattr(environment_variables, "OTEL_CONFIG_FILE", "")
_GRPC_EXPORTER = "opentelemetry.exporter.otlp.proto.grpc.trace_exporter"

# Variable with names of exporters -> the group of entry points that they come from.
_EXPORTER_GROUPS = {
    TRACES_EXPORTER: "opentelemetry_traces_exporter",
    "OTEL_METRICS_EXPORTER": "opentelemetry_metrics_exporter",
    "OTEL_LOGS_EXPORTER": "opentelemetry_logs_exporter",
}
# These stand for an entry point that the SDK picks by the protocol, or for no exporter.
_BUILT_IN_NAMES = ("otlp", "none")
_PROTOCOLS = ("grpc", "http/protobuf")
_PROTOCOL_VARIABLES = (
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
    "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL",
)
# The variables whose values are checked here.
_CHECKED = (*_EXPORTER_GROUPS, *_PROTOCOL_VARIABLES)


class OpenlayerDistro(BaseDistro):  # type: ignore[misc]
    """Sends traces to Openlayer when its API key is set, else over OTLP.

    Entry point ``opentelemetry_distro: openlayer``. Whatever the environment says wins.
    """

    def _configure(self, **kwargs: Any) -> None:
        set_defaults(os.environ)


class OpenlayerConfigurator(_OTelSDKConfigurator):
    """Builds the SDK from the environment; a wrong value costs a warning, not the SDK.

    Entry point ``opentelemetry_configurator: openlayer``. Beyond what the SDK's own configurator
    does, traces for Openlayer go through the span processor, which sees spans start and so knows
    at once when a trace is complete. Where a configuration file is used, its exporters are all.
    """

    def _configure(self, **kwargs: Any) -> None:
        if not is_set(os.environ, _ID_GENERATOR):
            kwargs.setdefault("id_generator", SeparateIdGenerator())
        with usable_environment(os.environ) as to_openlayer:
            try:
                super()._configure(**kwargs)  # type: ignore[no-untyped-call]
                # Such a file says where traces go, or that there are none.
                to_openlayer = to_openlayer and not is_set(os.environ, _CONFIG_FILE)
            except Exception as error:  # noqa: BLE001 - boundary: the application must still run
                warn_once(
                    "configurator",
                    "openlayer-otel: OpenTelemetry could not be set up from its OTEL_ variables "
                    "(%s: %s); what was set up before that is used.",
                    type(error).__qualname__,
                    error,
                )
            if not to_openlayer or value_of(os.environ, TRACES_EXPORTER) not in ("none", OPENLAYER):
                when_child_ends(_flush)
        if to_openlayer:
            try:
                _send_to_openlayer()
            except Exception as error:  # noqa: BLE001 - boundary: the application must still run
                warn_once(
                    "configurator:openlayer",
                    "openlayer-otel: nothing is traced, because OpenTelemetry's tracer provider "
                    "could not be made (%s: %s); correct or unset the OTEL_ variable in question.",
                    type(error).__qualname__,
                    error,
                )


def set_defaults(environment: MutableMapping[str, str]) -> None:
    """Set what the user has not: the traces exporter, and the configurator that fits.

    ``OPENLAYER_OTEL_OTLP`` is applied first, see :mod:`openlayer_otel.export.otlp_preset`.

    Args:
        environment: The variables to change.
    """
    otlp_preset.apply(environment)
    set_default(environment, TRACES_EXPORTER, _default_exporter(environment))
    # OpenTelemetry's own variable: with two distros installed, one of them is in charge of both.
    set_default(environment, "OTEL_PYTHON_CONFIGURATOR", OPENLAYER)


def _default_exporter(environment: Mapping[str, str]) -> str:
    """Where traces go if the user does not say."""
    over_otlp = otlp_preset.applies(environment) or not is_set(environment, "OPENLAYER_API_KEY")
    return "otlp" if over_otlp else OPENLAYER


@contextmanager
def usable_environment(environment: MutableMapping[str, str]) -> Iterator[bool]:
    """Take out, for the length of the block, what would keep the SDK from starting at all.

    These are exporters that are not installed and protocols that do not exist, named in one
    warning per variable, and variables that are blank, which the SDK takes for set. Where no
    traces exporter is left, the default one is used. Child processes inherit the variables as
    they were.

    Args:
        environment: The variables to change.

    Yields:
        Whether traces shall go to Openlayer.
    """
    before = {
        name: environment[name]
        for name in list(environment)
        if name in _CHECKED or (name.startswith("OTEL_") and not is_set(environment, name))
    }
    to_openlayer = False
    try:
        for name in before:
            if not is_set(environment, name):
                del environment[name]
        for variable, group in _EXPORTER_GROUPS.items():
            names = _installed(variable, group, environment)
            if variable == TRACES_EXPORTER and OPENLAYER in names:
                names.remove(OPENLAYER)
                to_openlayer = True
            if variable in environment:
                environment[variable] = ",".join(names) or "none"
        for variable in _PROTOCOL_VARIABLES:
            _check_protocol(variable, environment)
        yield to_openlayer
    finally:
        environment.update(before)


def _installed(variable: str, group: str, environment: MutableMapping[str, str]) -> list[str]:
    """Those exporters named by ``variable`` that can be loaded; for traces, else the default."""
    named = value_of(environment, variable)
    wanted = [name.strip() for name in named.split(",") if name.strip()]
    known = {each.name for each in entry_points(group=group)} | set(_BUILT_IN_NAMES)
    spelt = {name.lower(): name for name in known}
    meant = [name if name in known else spelt.get(name.lower(), name) for name in wanted]
    usable = [name for name in meant if name in known]
    instead = None
    if named and not usable and variable == TRACES_EXPORTER:
        instead = _default_exporter(environment)
        usable = [instead]
    _say_unknown(variable, [name for name in meant if name not in known], known, instead)
    return list(dict.fromkeys(name for name in usable if name != "none"))


def _say_unknown(
    variable: str, unknown: Sequence[str], known: set[str], instead: str | None
) -> None:
    """Warn of names that are no exporter's, or of a value without any name."""
    if not unknown and instead is None:
        return
    warn_once(
        f"exporter:{variable}",
        "openlayer-otel: %s names %s; %s. Known: %s.",
        variable,
        f"what is not installed: {', '.join(map(repr, unknown))}" if unknown else "no exporter",
        "it is ignored" if instead is None else f"{instead!r} is used instead",
        ", ".join(sorted(known)),
    )


def _check_protocol(variable: str, environment: MutableMapping[str, str]) -> None:
    value = value_of(environment, variable)
    if value and value not in _PROTOCOLS:
        warn_once(
            f"protocol:{variable}",
            "openlayer-otel: %s is %r, which is none of %s; it is ignored.",
            variable,
            value,
            ", ".join(_PROTOCOLS),
        )
        del environment[variable]


def _flush() -> None:
    """Send what there is: OpenTelemetry knows nothing of children that run no exit hooks."""
    provider = trace.get_tracer_provider()
    # gRPC does not work in a child that was forked, and may not come back.
    if isinstance(provider, TracerProvider) and _GRPC_EXPORTER not in sys.modules:
        within(Settings.resolve().exit_timeout, provider.force_flush)


def _send_to_openlayer() -> None:
    # Imported here: most applications that load this module export somewhere else.
    from openlayer_otel.export.processor import OpenlayerSpanProcessor
    from openlayer_otel.tracer_providers import new_provider

    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):  # The SDK's own set-up failed, see above.
        provider = new_provider()
        trace.set_tracer_provider(provider)
    provider.add_span_processor(OpenlayerSpanProcessor())
