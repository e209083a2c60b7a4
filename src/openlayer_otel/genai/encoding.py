"""Any Python value to JSON text, and never an exception.

The fast path is one call into orjson. What orjson refuses (lone surrogates, integers
beyond 64 bits, keys that are no strings, cycles, hostile objects) goes through
:func:`plain`, which rebuilds the value from parts that are safe to encode.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson
from opentelemetry.context import get_current

from openlayer_otel.genai.current import attach, take_back
from openlayer_otel.genai.nesting import suppressing
from openlayer_otel.genai.sdk_objects import ABSENT, model_fields
from openlayer_otel.genai.untouchable import MODULES, text_of, untouched

MAX_DEPTH = 64
MAX_ITEMS = 100_000
# Elements of the largest array or table that is written out; of a larger one, its own summary.
MAX_ELEMENTS = 10_000
_MAX_INTEGER = 2**63 - 1
# How objects of others say what they hold: SDKs and data frames, arrays.
_DUMPS = ("to_dict", "tolist")
# Where aiohttp's requests and responses are from: mappings of what the application keeps in them.
_AIOHTTP = frozenset({"aiohttp.web_request", "aiohttp.web_response", "aiohttp.web_ws"})


def to_json(value: object) -> str:
    """``value`` as compact JSON text.

    Args:
        value: Anything. Pydantic models, dataclasses, enums, dates and sets become what they
            mean; NaN and infinities become ``null``; what has no meaning in JSON becomes text.

    Returns:
        Valid JSON, always.
    """
    try:
        # Not the dataclasses: of them it leaves out fields that only the class has a value for.
        return orjson.dumps(
            value, default=_meaning, option=orjson.OPT_PASSTHROUGH_DATACLASS
        ).decode()
    except (TypeError, ValueError, RecursionError, UnicodeError):
        pass
    try:
        return orjson.dumps(plain(value)).decode()
    except Exception:  # noqa: BLE001 - the promise above, whatever a hostile object still does
        return '"[cannot be encoded]"'


def from_json(text: object) -> Any:
    """The value that ``text`` encodes, or ``text`` itself if it is no JSON."""
    if not isinstance(text, (str, bytes)):
        return text
    try:
        return orjson.loads(text)
    except (ValueError, RecursionError):
        return text


def clean_text(text: str) -> str:
    """``text`` without lone surrogates (half an emoji of a cut stream): UTF-8 has none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        # Halves that belong together are joined; what stays alone becomes U+FFFD.
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def plain(value: object) -> Any:
    """``value`` rebuilt from dicts, lists, texts, numbers, booleans and None. Never raises."""
    return _plain(value, 0, set())


def _plain(value: Any, depth: int, above: set[int]) -> Any:
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is str:
        return clean_text(value)
    if kind is int:
        return _integer(value)
    if kind is float:
        return value if math.isfinite(value) else None
    if depth >= MAX_DEPTH:
        return "[nested too deeply]"
    if id(value) in above:
        return "[cycle]"
    above.add(id(value))
    try:
        instead = untouched(value) if kind.__module__ in MODULES else None
        if instead is not None:
            return _plain(instead, depth + 1, above)
        if isinstance(value, Mapping):
            said = None if kind is dict else _server_object(value)
            if said is not None:
                return said
            return {
                _key(key): _plain(item, depth + 1, above) for key, item in _bounded(value.items())
            }
        if isinstance(value, (list, tuple, set, frozenset)):
            return [_plain(item, depth + 1, above) for item in _bounded(value)]
        meaning = _meaning(value)
        if meaning is value:
            return _described(value)
        return _plain(meaning, depth + 1, above)
    except Exception:  # noqa: BLE001 - a hostile object's own methods may raise anything
        return _described(value)
    finally:
        above.discard(id(value))


def _key(key: object) -> str:
    # An enum that is a text stands for its value, not for the name that its __str__ may say.
    return clean_text(str.__str__(key)) if isinstance(key, str) else _described(key)


def _integer(value: int) -> int | str:
    if -_MAX_INTEGER <= value <= _MAX_INTEGER:
        return value
    try:
        return str(value)
    except ValueError:  # more digits than Python will write (sys.set_int_max_str_digits)
        return f"[integer of {value.bit_length()} bits]"


