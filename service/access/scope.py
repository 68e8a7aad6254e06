"""The one place where a key's region subtree becomes a condition."""

import re

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

from data_contracts.region import Region
from service.access.principal import Principal
from service.errors import RegionForbidden

_PATH = re.compile(r"/(?:\d{6,9}/)+")

PathColumn = ColumnElement[str] | InstrumentedAttribute[str]


def within(column: PathColumn, scope: str) -> ColumnElement[bool]:
    """The SQL condition that a region path lies in a subtree (the subtree's own root included).

    Args:
        column: a column that holds region paths such as `/990100/990102/990102001/`.
        scope: the subtree's path.

    Raises:
        ValueError: the scope is not a region path. An empty or odd scope must never mean "everything".
    """
    return column.startswith(checked(scope), autoescape=True)


def covers(scope: str, path: str) -> bool:
    """Whether a region path lies in a subtree.

    Raises:
        ValueError: the scope is not a region path.
    """
    return path.startswith(checked(scope))


def require(principal: Principal, region: Region) -> None:
    """Let a caller act on a region only inside the key's subtree.

    Raises:
        RegionForbidden: the region lies outside.
    """
    if not covers(principal.scope, region.path):
        raise RegionForbidden(
            f"密钥的辖区不含“{region.name}”（{region.code}），请用该区划的密钥",
            f"the key's region does not include {region.code}; use a key of that region",
        )


def narrower(scope: str, path: str) -> str | None:
    """The part of a subtree that lies in a key's scope: the deeper of the two, None where they are apart."""
    if covers(scope, path):
        return path
    return scope if covers(path, scope) else None


def checked(scope: str) -> str:
    """The scope itself, if it is a region path.

    Raises:
        ValueError: it is not.
    """
    if not _PATH.fullmatch(scope):
        raise ValueError(f"not a region path: {scope!r}")
    return scope
