"""Hooks of ``beta.messages.tool_runner``, which make the runs of ``agent_runs.py``.

The SDK makes spans of its runners, too, from 1.14 on (see ``native_tracing.py``). They hold no
content unless the SDK is told so, and know nothing of our settings for it. So they are silenced,
unless tracing is left to the SDK: one runner has one agent span either way.
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from opentelemetry import context as otel_context

from openlayer_otel.diagnostics import report_failure
from openlayer_otel.genai.nesting import suppressed
from openlayer_otel.providers.anthropic.agent_runs import RUN_KEY, Run
from openlayer_otel.providers.anthropic.native_tracing import NativeTracing
from openlayer_otel.providers.anthropic.run_steps import AsyncRunSteps, RunSteps
from openlayer_otel.providers.anthropic.sdk import conversation_of
from openlayer_otel.providers.patching import Patches
from openlayer_otel.telemetry import Telemetry


class ToolRunnerHooks:
    """The hooks of the SDK's runners.

    Args:
        telemetry: Where the spans go.
        native: Says whether tracing is left to the SDK.
        patches: Gets what is wrapped.
    """

    def __init__(self, telemetry: Telemetry, native: NativeTracing, patches: Patches) -> None:
        self._telemetry = telemetry
        self._native = native
        self._patches = patches
        self._runs: WeakKeyDictionary[Any, Run] = WeakKeyDictionary()
        self._empty_tool_run: Any = None
        # Whether the SDK's spans of its runners, if it makes any, are known how to be left out.
        self._silences = False

    def install(self, module: Any) -> None:
        """Hook the module ``anthropic.lib.tools._beta_runner``."""
        wrap = self._patches.wrap
        for runner in _step_makers(module, "BaseSyncToolRunner", "Beta{}ToolRunner"):
            wrap(module, f"{runner}.__run__", self._run)
        for runner in _step_makers(module, "BaseAsyncToolRunner", "BetaAsync{}ToolRunner"):
            wrap(module, f"{runner}.__run__", self._run_async)
        wrap(module, "BaseSyncToolRunner._generate_tool_call_response", self._tools)
        wrap(module, "BaseAsyncToolRunner._generate_tool_call_response", self._tools_async)
        if hasattr(module.BaseSyncToolRunner, "_run_tool"):
            wrap(module, "BaseSyncToolRunner._run_tool", self._tool)
            wrap(module, "BaseAsyncToolRunner._run_tool", self._tool_async)
        else:
            # Runners before 1.x call the tool's function in the midst of a long method.
            wrap(module, "BetaFunctionTool.call", self._call)
            wrap(module, "BetaAsyncFunctionTool.call", self._call_async)
        if hasattr(module.BaseSyncToolRunner, "_run_toolset_member"):
            wrap(module, "BaseSyncToolRunner._run_toolset_member", self._tool)
            wrap(module, "BaseAsyncToolRunner._run_toolset_member", self._tool_async)
        self._silence_native(module)

    def _silence_native(self, module: Any) -> None:
        """Keep the SDK from tracing a run that is ours."""
        self._silences = (
            hasattr(module, "start_tool_runner_span")
            and hasattr(module, "ToolRun")
            and hasattr(module.BaseToolRunner, "_tool_use_span")
        )
        if self._silences:
            self._empty_tool_run = module.ToolRun
            self._patches.wrap(module, "start_tool_runner_span", self._native_run)
            self._patches.wrap(module, "BaseToolRunner._tool_use_span", self._native_tool)

    def _left_to_sdk(self, client: Any) -> bool:
        """Whether a client's runners have the SDK's spans and none of ours."""
        traced = getattr(client, "_tracer", None) is not None
        return traced and (self._native.left_to_sdk or not self._silences)

    def _native_run(self, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        client = args[0] if args else kwargs["client"]
        return wrapped(*args, **kwargs) if self._left_to_sdk(client) else None

    def _native_tool(self, wrapped: Any, runner: Any, args: Any, kwargs: Any) -> Any:
        if self._left_to_sdk(runner._client):
            return wrapped(*args, **kwargs)
        return nullcontext(self._empty_tool_run())

    # --- the run ---

    def _start(self, runner: Any) -> Run:
        """The run of ``runner``, which is about to make its first step."""
        run = Run(self._telemetry)
        try:
            here = otel_context.get_current()
            if not suppressed(here) and not self._left_to_sdk(runner._client):
                conversation = conversation_of(runner._client)
                run = Run.start(self._telemetry, runner._params, here, conversation)
        except Exception as error:  # noqa: BLE001 - boundary: the runner must run
            report_failure("the anthropic tool runner hook", error)
        self._runs[runner] = run
        return run

    def _run(self, wrapped: Any, runner: Any, args: Any, kwargs: Any) -> Any:
        return RunSteps(wrapped(*args, **kwargs), partial(self._start, runner))

    def _run_async(self, wrapped: Any, runner: Any, args: Any, kwargs: Any) -> Any:
        return AsyncRunSteps(wrapped(*args, **kwargs), partial(self._start, runner))

    # --- its tools ---

    def _tools(self, wrapped: Any, runner: Any, args: Any, kwargs: Any) -> Any:
        run = self._runs.get(runner)
        if run is None:
            return wrapped(*args, **kwargs)
        with run.current():
            return wrapped(*args, **kwargs)

    async def _tools_async(self, wrapped: Any, runner: Any, args: Any, kwargs: Any) -> Any:
        run = self._runs.get(runner)
        if run is None:
            return await wrapped(*args, **kwargs)
        with run.current():
            return await wrapped(*args, **kwargs)

    def _tool(self, wrapped: Any, runner: Any, args: Any, kwargs: Any) -> Any:
        run = self._runs.get(runner)
        if run is None:
            return wrapped(*args, **kwargs)
        with run.tool(_use(*args)) as result:
            result.block = wrapped(*args, **kwargs)
        return result.block

    async def _tool_async(self, wrapped: Any, runner: Any, args: Any, kwargs: Any) -> Any:
        run = self._runs.get(runner)
        if run is None:
            return await wrapped(*args, **kwargs)
        with run.tool(_use(*args)) as result:
            result.block = await wrapped(*args, **kwargs)
        return result.block

    def _call(self, wrapped: Any, tool: Any, args: Any, kwargs: Any) -> Any:
        run = otel_context.get_value(RUN_KEY)
        if not isinstance(run, Run):
            return wrapped(*args, **kwargs)
        with run.tool(_called(run, tool, *args, **kwargs)) as result:
            answer = wrapped(*args, **kwargs)
            result.block = {"content": answer}
        return answer

    async def _call_async(self, wrapped: Any, tool: Any, args: Any, kwargs: Any) -> Any:
        run = otel_context.get_value(RUN_KEY)
        if not isinstance(run, Run):
            return await wrapped(*args, **kwargs)
        with run.tool(_called(run, tool, *args, **kwargs)) as result:
            answer = await wrapped(*args, **kwargs)
            result.block = {"content": answer}
        return answer


def _step_makers(module: Any, base: str, kinds: str) -> list[str]:
    """The runners that make steps: those with this base; before 0.73 each kind by itself."""
    made_by_base = getattr(module, base).__run__
    if not getattr(made_by_base, "__isabstractmethod__", False):
        return [base]
    return [kinds.format(""), kinds.format("Streaming")]


def _use(*arguments: Any) -> dict[str, Any]:
    """What ``_run_tool(tool, tool_use)`` or ``_run_toolset_member(tool_use)`` is asked to run."""
    use = arguments[-1]
    tool = arguments[0] if len(arguments) > 1 else None
    return {
        "name": getattr(use, "name", None),
        "id": getattr(use, "id", None),
        "input": getattr(use, "input", None),
        "description": getattr(tool, "description", None),
    }


def _called(run: Run, tool: Any, input: Any = None) -> dict[str, Any]:  # noqa: A002 - the SDK's name
    """What ``tool.call(input)`` is asked to run."""
    name = getattr(tool, "name", None)
    return {
        "name": name,
        "id": run.use_of(name, input),
        "input": input,
        "description": getattr(tool, "description", None),
    }
