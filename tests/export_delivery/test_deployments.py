"""Ways in which applications are run: what stands between them and the end of a process."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.export_delivery.applications import PATIENCE, PRELUDE, START, Applications
from tests.export_delivery.conftest import numbered
from tests.support.openlayer_server import FaultyServer


@pytest.mark.parametrize("provider_first", [True, False], ids=["provider first", "processor first"])
def test_a_request_that_is_under_way_at_the_end_is_waited_for(
    provider_first: bool, applications: Applications, server: FaultyServer
) -> None:
    """urllib3 closes, when the interpreter ends, the connections that it thinks are idle."""
    server.delay = 0.3
    start = "provider = TracerProvider()\n" * provider_first + START
    application = """
run(provider, "one")
while not processor.counts().sent: time.sleep(0.05)
time.sleep(0.2)  # the connection is open, and nobody uses it
run(provider, "two")
time.sleep(0.05)
"""
    _, errors, _ = applications.run(start, application)
    assert server.names() == Counter(["one", "two"])
    assert server.connections == 1
    assert errors == ""
    assert applications.waiting() == 0


def test_no_connection_is_left_open_at_the_end(
    applications: Applications, server: FaultyServer
) -> None:
    """The threads that send live on, and with them what they hold."""
    last = f"""
import atexit, gc, socket
@atexit.register
def look():
    sockets = [each for each in gc.get_objects() if isinstance(each, socket.socket)]
    to_openlayer = [
        each for each in sockets if each.fileno() >= 0 and each.getpeername()[1] == {server.port}
    ]
    print("open:", len(to_openlayer))
"""
    start = """
provider = TracerProvider(shutdown_on_exit=False)
provider.add_span_processor(OpenlayerSpanProcessor())
"""
    output, errors, _ = applications.run(last, start, "run(provider, *numbered(20))")
    assert server.names() == Counter(numbered(20))
    assert (output, errors) == ("open: 0\n", "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends no process by a signal")
@pytest.mark.parametrize(
    ("interrupt", "status"),
    [
        ("os.kill(os.getpid(), signal.SIGINT)", -signal.SIGINT),
        ("code.InteractiveInterpreter().runsource('raise KeyboardInterrupt')", 0),
    ],
    ids=["the program", "what a tool runs"],
)
def test_a_program_interrupted_in_its_first_trace_ends_by_that_signal(
    applications: Applications, server: FaultyServer, interrupt: str, status: int
) -> None:
    """A shell goes by it: a loop of its own ends with the program. A module that is imported
    meanwhile can make Python forget why it ends."""
    application = f"""
import code, signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started this
tracer = provider.get_tracer("test")
with tracer.start_as_current_span("interrupted", attributes={{"openlayer.step.type": "agent"}}):
    {interrupt}
"""
    process = applications.start(START, application)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == status, errors
    assert server.names() == Counter(["interrupted"])


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize("begun", ["with the program", "in the target"])
def test_processes_that_are_no_copies_of_their_parent_need_no_flush(
    method: str, begun: str, applications: Applications, server: FaultyServer, tmp_path: Path
) -> None:
    server.delay = 0.2
    in_target = begun == "in the target"
    program = f"""{PRELUDE}
import multiprocessing
{"" if in_target else START}
def work(number):
    global provider
    {"processor = OpenlayerSpanProcessor()" if in_target else "pass"}
    {"provider = TracerProvider()" if in_target else "pass"}
    {"provider.add_span_processor(processor)" if in_target else "pass"}
    run(provider, f"worker-{{number}}")
if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    processes = [context.Process(target=work, args=(number,)) for number in range(2)]
    for each in processes: each.start()
    for each in processes: each.join()
    assert [each.exitcode for each in processes] == [0, 0]
"""
    path = tmp_path / "program.py"
    path.write_text(program)
    applications.run(f"import runpy; sys.argv = [{str(path)!r}]", f"exec({_AS_MAIN!r})")
    assert server.names() == Counter(["worker-0", "worker-1"])


# What Celery does as it ends a child of its prefork pool.
CELERY = """
import types
class Signal:
    def __init__(self): self.receivers = []
    def connect(self, receiver, weak=True):
        assert not weak
        if receiver not in self.receivers: self.receivers.append(receiver)
    def send(self, **named):
        for receiver in self.receivers: receiver(signal=self, **named)
def start_celery():
    sys.modules["celery.signals"] = types.ModuleType("celery.signals")
    sys.modules["celery.signals"].worker_process_shutdown = Signal()
def end_child():
    ends = sys.modules["celery.signals"].worker_process_shutdown
    ends.send(sender=None, pid=os.getpid(), exitcode=0)
    os._exit(0)
"""
BEGUN = {
    "before Celery": [START, "start_celery()", "pid = os.fork()"],
    "after Celery": ["start_celery()", START, "pid = os.fork()"],
    "in the child": ["start_celery()", "pid = os.fork()", START],
}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
@pytest.mark.parametrize("begun", BEGUN.values(), ids=BEGUN)
@pytest.mark.parametrize("status", [200, 503], ids=["sent", "kept"])
def test_a_child_of_celerys_pool_needs_no_flush(
    begun: list[str], status: int, applications: Applications, server: FaultyServer
) -> None:
    """It ends after so many tasks, or at shutdown, with ``os._exit()``."""
    server.delay = 0.2
    server.mode = "ok" if status == 200 else status
    application = """
if pid == 0:
    run(provider, "one task", "another")
    end_child()
os.waitpid(pid, 0)
"""
    applications.run(CELERY, *begun, application)
    assert server.names() == Counter(["one task", "another"] if status == 200 else [])
    assert applications.waiting() == (0 if status == 200 else 2)


def test_an_application_that_changes_warning_filters_sees_no_warning_of_urllib3(
    applications: Applications, server: FaultyServer
) -> None:
    """``requests`` filters it while it is imported, which another thread may undo meanwhile."""
    another_thread = """
import warnings
class Filters:
    def find_spec(self, name, *rest):
        if name == "urllib3.contrib.socks":
            warnings.resetwarnings()
            warnings.simplefilter("error")
sys.meta_path.insert(0, Filters())
"""
    _, errors, _ = applications.run(another_thread, START, 'run(provider, "one")')
    assert server.names() == Counter(["one"])
    assert errors == ""


# Children import the program by its path: it has to be the main module.
_AS_MAIN = "import subprocess; sys.exit(subprocess.call([sys.executable, sys.argv[0]]))"


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="gevent patches later there")
def test_greenlets_can_take_over_after_the_start(
    applications: Applications, server: FaultyServer
) -> None:
    """As gunicorn's gevent workers do with an application that is loaded before the fork."""
    pytest.importorskip("gevent")
    application = """
child = os.fork()
if child:
    assert os.waitpid(child, 0)[1] == 0
else:
    from gevent import monkey
    monkey.patch_all()
    import gevent
    gevent.joinall([gevent.spawn(run, provider, name) for name in numbered(20)], timeout=60)
    assert provider.force_flush(60_000)
    sys.exit(0)
"""
    server.next_modes = [503]  # a pause before the next attempt must stop no greenlet either
    applications.run("import ssl", START, application)
    assert server.names() == Counter(numbered(20))
