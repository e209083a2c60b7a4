"""Which API answers a request, whatever base URL the client was given."""

from __future__ import annotations

from urllib.parse import unquote

from openlayer_otel.standin import amazon_bedrock_api, anthropic_api, google_api, openai_api
from openlayer_otel.standin.exchange import Json, Reply, Request, Steering

# The parts before the endpoint's own path that clients of the real services send.
_PREFIXES = ("/openai/v1", "/api/v1", "/v1beta", "/v1")
_AZURE_DEPLOYMENTS = "/openai/deployments/"
_NO_MODEL = "stub-model"
_FAILURES = {
    400: ("invalid_request_error", "bad request"),
    401: ("authentication_error", "Incorrect API key provided"),
    403: ("permission_error", "no"),
    404: ("not_found_error", "model not found"),
    429: ("rate_limit_error", "Rate limit reached"),
    500: ("api_error", "internal error"),
    503: ("api_error", "unavailable"),
    529: ("overloaded_error", "Overloaded"),
}


def read_request(
    method: str,
    path: str,
    query: dict[str, str],
    headers: dict[str, str],
    body: Json,
    steering: Steering,
    number: int,
) -> Request:
    """The request as the API modules see it, with its steering keys taken out of it."""
    path = unquote(path)
    model = str(body.get("model") or _NO_MODEL)
    steering.update(
        {
            key.removeprefix("x-stub-").replace("-", "_"): value
            for key, value in headers.items()
            if key.startswith("x-stub-")
        }
    )
    steering.update(
        {key[len("stub_") :]: value for key, value in query.items() if key.startswith("stub_")}
    )
    if path.startswith(_AZURE_DEPLOYMENTS):
        deployment, _, rest = path.removeprefix(_AZURE_DEPLOYMENTS).partition("/")
        model, path = (deployment if model == _NO_MODEL else model), "/" + rest
    model = steering.update_from_name(model)
    if isinstance(body.get("stub"), dict):
        steering.update(body["stub"])
    for prefix in _PREFIXES:
        if path.startswith(prefix + "/"):
            path = path.removeprefix(prefix)
            break
    return Request(method, path, query, headers, body, model, steering, number)


def speaks_anthropic(request: Request) -> bool:
    """Whether the client expects errors in Anthropic's shape."""
    return "anthropic-version" in request.headers or request.path.startswith("/messages")


def reply_to(request: Request) -> Reply:
    """The answer of whichever API has the request's path."""
    status = request.steering.failure_status()
    if status:
        return _failure(request, status)
    if request.path.startswith("/model/"):
        return amazon_bedrock_api.reply(request)
    if "/models/" in request.path and ":" in request.path:
        found = google_api.reply(request)
        if found is not None:
            return found
    endpoint = anthropic_api.endpoint(request) or openai_api.endpoint(request)
    if endpoint is not None:
        return endpoint(request)
    message = f"stand-in: no such endpoint: {request.method} {request.path}"
    return Reply(openai_api.failure(0, "invalid_request_error", message), 404)


def _failure(request: Request, status: int) -> Reply:
    kind, message = _FAILURES.get(status, ("api_error", f"status {status}"))
    retry_after = request.steering.text("retry_after")
    headers = {} if retry_after is None else {"retry-after": retry_after}
    if speaks_anthropic(request):
        return Reply(anthropic_api.failure(kind, message), status, headers=headers)
    return Reply(openai_api.failure(status, kind, message), status, headers=headers)
