"""Tools of other makers that record the same calls: said once, with what to switch off.

The first tests need none of them: a module with a tool's name wraps the SDK, or LangChain, in
the tool's way. The last one runs the real tools that are installed:
``make matrix ARGS=beside-others``.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.support.child_process import run_python

WRAPT = """
import importlib
import wrapt

class Recorder:
    def __call__(self, wrapped, instance, args, kwargs):
        return wrapped(*args, **kwargs)

def wrap(module, path):
    wrapt.wrap_function_wrapper(module, path, Recorder())
"""
PLAIN = """
import functools
import importlib

def wrap(module, path):
    class_name, name = path.split(".")
    owner = getattr(importlib.import_module(module), class_name)
    original = getattr(owner, name)

    @functools.wraps(original)
    def recorder(*args, **kwargs):
        return original(*args, **kwargs)

    setattr(owner, name, recorder)
"""
# Whose, the module of the wrapper, how it wraps, what it wraps, and what to do about it.
TOOLS = {
    "openai": [
        ("OpenInference", "openinference.instrumentation.openai._request", WRAPT,
         "openai:OpenAI.request", "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=openai"),
        ("OpenLLMetry", "opentelemetry.instrumentation.openai.utils", WRAPT,
         "openai.resources.chat.completions:Completions.create", "{Instruments.OPENAI}"),
        ("Langfuse", "langfuse.openai", WRAPT,
         "openai.resources.chat.completions:Completions.create", "import openai instead"),
        ("OpenLIT", "openlit.instrumentation.openai.openai", WRAPT,
         "openai.resources.chat.completions:Completions.create", "disabled_instrumentors="),
        (None, "acme.tracing", WRAPT, "openai.resources.chat.completions:Completions.create", ""),
    ],
    "anthropic": [
        ("OpenInference", "openinference.instrumentation.anthropic._wrappers", WRAPT,
         "anthropic.resources.messages:Messages.create",
         "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=anthropic"),
        ("Logfire", "logfire._internal.llm_provider", PLAIN, "anthropic:Anthropic.request",
         "logfire.instrument_anthropic()"),
        ("Datadog", "ddtrace.contrib.internal.anthropic.patch", WRAPT,
         "anthropic.resources.messages:Messages.create", "DD_PATCH_MODULES=anthropic:false"),
        (None, "acme.tracing", PLAIN, "anthropic.resources.messages:Messages.create", ""),
    ],
}  # fmt: skip

PROGRAM = """
import logging, sys
logging.basicConfig(format="%(levelname)s %(message)s")
sys.path.insert(0, {place!r})
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from openlayer_otel import OpenlayerInstrumentor

trace.set_tracer_provider(TracerProvider())

def theirs():
    {theirs}

def ours():
    OpenlayerInstrumentor().instrument()

def calls():
    import {sdk}
    for _ in range(2):
        if {sdk!r} == "openai":
            client = openai.OpenAI()
            client.chat.completions.create(model="m", messages=[])
        else:
            client = anthropic.Anthropic()
            client.messages.create(model="m", messages=[], max_tokens=9)

for step in ({order}):
    step()
"""


def warnings_of(
    theirs: str, sdk: str, order: str, environment: dict[str, str], place: Path
) -> list[str]:
    """What our log says in a process in which both tools are switched on."""
    source = PROGRAM.format(place=str(place), theirs=theirs, sdk=sdk, order=order)
    done = run_python(source, environment=environment, directory=place).succeeded()
    return [line for line in done.errors.splitlines() if "openlayer-otel: " in line]


def _write_module(place: Path, name: str, source: str) -> None:
    # No __init__.py: opentelemetry is a namespace that the real packages share.
    path = place.joinpath(*name.split(".")).with_suffix(".py")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)


@pytest.mark.parametrize("order", ["theirs, ours, calls", "ours, theirs, calls"])
@pytest.mark.parametrize("sdk", TOOLS)
def test_each_tool_that_wraps_the_sdk_is_named_once_with_its_switch(
    child_environment: dict[str, str], tmp_path: Path, sdk: str, order: str
) -> None:
    # Its package is there already, so Python is told to look for modules in a second place.
    place = tmp_path / "opentelemetry" / "instrumentation"
    theirs = [
        "import importlib",
        f"import opentelemetry.instrumentation as i; i.__path__.append({str(place)!r})",
    ]
    for _, module, source, target, _ in TOOLS[sdk]:
        _write_module(tmp_path, module, source)
        owner, _, path = target.partition(":")
        theirs.append(f"importlib.import_module({module!r}).wrap({owner!r}, {path!r})")
    said = warnings_of("; ".join(theirs), sdk, order, child_environment, tmp_path)
    known = {tool: advice for tool, _, _, _, advice in TOOLS[sdk] if tool is not None}
    begins = [
        f"WARNING openlayer-otel: {tool} records the calls of the {sdk} SDK" for tool in known
    ]
    assert sorted(line.partition(", too,")[0] for line in said) == sorted(begins)
    for tool, advice in known.items():
        (line,) = [each for each in said if tool in each]
        assert advice in line


# LangChain's module and class that collect the callbacks, and what a tool does to be one of them.
LANGCHAIN = """
class BaseCallbackManager:
    def __init__(self, handlers):
        self.handlers = handlers
