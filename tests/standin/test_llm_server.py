"""Real SDK clients cannot tell the stand-in for the providers from the providers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from openlayer_otel.standin.llm_server import LLMServer

TEXT = "lorem ipsum dolor sit amet con"
MESSAGES: list[Any] = [{"role": "user", "content": "hi"}]


@pytest.fixture
def gpt(llm_server: LLMServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=llm_server.url + "/v1", api_key="k", max_retries=1) as client:
        yield client


@pytest.fixture
def claude(llm_server: LLMServer) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=llm_server.url, api_key="k", max_retries=1) as client:
        yield client


@pytest.mark.parametrize(
    ("mode", "reason", "content"),
    [
        ("text", "stop", TEXT),
        ("tool", "tool_calls", None),
        ("refusal", "stop", None),
        ("empty", "stop", ""),
    ],
)
def test_chat_says_the_same_plain_and_streamed(
    gpt: openai.OpenAI, mode: str, reason: str, content: str | None
) -> None:
    model = f"gpt-x;mode={mode}"
    plain = gpt.chat.completions.create(model=model, messages=MESSAGES).choices[0]
    assert (plain.finish_reason, plain.message.content) == (reason, content)
    with gpt.chat.completions.stream(model=model, messages=MESSAGES) as stream:
        streamed = stream.get_final_completion().choices[0]
    assert streamed.finish_reason == reason
    assert (streamed.message.content or "") == (content or "")
    calls = [call.function.arguments for call in plain.message.tool_calls or []]  # type: ignore[union-attr]
    assert [call.function.arguments for call in streamed.message.tool_calls or []] == calls


@pytest.mark.parametrize("mode", ["text", "tool", "tools2", "refusal", "json", "thinking"])
def test_responses_say_the_same_plain_and_streamed(gpt: openai.OpenAI, mode: str) -> None:
    model = f"gpt-x;mode={mode}"
    plain = gpt.responses.create(model=model, input="hi")
    with gpt.responses.stream(model=model, input="hi") as stream:
        streamed = stream.get_final_response()
    assert [item.type for item in streamed.output] == [item.type for item in plain.output]
    assert streamed.output_text == plain.output_text
    assert streamed.usage == plain.usage


@pytest.mark.parametrize("mode", ["text", "tool", "tools2", "refusal", "thinking", "citations"])
def test_messages_say_the_same_plain_and_streamed(claude: anthropic.Anthropic, mode: str) -> None:
    model = f"claude-x;mode={mode}"
    plain = claude.messages.create(model=model, max_tokens=9, messages=MESSAGES)
    with claude.messages.stream(model=model, max_tokens=9, messages=MESSAGES) as stream:
        streamed = stream.get_final_message()
    assert [block.to_dict() for block in streamed.content] == [
        block.to_dict() for block in plain.content
    ]
    assert streamed.stop_reason == plain.stop_reason


def test_the_answer_can_be_given(gpt: openai.OpenAI) -> None:
    model = "gpt-x;text=Just this."
    answer = gpt.chat.completions.create(model=model, messages=MESSAGES)
    assert answer.choices[0].message.content == "Just this."


def test_no_two_answers_have_the_same_id(gpt: openai.OpenAI, claude: anthropic.Anthropic) -> None:
    chat = [gpt.chat.completions.create(model="m", messages=MESSAGES).id for _ in range(2)]
    message = [
        claude.messages.create(model="m", max_tokens=9, messages=MESSAGES).id for _ in range(2)
    ]
    assert len({*chat, *message}) == 4
    response = gpt.responses.create(model="m", input="hi")
    assert gpt.responses.retrieve(response.id).id == response.id


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ("error=400", openai.BadRequestError),
        ("error=401", openai.AuthenticationError),
        ("error=429;retry_after=0", openai.RateLimitError),
        ("drop=2", openai.APIConnectionError),
        ("sse_error=2", openai.APIError),
    ],
)
def test_faults_are_made_when_asked_for(
    gpt: openai.OpenAI, keys: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        list(gpt.chat.completions.create(model=f"gpt-x;{keys}", messages=MESSAGES, stream=True))


def test_a_request_can_fail_a_number_of_times(gpt: openai.OpenAI, llm_server: LLMServer) -> None:
    model = "gpt-x;error=500;fail_times=1;retry_after=0"
    gpt.chat.completions.create(model=model, messages=MESSAGES)
    assert len(llm_server.requests) == 2


def test_anthropic_errors_have_anthropics_shape(claude: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.APIStatusError) as failure:
        claude.messages.create(
            model="claude-x;error=529;retry_after=0", max_tokens=9, messages=MESSAGES
        )
    body: Any = failure.value.body
    assert body["error"]["type"] == "overloaded_error"


def test_azure_and_other_base_urls_reach_the_same_endpoints(llm_server: LLMServer) -> None:
    azure = openai.AzureOpenAI(azure_endpoint=llm_server.url, api_key="k", api_version="v")
    for client in (azure, openai.OpenAI(base_url=llm_server.url + "/openai/v1", api_key="k")):
        with client:
            answer = client.chat.completions.create(model="gpt-x", messages=MESSAGES)
            assert answer.choices[0].message.content == TEXT


def test_a_realtime_session_answers_over_a_websocket(
    gpt: openai.OpenAI, llm_server: LLMServer
) -> None:
    seen = []
    with gpt.realtime.connect(model="gpt-rt;chunks=2") as connection:
        connection.response.create()
        for event in connection:
            seen.append(event.type)
            if event.type == "response.done":
                break
    assert seen[0] == "session.created"
    assert seen.count("response.output_text.delta") == 2
    assert [r["body"]["type"] for r in llm_server.requests if r["method"] == "WS"] == [
        "response.create"
    ]


def test_an_unknown_endpoint_says_so(gpt: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="no such endpoint"):
        gpt.get("/nothing", cast_to=object)
