"""The taxonomies: codes for programs, Chinese labels for people, definitions for both."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

TaxonomyName = Literal["domain", "kind", "dispute_type", "stage", "risk_level", "factor", "channel", "role"]
HEADS: tuple[TaxonomyName, ...] = ("domain", "kind", "dispute_type", "stage", "risk_level")
"""The five labels that every analysis carries, in the order in which they are shown."""


class Entry(BaseModel):
    """One class of a taxonomy."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str
    label: str
    definition: str
    department: str | None = None


class Taxonomy:
    """An ordered set of classes that can be looked up by code or by label."""

    def __init__(self, name: str, entries: tuple[Entry, ...]) -> None:
        self.name = name
        self.entries = entries
        self._by_code = {entry.code: entry for entry in entries}
        self._by_label = {entry.label: entry for entry in entries}
        if len(self._by_code) != len(entries) or len(self._by_label) != len(entries):
            raise ValueError(f"taxonomy {name} repeats a code or a label")

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def labels(self) -> tuple[str, ...]:
        """Chinese labels, in taxonomy order."""
        return tuple(entry.label for entry in self.entries)

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes, in taxonomy order."""
        return tuple(entry.code for entry in self.entries)

    def label(self, code: str) -> str:
        """The Chinese label of a code; KeyError when there is none."""
        return self._by_code[code].label

    def code(self, label: str) -> str:
        """The code of a Chinese label; KeyError when there is none."""
        return self._by_label[label].code

    def find(self, value: str) -> Entry | None:
        """The entry with this label or code, None when there is none."""
        return self._by_label.get(value) or self._by_code.get(value)


@cache
def taxonomy(name: TaxonomyName) -> Taxonomy:
    """Load one taxonomy from its YAML file beside this module (cached).

    Args:
        name: file name without ending.
    """
    raw = yaml.safe_load((files(__name__) / f"{name}.yaml").read_text(encoding="utf-8"))
    return Taxonomy(name, tuple(Entry.model_validate(item) for item in raw["classes"]))
