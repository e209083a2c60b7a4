"""``init()`` in a program of its own, where it sets the global tracer provider."""

from __future__ import annotations

import random
from modulefinder import ModuleFinder
from pathlib import Path

import openlayer_otel
from openlayer_otel.standin.openlayer_server import OpenlayerServer
from tests.support.child_process import run_python

CALL = """
import openai
openai.OpenAI(max_retries=0).chat.completions.create(
    model="gpt-x", messages=[{"role": "user", "content": "hi"}])
"""


def test_at_exit_everything_is_sent_without_a_flush(
    child_environment: dict[str, str], openlayer_server: OpenlayerServer, tmp_path: Path
) -> None:
    source = "from openlayer_otel import init\ninit()\n" + CALL
    done = run_python(source, environment=child_environment, directory=tmp_path).succeeded()
    assert done.errors == ""
    assert len(openlayer_server.traces) == 1


def test_a_program_that_seeds_its_random_numbers_has_new_ids_and_the_same_numbers(
    child_environment: dict[str, str], openlayer_server: OpenlayerServer, tmp_path: Path
) -> None:
    source = """
import os, random
from openlayer_otel import init, start_step
init()
for question in range(2):
    random.seed(42)
    with start_step("evaluation"):
        with start_step("answer"):
            random.seed(42)
        with start_step("judge"):
            random.seed(42)
child = not os.fork()
with start_step("in a child process" if child else "afterwards"):
    pass
if not child:
    print(random.random())
"""
    for _ in range(2):
        done = run_python(source, environment=child_environment, directory=tmp_path).succeeded()
        assert done.output.split() == [str(random.Random(42).random())]
    rows = [trace.row for trace in openlayer_server.traces]
    whole = [row for row in rows if row["steps"][0]["name"] == "evaluation"]
    assert len(rows) == len({row["inferenceId"] for row in rows}) == 8
    assert [len(row["steps"][0]["steps"]) for row in whole] == [2] * 4


def test_the_sdk_may_be_imported_first(
    child_environment: dict[str, str], openlayer_server: OpenlayerServer, tmp_path: Path
) -> None:
    source = "import openai\nclient = openai.OpenAI()\nfrom openlayer_otel import init\ninit()\n"
    source += CALL.replace("openai.OpenAI(max_retries=0)", "client")
    run_python(source, environment=child_environment, directory=tmp_path).succeeded()
    assert len(openlayer_server.traces) == 1


def test_a_global_provider_that_is_set_already_is_used(
    child_environment: dict[str, str], openlayer_server: OpenlayerServer, tmp_path: Path
) -> None:
    source = (
        "from opentelemetry import trace\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor\n"
        "mine = TracerProvider()\n"
        "console = ConsoleSpanExporter(formatter=lambda span: f'console: {span.name}\\n')\n"
        "mine.add_span_processor(SimpleSpanProcessor(console))\n"
        "trace.set_tracer_provider(mine)\n"
        "from openlayer_otel import init\n"
        "assert init() is mine\n"
        "assert trace.get_tracer_provider() is mine\n"
    ) + CALL
    done = run_python(source, environment=child_environment, directory=tmp_path).succeeded()
    assert done.output.strip() == "console: chat gpt-x"
    assert len(openlayer_server.traces) == 1


def test_a_global_provider_of_another_kind_stays_and_is_named(
    child_environment: dict[str, str], openlayer_server: OpenlayerServer, tmp_path: Path
) -> None:
    source = (
        "from opentelemetry import trace\n"
        "class Homemade(trace.NoOpTracerProvider):\n"
        "    pass\n"
        "trace.set_tracer_provider(Homemade())\n"
        "from openlayer_otel import init\n"
        "init()\n"
        "init()\n"
        "assert isinstance(trace.get_tracer_provider(), Homemade)\n"
    ) + CALL
    done = run_python(source, environment=child_environment, directory=tmp_path).succeeded()
    (warning,) = done.errors.strip().splitlines()
    assert "Homemade" in warning
    assert len(openlayer_server.traces) == 1


def test_a_global_provider_that_stands_for_the_sdks_is_used(
    child_environment: dict[str, str], openlayer_server: OpenlayerServer, tmp_path: Path
) -> None:
    """As Logfire's."""
    source = (
        "from opentelemetry import trace\n"
        "from opentelemetry.sdk.trace import TracerProvider\n"
        "class Standing(trace.TracerProvider):\n"
        "    def __init__(self): self.provider = TracerProvider()\n"
        "    def get_tracer(self, *args, **more): return self.provider.get_tracer(*args, **more)\n"
        "    def add_span_processor(self, each): self.provider.add_span_processor(each)\n"
        "trace.set_tracer_provider(Standing())\n"
        "from openlayer_otel import flush, init\n"
        "assert init() is trace.get_tracer_provider()\n"
        "with trace.get_tracer('mine').start_as_current_span('mine'):\n"
    ) + CALL.strip().replace("\n", "\n    ").replace("import openai", "    import openai")
    source += "\nassert flush()\n"
    done = run_python(source, environment=child_environment, directory=tmp_path).succeeded()
    assert done.errors == ""
    (uploaded,) = openlayer_server.traces
    assert uploaded.row["steps"][0]["model"] == "gpt-x"


def test_importing_the_package_imports_no_sdk_and_no_transport(
    child_environment: dict[str, str], tmp_path: Path
) -> None:
    source = (
        "import sys, openlayer_otel\n"
        "heavy = {'openai', 'anthropic', 'requests', 'urllib3', 'httpx', 'httpx2', 'grpc'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    done = run_python(source, environment=child_environment, directory=tmp_path).succeeded()
    assert done.output.strip() == "[]"


def test_a_process_without_a_home_is_traced(
    child_environment: dict[str, str], openlayer_server: OpenlayerServer, tmp_path: Path
) -> None:
    """As in a container that runs under a number nobody has entered."""
    left = ("HOME", "USERPROFILE", "OPENLAYER_OTEL_SPOOL_DIRECTORY")
    environment = {name: value for name, value in child_environment.items() if name not in left}
    source = (
        "import os, pwd\n"
        "os.environ.pop('HOME', None)\n"
        "def nobody(number): raise KeyError(number)\n"
        "pwd.getpwuid = nobody\n"
        "from openlayer_otel import init\n"
        "from openlayer_otel.settings import Settings\n"
        "print(Settings().spool_directory)\n"
        "init()\n"
    )
    environment["TMPDIR"] = str(tmp_path)
    done = run_python(source + CALL, environment=environment, directory=tmp_path).succeeded()
    assert done.errors == ""
    assert done.output.startswith(str(tmp_path / "openlayer-otel-spool-"))
    assert len(openlayer_server.traces) == 1


def test_tools_that_freeze_an_application_find_every_module(tmp_path: Path) -> None:
    """They look for import statements, as the standard library's finder does."""
    program = tmp_path / "app.py"
    program.write_text("from openlayer_otel import init\ninit()\n", encoding="utf-8")
    package = Path(openlayer_otel.__file__).parent
    finder = ModuleFinder([str(package.parent)])
    finder.run_script(str(program))
    # Ways in that an application names itself.
    elsewhere = ("cli", "standin", "distro.py", "lib.py", "openlayer_names.py", "replay.py")
    found = {module.__file__ for module in finder.modules.values()}
    missing = [
        path.relative_to(package)
        for path in package.rglob("*.py")
        if str(path) not in found and not set(elsewhere) & set(path.relative_to(package).parts)
    ]
    assert missing == []
