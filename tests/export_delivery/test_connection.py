"""Requests over a connection that stays open, whatever the server makes of it."""

from __future__ import annotations

import gzip
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import certifi
import pytest
import requests
import urllib3
from opentelemetry.sdk.trace import TracerProvider

from openlayer_otel.export import otlp_preset
from openlayer_otel.export.answers import Verdict, advice_on
from openlayer_otel.export.availability import Availability
from openlayer_otel.export.client import Client
from openlayer_otel.settings import Settings

BODY = b'{"success": true}'
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
PLAIN = b"HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + BODY


class ScriptedServer:
    """Answers every request with the same pieces, and keeps what it was sent."""

    def __init__(self, *pieces: bytes, close: bool = False, tls: ssl.SSLContext | None = None):
        self.pieces = pieces
        self.close = close
        self.requests: list[bytes] = []
        self.connections = 0
        # Larger bodies are not read: they get this answer, and the connection is closed.
        self.max_bytes = 1 << 40
        self.too_large = b"HTTP/1.1 413 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with connection, connection.makefile("rb") as file:
                while (came := self._read(file)) is not False:
                    for piece in self.pieces if came else (self.too_large,):
                        connection.sendall(piece)
                    if self.close or not came:
                        return
        except OSError:
            pass

    def _read(self, file: object) -> bool | None:
        """Whether a request came; None if it was too large to be read."""
        head = b""
        while line := file.readline():  # type: ignore[attr-defined]
            head += line
            if line == b"\r\n":
                break
        else:
            return False
        lengths = (
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        length = next(lengths, 0)
        if length > self.max_bytes:
            return None
        self.requests.append(head + file.read(length))  # type: ignore[attr-defined]
        return True

    def stop(self) -> None:
        self._socket.close()


Serving = Callable[..., ScriptedServer]


@pytest.fixture
def serving() -> Iterator[Serving]:
    """Call it for a server with these answers."""
    servers: list[ScriptedServer] = []

    def start(*pieces: bytes, close: bool = False, tls: ssl.SSLContext | None = None) -> object:
        servers.append(ScriptedServer(*pieces, close=close, tls=tls))
        return servers[-1]

    yield start  # type: ignore[misc]
    for server in servers:
        server.stop()


def verdicts(address: str, count: int = 3, **settings: object) -> list[Verdict]:
    """What comes of several requests from one thread, the first of which opens the connection."""
    client = Client(
        Settings.resolve(api_key="secret", inference_pipeline_id="p", base_url=address, **settings)
    )
    return [client.attempt("p", b'{"row": %d}' % number, 5).verdict for number in range(count)]


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param((PLAIN,), id="plain"),
        pytest.param((PLAIN[:30], PLAIN[30:60], PLAIN[60:]), id="in pieces"),
        pytest.param((b"HTTP/1.1 204 No Content\r\n\r\n",), id="no content"),
        pytest.param((b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",), id="empty"),
        pytest.param(
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                b"11\r\n" + BODY + b"\r\n0\r\n\r\n",
            ),
            id="chunked",
        ),
        pytest.param((b"HTTP/1.1 100 Continue\r\n\r\n", PLAIN), id="after a 100"),
    ],
)
def test_one_connection_serves_many_requests(serving: Serving, pieces: tuple[bytes, ...]) -> None:
    server = serving(*pieces)
    assert verdicts(f"http://127.0.0.1:{server.port}/v1", 4) == [Verdict.SENT] * 4
    assert [request.rpartition(b"\r\n")[2] for request in server.requests] == [
        b'{"row": %d}' % number for number in range(4)
    ]
    assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(PLAIN, id="without a word"),
        pytest.param(PLAIN.replace(b"\r\n", b"\r\nConnection: close\r\n", 1), id="announced"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n" + BODY, id="as the end of the answer"),
        pytest.param(b"HTTP/1.0 200 OK\r\n" + LENGTH + b"\r\n" + BODY, id="as of old"),
    ],
)
def test_a_connection_that_the_server_closes_is_opened_again(
    serving: Serving, answer: bytes
) -> None:
    server = serving(answer, close=True)
    client = Client(
        Settings.resolve(
            api_key="k", inference_pipeline_id="p", base_url=f"http://127.0.0.1:{server.port}"
        )
    )
    for number in range(3):
        # The end of a connection that nobody announced takes a moment to arrive.
        threading.Event().wait(0.05)
        assert client.attempt("p", b"{}", 5).verdict is Verdict.SENT, number
    assert server.connections == 3


