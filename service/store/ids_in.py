"""The condition that a column is one of many ids, as one array parameter: the same statement for any number of them."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Uuid, any_, bindparam
from sqlalchemy.orm import InstrumentedAttribute


def one_of(column: InstrumentedAttribute[Any], ids: Iterable[Any]) -> ColumnElement[bool]:
    """The condition that a column of ids holds one of some.

    A list of parameters would be another statement for every length, which neither SQLAlchemy nor PostgreSQL could
    keep prepared.
    """
    return column == any_(bindparam(None, list(ids), ARRAY(Uuid)))
