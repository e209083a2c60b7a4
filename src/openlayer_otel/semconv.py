"""Every attribute, metric, event and context name that this package writes, in one table.

The GenAI names follow the current conventions (open-telemetry/semantic-conventions-genai,
November 2026). They are kept here, not imported: the constants that
``opentelemetry-semantic-conventions`` ships are deprecated and frozen at v1.41.
Names that begin with ``openlayer.`` are ours; ``docs/attributes.md`` documents them.
"""

from __future__ import annotations

from typing import Final

# --- GenAI spans: identity (client-inference, embeddings, retrieval) ---
OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
OUTPUT_TYPE: Final = "gen_ai.output.type"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
CONVERSATION_COMPACTED: Final = "gen_ai.conversation.compacted"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
ERROR_TYPE: Final = "error.type"
ERROR_OTHER: Final = "_OTHER"  # a failure for which nobody gave a code

# --- GenAI spans: request ---
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_STREAM: Final = "gen_ai.request.stream"
REQUEST_CHOICE_COUNT: Final = "gen_ai.request.choice.count"
REQUEST_SEED: Final = "gen_ai.request.seed"
REQUEST_TOP_K: Final = "gen_ai.request.top_k"
REQUEST_TOP_P: Final = "gen_ai.request.top_p"
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
REQUEST_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
REQUEST_REASONING_LEVEL: Final = "gen_ai.request.reasoning.level"
REQUEST_PREVIOUS_RESPONSE_ID: Final = "gen_ai.request.previous_response.id"
REQUEST_ENCODING_FORMATS: Final = "gen_ai.request.encoding_formats"
PROMPT_NAME: Final = "gen_ai.prompt.name"
PROMPT_VERSION: Final = "gen_ai.prompt.version"
PROMPT_VARIABLE_PREFIX: Final = "gen_ai.prompt.variable."

# --- GenAI spans: response ---
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
EMBEDDINGS_DIMENSION_COUNT: Final = "gen_ai.embeddings.dimension.count"

# --- GenAI spans: usage (input includes cached, output includes reasoning) ---
USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
USAGE_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_WRITE_INPUT_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
USAGE_REASONING_OUTPUT_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
USAGE_TEXT_INPUT_TOKENS: Final = "gen_ai.usage.text.input_tokens"
USAGE_TEXT_OUTPUT_TOKENS: Final = "gen_ai.usage.text.output_tokens"
USAGE_IMAGE_INPUT_TOKENS: Final = "gen_ai.usage.image.input_tokens"
USAGE_IMAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.image.output_tokens"
USAGE_AUDIO_INPUT_TOKENS: Final = "gen_ai.usage.audio.input_tokens"
USAGE_AUDIO_OUTPUT_TOKENS: Final = "gen_ai.usage.audio.output_tokens"
USAGE_TEXT_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.text.cache_read.input_tokens"
USAGE_IMAGE_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.image.cache_read.input_tokens"
USAGE_AUDIO_CACHE_READ_INPUT_TOKENS: Final = "gen_ai.usage.audio.cache_read.input_tokens"

# --- GenAI spans: content (JSON text; shapes in the conventions' JSON Schemas) ---
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"

# --- GenAI spans: agents, tools, retrieval, workflows ---
AGENT_NAME: Final = "gen_ai.agent.name"
AGENT_ID: Final = "gen_ai.agent.id"
AGENT_DESCRIPTION: Final = "gen_ai.agent.description"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
TOOL_DESCRIPTION: Final = "gen_ai.tool.description"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"
DATA_SOURCE_ID: Final = "gen_ai.data_source.id"
RETRIEVAL_QUERY_TEXT: Final = "gen_ai.retrieval.query.text"
RETRIEVAL_TOP_K: Final = "gen_ai.retrieval.top_k"
RETRIEVAL_DOCUMENTS: Final = "gen_ai.retrieval.documents"
WORKFLOW_NAME: Final = "gen_ai.workflow.name"

