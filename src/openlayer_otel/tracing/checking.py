"""One round of guardrail checks: each a step of its own, and the verdict of all.

The round is written once for synchronous and asynchronous callers, as a generator that yields
what each check returned and is sent the result: the caller awaits it if need be.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Collection, Generator, Iterable, Mapping
from typing import Any, NamedTuple

from opentelemetry.context import get_current

from openlayer_otel import semconv
from openlayer_otel.diagnostics import report_failure, warn_once
from openlayer_otel.tracing.guard_decisions import BLOCK, MODIFY, Decision, blocked, read_decision
from openlayer_otel.tracing.recording import STEP_KEY, Step
from openlayer_otel.tracing.steps import start_step
from openlayer_otel.tracing.turns import turn


class Verdict(NamedTuple):
    """What all guardrails together say.

    Attributes:
        data: The inputs or the output to go on with; what the caller gets, if blocked.
        blocked: Whether to stop here.
        modified: Whether ``data`` is not what was given.
    """

    data: Any
    blocked: bool
    modified: bool


Round = Generator[Any, Any, Verdict]


def run(checks: Round) -> Verdict:
    """Run a round of checks."""
    try:
        pending = next(checks)
        while True:
            if inspect.isawaitable(pending):
                close = getattr(pending, "close", None)
                if close is not None:
                    close()
                error = TypeError("this guardrail is asynchronous, the traced function is not")
                pending = checks.throw(error)
            else:
                pending = checks.send(pending)
    except StopIteration as stop:
        verdict: Verdict = stop.value
        return verdict


async def run_async(checks: Round) -> Verdict:
    """Run a round of checks, some of which may be coroutines."""
    try:
        pending = next(checks)
        while True:
            try:
                result = await pending if inspect.isawaitable(pending) else pending
            except Exception as error:  # noqa: BLE001 - handed to the round, which decides
                pending = checks.throw(error)
            else:
                pending = checks.send(result)
    except StopIteration as stop:
        verdict: Verdict = stop.value
        return verdict


def round_of_checks(
    guardrails: Iterable[Any],
    side: str,
    data: Any,
    inputs: Mapping[str, Any],
    capture: bool | Collection[str] = True,
) -> Round:
    """Ask each guardrail in turn, until one blocks.

    Args:
        guardrails: The guardrails.
        side: ``input`` or ``output``.
        data: What is checked: the inputs by name, or the output.
        inputs: The inputs, which output checks are given, too.
        capture: Whether ``data`` is recorded, or the names of the inputs that are.

    Raises:
        GuardrailBlockedException: One blocks by raising.
    """
    step = get_current().get(STEP_KEY)
    modified = False
    for guardrail in guardrails:
        check = _check_of(guardrail, side)
        if check is None:
            continue
        name = _name_of(guardrail)
        with start_step(f"{name} - {side.capitalize()}", semconv.STEP_TYPE_GUARDRAIL) as check_step:
            if isinstance(step, Step):
                check_step.content = step.content  # the function's redaction is for its checks, too
            if capture:
                check_step.set_inputs({"original_data": _captured(data, capture)})
            try:
                with turn(guardrail):
                    answer = check(data) if side == "input" else check(data, dict(inputs))
                decision = read_decision(name, (yield answer), data)
            except Exception as error:  # noqa: BLE001 - the guardrail's; a guardrail that fails allows
                _failed(name, side, error, check_step, step)
                if capture:
                    check_step.set_output(_captured(data, capture))
                continue
            after, blocks = decision.after, decision.action == BLOCK
            if capture or blocks:
                check_step.set_output(after if blocks else _captured(after, capture))
            _record(check_step, side, decision)
            _report(step, side, decision)
        if blocks:
            if decision.strategy not in ("return_empty", "return_error_message", "skip_function"):
                raise blocked(guardrail, side, decision)
            return Verdict(after, True, True)
        if decision.action == MODIFY:
            data, modified = after, True
    return Verdict(data, False, modified)


def _check_of(guardrail: Any, side: str) -> Any:
    """The guardrail's check of this side; None if it has none, or is disabled."""
    check = getattr(guardrail, f"check_{side}", None)
    if check is None:
        return None
    try:
        return check if _enabled(guardrail) else None
    except Exception as error:  # noqa: BLE001 - as if its check had raised: reported, and allows
        return functools.partial(_raise, error)


