"""``@trace``: each call of a function becomes a step.

The kinds of callable differ only in when the call is over: see
:mod:`~openlayer_otel.tracing.returned`. The step is a child of whatever is current where the
function is *called*, and is current for the function's own code, never for the caller's.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar, overload

from openlayer_otel import semconv
from openlayer_otel.genai.current import attach, take_back
from openlayer_otel.settings import Redact
from openlayer_otel.tracing.callables import (
    CallableInBlock,
    TracedCallable,
    name_of,
    signed,
    traced,
    underlying,
)
from openlayer_otel.tracing.guarding import Guarded
from openlayer_otel.tracing.parameters import Parameters
from openlayer_otel.tracing.plan import Plan, Wishes
from openlayer_otel.tracing.recording import Step
from openlayer_otel.tracing.returned import settled

Traceable = TypeVar("Traceable", bound=Callable[..., Any])

# Methods that Python itself makes class methods, if they are plain functions.
_CLASS_METHODS = frozenset({"__init_subclass__", "__class_getitem__"})
_ARGUMENTS = frozenset(each.name for each in dataclasses.fields(Wishes))
# Openlayer's SDK takes these, too, and puts the call's own in their place.
_WITHOUT_MEANING = frozenset({"inputs", "output"})


@overload
def trace(function: Traceable, /) -> Traceable: ...


@overload
def trace(
    function: None = None,
    /,
    *,
    name: str | None = None,
    step_type: object = semconv.STEP_TYPE_USER_CALL,
    inference_pipeline_id: str | None = None,
    promote: Sequence[str] | Mapping[str, str] | None = None,
    guardrails: Sequence[Any] | None = None,
    context_kwarg: str | None = None,
    question_kwarg: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    tags: Sequence[str] | None = None,
    capture_input: bool | Collection[str] = True,
    capture_output: bool = True,
    redact: Redact | None = None,
    on_error: Callable[[BaseException, Step], object] | None = None,
    on_flush_failure: Callable[..., object] | None = None,
) -> Callable[[Traceable], Traceable]: ...


def trace(
    function: Any = None,
    /,
    *,
    on_flush_failure: Callable[..., object] | None = None,
    **wishes: Any,
) -> Any:
    """Record each call of a function as a step: ``@trace`` or ``@trace(name=…, …)``.

    For functions, coroutine functions, generators, async generators, methods, class and static
    methods (in either order), callable objects, ``functools.partial``, and classes (all public
    methods that the class itself defines, and ``__call__``).

    Args:
        function: What is decorated; given by Python for the bare ``@trace``.
        name: The step's name; the function's by default.
        step_type: ``user_call``, ``agent``, ``tool``, ``retriever``, ``chat_completion``,
            ``embedding``, ``handoff``, ``guardrail`` or ``workflow``, or a :class:`StepType`.
        inference_pipeline_id: The pipeline at Openlayer that gets the trace.
        promote: Inputs, or fields of the output, that become columns of the trace's row: their
            names, or a mapping of name to column.
        guardrails: Checked on the inputs before and on the output after the call; see
            :mod:`openlayer_otel.tracing.guardrails`.
        context_kwarg: The parameter that holds the retrieved context.
        question_kwarg: The parameter that holds the user's question.
        metadata: Metadata of the step.
        tags: Tags of the trace.
        capture_input: Whether inputs are recorded, or the names of the parameters that are.
        capture_output: Whether the output is recorded.
        redact: Called with each text of this step after the general ``redact=``.
        on_error: Called with the exception and the step before the exception goes on. Its
            result is ignored, and what it raises is reported once.
        on_flush_failure: Accepted for users of Openlayer's SDK and not called: traces are
            delivered by the exporter, which retries, spools and warns.

    Returns:
        The function, which inspects, binds, pickles and behaves as before; a class itself.

    Raises:
        TypeError: What is decorated cannot be called, or an argument is unknown.
    """
    for name in wishes.keys() - _ARGUMENTS - _WITHOUT_MEANING:
        raise TypeError(f"trace() got an unexpected keyword argument {name!r}")
    asked = Wishes(**{name: wishes[name] for name in wishes.keys() - _WITHOUT_MEANING})
    if function is None:
        return lambda decorated: _traced(decorated, asked)
    return _traced(function, asked)


def _traced(decorated: Any, wishes: Wishes) -> Any:
    if isinstance(decorated, type):
        return _trace_class(decorated, wishes)
    if not callable(decorated) and not isinstance(decorated, (classmethod, staticmethod)):
        raise TypeError(f"@trace is for callables, not for {type(decorated).__qualname__}")
    if type(decorated) is types.FunctionType and decorated.__name__ in _CLASS_METHODS:
        decorated = classmethod(decorated)
    return traced(decorated, _wrapper(decorated, wishes, wishes.name or name_of(decorated)))


def _trace_class(owner: type, wishes: Wishes) -> type:
    """Trace the public methods that ``owner`` itself defines, as ``Owner.method``."""
    prefix = wishes.name or owner.__name__
    for attribute, member in list(vars(owner).items()):
        if attribute.startswith("_") and attribute != "__call__":
            continue
        if _is_traced(member):
            continue
        if isinstance(member, (types.FunctionType, classmethod, staticmethod)):
            name = prefix if attribute == "__call__" else f"{prefix}.{attribute}"
            setattr(owner, attribute, TracedCallable(member, _wrapper(member, wishes, name)))
    return owner


def _is_traced(member: Any) -> bool:
    """Whether a member of a class is traced by itself, whatever stands around that."""
    while True:
        kind = type(member)
        if issubclass(kind, CallableInBlock):
            member = member.__wrapped__
        elif issubclass(kind, (classmethod, staticmethod)):
            member = member.__func__
        else:
            return issubclass(kind, TracedCallable)


def _wrapper(decorated: Any, wishes: Wishes, name: str) -> Callable[..., Any]:
    """What is called instead of ``decorated``."""
    bottom, partial_args, partial_kwargs = underlying(decorated)
    plan = Plan(wishes, name, Parameters(signed(decorated)))
    guarded = None
    if wishes.guardrails:
        captures = (wishes.capture_input, wishes.capture_output)
        guarded = Guarded(wishes.guardrails, plan.parameters, *captures)
    # What is a descriptor gets its first argument from being bound; other objects have done so.
    binds = hasattr(bottom.__class__, "__get__") and not (
        inspect.ismethod(bottom) or isinstance(bottom, type) or isinstance(decorated, staticmethod)
    )

    def call(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        # Bound, or an unbound method given its instance, which wrapt has taken from ``args``.
        bound = binds and wrapped is not decorated
        given, named = args, kwargs
        if partial_args or partial_kwargs:
            given, named = (*partial_args, *args), {**partial_kwargs, **kwargs}
        step = plan.begin(given, named, bound)
        if step is None:
            if guarded is not None:
                return guarded.call(wrapped, args, kwargs, bound)
            return wrapped(*args, **kwargs)
        token = attach(step.context)
        try:
            if guarded is not None:
                result = guarded.call(wrapped, args, kwargs, bound)
            else:
                result = wrapped(*args, **kwargs)
        except BaseException as error:
            take_back(token)
            plan.failed(step, error)
            raise
        take_back(token)
        return settled(plan, step, result)

    return call
