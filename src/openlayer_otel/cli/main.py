"""The command ``openlayer-otel``: a table of subcommands; each is imported when it is run."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from openlayer_otel.version import __version__

# As of a program that the signal has ended.
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: The arguments; those of the process by default.

    Returns:
        The exit status: 0 if all went well; 130 after Ctrl+C.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = _parser(with_demo="demo" in arguments).parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that cannot show a character shows a question mark.
        sys.stdout.reconfigure(errors="replace")
    try:
        status: int = options.run(options)
        if sys.stdout is not None:  # closed, as by ``>&-``
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has gone (``| head``). Python would say so once more as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    return status


def _parser(*, with_demo: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="openlayer-otel",
        description="OpenTelemetry-native tracing for applications that call LLMs.",
    )
    parser.add_argument("--version", action="version", version=f"openlayer-otel {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="trace a small agent, print and upload its traces")
    demo.set_defaults(run=_demo)
    if with_demo:
        from openlayer_otel.cli.demo import add_arguments

        add_arguments(demo)
    spool = commands.add_parser("spool", help="traces that could not be sent and wait on disk")
    _add_spool(spool.add_subparsers(required=True, metavar="ACTION"))
    return parser


def _add_spool(actions: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    from openlayer_otel.cli import spool

    for name, run, what in (
        ("status", spool.status, "say what waits"),
        ("replay", spool.replay, "send what waits, the oldest first"),
        ("clear", spool.clear, "remove what waits, unsent"),
    ):
        action = actions.add_parser(name, help=what)
        action.set_defaults(run=run)
        action.add_argument(
            "--directory", help="the spool; OPENLAYER_OTEL_SPOOL_DIRECTORY by default"
        )
        if name == "replay":
            action.add_argument(
                "--refused",
                action="store_true",
                help="also send again what Openlayer refused",
            )


def _demo(options: argparse.Namespace) -> int:
    from openlayer_otel.cli.demo import run

    return run(options)


if __name__ == "__main__":
    sys.exit(main())