def _raise(error: Exception, *asked: Any) -> None:
    raise error


def _name_of(guardrail: Any) -> str:
    try:
        return str(getattr(guardrail, "name", type(guardrail).__name__))
    except Exception:  # noqa: BLE001 - a guardrail's own property may raise anything
        return type(guardrail).__name__


def _enabled(guardrail: Any) -> bool:
    is_enabled = getattr(guardrail, "is_enabled", None)
    return bool(is_enabled()) if callable(is_enabled) else bool(getattr(guardrail, "enabled", True))


def _captured(data: Any, capture: bool | Collection[str]) -> Any:
    """What of ``data`` may be recorded, if anything may."""
    if capture is True or not isinstance(data, Mapping) or isinstance(capture, bool):
        return data
    return {name: value for name, value in data.items() if name in capture}


def _record(step: Step, side: str, decision: Decision) -> None:
    # What a guardrail found may quote what it was given.
    found = decision.metadata if step.keeps_content else {}
    step.log(
        action=decision.action,
        reason=decision.reason,
        data_type=side,
        block_strategy=decision.strategy if decision.action == BLOCK else None,
        metadata=found,
        **{
            name: found[name]
            for name in ("blocked_entities", "detected_entities", "redacted_entities")
            if name in found
        },
        confidence_threshold=found.get("confidence_threshold"),
    )


def _failed(name: str, side: str, error: Exception, check_step: Step, step: object) -> None:
    report_failure(f"guardrail {name!r}", error)
    kind = type(error).__name__
    check_step.log(data_type=side, metadata={"error_type": kind})
    if isinstance(step, Step):
        details = {"action": "error", "reason": None, "metadata": {"error_type": kind}}
        _merge_report(step, f"{side}_{_key(name)}", details, name)


def _report(step: object, side: str, decision: Decision) -> None:
    """Tell the step of the function what was decided."""
    if not isinstance(step, Step):
        return
    details: dict[str, Any] = {
        "action": decision.action,
        "reason": decision.reason if step.keeps_content else None,
        "metadata": decision.metadata if step.keeps_content else {},
    }
    if decision.action == BLOCK:
        details["block_strategy"] = decision.strategy
        details["error_message"] = decision.error_message if step.keeps_content else None
    _merge_report(step, f"{side}_{_key(decision.name)}", details, decision.name)


def _merge_report(step: Step, key: str, details: dict[str, Any], name: str) -> None:
    known = step.guardrails
    if known is None:
        known = step.guardrails = {}
    before = known.get(key, details)["action"]
    if before not in (BLOCK, MODIFY) or details["action"] in (BLOCK, MODIFY):
        known[key] = details  # a generator's items and what it returned are two outputs
    actions = [each["action"] for each in known.values()]
    step.add_metadata(
        {
            "guardrails": known,
            "has_guardrails": True,
            "guardrail_actions": actions,
            "guardrail_names": [each.partition("_")[2] for each in known],
            "guardrail_blocked": BLOCK in actions,
            "guardrail_modified": MODIFY in actions,
            "guardrail_allowed": BLOCK not in actions,
        }
    )


def _key(name: str) -> str:
    return name.lower().replace(" ", "_")


def valid(guardrails: Iterable[Any]) -> tuple[Any, ...]:
    """The objects among ``guardrails`` that check something; the others are warned about."""
    found = []
    for each in guardrails:
        if hasattr(each, "check_input") or hasattr(each, "check_output"):
            found.append(each)
        else:
            warn_once(
                f"guardrail:{type(each).__qualname__}",
                "openlayer-otel: %r in guardrails= has neither check_input() nor check_output(); "
                "it is ignored.",
                type(each).__qualname__,
            )
    return tuple(found)
