"""Keeps tests off the network: a connection to anything but this machine fails the test.

It listens to the interpreter's own audit events, so it sees every socket made in Python,
blocking or under asyncio, whatever library asks for it. (The C core of gRPC makes its own
sockets; the tests give it loopback addresses only.)
"""

from __future__ import annotations

import ipaddress
import sys
from typing import Any

_CONNECTING = ("socket.connect", "socket.sendto", "socket.sendmsg")
_NAME_LOOKUPS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
_LOCAL_NAMES = ("", "localhost", "ip6-localhost", "localhost.localdomain")

_attempts: list[str] = []
_installed = False


class NetworkForbidden(BaseException):
    """A test reached for the network.

    Not an ``Exception``: code under test that forgives failed requests must not hide it.
    """


def install() -> None:
    """Guard this process from now on; an audit hook cannot be taken out again."""
    global _installed
    if not _installed:
        _installed = True
        sys.addaudithook(_watch)


def take_attempts() -> list[str]:
    """Every forbidden attempt since the last call, also those that the code under test hid."""
    found = _attempts.copy()
    _attempts.clear()
    return found


def is_local(host: Any) -> bool:
    """Whether ``host``, a name or an address, is this machine. Never asks a name server."""
    if host is None:
        return True
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name.lower() in _LOCAL_NAMES:
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _CONNECTING:
        address = arguments[-1]
        # A path is a Unix socket; None is a socket that is connected already.
        if not isinstance(address, tuple) or is_local(address[0]):
            return
        _forbid(f"{event} {address[0]}:{address[1]}")
    elif event in _NAME_LOOKUPS and not is_local(arguments[0]):
        _forbid(f"{event} {arguments[0]}")


def _forbid(attempt: str) -> None:
    _attempts.append(attempt)
    raise NetworkForbidden(f"tests stay on loopback: {attempt}")