"""
LANGCHAIN_TOOLS = {
    "OpenInference": (
        "openinference.instrumentation.langchain",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=langchain",
    ),
    "OpenLLMetry": (
        "opentelemetry.instrumentation.langchain",
        "block_instruments={Instruments.LANGCHAIN}",
    ),
}


@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
@pytest.mark.parametrize("order", ["theirs, ours, calls", "ours, theirs, calls"])
@pytest.mark.parametrize("tool", LANGCHAIN_TOOLS)
def test_a_tool_that_langchain_calls_back_is_named_once_with_its_switch(
    child_environment: dict[str, str], tmp_path: Path, tool: str, order: str, sdk: str
) -> None:
    module, advice = LANGCHAIN_TOOLS[tool]
    _write_module(tmp_path, "langchain_core.callbacks.base", LANGCHAIN)
    _write_module(tmp_path, module, WRAPT)
    place = str(tmp_path / "opentelemetry" / "instrumentation")
    theirs = [
        "import importlib, opentelemetry.instrumentation as i",
        f"i.__path__.append({place!r})",
        f"tool = importlib.import_module({module!r})",
        "tool.wrap('langchain_core.callbacks.base', 'BaseCallbackManager.__init__')",
    ]
    (line,) = warnings_of("; ".join(theirs), sdk, order, child_environment, tmp_path)
    assert line.startswith(
        f"WARNING openlayer-otel: {tool} records the model calls of langchain, too,"
    )
    assert advice in line


@pytest.mark.parametrize(
    "theirs",
    [
        "import langchain_core.callbacks.base",
        "import openinference.instrumentation.langchain, langchain_core.callbacks.base",
        "import openinference.instrumentation.langchain",
        "import acme.tracing as a; "
        "a.wrap('langchain_core.callbacks.base', 'BaseCallbackManager.__init__')",
    ],
    ids=["no tool", "not switched on", "without LangChain", "of the application's own"],
)
def test_nobody_is_named_whom_langchain_does_not_call_back(
    child_environment: dict[str, str], tmp_path: Path, theirs: str
) -> None:
    _write_module(tmp_path, "langchain_core.callbacks.base", LANGCHAIN)
    _write_module(tmp_path, "openinference.instrumentation.langchain", WRAPT)
    _write_module(tmp_path, "acme.tracing", WRAPT)
    said = warnings_of(theirs, "openai", "theirs, ours, calls", child_environment, tmp_path)
    assert said == []


REAL = {
    "OpenInference": (
        "openinference.instrumentation.{sdk}",
        "from openinference.instrumentation.{sdk} import {name}Instrumentor as I; I().instrument()",
    ),
    "OpenLLMetry": (
        "opentelemetry.instrumentation.{sdk}",
        "from opentelemetry.instrumentation.{sdk} import {name}Instrumentor as I; I().instrument()",
    ),
    "Langfuse": ("langfuse", "import langfuse.openai"),
    "Logfire": (
        "logfire",
        "import logfire; logfire.configure(send_to_logfire=False, console=False); "
        "logfire.instrument_{sdk}()",
    ),
    "Datadog": ("ddtrace", "import ddtrace; ddtrace.patch({sdk}=True)"),
    "Braintrust": (
        "braintrust",
        "import braintrust; braintrust.auto_instrument("
        "**{{name: name == '{sdk}' for name in ('openai', 'anthropic')}})",
    ),
}


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.beside_others
@pytest.mark.parametrize("order", ["theirs, ours, calls", "ours, theirs, calls"])
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
@pytest.mark.parametrize("tool", REAL)
def test_the_real_tool_is_named(
    child_environment: dict[str, str], tmp_path: Path, tool: str, sdk: str, order: str
) -> None:
    module, theirs = (
        each.format(sdk=sdk, name={"openai": "OpenAI", "anthropic": "Anthropic"}[sdk])
        for each in REAL[tool]
    )
    if not _installed(module):
        pytest.skip(f"{module} is not installed")
    if tool == "Langfuse" and sdk == "anthropic":
        pytest.skip("Langfuse wraps OpenAI's SDK only")
    environment = {**child_environment, "DD_TRACE_ENABLED": "false", "DD_TRACE_STARTUP_LOGS": "0"}
    said = warnings_of(theirs, sdk, order, environment, tmp_path)
    assert [line.split(" records ")[0] for line in said] == [f"WARNING openlayer-otel: {tool}"]
