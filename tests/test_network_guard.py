"""The tests' own safety net holds."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from openlayer_otel.standin.llm_server import LLMServer
from tests.support import network_guard


def _connect() -> None:
    with socket.socket() as attempt:
        attempt.connect(("192.0.2.1", 80))


def _send_datagram() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as attempt:
        attempt.sendto(b"x", ("192.0.2.1", 53))


def _look_up() -> None:
    socket.getaddrinfo("example.com", 80)


def _connect_async() -> None:
    asyncio.run(_open_connection("192.0.2.1"))


def _look_up_async() -> None:
    asyncio.run(_open_connection("example.com"))


async def _open_connection(host: str) -> None:
    await asyncio.open_connection(host, 80)


@pytest.mark.parametrize(
    "reach", [_connect, _send_datagram, _look_up, _connect_async, _look_up_async]
)
def test_reaching_for_the_network_fails_at_once(reach: Callable[[], None]) -> None:
    with pytest.raises(network_guard.NetworkForbidden):
        reach()
    assert len(network_guard.take_attempts()) >= 1


def test_an_attempt_that_the_code_hides_is_still_known() -> None:
    try:
        _connect()
    except BaseException:
        pass
    assert network_guard.take_attempts() == ["socket.connect 192.0.2.1:80"]


def test_loopback_is_allowed(llm_server: LLMServer) -> None:
    with socket.create_connection(("127.0.0.1", llm_server.port)):
        pass
    with socket.create_connection(("localhost", llm_server.port)):
        pass
    assert network_guard.take_attempts() == []
