"""Processes that end, are killed, fork or lose their disk: what became of every trace."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter

import pytest

from tests.export_delivery.applications import PATIENCE, START, Applications
from tests.export_delivery.conftest import numbered
from tests.support.openlayer_server import HANG, FaultyServer, free_port, wait_until


def test_a_program_that_just_ends_has_sent_its_traces(
    applications: Applications, server: FaultyServer
) -> None:
    _, errors, _ = applications.run(START, "run(provider, *numbered(50))")
    assert server.names() == Counter(numbered(50))
    assert errors == ""


def test_a_program_that_exports_by_name_has_sent_its_traces_when_it_ends(
    applications: Applications, server: FaultyServer
) -> None:
    application = """
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from openlayer_otel import OpenlayerSpanExporter
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OpenlayerSpanExporter()))
run(provider, *numbered(50))
"""
    _, errors, _ = applications.run(application)
    assert server.names() == Counter(numbered(50))
    assert errors == ""


def test_a_provider_that_is_never_shut_down_loses_nothing_at_exit(
    applications: Applications, server: FaultyServer
) -> None:
    applications.run(
        START.replace("TracerProvider()", "TracerProvider(shutdown_on_exit=False)"),
        "run(provider, *numbered(50))",
    )
    assert server.names() == Counter(numbered(50))


@pytest.mark.parametrize("mode", [HANG, 503])
def test_exit_is_quick_with_a_full_queue_and_the_next_process_sends_it(
    mode: str | int, applications: Applications, server: FaultyServer
) -> None:
    server.mode = mode
    _, _, seconds = applications.run(
        START, "run(provider, *numbered(500))", OPENLAYER_OTEL_EXIT_TIMEOUT="5"
    )
    assert seconds < 60, "a generous bound: exit_timeout is 5 seconds, HANG lasts for 60"
    assert applications.waiting() == 500
    server.mode = "ok"
    applications.run(START, "time.sleep(0.5)", "processor.force_flush()", _replay_until_empty())
    assert server.names() == Counter(numbered(500))
    assert applications.waiting() == 0


def _replay_until_empty() -> str:
    return """
from pathlib import Path
spool = Path(os.environ["OPENLAYER_OTEL_SPOOL_DIRECTORY"])
ends = time.monotonic() + 90
while list(spool.glob("*.trace")) and time.monotonic() < ends:
    time.sleep(0.05)
"""


def test_a_dead_address_delays_the_exit_hardly_at_all(applications: Applications) -> None:
    dead = f"http://127.0.0.1:{free_port()}/v1"
    applications.run(START, "run(provider, *numbered(20))", OPENLAYER_BASE_URL=dead)
    assert applications.waiting() == 20


def test_a_process_killed_between_spool_and_send_loses_nothing(
    applications: Applications, server: FaultyServer
) -> None:
    server.mode = 503
    process = applications.start(
        START, "run(provider, *numbered(30))", "time.sleep(60)", OPENLAYER_OTEL_MAX_RETRIES="0"
    )
    wait_until(lambda: applications.waiting() == 30)
    process.send_signal(signal.SIGKILL)
    process.wait()
    server.mode = "ok"
    applications.run(START, "run(provider, 'of the next process')", _replay_until_empty())
    assert server.names() == Counter([*numbered(30), "of the next process"])
    assert applications.waiting() == 0


def test_a_replayer_killed_while_it_sends_leaves_the_trace_to_the_next(
    applications: Applications, server: FaultyServer
) -> None:
    server.mode = 503
    applications.run(START, "run(provider, *numbered(3))")
    assert applications.waiting() == 3
    server.mode = HANG
    before = len(server.requests)
    process = applications.start(START, "time.sleep(60)")
    wait_until(lambda: len(server.requests) > before)
    process.send_signal(signal.SIGKILL)
    process.wait()
    server.mode = "ok"
    server.released.set()
    applications.run(START, _replay_until_empty())
    assert server.names() == Counter(numbered(3))


def test_several_processes_replay_one_spool_and_send_each_trace_once(
    applications: Applications, server: FaultyServer
) -> None:
    server.mode = 503
    applications.run(START, "run(provider, *numbered(200))")
    assert applications.waiting() == 200
    server.mode = "ok"
    processes = [applications.start(START, _replay_until_empty()) for _ in range(4)]
    for process in processes:
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, errors
    assert server.names() == Counter(numbered(200))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_workers_send_their_own_traces_and_the_parent_its_own(
    applications: Applications, server: FaultyServer
) -> None:
    """As with gunicorn --preload: the parent has used the processor before it forks."""
    application = """
run(provider, "before the fork")
children = []
for worker in range(3):
    child = os.fork()
    if child == 0:
        run(provider, *(f"worker-{worker}-{name}" for name in numbered(20)))
        os._exit(0 if processor.force_flush(60_000) else 1)
    children.append(child)
run(provider, "after the fork")
statuses = [os.waitpid(child, 0)[1] for child in children]
assert statuses == [0, 0, 0], statuses
"""
    applications.run(START, application)
    expected = [f"worker-{worker}-{name}" for worker in range(3) for name in numbered(20)]
    assert server.names() == Counter([*expected, "before the fork", "after the fork"])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_inside_a_trace_with_a_full_queue_sends_nothing_twice(
    applications: Applications, server: FaultyServer
) -> None:
    server.delay = 0.01
    application = """
tracer = provider.get_tracer("test")
run(provider, *numbered(100))
with tracer.start_as_current_span("around", attributes={"openlayer.step.type": "agent"}):
    child = os.fork()
    if child == 0:
        run(provider, "in the child")
if child == 0:
    provider.force_flush(60_000)
    os._exit(0)
