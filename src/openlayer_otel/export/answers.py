"""What Openlayer's answers mean: what to do with a trace after an attempt to send it.

An *answer* is what came of one request, and its *verdict* says what to do next.
"""

from __future__ import annotations

import email.utils
from dataclasses import dataclass
from enum import Enum

import orjson

from openlayer_otel.diagnostics import warn_once


class Verdict(Enum):
    """What an answer means for the trace."""

    SENT = "sent"
    LATER = "later"  # worth another attempt: the backend or the way to it has trouble
    TOO_LARGE = "too large"
    REFUSED = "refused"  # this trace will never be accepted
    HELD = "held"  # not now, though others are: such as its data, which cannot be uploaded
    MISCONFIGURED = "misconfigured"  # accepted once a setting is right


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an attempt.

    Attributes:
        verdict: What to do next.
        reason: In words, without secrets: ``"status 503"``, ``"ConnectionError"``.
        pause: Seconds to wait, if the backend said so.
        is_status: Whether an HTTP status says so, which may be about this one trace.
        advice: The settings to check, if one may be to blame.
    """

    verdict: Verdict
    reason: str
    pause: float | None = None
    is_status: bool = False
    advice: str = ""


_WHAT_TO_CHECK = {
    400: "the request is not what this address expects; check OPENLAYER_BASE_URL",
    401: "the API key is not accepted; check OPENLAYER_API_KEY",
    403: "the API key may not write to this pipeline; check OPENLAYER_API_KEY and "
    "OPENLAYER_INFERENCE_PIPELINE_ID",
    404: "the inference pipeline or the address does not exist; check "
    "OPENLAYER_INFERENCE_PIPELINE_ID and OPENLAYER_BASE_URL",
    405: "the address does not take traces; check OPENLAYER_BASE_URL",
    407: "the proxy asks for a password; check HTTPS_PROXY",
    413: "a trace is too large even after its content was cut; lower "
    "OPENLAYER_OTEL_MAX_BODY_BYTES or OPENLAYER_OTEL_MAX_CONTENT_BYTES",
    422: "a trace has a shape that is not accepted; please report this",
}
# A longer pause is not believed: a mistake there would silence a process for good.
_LONGEST_ASKED = 3600.0
_REDIRECTED = "the address redirects elsewhere, which is not followed; check OPENLAYER_BASE_URL"
# Exceptions of requests that say that the settings are wrong.
BAD_ADDRESS = frozenset({"InvalidURL", "InvalidHeader", "InvalidSchema", "InvalidProxyURL"})
# Exceptions of urllib3 that say that nothing can be sent now, whatever it is.
NO_CONNECTION = frozenset(
    {"NewConnectionError", "NameResolutionError", "ConnectTimeoutError", "ProxyError"}
)
# Likewise, what to check where no request can be made: it may be a setting, or pass by itself.
_PROXY = "Check HTTPS_PROXY and HTTP_PROXY"
_WHAT_MAY_BE_WRONG = {
    "SSLError": "Check OPENLAYER_BASE_URL, REQUESTS_CA_BUNDLE and SSL_CERT_FILE",
    "ProxyError": _PROXY,
    "InvalidProxyURL": _PROXY,
    "LocationParseError": f"{_PROXY}, and OPENLAYER_BASE_URL",
}
# What requests says of a file of certificates that is not there, and of a proxy that it cannot use.
_NO_BUNDLE = "certificate bundle"
_NO_SOCKS = "SOCKS support"
_MISCONFIGURED = frozenset({401, 403, 404, 405, 407})
_WORTH_RETRYING = frozenset({408, 409, 425, 429})


def verdict_of(status: int, body: bytes) -> Verdict:
    """What a response means.

    Args:
        status: The HTTP status.
        body: The (beginning of the) response body.
    """
    if 200 <= status < 300:
        return Verdict.SENT if not body or _is_json_object(body) else Verdict.LATER
    if status in _WORTH_RETRYING or status >= 500:
        return Verdict.LATER
    if status == 413:
        return Verdict.TOO_LARGE
    if status in _MISCONFIGURED or 300 <= status < 400:
        return Verdict.MISCONFIGURED
    return Verdict.REFUSED


def _is_json_object(body: bytes) -> bool:
    # The page of a captive portal also comes with status 200.
    try:
        return isinstance(orjson.loads(body), dict)
    except ValueError:
        return False


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds that a ``Retry-After`` header asks for.

    Args:
        value: The header: seconds, or a date. None if there is none.
        now: The time, in seconds since 1970.

    Returns:
        At most an hour; None without a header that can be read.
    """
    if not value:
        return None
    try:
        return min(_LONGEST_ASKED, max(0.0, float(value)))
    except ValueError:
        pass
    try:
        asked = email.utils.parsedate_to_datetime(value).timestamp() - now
        return min(_LONGEST_ASKED, max(0.0, asked))
    except (TypeError, ValueError, IndexError, OverflowError):
        return None


def advice_on(error: Exception) -> str:
    """What to check where a request could not be made; empty if no setting may be to blame.

    Of what the exception says, only words about certificates are taken: others name a proxy with
    its password.
    """
    if _NO_BUNDLE in str(error):
        return "There is no such file of certificates: check REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE"
    name = type(error).__name__
    if name == "InvalidSchema" and _NO_SOCKS in str(error):
        return "A SOCKS proxy needs PySocks: install it, or check ALL_PROXY and HTTPS_PROXY"
    advice = _WHAT_MAY_BE_WRONG.get(name, "")
    cause = error.args[0] if error.args else None
    said = getattr(cause, "verify_message", None) or getattr(cause, "reason", None)
    return f"{advice} ({said})" if advice and isinstance(said, str) else advice


def judged(answer: Answer, status: int) -> Answer:
    """``answer``, warned about once per status if a person has to do something."""
    if answer.verdict in (Verdict.MISCONFIGURED, Verdict.REFUSED):
        advice = _WHAT_TO_CHECK.get(status)
        if advice is None:
            advice = _REDIRECTED if status < 400 else "it will not be retried"
        warn_once(
            f"client:{status}",
            "openlayer-otel: Openlayer answered %s: %s.",
            answer.reason,
            advice,
        )
    return answer
