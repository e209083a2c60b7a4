"""Handlers of an aiohttp server that are traced."""

from __future__ import annotations

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from openlayer_otel import trace
from tests.support.span_log import SpanLog, json_attribute

INPUTS, OUTPUT = "openlayer.step.inputs", "openlayer.step.output"


@pytest.mark.filterwarnings("ignore:It is recommended to use web.RequestKey")
async def test_a_request_is_its_line_not_what_the_application_keeps_in_it(steps: SpanLog) -> None:
    @trace
    async def handler(request: web.Request) -> web.Response:
        return web.Response(text="hi")

    @web.middleware
    async def signed_in(request: web.Request, handler: web.Handler) -> web.StreamResponse:
        request["user"] = {"token": "secret"}
        return await handler(request)

    app = web.Application(middlewares=[signed_in])
    app.router.add_get("/a", handler)
    async with TestServer(app) as server, ClientSession() as client:
        async with client.get(server.make_url("/a?key=secret")) as response:
            assert await response.text() == "hi"
    step = steps.only()
    assert json_attribute(step, INPUTS) == {"request": "<Request GET /a >"}
    assert json_attribute(step, OUTPUT) == "<Response OK not prepared>"


async def test_a_websocket_handler_ends_with_its_conversation(steps: SpanLog) -> None:
    @trace
    async def handler(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    app = web.Application()
    app.router.add_get("/ws", handler)
    async with TestServer(app) as server, ClientSession() as client:
        async with client.ws_connect(server.make_url("/ws")) as socket:
            await socket.send_str("hello")
            assert await socket.receive_str() == "hello"
    said = steps.only().attributes or {}
    assert "openlayer.operation.outcome" not in said
    assert OUTPUT in said