def _bounded(items: Any) -> Iterator[Any]:
    for count, item in enumerate(items):
        if count >= MAX_ITEMS:
            return
        yield item


def _meaning(value: object) -> Any:
    """What an object says in simpler types; text as the last resort. For ``orjson.dumps``, too."""
    kind: Any = type(value)
    if kind.__name__ in ABSENT:
        return None
    instead = untouched(value) if kind.__module__ in MODULES else None
    if instead is not None:
        return instead
    names = _names_of(kind)
    if names:
        return {name: getattr(value, name, None) for name in names}
    if isinstance(value, str):
        return clean_text(str.__str__(value))
    if isinstance(value, int):
        return _integer(int.__int__(value))
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, Mapping):
        said = _server_object(value)
        return dict(value) if said is None else said
    if isinstance(value, (set, frozenset, tuple, list)):
        return list(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"[{len(value)} bytes]"
    fields = model_fields(value)
    if fields is not None:
        return _with_defaults(value, fields)
    if isinstance(value, type):
        return value.__qualname__
    enum_value = getattr(value, "value", value) if hasattr(kind, "__members__") else value
    if enum_value is not value:
        return enum_value
    # By its class: what has every attribute there is (a remote object) would call somebody.
    for method in _DUMPS:
        if callable(getattr(kind, method, None)):
            return _described(value) if _is_large(value) else _untraced(getattr(value, method))
    if callable(getattr(kind, "isoformat", None)):
        return value.isoformat()  # type: ignore[attr-defined]
    attributes = getattr(value, "__dataclass_fields__", None)
    if attributes:
        return {name: getattr(value, name, None) for name in attributes if name[0] != "_"}
    return _described(value)


@lru_cache
def _names_of(kind: type) -> tuple[str, ...]:
    """The fields of a mere dataclass, of which there may be thousands; none for other classes."""
    if kind.__base__ is not object or any(hasattr(kind, method) for method in _DUMPS):
        return ()
    return tuple(name for name in getattr(kind, "__dataclass_fields__", ()) if name[0] != "_")


def _is_large(value: Any) -> bool:
    """Whether an array or a table has too many elements to be written out while a caller waits."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return math.prod(shape) > MAX_ELEMENTS
    kind = type(value)
    return hasattr(kind, "tolist") and hasattr(kind, "__len__") and len(value) > MAX_ELEMENTS


def _untraced(method: Callable[[], Any]) -> Any:
    """What a method of the user's says: called to record something, so no step of its own."""
    token = attach(suppressing(get_current()))
    try:
        return method()
    finally:
        take_back(token)


def _with_defaults(model: object, given: dict[str, Any]) -> dict[str, Any]:
    """What a pydantic model holds: defaults that say something, too, but nothing it excludes."""
    kind = type(model)
    declared: Mapping[str, Any] | None = getattr(kind, "__pydantic_fields__", None)
    if declared is None:  # before pydantic 2.10, and 1
        declared = vars(kind).get("model_fields")
    if declared is None:
        declared = getattr(kind, "__fields__", {})
    held = vars(model)
    found = {
        name: held[name]
        for name, field in declared.items()
        if name in held
        and (name in given or held[name] is not None)
        and getattr(getattr(field, "field_info", field), "exclude", None) is not True
    }
    found.update((name, item) for name, item in given.items() if name not in declared)
    return found


def _server_object(value: Mapping[Any, Any]) -> str | None:
    """A request of Starlette, FastAPI or aiohttp: a mapping of all that the server knows."""
    if type(value).__module__ in _AIOHTTP:
        return _described(value)
    scope = getattr(value, "scope", None)
    if not isinstance(scope, dict) or "path" not in scope:
        return None
    return f"{scope.get('method') or scope.get('type')} {scope['path']}"


def _described(value: object) -> str:
    try:
        return clean_text(str.__str__(text_of(value)))[:1000]
    except Exception:  # noqa: BLE001 - __str__ of a hostile object may raise anything
        return f"[{type(value).__qualname__}]"
