"""Who else records the calls of an SDK: found without importing anybody, said once.

Tools of other makers wrap methods of the SDKs, above our hook, or have a framework above the
SDKs call them back: they wrap the method with which it collects its callbacks. Both then record
the call, and no switch of theirs can be thrown for a single call, so the user has to choose. A
*layer* is one wrapper around a method; the module that defines it says whose it is.

OpenTelemetry's own packages are not in the table: they say in the context what they record,
see ``genai/nesting.py``.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from openlayer_otel.diagnostics import warn_once
from openlayer_otel.providers.patching import layers


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that records calls of the SDKs.

    Attributes:
        name: What its users call it.
        package: The package of its wrappers.
        switch: How to switch it off for one SDK or framework; ``{sdk}`` is its import name.
    """

    name: str
    package: str
    switch: str


_BY_NAME = "set OTEL_PYTHON_DISABLED_INSTRUMENTATIONS={sdk} under opentelemetry-instrument"
TOOLS = (
    Tool(
        "OpenInference",
        "openinference.instrumentation",
        f"do not call its instrument() for {{sdk}}, or {_BY_NAME}",
    ),
    Tool(
        "OpenLLMetry",
        "opentelemetry.instrumentation.openai",
        f"pass block_instruments={{{{Instruments.OPENAI}}}} to Traceloop.init(), or {_BY_NAME}",
    ),
    Tool(
        "OpenLLMetry",
        "opentelemetry.instrumentation.anthropic",
        f"pass block_instruments={{{{Instruments.ANTHROPIC}}}} to Traceloop.init(), or {_BY_NAME}",
    ),
    Tool(
        "OpenLLMetry",
        "opentelemetry.instrumentation.langchain",
        f"pass block_instruments={{{{Instruments.LANGCHAIN}}}} to Traceloop.init(), or {_BY_NAME}",
    ),
    Tool(
        "opentelemetry-instrumentation-openai-v2",
        "opentelemetry.instrumentation.openai_v2",
        f"uninstall it, or {_BY_NAME}",
    ),
    Tool("Langfuse", "langfuse", "import openai instead of langfuse.openai"),
    Tool("Logfire", "logfire", "do not call logfire.instrument_{sdk}()"),
    Tool("OpenLIT", "openlit", 'pass disabled_instrumentors=["{sdk}"] to openlit.init()'),
    Tool("Datadog", "ddtrace", "set DD_PATCH_MODULES={sdk}:false"),
    Tool("Braintrust", "braintrust", "pass {sdk}=False to braintrust.auto_instrument()"),
)

# The methods that these tools wrap: module, class, method.
_METHODS = {
    "openai": (
        ("openai.resources.chat.completions", "Completions", "create"),
        ("openai.resources.chat.completions", "AsyncCompletions", "create"),
        ("openai.resources.responses", "Responses", "create"),
        ("openai.resources.responses", "AsyncResponses", "create"),
        ("openai", "OpenAI", "request"),
        ("openai", "AsyncOpenAI", "request"),
    ),
    "anthropic": (
        ("anthropic.resources.messages", "Messages", "create"),
        ("anthropic.resources.messages", "AsyncMessages", "create"),
        ("anthropic", "Anthropic", "request"),
        ("anthropic", "AsyncAnthropic", "request"),
        ("anthropic", "Anthropic", "__init__"),
    ),
}
# What a tool wraps to be called back by a framework, whichever SDK this calls. The module is the
# one that defines the class: a package may import it as soon as it is asked for the class.
_FRAMEWORKS = {"langchain": (("langchain_core.callbacks.base", "BaseCallbackManager", "__init__"),)}

_seen: set[type[Any]] = set()


def look_once(sdk: str, client_class: type[Any]) -> None:
    """Look for others at the first call of a client class; costs a set lookup after that.

    Args:
        sdk: The SDK's import name.
        client_class: The class of the client that makes a call. A tool that is switched on
            after ``instrument()`` has wrapped the SDK's methods by now.
    """
    if client_class not in _seen:
        _seen.add(client_class)
        look(sdk)


def look(sdk: str) -> None:
    """Warn once about each tool that records calls of ``sdk``, as far as it can be seen by now."""
    for tool in _found(_METHODS.get(sdk, ())):
        warn_once(
            f"duplicates:{tool.name}:{sdk}",
            "openlayer-otel: %s records the calls of the %s SDK, too, so a call may give a span "
            "of each. To keep openlayer-otel's only: %s. To keep the other's only: leave %s out "
            "of providers= (OPENLAYER_OTEL_PROVIDERS).",
            tool.name,
            sdk,
            tool.switch.format(sdk=sdk),
            sdk,
        )
    for framework, methods in _FRAMEWORKS.items():
        for tool in _found(methods):
            warn_once(
                f"duplicates:{tool.name}:{framework}",
                "openlayer-otel: %s records the model calls of %s, too, so a call may give a span "
                "of each. To keep openlayer-otel's only: %s. To keep the other's only: leave the "
                "SDKs that %s calls out of providers= (OPENLAYER_OTEL_PROVIDERS).",
                tool.name,
                framework,
                tool.switch.format(sdk=framework),
                framework,
            )


def _found(methods: Iterable[tuple[str, str, str]]) -> dict[Tool, None]:
    """The tools with a layer around one of these methods, as far as these are imported."""
    found: dict[Tool, None] = {}
    for module_name, class_name, method in methods:
        owner = getattr(sys.modules.get(module_name), class_name, None)
        if owner is None:
            continue
        for layer in layers(inspect.getattr_static(owner, method, None)):
            # wrapt's proxies pretend to be what they wrap; their wrapper tells whose they are.
            module = _home(getattr(layer, "_self_wrapper", layer))
            for tool in TOOLS:
                if module == tool.package or module.startswith(tool.package + "."):
                    found[tool] = None
    return found


def _home(wrapper: Any) -> str:
    """The module in which a wrapper was written; empty if that cannot be told."""
    while isinstance(wrapper, functools.partial):
        wrapper = wrapper.func
    # functools.wraps copies __module__, so a function is asked for its globals.
    names = getattr(getattr(wrapper, "__func__", wrapper), "__globals__", None)
    if isinstance(names, dict):
        return str(names.get("__name__", ""))
    return str(type(wrapper).__module__)
