"""Regions as callers name them, by code or by name."""

from pydantic_core import PydanticCustomError

from data_contracts.problem import FieldProblem
from data_contracts.region import Region, RegionTree
from service.errors import RegionUnknown


def resolve(tree: RegionTree, value: str | None, pointer: str = "query/region") -> Region:
    """The region of a code or name; the root when nothing is given.

    Raises:
        RegionUnknown: the tree has no such region, or several.
    """
    try:
        return tree.resolve(value)
    except PydanticCustomError as error:
        words = error.context or {}
        zh, en = str(words["zh"]), str(words["en"])
        raise RegionUnknown(zh, en, errors=[FieldProblem(pointer=pointer, code=error.type, zh=zh, en=en)]) from None