os.waitpid(child, 0)
provider.force_flush(60_000)
"""
    applications.run(START, application)
    assert server.names() == Counter([*numbered(100), "around", "in the child"])


def test_multiprocessing_workers_send_their_traces(
    applications: Applications, server: FaultyServer
) -> None:
    application = """
import multiprocessing
def work(number):
    run(provider, f"worker-{number}")
    provider.force_flush(60_000)
run(provider, "parent")
context = multiprocessing.get_context("fork")
with context.Pool(3) as pool:
    pool.map(work, range(9))
"""
    applications.run(START, application)
    assert server.names() == Counter(["parent", *(f"worker-{n}" for n in range(9))])


def test_processes_of_multiprocessing_need_no_flush(
    applications: Applications, server: FaultyServer
) -> None:
    application = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
def work(number):
    run(provider, f"worker-{number}")
run(provider, "parent")
context = multiprocessing.get_context("fork")
processes = [context.Process(target=work, args=(number,)) for number in range(3)]
for each in processes: each.start()
for each in processes: each.join()
assert [each.exitcode for each in processes] == [0, 0, 0]
with ProcessPoolExecutor(2, mp_context=context) as pool:
    list(pool.map(work, range(3, 9)))
"""
    applications.run(START, application)
    assert server.names() == Counter(["parent", *(f"worker-{n}" for n in range(9))])


def test_a_full_disk_costs_no_trace_while_the_process_lives(
    applications: Applications, server: FaultyServer
) -> None:
    """Files cannot grow: the spool fails, memory holds the traces, and they arrive later."""
    server.mode = 503
    process = applications.start(
        "import resource",
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))",
        START,
        "run(provider, *numbered(20))",
        "ends = time.monotonic() + 90",
        "while processor.counts().sent < 20 and time.monotonic() < ends: time.sleep(0.02)",
        "print(processor.counts())",
        OPENLAYER_OTEL_MAX_RETRIES="0",
    )
    wait_until(lambda: len(server.requests) >= 1)
    time.sleep(0.3)
    server.mode = "ok"
    output, errors = process.communicate(timeout=PATIENCE)
    assert "sent=20" in output, errors
    assert "lost=0" in output
    assert "cannot write to the spool" in errors
    assert server.names() == Counter(numbered(20))
    assert not list(applications.spool.glob("*"))


def test_without_backend_and_disk_the_exit_says_how_many_were_lost(
    applications: Applications,
) -> None:
    dead = f"http://127.0.0.1:{free_port()}/v1"
    _, errors, _ = applications.run(
        START,
        "run(provider, *numbered(7))",
        OPENLAYER_BASE_URL=dead,
        OPENLAYER_OTEL_SPOOL="false",
    )
    assert "7 traces were lost" in errors


def test_a_clock_that_is_set_back_changes_nothing(
    applications: Applications, server: FaultyServer
) -> None:
    server.next_modes = [503] * 4
    application = """
real = time.time
run(provider, "before")
time.time = lambda: real() - 86_400
real_ns = time.time_ns
time.time_ns = lambda: real_ns() - 86_400_000_000_000
run(provider, "after")
assert provider.force_flush(60_000)
"""
    applications.run(START, application)
    assert server.names() == Counter(["before", "after"])


def test_a_process_that_was_frozen_goes_on(
    applications: Applications, server: FaultyServer
) -> None:
    """As in a serverless platform: stopped between two requests, connections cut meanwhile."""
    process = applications.start(
        START,
        "run(provider, 'first')",
        "provider.force_flush()",
        "print('ready', flush=True)",
        "time.sleep(1.0)",
        "run(provider, 'second')",
        "assert provider.force_flush(60_000)",
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGSTOP)
    time.sleep(1.5)
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=PATIENCE)
    assert server.names() == Counter(["first", "second"])


def test_a_dead_worker_is_started_again(applications: Applications, server: FaultyServer) -> None:
    application = """
run(provider, "first")
assert provider.force_flush(60_000)
delivery = processor._destination._delivery
dead = threading.Thread(target=lambda: None)
dead.start(); dead.join()
delivery._closed = True; delivery.wake(); delivery._thread.join()   # the worker ends
delivery._closed = False; delivery._thread = dead
run(provider, "second")
assert provider.force_flush(60_000)
"""
    applications.run(START, application)
    assert server.names() == Counter(["first", "second"])


def test_flush_works_where_no_thread_can_be_started(
    applications: Applications, server: FaultyServer
) -> None:
    application = """
def refuse(self):
    raise RuntimeError("can't start new thread")
threading.Thread.start = refuse
run(provider, *numbered(5))
assert provider.force_flush(60_000)
print(processor.counts().sent)
"""
    output, _, _ = applications.run(START, application)
    assert output.strip() == "5"
    assert server.names() == Counter(numbered(5))


def test_http_instrumentation_does_not_trace_the_uploads(
    applications: Applications, server: FaultyServer
) -> None:
    application = """
import urllib3
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
seen = []
send = urllib3.HTTPConnectionPool.urlopen
def watched(self, *arguments, **named):
    seen.append(is_instrumentation_enabled())
    return send(self, *arguments, **named)
urllib3.HTTPConnectionPool.urlopen = watched
run(provider, "one")
provider.force_flush()
assert seen == [False], seen
"""
    applications.run(START, application)
    assert server.names() == Counter(["one"])


def test_greenlets_that_patch_the_standard_library_can_export(
    applications: Applications, server: FaultyServer
) -> None:
    pytest.importorskip("gevent")
    application = """
import gevent
gevent.joinall([gevent.spawn(run, provider, name) for name in numbered(20)])
assert provider.force_flush(60_000)
"""
    patch = "from gevent import monkey; monkey.patch_all()\n"
    applications.run(START, application, first=patch)
    assert server.names() == Counter(numbered(20))
