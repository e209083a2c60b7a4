"""Several threads, or a process and its child, that switch tracing on at the same time."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent

import pytest
from opentelemetry.sdk.trace import TracerProvider

from openlayer_otel import OpenlayerInstrumentor
from openlayer_otel.standin.openlayer_server import OpenlayerServer
from tests.support.child_process import run_python
from tests.support.span_log import SpanLog


def _at_once(action: Callable[[], object], threads: int) -> None:
    ready = threading.Barrier(threads)

    def run(_: int) -> None:
        ready.wait(10)
        action()

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, range(threads)))


def test_threads_that_instrument_at_once_put_one_layer_of_hooks_in(
    tracer_provider: TracerProvider, spans: SpanLog, call_model: Callable[..., None]
) -> None:
    instrumentor = OpenlayerInstrumentor()
    _at_once(lambda: instrumentor.instrument(tracer_provider=tracer_provider), 4)
    call_model()
    assert spans.only().name == "chat gpt-x"
    spans.clear()
    instrumentor.uninstrument()
    call_model()
    assert spans.ended == []


def test_the_first_steps_of_several_threads_all_arrive(
    child_environment: dict[str, str], openlayer_server: OpenlayerServer, tmp_path: Path
) -> None:
    run_python(
        dedent(
            """
        import threading
        from concurrent.futures import ThreadPoolExecutor
        from openlayer_otel import lib

        ready = threading.Barrier(8)

        @lib.trace()
        def answer(number):
            return number

        def run(number):
            ready.wait(10)
            return answer(number)

        with ThreadPoolExecutor(8) as pool:
            print(sorted(pool.map(run, range(8))))
        """
        ),
        environment=child_environment,
        directory=tmp_path,
    ).succeeded()
    outputs = sorted(uploaded.row["output"] for uploaded in openlayer_server.traces)
    assert outputs == list("01234567") or outputs == list(range(8)), outputs


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_child_of_a_process_that_is_in_init_can_init_itself(
    child_environment: dict[str, str], tmp_path: Path
) -> None:
    done = run_python(
        dedent(
            """
        import os, threading, time
        import openlayer_otel
        from openlayer_otel import attachments, bootstrap, diagnostics, instrumentor, telemetry

        held, over = threading.Event(), threading.Event()

        def hold():
            with (
                bootstrap._lock, telemetry._lock, telemetry._starting, instrumentor._lock,
                diagnostics._lock, attachments.binaries._lock, attachments.raw_outputs._lock,
            ):
                held.set()
                over.wait(30)

        threading.Thread(target=hold, daemon=True).start()
        assert held.wait(10)
        child = os.fork()
        if child == 0:
            openlayer_otel.init()
            diagnostics.warn_once("child", "said in the child")
            attachments.raw_outputs.wanted = attachments.binaries.wanted = True
            attachments.raw_outputs.keep(1, b"{}")
            attachments.binaries.keep(b"data", "text/plain")
            os._exit(7)
        for _ in range(200):
            pid, status = os.waitpid(child, os.WNOHANG)
            if pid:
                break
            time.sleep(0.05)
        else:
            os.kill(child, 9)
            status = 0
        over.set()
        print(os.waitstatus_to_exitcode(status))
        """
        ),
        environment=child_environment,
        directory=tmp_path,
    ).succeeded()
    assert done.output.strip().splitlines()[-1] == "7"