# --- OpenAI (semantic-conventions-genai, openai.md) ---
OPENAI_REQUEST_SERVICE_TIER: Final = "openai.request.service_tier"
OPENAI_RESPONSE_SERVICE_TIER: Final = "openai.response.service_tier"
OPENAI_RESPONSE_SYSTEM_FINGERPRINT: Final = "openai.response.system_fingerprint"
OPENAI_API_TYPE: Final = "openai.api.type"

# --- Anthropic (the names that the SDK's own tracing gives them) ---
ANTHROPIC_COUNTED_INPUT_TOKENS: Final = "anthropic.message.count_tokens.input_tokens"
ANTHROPIC_COMPACTION_INPUT_TOKENS: Final = "anthropic.usage.compaction.input_tokens"
ANTHROPIC_COMPACTION_OUTPUT_TOKENS: Final = "anthropic.usage.compaction.output_tokens"

# --- HTTP (semantic-conventions, http) ---
HTTP_REQUEST_RESEND_COUNT: Final = "http.request.resend_count"

# --- Exceptions (semantic-conventions, exceptions) ---
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"

# --- The user's session ---
SESSION_ID: Final = "session.id"
USER_ID: Final = "user.id"

# --- Ours: one span as an Openlayer step. JSON text where the comment says so; text that
# --- is no JSON is taken as the text itself, so that plain OTel users can write it by hand.
STEP_TYPE: Final = "openlayer.step.type"
STEP_NAME: Final = "openlayer.step.name"  # text: the user's name, whatever the span is called
STEP_INPUTS: Final = "openlayer.step.inputs"  # JSON object: argument name -> value
STEP_OUTPUT: Final = "openlayer.step.output"  # JSON, any value
STEP_METADATA: Final = "openlayer.step.metadata"  # JSON object
STEP_GROUND_TRUTH: Final = "openlayer.step.ground_truth"  # JSON, any value
STEP_CONTEXT: Final = "openlayer.step.context"  # JSON array of texts (retrieved context)
STEP_QUESTION: Final = "openlayer.step.question"  # text
STEP_ATTACHMENTS: Final = "openlayer.step.attachments"  # JSON array, see attachments.py
STEP_FIELD_PREFIX: Final = "openlayer.step.field."  # + a field of the step type, JSON
STEP_ID: Final = "openlayer.step.id"  # text: replaces the id made from the span id

# --- Ours: the trace that a span belongs to (row columns); any span may carry them ---
TRACE_NAME: Final = "openlayer.trace.name"
TRACE_INFERENCE_ID: Final = "openlayer.trace.inference_id"
TRACE_METADATA: Final = "openlayer.trace.metadata"  # JSON object, merged into the row
TRACE_TAGS: Final = "openlayer.trace.tags"  # array of texts
TRACE_GROUND_TRUTH: Final = "openlayer.trace.ground_truth"  # JSON, any value
TRACE_COLUMN_PREFIX: Final = "openlayer.trace.column."  # + column name; JSON or plain value
INFERENCE_PIPELINE_ID: Final = "openlayer.inference_pipeline.id"

# --- Ours: request fields for which the conventions have no name (tool_choice, logit_bias, ...)
REQUEST_PARAMETERS: Final = "openlayer.request.parameters"  # JSON object, the API's own names

# --- Ours: how an operation ended when it did not end by itself ---
OUTCOME: Final = "openlayer.operation.outcome"
OUTCOME_CLOSED: Final = "closed"
OUTCOME_DROPPED: Final = "dropped"
OUTCOME_CANCELLED: Final = "cancelled"
OUTCOME_FAILED: Final = "failed"
CONTENT_TRUNCATED: Final = "openlayer.content.truncated"  # names of the attributes that were cut

