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
import weakref
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from openlayer_otel.export.answers import (
    BAD_ADDRESS,
    Answer,
    Verdict,
    advice_on,
    judged,
    retry_after,
    verdict_of,
)
from openlayer_otel.export.connection import head_of
from openlayer_otel.export.fitting import shrink
from openlayer_otel.export.http_libraries import import_requests, say_unverified
from openlayer_otel.export.way import Way
from openlayer_otel.settings import Settings
from openlayer_otel.version import __version__

if TYPE_CHECKING:
    import requests

# As Openlayer's SDK: 0.5 s, doubled up to 8 s.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0
# A body that was refused as too large is halved until it would be smaller than this.
SMALLEST_BODY = 20_000
_LENGTH = "Content-Length"
# Not the functions of the module: a program that has seeded them counts on what comes next.
_random = random.SystemRandom()
# What http.client says where a proxy does not let a connection to an HTTPS address pass.
_NO_PASSWORD = "Tunnel connection failed: 407"


class Client:
    """Sends bodies to Openlayer. Thread-safe: each thread has its own connections.

    Args:
        settings: Address, key, headers, timeouts and retries.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.renew()
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
            say_unverified()
        return session

    def _way_to(self, pipeline_id: str) -> Way:
        """How this thread reaches a pipeline, found out once: it costs more than a request."""
        known: dict[str, Way] | None = getattr(self._of_thread, "ways", None)
        if known is None:
            known = self._of_thread.ways = {}
        way = known.get(pipeline_id)
        if way is None:
            way = known[pipeline_id] = self._find_way(pipeline_id)
            with self._lock:
                self._ways.add(way)
        return way

    def _find_way(self, pipeline_id: str) -> Way:
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
        return Way(pool, target, headers, head)

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
            advice = advice_on(error)
            if name in BAD_ADDRESS and not advice:
                return judged(Answer(Verdict.MISCONFIGURED, name), 404)
            if _NO_PASSWORD in str(error):
                return judged(Answer(Verdict.MISCONFIGURED, "status 407"), 407)
            return Answer(Verdict.LATER, name, advice=advice)
        verdict = verdict_of(status, body)
        reason = f"status {status}"
        if verdict is Verdict.LATER and status < 300:
            reason = f"status {status}, but no answer of Openlayer"
        pause = retry_after(asked_pause, time.time())
        return judged(Answer(verdict, reason, pause, is_status=status >= 300), status)

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

    def close_idle(self) -> None:
        """Close the connections over which no request is on its way; the next opens another."""
        with self._lock:
            connections = [way.connection for way in self._ways]
        for connection in connections:
            if connection is not None and connection.in_use.acquire(blocking=False):
                try:
                    connection.close()
                finally:
                    connection.in_use.release()

    def after_fork(self) -> None:
        """In the child: no connection of the parent is used, and none stays open."""
        for way in list(self._ways):
            if way.connection is not None:
                way.connection.close()
        self.renew()

    def renew(self) -> None:
        """Begin without connections."""
        self._of_thread = threading.local()
        # Those of all threads, for the end.
        self._ways: weakref.WeakSet[Way] = weakref.WeakSet()
        self._lock = threading.Lock()


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
    return pause * _random.uniform(0.75, 1.0)
