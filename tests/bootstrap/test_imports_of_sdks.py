"""However and whenever an application imports an SDK, its calls are traced."""

from __future__ import annotations

import importlib
import logging
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from openlayer_otel.providers.imports import when_imported
from tests.support.child_process import run_python

pytestmark = pytest.mark.matrix

EACH_SDK = pytest.mark.parametrize("sdk", ["openai", "anthropic"])

_BEFORE = """
import contextlib, importlib, sys, threading, time, unittest.mock
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from openlayer_otel import OpenlayerInstrumentor

SDK = "{sdk}"
BASE = SDK + "._base_client"
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
instrumentor = OpenlayerInstrumentor()

def client(module):
    return getattr(module, "OpenAI" if SDK == "openai" else "Anthropic")(max_retries=0)

def spans(client):
    resource = client.chat.completions if SDK == "openai" else client.messages
    messages = [{{"role": "user", "content": "hi"}}]
    resource.create(model="m", max_tokens=9, messages=messages)
    found = len(exporter.get_finished_spans())
    exporter.clear()
    return found
"""


def _printed(source: str, sdk: str, environment: dict[str, str], directory: Path) -> list[str]:
    program = _BEFORE.format(sdk=sdk) + dedent(source)
    done = run_python(program, environment=environment, directory=directory).succeeded()
    assert done.errors == ""
    return done.output.split()


@EACH_SDK
def test_an_sdk_that_another_thread_is_importing_is_traced(
    sdk: str, child_environment: dict[str, str], tmp_path: Path
) -> None:
    source = """
    halfway, instrumented = threading.Event(), threading.Event()

    class Pause:
        # Within the import of the module that is hooked, before it has its classes.
        def find_spec(self, name, path=None, target=None):
            module = sys.modules.get(BASE)
            here = threading.current_thread() is thread
            if here and module is not None and not hasattr(module, "SyncAPIClient"):
                halfway.set()
                instrumented.wait(30)

    thread = threading.Thread(target=importlib.import_module, args=(SDK,))
    sys.meta_path.insert(0, Pause())
    thread.start()
    assert halfway.wait(30)
    instrumentor.instrument(tracer_provider=provider)
    instrumented.set()
    thread.join()
    for waiting in threading.enumerate():
        if waiting.name == "openlayer-otel-import":
            waiting.join(30)
    print(spans(client(sys.modules[SDK])))
    """
    assert _printed(source, sdk, child_environment, tmp_path) == ["1"]


@EACH_SDK
def test_an_sdk_that_is_imported_anew_is_traced_and_the_former_copy_too(
    sdk: str, child_environment: dict[str, str], tmp_path: Path
) -> None:
    source = """
    instrumentor.instrument(tracer_provider=provider)
    former = client(importlib.import_module(SDK))
    print(spans(former))
    with unittest.mock.patch.dict(sys.modules):
        for name in [name for name in sys.modules if name.split(".")[0] == SDK]:
            del sys.modules[name]
        anew = client(importlib.import_module(SDK))
        print(spans(anew))
    print(spans(former))
    instrumentor.uninstrument()
    print(spans(former), spans(anew))
    """
    assert _printed(source, sdk, child_environment, tmp_path) == ["1", "1", "1", "0", "0"]


def test_only_the_copy_of_an_sdk_that_is_in_use_gets_its_further_modules_hooked(
    child_environment: dict[str, str], tmp_path: Path
) -> None:
    source = """
    instrumentor.instrument(tracer_provider=provider)
    importlib.import_module(SDK)
    for name in [name for name in sys.modules if name.split(".")[0] == SDK]:
        del sys.modules[name]
    for name in ("realtime", "beta.realtime"):
        with contextlib.suppress(ImportError):
            module = importlib.import_module(f"{SDK}.resources.{name}.realtime")
            send = module.RealtimeConnection.send
            print(hasattr(send.__wrapped__, "__wrapped__"))
    """
    printed = _printed(source, "openai", child_environment, tmp_path)
    assert printed == ["False"] * len(printed)


@EACH_SDK
def test_an_sdk_in_whose_place_there_was_a_mock_is_traced(
    sdk: str, child_environment: dict[str, str], tmp_path: Path
) -> None:
    source = """
    mock = unittest.mock.MagicMock()
    with unittest.mock.patch.dict(sys.modules, {SDK: mock, BASE: mock}):
        instrumentor.instrument(tracer_provider=provider)
    print(spans(client(importlib.import_module(SDK))))
    """
    assert _printed(source, sdk, child_environment, tmp_path) == ["1"]


@EACH_SDK
@pytest.mark.parametrize(
    ("metadata", "traced", "said"),
    [
        (None, "1", ""),  # a bundle that was stripped of it
        ("Metadata-Version: 2.1\nVersion: 0.5.0\n", "0", "{sdk} 0.5.0 is not traced"),
        ("Metadata-Version: 2.1\nVersion: 2!99.0.dev1+local\n", "1", ""),
    ],
    ids=["none", "too old", "newer than any"],
)
def test_what_the_metadata_say_of_the_version(
    sdk: str,
    metadata: str | None,
    traced: str,
    said: str,
    child_environment: dict[str, str],
    tmp_path: Path,
) -> None:
    found_first = tmp_path / "site" / f"{sdk}-0.dist-info"
    found_first.mkdir(parents=True)
    if metadata is not None:
        (found_first / "METADATA").write_text(metadata, encoding="utf-8")
    source = """
    instrumentor.instrument(tracer_provider=provider)
    print(spans(client(importlib.import_module(SDK))))
    """
    environment = {**child_environment, "PYTHONPATH": str(tmp_path / "site")}
    program = _BEFORE.format(sdk=sdk) + dedent(source)
    done = run_python(program, environment=environment, directory=tmp_path).succeeded()
    assert done.output.split() == [traced]
    assert said.format(sdk=sdk) in done.errors
    assert len(done.errors.splitlines()) == bool(said)


def test_a_module_that_is_waited_for_loads_as_it_would_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="openlayer_otel")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("waited_for_module", "other_module"):
        (tmp_path / f"{name}.py").write_text("LOADER = __spec__.loader\n", encoding="utf-8")
    seen: list[str] = []

    def hook(module: object) -> None:
        seen.append(module.__name__)  # type: ignore[attr-defined]
        raise RuntimeError("a defect of ours")

    stop = when_imported("waited_for_module", hook)
    module, other = map(importlib.import_module, ("waited_for_module", "other_module"))
    assert seen == ["waited_for_module"]
    assert type(module.__loader__) is type(other.__loader__)
    assert type(module.__spec__.loader) is type(module.LOADER) is type(other.LOADER)
    stop()
    del sys.modules["waited_for_module"]
    importlib.import_module("waited_for_module")
    assert seen == ["waited_for_module"]
    (record,) = caplog.records
    assert "waited_for_module" in record.getMessage()
    for name in ("waited_for_module", "other_module"):
        del sys.modules[name]
