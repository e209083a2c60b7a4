"""Writes the results into ``docs/performance.md``, between its two markers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
_OURS = "openlayer-otel"


def _cell(line: dict[str, Any] | None, in_chunks: bool = False) -> str:
    if line is None:
        return ""
    if "failed" in line:
        return "fails"
    if in_chunks:
        return f"{line['overhead'] / line['chunks']:.2f}"
    ratio = f" ({line['ratio']:.1f} ×)" if line["ratio"] is not None else ""
    return f"{line['overhead']:,.0f}{ratio}"


def _table(header: list[str], rows: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(header) + " |", "| --- |" + " ---: |" * (len(header) - 1)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows)]


def tables(found: dict[str, Any]) -> str:
    """All tables as Markdown."""
    sampled = [line for line in found["overheads"] if line["mode"] == "sampled"]
    names = list(dict.fromkeys(line["contender"] for line in sampled))
    cases = list(dict.fromkeys(line["case"] for line in sampled))
    by = {(line["contender"], line["case"]): line for line in sampled}
    floors = {line["case"]: line.get("floor") for line in sampled if line["contender"] == _OURS}
    overhead = [
        [
            case,
            f"{floors[case]:,.0f}" if floors.get(case) else "",
            *(_cell(by.get((name, case))) for name in names),
        ]
        for case in cases
    ]
    unrecorded = {
        (line["mode"], line["case"]): line
        for line in found["overheads"]
        if line["mode"] != "sampled" and "failed" not in line
    }
    off = [
        [
            case,
            *(
                f"{unrecorded[mode, case]['overhead']:.1f}" if (mode, case) in unrecorded else ""
                for mode in ("unsampled", "none")
            ),
        ]
        for case in cases
        if not by[_OURS, case]["chunks"]
    ]
    streams = [case for case in cases if by[_OURS, case]["chunks"]]
    per_chunk = [
        [case, *(_cell(by.get((name, case)), in_chunks=True) for name in names)] for case in streams
    ]
    lines = [
        f"Python {found['python']}. Microseconds of CPU time over the bare client for each call "
        "(× the floor):",
        "",
        *_table(["call", "floor", *names], overhead),
        "",
        "The same for each chunk of a stream of 500:",
        "",
        *_table(["stream", *names], per_chunk),
        "",
        "Where nothing records, microseconds for each call:",
        "",
        *_table(["call", "not sampled", "no tracer provider"], off),
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
            f"(making the spans alone: {export['no export']['spans_per_core_second']:,.0f})",
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
