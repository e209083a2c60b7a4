"""One round of guardrail checks: each a step of its own, and the verdict of all.

The round is written once for synchronous and asynchronous callers, as a generator that yields
what each check returned and is sent the result: the caller awaits it if need be.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Collection, Generator, Iterable, Mapping
from typing import Any, NamedTuple

from opentelemetry.context import get_current

from openlayer_otel import semconv
from openlayer_otel.diagnostics import report_failure, warn_once
from openlayer_otel.tracing.guardrails import GuardrailBlockedException
from openlayer_otel.tracing.recording import STEP_KEY, Step
from openlayer_otel.tracing.steps import start_step
from openlayer_otel.tracing.turns import turn

_DEFAULT_MESSAGE = "Request blocked due to policy violation"
_BLOCK, _MODIFY = "block", "modify"
# Deeper than data is; what refers to itself ends there.
_DEEPEST = 50


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
        check = getattr(guardrail, f"check_{side}", None)
        if check is None or not _enabled(guardrail):
            continue
        name = str(getattr(guardrail, "name", type(guardrail).__name__))
        with start_step(f"{name} - {side.capitalize()}", semconv.STEP_TYPE_GUARDRAIL) as check_step:
            if isinstance(step, Step):
                check_step.content = step.content  # the function's redaction is for its checks, too
            if capture:
                check_step.set_inputs({"original_data": _captured(data, capture)})
            try:
                with turn(guardrail):
                    answer = check(data) if side == "input" else check(data, dict(inputs))
                result = yield answer
                action = _text(result.action)
            except Exception as error:  # noqa: BLE001 - the guardrail's; a guardrail that fails allows
                _failed(name, side, error, check_step, step)
                if capture:
                    check_step.set_output(_captured(data, capture))
                continue
            strategy = _text(getattr(result, "block_strategy", None)) or "raise_exception"
            after = _after(action, strategy, result, data)
            if capture or action == _BLOCK:
                check_step.set_output(after if action == _BLOCK else _captured(after, capture))
            _record(check_step, side, result, action, strategy)
            _report(step, name, side, result, action, strategy)
        if action == _BLOCK:
            if strategy not in ("return_empty", "return_error_message", "skip_function"):
                raise _blocked(guardrail, name, side, result)
            return Verdict(after, True, True)
        if action == _MODIFY:
            data, modified = after, True
    return Verdict(data, False, modified)


def _after(action: str, strategy: str, result: Any, data: Any) -> Any:
    if action == _MODIFY:
        changed = getattr(result, "modified_data", None)
        return data if changed is None else _spared(data, changed)
    if action != _BLOCK:
        return data
    if strategy == "return_error_message":
        return getattr(result, "error_message", None) or _DEFAULT_MESSAGE
    return None


def _spared(before: Any, after: Any, depth: int = 0) -> Any:
    """``after`` with what is unchanged but for being text now as it was ``before``.

    Guardrails that redact texts (those of ``openlayer-guardrails``) hand back the text of
    everything: of a number, of an object.
    """
    if depth > _DEEPEST or after is before:
        return after
    if isinstance(after, str):
        return before if not isinstance(before, str) and _text_of(before) == after else after
    if isinstance(after, dict) and isinstance(before, Mapping):
        return {
            name: _spared(before[name], value, depth + 1) if name in before else value
            for name, value in after.items()
        }
    kind = type(after)
    if kind in (list, tuple) and isinstance(before, kind) and len(after) == len(before):
        pairs = zip(before, after, strict=True)
        return kind(_spared(old, new, depth + 1) for old, new in pairs)
    return after


def _text_of(value: Any) -> str | None:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - an object's own text may raise anything
        return None


def _enabled(guardrail: Any) -> bool:
    is_enabled = getattr(guardrail, "is_enabled", None)
    return bool(is_enabled()) if callable(is_enabled) else bool(getattr(guardrail, "enabled", True))


def _text(value: Any) -> str:
    """The value of an enum (ours, or that of Openlayer's SDK) or the text itself."""
    value = getattr(value, "value", value)
    return "" if value is None else str(value).lower()


def _captured(data: Any, capture: bool | Collection[str]) -> Any:
    """What of ``data`` may be recorded, if anything may."""
    if capture is True or not isinstance(data, Mapping) or isinstance(capture, bool):
        return data
    return {name: value for name, value in data.items() if name in capture}


def _record(step: Step, side: str, result: Any, action: str, strategy: str) -> None:
    # What a guardrail found may quote what it was given.
    found = (getattr(result, "metadata", None) or {}) if step.keeps_content else {}
    step.log(
        action=action,
        reason=getattr(result, "reason", None),
        data_type=side,
        block_strategy=strategy if action == _BLOCK else None,
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


def _report(step: object, name: str, side: str, result: Any, action: str, strategy: str) -> None:
    """Tell the step of the function what was decided."""
    if not isinstance(step, Step):
        return
    details: dict[str, Any] = {
        "action": action,
        "reason": getattr(result, "reason", None) if step.keeps_content else None,
        "metadata": (getattr(result, "metadata", None) or {}) if step.keeps_content else {},
    }
    if action == _BLOCK:
        details["block_strategy"] = strategy
        details["error_message"] = (
            getattr(result, "error_message", None) if step.keeps_content else None
        )
    _merge_report(step, f"{side}_{_key(name)}", details, name)


def _merge_report(step: Step, key: str, details: dict[str, Any], name: str) -> None:
    known = step.guardrails
    if known is None:
        known = step.guardrails = {}
    known[key] = details
    actions = [each["action"] for each in known.values()]
    step.add_metadata(
        {
            "guardrails": known,
            "has_guardrails": True,
            "guardrail_actions": actions,
            "guardrail_names": [each.partition("_")[2] for each in known],
            "guardrail_blocked": _BLOCK in actions,
            "guardrail_modified": _MODIFY in actions,
            "guardrail_allowed": _BLOCK not in actions,
        }
    )


def _key(name: str) -> str:
    return name.lower().replace(" ", "_")


def _blocked(guardrail: Any, name: str, side: str, result: Any) -> Exception:
    reason = getattr(result, "reason", None) or f"{side.capitalize()} blocked by guardrail"
    return _exception_class(guardrail)(name, reason, getattr(result, "metadata", None))


def _exception_class(guardrail: Any) -> type[GuardrailBlockedException]:
    """Our exception; for a guardrail of Openlayer's SDK one that is the SDK's as well."""
    for base in type(guardrail).__mro__:
        if base.__name__ == "BaseGuardrail":
            theirs = getattr(sys.modules.get(base.__module__), "GuardrailBlockedException", None)
            if (
                isinstance(theirs, type)
                and issubclass(theirs, Exception)
                and theirs is not GuardrailBlockedException
            ):
                return type("GuardrailBlockedException", (GuardrailBlockedException, theirs), {})
    return GuardrailBlockedException


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