@pytest.mark.parametrize(
    ("answer", "verdict", "pause"),
    [
        (b"HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n", Verdict.LATER, 7.0),
        (b"HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n", Verdict.TOO_LARGE, None),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", Verdict.LATER, None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n<html/>", Verdict.LATER, None),
    ],
)
def test_what_is_no_success_is_understood_on_an_open_connection(
    serving: Serving, answer: bytes, verdict: Verdict, pause: float | None
) -> None:
    server = serving(PLAIN)
    client = Client(
        Settings.resolve(
            api_key="k", inference_pipeline_id="p", base_url=f"http://127.0.0.1:{server.port}"
        )
    )
    assert client.attempt("p", b"{}", 5).verdict is Verdict.SENT
    server.pieces = (answer,)
    found = client.attempt("p", b"{}", 2)
    assert (found.verdict, found.pause) == (verdict, pause)
    server.pieces = (PLAIN,)
    assert client.attempt("p", b"{}", 5).verdict is Verdict.SENT


def test_an_answer_is_heard_that_comes_before_the_body_is_sent(serving: Serving) -> None:
    server = serving(PLAIN)
    server.max_bytes = 100
    client = Client(
        Settings.resolve(
            api_key="k", inference_pipeline_id="p", base_url=f"http://127.0.0.1:{server.port}"
        )
    )
    assert client.attempt("p", b"{}", 5).verdict is Verdict.SENT
    # More than fits into the buffers on the way.
    assert client.attempt("p", b" " * 30_000_000, 5).verdict is Verdict.TOO_LARGE
    assert client.attempt("p", b"{}", 5).verdict is Verdict.SENT


class Dripping:
    """An answer of which a byte comes now and then: each in time, all of them much too late."""

    def __init__(self) -> None:
        self.sent = 0

    def __iter__(self) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n"
        for _ in range(400):
            time.sleep(0.02)
            self.sent += 1
            yield b" "


@pytest.mark.skipif(not hasattr(urllib3.HTTPResponse, "read1"), reason="urllib3 before 2.1")
def test_an_answer_that_drips_keeps_nobody_for_ever(serving: Serving) -> None:
    server = serving()
    server.pieces = dripping = Dripping()  # type: ignore[assignment]
    client = Client(
        Settings.resolve(
            api_key="secret",
            inference_pipeline_id="p",
            base_url=f"http://127.0.0.1:{server.port}",
        )
    )
    assert client.attempt("p", b"{}", 0.5).verdict is Verdict.LATER
    assert dripping.sent < 400


def test_an_answer_that_is_packed_unasked_is_unpacked(serving: Serving) -> None:
    packed = gzip.compress(BODY)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    server = serving(head + packed)
    assert verdicts(f"http://127.0.0.1:{server.port}") == [Verdict.SENT] * 3


def test_every_request_carries_the_same_headers(serving: Serving) -> None:
    server = serving(PLAIN)
    address = f"http://127.0.0.1:{server.port}/v1"
    verdicts(address, custom_headers={"X-Team": "search"})
    heads = [
        sorted(request.partition(b"\r\n\r\n")[0].lower().split(b"\r\n"))
        for request in server.requests
    ]
    assert heads[0] == heads[1] == heads[2]
    assert b"authorization: bearer secret" in heads[2]
    assert b"x-team: search" in heads[2]
    assert b"host: 127.0.0.1:%d" % server.port in heads[2]


