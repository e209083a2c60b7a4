"""Writes the results into ``docs/performance.md``, between its two markers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
_OURS = "openlayer-otel"


def _cell(line: dict[str, Any] | None, digits: int = 0) -> str:
    if line is None:
        return ""
    if "failed" in line:
        return "fails"
    ratio = line["ratio"]
    shown = f" ({ratio:.{2 if ratio < 2 else 1}f} ×)" if ratio else ""
    return f"{line['overhead']:,.{digits}f}{shown}"


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(header) + " |", "| --- |" + " ---: |" * (len(header) - 1)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows)]


def overheads(lines: list[dict[str, Any]]) -> list[str]:
    """The table of what a recorded call costs: a line for each case, a column for each contender.

    Args:
        lines: Results of ``measure`` or of ``instructions``.
    """
    sampled = [line for line in lines if line["mode"] == "sampled"]
    names = list(dict.fromkeys(line["contender"] for line in sampled))
    by = {(line["contender"], line["case"]): line for line in sampled}
    rows = []
    for case in dict.fromkeys(line["case"] for line in sampled):
        floor = by.get((_OURS, case), {}).get("floor")
        cells = [_cell(by.get((name, case))) for name in names]
        rows.append([case, f"{floor:,.0f}" if floor else "", *cells])
    return _table(["call", "floor", *names], rows)


def _unrecorded(lines: list[dict[str, Any]]) -> list[str]:
    by = {(line["mode"], line["case"]): line for line in lines if line["mode"] != "sampled"}
    cases = dict.fromkeys(
        line["case"] for line in lines if line["mode"] != "sampled" and not line["chunks"]
    )
    modes = ("unsampled", "none")
    rows = [[case, *(_cell(by.get((mode, case)), digits=1) for mode in modes)] for case in cases]
    return _table(["call", "not sampled", "no tracer provider"], rows)


def _calls(lines: list[dict[str, Any]]) -> list[str]:
    unrecorded = ("not sampled", "no tracer provider")
    rows = [
        [
            line["case"],
            f"{line['floor']:.1f}",
            f"{line[_OURS]:.1f} ({line['ratio']:.2f} ×)",
            *(f"{line[name]:.1f}" for name in unrecorded),
        ]
        for line in lines
    ]
    return _table(["call", "floor", _OURS, *unrecorded], rows)


def _chunks(lines: list[dict[str, Any]]) -> list[str]:
    names = ("floor", _OURS)
    rows = [[line["case"], *(f"{line[name]:,.0f}" for name in names)] for line in lines]
    return _table(["stream", *names], rows)


def tables(found: dict[str, Any]) -> str:
    """All tables as Markdown."""
    lines = [
        f"Python {found['python']}. Microseconds over the bare client for each call; a streamed "
        "answer has 500 chunks. In brackets: × the floor, measured in the same process.",
        "",
        *overheads(found["overheads"]),
        "",
        "Timed in place: around the SDK's own methods (`python -m benchmarks.calls`) and its own "
        "source of events (`python -m benchmarks.chunks`), so without what tracing makes of the "
        "caches for the SDK's work. A plain call, microseconds:",
        "",
        *_calls(found["calls"]),
        "",
        "A chunk of a stream, nanoseconds:",
        "",
        *_chunks(found["chunks"]),
        "",
        "Where nothing records, microseconds for each call as a whole:",
        "",
        *_unrecorded(found["overheads"]),
        "",
        *_rest(found),
    ]
    return "\n".join(lines)


def _rest(found: dict[str, Any]) -> list[str]:
    decorator, imports = found["decorator"], found["imports"]
    memory, export = found["memory"], found["export_speed"]
    rows = [
        [
            "`@trace` on a trivial function",
            f"{decorator['trace']:.0f} µs, {decorator['ratio']:.2f} × "
            "`start_as_current_span` with the same attributes",
        ],
        [
            "`import openlayer_otel`",
            f"{imports['import']['milliseconds']:.1f} ms, {imports['import']['modules']} modules "
            "beyond `opentelemetry.trace`; no SDK, no HTTP library",
        ],
        [
            "`instrument()`",
            f"{imports['instrument']['milliseconds']:.0f} ms, "
            f"{imports['instrument']['modules']} modules; no SDK",
        ],
        [
            "a stream of 100,000 chunks",
            f"holds {memory['times_text']:.2f} × its text; {memory['left']:,} bytes remain",
        ],
        ["each of 20,000 open streams", f"holds {memory['open_stream']:,} bytes"],
        [
            "export of 10,000 traces, spans per CPU second",
            f"{export['openlayer']['spans_per_core_second']:,.0f} to Openlayer; "
            f"{export['otlp']['spans_per_core_second']:,.0f} over OTLP/HTTP "
            f"(making the spans alone: {export['no export']['spans_per_core_second']:,.0f}); "
            f"{export['ratio']:.2f} × the OTLP exporter, in the median round",
        ],
    ]
    return ["| what | measured |", "| --- | --- |", *(f"| {a} | {b} |" for a, b in rows)]


def write(found: dict[str, Any], page: Path) -> None:
    """Put the tables between the page's markers."""
    text = page.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    page.write_text(f"{head}{BEGIN}\n{tables(found)}\n{END}{tail}", encoding="utf-8")
    print(f"written to {page.name}")
