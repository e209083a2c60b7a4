"""One trace to Openlayer over HTTP: an attempt, and the attempts that make a delivery.

An *attempt* is one request; ``answers`` says what may come of it. ``requests`` finds the way to
Openlayer, so proxies (``HTTPS_PROXY``) and certificates (``REQUESTS_CA_BUNDLE``, and behind it
``SSL_CERT_FILE``) work as they do there; urllib3 below it opens the connection with the first
request, and ``connection`` sends all others over it. Both libraries are imported with the first
request.
"""

from __future__ import annotations

import os
import random
import threading
import time
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from openlayer_otel.diagnostics import warn_once
from openlayer_otel.export.answers import (
    BAD_ADDRESS,
    Answer,
    Verdict,
    judged,
    retry_after,
    verdict_of,
)
from openlayer_otel.export.connection import (
    LARGEST_ANSWER,
    Response,
    exchange,
    head_of,
    is_open,
)
from openlayer_otel.export.fitting import shrink
from openlayer_otel.settings import Settings
from openlayer_otel.version import __version__

if TYPE_CHECKING:
    import requests

# As Openlayer's SDK: 0.5 s, doubled up to 8 s.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0
# A body that was refused as too large is halved until it would be smaller than this.
SMALLEST_BODY = 20_000
_LONGEST_CONNECT = 5.0
_LENGTH = "Content-Length"


# Held while modules are imported on our threads: a child that is forked in the middle of an
# import waits for it for ever, because nobody there will finish it.
importing = threading.Lock()
_imported: dict[str, ModuleType] = {}


def import_requests() -> ModuleType:
    """The library, imported with everything that it would import later."""
    if "requests" not in _imported:
        with importing:
            import requests
            import urllib3

            "localhost".encode("idna")  # the codec is a module, too; looking up a name needs it
            _imported.update(requests=requests, urllib3=urllib3)
    return _imported["requests"]


def import_urllib3() -> ModuleType:
    """The library under ``requests``, which sends the bytes."""
    import_requests()
    return _imported["urllib3"]


class _Way:
    """How a thread reaches a pipeline: its connections, the URL in the request, the headers.

    Attributes:
        connection: The connection of the last request; it may have been closed since.
    """

    __slots__ = ("connection", "head", "headers", "pool", "url")

    def __init__(self, pool: Any, url: str, headers: dict[str, str], head: bytes) -> None:
        self.pool = pool
        self.url = url
        self.headers = headers
        self.head = head
        self.connection: Any = None

    def send(self, data: bytes, timeout: float) -> Response:
        """One request over the open connection, or else over one that urllib3 opens."""
        connection = self.connection
        if connection is not None and is_open(connection):
            return exchange(connection, self.head, data, timeout)
        response = self.pool.urlopen(
            "POST",
            self.url,
            body=data,
            headers=self.headers,
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            timeout=import_urllib3().Timeout(min(timeout, _LONGEST_CONNECT), timeout),
        )
        self.connection = response.connection
        body = _read(response, time.monotonic() + timeout)
        return Response(int(response.status), body, response.headers.get("Retry-After"))


def _read(response: Any, until: float) -> bytes:
    """The answer, as far as anyone needs it; the connection is kept if that was all."""
    parts = []
    size = 0
    for part in response.stream(8192):
        parts.append(part)
        size += len(part)
        if size > LARGEST_ANSWER or time.monotonic() > until:
            response.close()
            break
    response.release_conn()
    return b"".join(parts)


