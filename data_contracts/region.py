"""The region tree 市 / 县(区) / 乡(镇) by administrative code, loaded from CSV."""

import csv
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from data_contracts.faults import violation

RegionLevel = Literal["city", "county", "township"]
LEVELS: tuple[RegionLevel, ...] = ("city", "county", "township")


class Region(BaseModel):
    """A node of the tree; `path` is `/city/county/township/` in codes, so a subtree is a prefix."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Annotated[str, Field(pattern=r"^\d{6}(\d{3})?$")]
    name: Annotated[str, Field(min_length=1, max_length=32)]
    parent: str | None = None
    level: RegionLevel
    path: str
    population: Annotated[int, Field(ge=0)] | None = None


class RegionTree:
    """All regions of one city; looked up by code or by unambiguous name."""

    def __init__(self, regions: Iterable[Region]) -> None:
        self.regions = tuple(regions)
        self._by_code = {region.code: region for region in self.regions}
        self._by_name: dict[str, list[Region]] = {}
        for region in self.regions:
            self._by_name.setdefault(region.name, []).append(region)
        roots = [region for region in self.regions if region.parent is None]
        if len(roots) != 1:
            raise ValueError(f"a region tree has exactly one root, found {len(roots)}")
        self.root = roots[0]

    def get(self, code: str) -> Region | None:
        """The region of a code, or None."""
        return self._by_code.get(code)

    def named(self, name: str) -> list[Region]:
        """All regions of exactly this name."""
        return self._by_name.get(name, [])

    def resolve(self, value: str | None) -> Region:
        """Find a region by code or by name; the root when nothing is given.

        A name may be qualified by its parents (`云州市望湖区`, `望湖区柳堤街道`).

        Raises:
            PydanticCustomError: `region-unknown` or `region-ambiguous`.
        """
        if value is None or not value.strip():
            return self.root
        value = value.strip()
        if found := self._by_code.get(value):
            return found
        matches = self._by_name.get(value) or [r for r in self.regions if value in self._qualified(r)]
        if not matches:
            raise violation(
                "region-unknown",
                f"区划“{value[:32]}”不存在，请用区划代码或全称",
                f"unknown region {value[:32]!r}; use an administrative code or a full name",
            )
        if len(matches) > 1:
            codes = "、".join(region.code for region in matches[:5])
            raise violation(
                "region-ambiguous",
                f"区划名“{value[:32]}”不唯一，请改用代码：{codes}",
                f"region name {value[:32]!r} is ambiguous; use one of the codes {codes}",
            )
        return matches[0]

    def _qualified(self, region: Region) -> set[str]:
        names = [region.name]
        parent = region.parent
        forms = set()
        while parent is not None:
            above = self._by_code[parent]
            forms |= {above.name + name for name in names}
            names += [above.name + name for name in names]
            parent = above.parent
        return forms


def read_regions(path: Path) -> RegionTree:
    """Read a tree from CSV with the columns code, name, parent (empty for the root) and optional population.

    Raises:
        ValueError: a parent is missing, a code repeats, the tree is deeper than three levels; names the line.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        return _tree(csv.DictReader(file))


def sample_regions() -> RegionTree:
    """The tree of the fictional 云州市 that ships with the product."""
    text = (files(__package__) / "regions" / "yunzhou.csv").read_text(encoding="utf-8")
    return _tree(csv.DictReader(text.splitlines()))


def _tree(rows: "csv.DictReader[str]") -> RegionTree:
    built: dict[str, Region] = {}
    for number, row in enumerate(rows, start=2):
        code, parent = (row.get("code") or "").strip(), (row.get("parent") or "").strip() or None
        if code in built:
            raise ValueError(f"line {number}: code {code} repeats")
        if parent is not None and parent not in built:
            raise ValueError(f"line {number}: parent {parent} must stand on an earlier line")
        above = built[parent].path if parent else "/"
        depth = above.count("/") - 1
        if depth >= len(LEVELS):
            raise ValueError(f"line {number}: deeper than {len(LEVELS)} levels")
        population = (row.get("population") or "").strip()
        built[code] = Region(
            code=code,
            name=(row.get("name") or "").strip(),
            parent=parent,
            level=LEVELS[depth],
            path=f"{above}{code}/",
            population=int(population) if population else None,
        )
    return RegionTree(built.values())
