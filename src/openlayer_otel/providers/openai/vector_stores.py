"""``POST /vector_stores/{id}/search``: a retrieval; the vector store is its data source.

Source: OpenAI API reference, "Vector stores"; conventions: retrieval span.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from openlayer_otel import semconv
from openlayer_otel.genai.record import Endpoint, Record
from openlayer_otel.providers.openai.fields import read_failure, read_parameters

SEARCH_PATH = re.compile(r"/vector_stores/([^/]+)/search")
"""The API path of a search; its group is the vector store's id."""

_PARAMETERS = frozenset({"ranking_options", "rewrite_query"})


def read_request(body: Mapping[str, Any], record: Record) -> None:
    """The query, and how many documents are wanted."""
    count = body.get("max_num_results")
    if type(count) is int:
        record.attributes[semconv.RETRIEVAL_TOP_K] = count
    read_parameters(body, _PARAMETERS, record)
    query = body.get("query")
    if record.with_content and query is not None:
        record.steps = {semconv.RETRIEVAL_QUERY_TEXT: query}


def read_response(body: Any, record: Record) -> None:
    """The documents that were found."""
    if not isinstance(body, dict):
        return
    read_failure(body.get("error"), record)
    found = body.get("data")
    if record.with_content and isinstance(found, list):
        record.steps = {
            semconv.RETRIEVAL_DOCUMENTS: [
                _document(each) for each in found if isinstance(each, dict)
            ]
        }


def _document(result: dict[str, Any]) -> dict[str, Any]:
    """One result in the conventions' shape (``id``, ``score``), its text beside."""
    made: dict[str, Any] = {"id": result.get("file_id"), "score": result.get("score")}
    content = result.get("content")
    if isinstance(content, list):
        texts = [each.get("text") for each in content if isinstance(each, dict)]
        made["content"] = "\n".join(each for each in texts if isinstance(each, str))
    for name in ("filename", "attributes"):
        if result.get(name):
            made[name] = result[name]
    return made


def _store(body: Mapping[str, Any], path: str) -> str | None:
    found = SEARCH_PATH.match(path)
    return found.group(1) if found else None


VECTOR_STORE_SEARCH = Endpoint(
    operation=semconv.RETRIEVAL,
    request=read_request,
    response=read_response,
    model=_store,
    target=semconv.DATA_SOURCE_ID,
)