# --- Operation names (gen_ai.operation.name) ---
CHAT: Final = "chat"
TEXT_COMPLETION: Final = "text_completion"
GENERATE_CONTENT: Final = "generate_content"
EMBEDDINGS: Final = "embeddings"
RETRIEVAL: Final = "retrieval"
FETCH_RESPONSE: Final = "fetch_response"
INVOKE_AGENT: Final = "invoke_agent"
EXECUTE_TOOL: Final = "execute_tool"
INVOKE_WORKFLOW: Final = "invoke_workflow"
# Ours, for what the conventions have no name: model calls that generate nothing.
MODERATION: Final = "moderation"
DECISION: Final = "decision"
CREATE_BATCH: Final = "create_batch"
COUNT_TOKENS: Final = "count_tokens"
CREATE_SESSION: Final = "create_session"

# --- Provider names (gen_ai.provider.name) ---
PROVIDER_OPENAI: Final = "openai"
PROVIDER_AZURE_OPENAI: Final = "azure.ai.openai"
PROVIDER_AZURE_INFERENCE: Final = "azure.ai.inference"
PROVIDER_ANTHROPIC: Final = "anthropic"
PROVIDER_AWS_BEDROCK: Final = "aws.bedrock"
PROVIDER_GCP_VERTEX_AI: Final = "gcp.vertex_ai"
PROVIDER_GCP_GEMINI: Final = "gcp.gemini"

# --- Finish reasons (the conventions' message schema) ---
FINISH_STOP: Final = "stop"
FINISH_LENGTH: Final = "length"
FINISH_CONTENT_FILTER: Final = "content_filter"
FINISH_TOOL_CALL: Final = "tool_call"
FINISH_COMPACTION: Final = "compaction"
# A reason was due and none came: the stream was cut, cancelled or left early.
FINISH_ERROR: Final = "error"

# --- Openlayer step types (openlayer.step.type; Openlayer SDK, tracing/enums) ---
STEP_TYPE_USER_CALL: Final = "user_call"
STEP_TYPE_CHAT_COMPLETION: Final = "chat_completion"
STEP_TYPE_EMBEDDING: Final = "embedding"
STEP_TYPE_AGENT: Final = "agent"
STEP_TYPE_RETRIEVER: Final = "retriever"
STEP_TYPE_TOOL: Final = "tool"
STEP_TYPE_HANDOFF: Final = "handoff"
STEP_TYPE_GUARDRAIL: Final = "guardrail"

# --- Events (log records) ---
EVENT_OPERATION_DETAILS: Final = "gen_ai.client.inference.operation.details"
EVENT_OPERATION_EXCEPTION: Final = "gen_ai.client.operation.exception"

# --- Metrics (semantic-conventions-genai, gen-ai-metrics) ---
METRIC_DURATION: Final = "gen_ai.client.inference.duration"
METRIC_EMBEDDINGS_DURATION: Final = "gen_ai.client.embeddings.duration"
METRIC_TIME_TO_FIRST_CHUNK: Final = "gen_ai.client.inference.time_to_first_chunk"
METRIC_TIME_PER_OUTPUT_CHUNK: Final = "gen_ai.client.inference.time_per_output_chunk"
METRIC_USAGE_PREFIX: Final = "gen_ai.client.inference.usage."
METRIC_EMBEDDINGS_INPUT_TOKENS: Final = "gen_ai.client.embeddings.operation.input_tokens"

# --- Context keys of others (plain strings, documented by their packages) ---
OTEL_SUPPRESS_INSTRUMENTATION_KEY: Final = "suppress_instrumentation"
GENAI_INFERENCE_CONTEXT_KEY: Final = "opentelemetry.genai.client.inference.context"
GENAI_EMBEDDING_CONTEXT_KEY: Final = "opentelemetry.genai.client.embedding.context"
GENAI_RETRIEVAL_CONTEXT_KEY: Final = "opentelemetry.genai.client.retrieval.context"
GENAI_FETCH_RESPONSE_CONTEXT_KEY: Final = "opentelemetry.genai.client.fetch_response.context"
