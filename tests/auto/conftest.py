"""``opentelemetry-instrument python app.py``, with and without ``opentelemetry-distro``."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.child_process import Finished, run

# The command is one function call; an environment that only sees it has no script for it.
_LAUNCH = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"

RunApplication = Callable[..., Finished]


@pytest.fixture
def application(tmp_path: Path) -> Path:
    """An application that knows nothing of tracing."""
    program = tmp_path / "app.py"
    program.write_text(
        "import openai, sys\n"
        "answer = openai.OpenAI(max_retries=0).chat.completions.create(\n"
        "    model='gpt-x', messages=[{'role': 'user', 'content': 'hi'}])\n"
        "print('the application said:', answer.choices[0].message.content)\n",
        encoding="utf-8",
    )
    return program


def _python_with_distro() -> str:
    place = Path(sys.prefix) / "with-distro"
    if not place.exists():
        reason = f"no environment with opentelemetry-distro in {place}: run `make test`"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return str(place / "bin" / "python")


@pytest.fixture(params=["no distro", "distro before ours", "distro after ours"])
def instrument_application(
    request: pytest.FixtureRequest, application: Path, child_environment: dict[str, str]
) -> RunApplication:
    """Runs the application under ``opentelemetry-instrument`` with more variables."""

    def start(environment: Mapping[str, str], *, without: tuple[str, ...] = ()) -> Finished:
        variables = {**child_environment, **environment}
        for name in without:
            variables.pop(name, None)
        python = sys.executable if request.param == "no distro" else _python_with_distro()
        if request.param == "distro after ours":
            variables["PYTHONPATH"] = sysconfig.get_path("purelib")
        command = (python, "-c", _LAUNCH, python, str(application))
        return run(*command, environment=variables, directory=application.parent)

    return start


@pytest.fixture
def instrument_application_alone(
    application: Path, child_environment: dict[str, str]
) -> RunApplication:
    """The same where no other distro is installed, so that ours is in charge."""

    def start(environment: Mapping[str, str], *, without: tuple[str, ...] = ()) -> Finished:
        variables = {**child_environment, **environment}
        for name in without:
            variables.pop(name, None)
        command = (sys.executable, "-c", _LAUNCH, sys.executable, str(application))
        return run(*command, environment=variables, directory=application.parent)

    return start
