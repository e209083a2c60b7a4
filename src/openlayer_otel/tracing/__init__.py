"""The user's own code in the trace: decorator, steps, sessions, guardrails, threads.

The names of Openlayer's SDK are here as well, so that its users switch by changing an import
(``docs/migration.md``).
"""

from __future__ import annotations

from openlayer_otel.tracing.attachment import Attachment
from openlayer_otel.tracing.decorator import trace
from openlayer_otel.tracing.guardrails import (
    BaseGuardrail,
    BlockStrategy,
    GuardrailAction,
    GuardrailBlockedException,
    GuardrailResult,
)
from openlayer_otel.tracing.identity import StepType
from openlayer_otel.tracing.openlayer_names import (
    add_chat_completion_step_to_trace,
    add_embedding_step_to_trace,
    clear_user_session_context,
    create_step,
    get_current_session_id,
    get_current_step,
    get_current_trace,
    get_current_user_id,
    get_rag_context,
    get_rag_question,
    run_async_func,
    set_user_session_context,
    trace_async,
    update_trace_user_session,
)
from openlayer_otel.tracing.recording import Step
from openlayer_otel.tracing.session import capture_content, using_session
from openlayer_otel.tracing.steps import (
    current_step,
    current_trace,
    log_attachment,
    log_context,
    log_output,
    log_question,
    start_step,
    update_current_step,
    update_current_trace,
)
from openlayer_otel.tracing.threads import ContextThreadPoolExecutor, carry_context
from openlayer_otel.tracing.whole_trace import Trace

__all__ = [
    "Attachment",
    "BaseGuardrail",
    "BlockStrategy",
    "ContextThreadPoolExecutor",
    "GuardrailAction",
    "GuardrailBlockedException",
    "GuardrailResult",
    "Step",
    "StepType",
    "Trace",
    "add_chat_completion_step_to_trace",
    "add_embedding_step_to_trace",
    "capture_content",
    "carry_context",
    "clear_user_session_context",
    "create_step",
    "current_step",
    "current_trace",
    "get_current_session_id",
    "get_current_step",
    "get_current_trace",
    "get_current_user_id",
    "get_rag_context",
    "get_rag_question",
    "log_attachment",
    "log_context",
    "log_output",
    "log_question",
    "run_async_func",
    "set_user_session_context",
    "start_step",
    "trace",
    "trace_async",
    "update_current_step",
    "update_current_trace",
    "update_trace_user_session",
    "using_session",
]