def test_every_request_goes_through_the_proxy_with_its_password(
    serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serving(PLAIN)
    monkeypatch.setenv("http_proxy", f"http://user:word@127.0.0.1:{proxy.port}")
    assert verdicts("http://openlayer.example/v1") == [Verdict.SENT] * 3
    line = b"POST http://openlayer.example/v1/inference-pipelines/p/data-stream HTTP/1.1\r\n"
    for request in proxy.requests:
        assert request.startswith(line)
        assert b"\r\nProxy-Authorization: Basic dXNlcjp3b3Jk\r\n" in request
        assert b"\r\nHost: openlayer.example\r\n" in request
    assert proxy.connections == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that no authority has signed, with its key beside it."""
    folder = tmp_path_factory.mktemp("certificate")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 "
        "-addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out certificate.pem"
    )
    try:
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs the openssl command")
    return folder / "certificate.pem"


@pytest.fixture
def secure(serving: Serving, certificate: Path) -> ScriptedServer:
    """A server that speaks TLS with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_name("key.pem"))
    return serving(PLAIN, tls=context)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_asks_for_a_password_is_said(
    scheme: str,
    serving: Serving,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    proxy = serving(b"HTTP/1.1 407 Password, please\r\nContent-Length: 0\r\n\r\n", close=True)
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://127.0.0.1:{proxy.port}")
    assert verdicts(f"{scheme}://openlayer.test", 1) == [Verdict.MISCONFIGURED]
    assert "the proxy asks for a password; check HTTPS_PROXY" in caplog.text


@pytest.mark.parametrize(
    ("variables", "advice"),
    [
        ({"REQUESTS_CA_BUNDLE": certifi.where()}, "REQUESTS_CA_BUNDLE and SSL_CERT_FILE (self"),
        ({"REQUESTS_CA_BUNDLE": "/none.pem"}, "no such file of certificates: check REQUESTS_CA"),
        ({"HTTPS_PROXY": "http://me:secret@127.0.0.1:9"}, "Check HTTPS_PROXY and HTTP_PROXY"),
        ({"HTTPS_PROXY": "http://me:secret@127.0.0.1:x"}, "Check HTTPS_PROXY and HTTP_PROXY, and"),
        ({"HTTPS_PROXY": "http://"}, "Check HTTPS_PROXY and HTTP_PROXY"),
    ],
    ids=["authority", "no file", "no proxy there", "no port", "no host"],
)
def test_a_setting_that_lets_no_request_out_is_said_in_one_line(
    secure: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    variables: dict[str, str],
    advice: str,
) -> None:
    for name in CERTIFICATES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    address = f"https://localhost:{secure.port}/v1"
    client = Client(Settings.resolve(api_key="secret", inference_pipeline_id="p", base_url=address))
    availability = Availability()
    for _ in range(2):
        availability.failed(client.attempt("p", b"{}", 5))
    (line,) = caplog.messages
    assert advice in line
    assert "secret" not in line


def test_a_socks_proxy_without_its_package_is_not_taken_for_a_wrong_pipeline() -> None:
    error = requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")
    assert "PySocks" in advice_on(error)
    assert advice_on(requests.exceptions.InvalidSchema("No connection adapters")) == ""


def test_a_server_without_a_known_certificate_gets_nothing(secure: ScriptedServer) -> None:
    assert verdicts(f"https://127.0.0.1:{secure.port}/v1") == [Verdict.LATER] * 3
    assert secure.requests == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_certificate_of_the_users_authority_is_accepted(
    secure: ScriptedServer, certificate: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv(variable, str(certificate))
    assert verdicts(f"https://127.0.0.1:{secure.port}/v1") == [Verdict.SENT] * 3
    assert secure.connections == 1


CERTIFICATES = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"]


def test_openssls_variables_are_heeded_behind_those_of_requests(
    secure: ScriptedServer, certificate: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in CERTIFICATES:
        monkeypatch.delenv(variable, raising=False)
    address = f"https://127.0.0.1:{secure.port}/v1"
    other = tmp_path / "other.pem"
    other.write_bytes(Path(certifi.where()).read_bytes())
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    assert verdicts(address) == [Verdict.LATER] * 3
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert verdicts(address) == [Verdict.SENT] * 3
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    assert verdicts(address) == [Verdict.LATER] * 3
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    assert verdicts(address) == [Verdict.SENT] * 3


def test_a_folder_of_certificates_is_heeded(
    secure: ScriptedServer, certificate: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in CERTIFICATES:
        monkeypatch.delenv(variable, raising=False)
    asked = ["openssl", "x509", "-noout", "-hash", "-in", str(certificate)]
    name = subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip()
    (tmp_path / f"{name}.0").write_bytes(certificate.read_bytes())
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert verdicts(f"https://127.0.0.1:{secure.port}/v1") == [Verdict.SENT] * 3


@pytest.mark.may_warn
def test_verification_can_be_turned_off(
    secure: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none"))
    found = verdicts(f"https://127.0.0.1:{secure.port}/v1", verify_ssl=False)
    assert found == [Verdict.SENT] * 3
    assert secure.connections == 1


@pytest.mark.may_warn
def test_verification_can_be_turned_off_over_otlp_too(
    secure: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none"))
    settings = Settings.resolve(
        api_key="k",
        inference_pipeline_id="p",
        base_url=f"https://127.0.0.1:{secure.port}/v1",
        otlp=True,
        verify_ssl=False,
    )
    processor = otlp_preset.processor_for(settings)
    assert processor is not None
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    provider.get_tracer("test").start_span("one").end()
    provider.shutdown()
    (request,) = secure.requests
    assert request.startswith(b"POST /v1/otel/v1/traces ")