class Client:
    """Sends bodies to Openlayer. Thread-safe: each thread has its own connections.

    Args:
        settings: Address, key, headers, timeouts and retries.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._of_thread = threading.local()
        # No request lasts beyond this time (monotonic); set when the process ends.
        self.last_moment = float("inf")

    def session(self) -> requests.Session:
        """The HTTP session of this thread, with the headers that Openlayer expects."""
        session: requests.Session | None = getattr(self._of_thread, "session", None)
        if session is None:
            session = self._of_thread.session = self._new_session()
        return session

    def _new_session(self) -> requests.Session:
        library = import_requests()
        key = self.settings.api_key

        def bearer(request: Any) -> Any:
            # As auth, not as a header: a .netrc entry would replace the header.
            request.headers["Authorization"] = f"Bearer {key}"
            return request

        session: requests.Session = library.Session()
        session.auth = bearer
        session.verify = verification(self.settings)
        session.headers.update(
            {
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "Content-Type": "application/json",
                "User-Agent": f"openlayer-otel/{__version__}",
                **(self.settings.custom_headers or {}),
            }
        )
        if not self.settings.verify_ssl:
            self._say_unverified()
        return session

    @staticmethod
    def _say_unverified() -> None:
        urllib3 = import_urllib3()
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        warn_once(
            "client:verify", "openlayer-otel: OPENLAYER_VERIFY_SSL is off: TLS is not verified."
        )

    def _way_to(self, pipeline_id: str) -> _Way:
        """How this thread reaches a pipeline, found out once: it costs more than a request."""
        known: dict[str, _Way] | None = getattr(self._of_thread, "ways", None)
        if known is None:
            known = self._of_thread.ways = {}
        way = known.get(pipeline_id)
        if way is None:
            way = known[pipeline_id] = self._find_way(pipeline_id)
        return way

    def _find_way(self, pipeline_id: str) -> _Way:
        """What ``requests`` does before it sends: headers, proxy, certificates, connections."""
        session: Any = self.session()
        path = f"/inference-pipelines/{quote(pipeline_id, safe='')}/data-stream"
        url = self.settings.base_url + path
        request = session.prepare_request(import_requests().Request("POST", url))
        # verify is given, or REQUESTS_CA_BUNDLE would turn verification on again.
        verify = None if self.settings.verify_ssl else False
        how = session.merge_environment_settings(request.url, {}, True, verify, None)
        adapter = session.get_adapter(request.url)
        if hasattr(adapter, "get_connection_with_tls_context"):  # requests >= 2.32
            pool = adapter.get_connection_with_tls_context(
                request, how["verify"], proxies=how["proxies"]
            )
        else:
            pool = adapter.get_connection(request.url, how["proxies"])
        adapter.cert_verify(pool, request.url, how["verify"], None)
        headers = {name: value for name, value in request.headers.items() if name != _LENGTH}
        target = adapter.request_url(request, how["proxies"])
        # urllib3 adds those of a proxy that passes requests on itself.
        passed_on = pool.proxy is not None and pool.scheme == "http"
        of_proxy = pool.proxy_headers if passed_on else {}
        head = head_of(request.url, target, {**headers, **of_proxy})
        return _Way(pool, target, headers, head)

    def attempt(self, pipeline_id: str, data: bytes, timeout: float) -> Answer:
        """Send one body once.

        Args:
            pipeline_id: The inference pipeline that gets it.
            data: The JSON body.
            timeout: Seconds to connect, and between two bytes of the answer.

        Never raises.
        """
        try:
            status, body, asked_pause = self._way_to(pipeline_id).send(data, timeout)
        except Exception as error:  # noqa: BLE001 - requests, urllib3 and proxies raise much
            name = type(error).__name__
            if name in BAD_ADDRESS:
                return judged(Answer(Verdict.MISCONFIGURED, name), 404)
            return Answer(Verdict.LATER, name)
        verdict = verdict_of(status, body)
        reason = f"status {status}"
        if verdict is Verdict.LATER and status < 300:
            reason = f"status {status}, but no answer of Openlayer"
        pause = retry_after(asked_pause, time.time())
        return judged(Answer(verdict, reason, pause), status)

    def deliver(
        self,
        pipeline_id: str,
        data: bytes,
        *,
        give_up: threading.Event,
        max_retries: int | None = None,
        may_cut: bool = True,
    ) -> tuple[Answer, bytes]:
        """Send one body, with retries, within the deadline of one trace.

        Args:
            pipeline_id: The inference pipeline that gets it.
            data: The JSON body.
            give_up: When set, the attempt that runs is the last one.
            max_retries: Retries after the first attempt; by default those of the settings.
            may_cut: Whether content may be cut if the body is too large.

        Returns:
            The last answer, and the body as it was sent last (cut, if it was too large).
        """
        retries = self.settings.max_retries if max_retries is None else max_retries
        ends = time.monotonic() + self.settings.deadline
        failures = 0
        while True:
            left = min(ends, self.last_moment) - time.monotonic()
            answer = self.attempt(pipeline_id, data, max(0.1, min(self.settings.timeout, left)))
            if answer.verdict is Verdict.TOO_LARGE and may_cut:
                smaller = shrink(data, len(data) // 2)
                if len(data) // 2 < SMALLEST_BODY or len(smaller) >= len(data):
                    return judged(Answer(Verdict.REFUSED, answer.reason), 413), data
                data = smaller
                continue
            if answer.verdict is not Verdict.LATER:
                return answer, data
            failures += 1
            pause = pause_after(failures) if answer.pause is None else answer.pause
            if failures > retries or time.monotonic() + pause >= ends or give_up.wait(pause):
                return answer, data

    def after_fork(self) -> None:
        """In the child: no connection of the parent is used."""
        self._of_thread = threading.local()


def verification(settings: Settings) -> bool | str:
    """What the ``verify`` of a session has to be.

    ``requests`` itself prefers ``REQUESTS_CA_BUNDLE`` and ``CURL_CA_BUNDLE``; OpenSSL's own
    variables, which Openlayer's SDK heeds, come behind them.
    """
    if not settings.verify_ssl:
        return False
    for variable, exists in (("SSL_CERT_FILE", os.path.isfile), ("SSL_CERT_DIR", os.path.isdir)):
        path = os.environ.get(variable)
        if path and exists(path):
            return path
    return True


def pause_after(failures: int) -> float:
    """Seconds to wait after so many failures in a row, a random part off them."""
    pause: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failures - 1))
    return pause * random.uniform(0.75, 1.0)
