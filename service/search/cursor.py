"""Page cursors: opaque to callers, checked before they are believed.

Sorted by time or risk a cursor is a keyset, the last value and id, so it needs no state and new complaints neither
repeat nor hide one. Sorted by relevance it names a window: the ranking of the first page, frozen in the database.
"""

import base64
import binascii
import hashlib
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isnan
from uuid import UUID

from data_contracts.search import SearchQuery
from service.errors import CursorInvalid

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEYSET = struct.Struct(">c8sd16s")
_WINDOW = struct.Struct(">c8sI16s")


@dataclass(frozen=True, slots=True)
class KeysetCursor:
    """Go on after this value and id. `value` is a POSIX time in microseconds, or a risk score."""

    value: float
    complaint_id: UUID


@dataclass(frozen=True, slots=True)
class WindowCursor:
    """Go on in a frozen window after so many hits."""

    window: UUID
    offset: int


def digest(query: SearchQuery, scope: str) -> bytes:
    """Eight bytes that tell one query and scope from another; page size and facets may differ between pages."""
    told = query.model_dump_json(exclude={"cursor", "limit", "facets"})
    return hashlib.sha256(f"{scope}\n{told}".encode()).digest()[:8]


def encode(cursor: KeysetCursor | WindowCursor, mark: bytes) -> str:
    """The cursor as URL-safe text."""
    if isinstance(cursor, KeysetCursor):
        raw = _KEYSET.pack(b"k", mark, cursor.value, cursor.complaint_id.bytes)
    else:
        raw = _WINDOW.pack(b"w", mark, cursor.offset, cursor.window.bytes)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str, mark: bytes) -> KeysetCursor | WindowCursor:
    """Read a cursor back.

    Raises:
        CursorInvalid: it is none, or one of another query.
    """
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        kind, told, value, key = (_KEYSET if raw[:1] == b"k" else _WINDOW).unpack(raw)
    except (ValueError, binascii.Error, struct.error) as error:
        raise invalid() from error
    if told != mark or kind not in (b"k", b"w") or isnan(value):
        raise invalid()
    return KeysetCursor(value, UUID(bytes=key)) if kind == b"k" else WindowCursor(UUID(bytes=key), value)


def to_micros(moment: datetime) -> float:
    """A time as microseconds since 1970, exact in a double until the year 2255."""
    return float((moment - _EPOCH) // timedelta(microseconds=1))


def from_micros(value: float) -> datetime:
    """The time of so many microseconds since 1970.

    Raises:
        CursorInvalid: there is no such time.
    """
    try:
        return _EPOCH + timedelta(microseconds=value)
    except (OverflowError, ValueError) as error:
        raise invalid() from error


def expired() -> CursorInvalid:
    """The fault for a window that is gone."""
    return CursorInvalid(
        "翻页结果已过期，请从第一页重新检索", "the result window has expired; search again from page one"
    )


def invalid() -> CursorInvalid:
    """The fault for a cursor that is not one of this query."""
    return CursorInvalid(
        "翻页游标无效：须原样传回，且检索条件不变",
        "invalid cursor: pass it back unchanged, with the same query",
    )
