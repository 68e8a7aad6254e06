"""The tables that names are recognised by: surnames, and the characters that given names are made of."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_LEXICON = files("nlp") / "lexicon"


@dataclass(frozen=True, slots=True)
class Surnames:
    """Surnames by how readily they are believed; `doubtful` ones are mostly other words."""

    common: frozenset[str]
    rare: frozenset[str]
    doubtful: frozenset[str]
    compound: frozenset[str]


@cache
def surnames() -> Surnames:
    """The table of surnames."""
    rows = {}
    for line in (_LEXICON / "surnames.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            name, _, values = line.partition(" ")
            rows[name] = values
    return Surnames(
        common=frozenset(rows["common"]),
        rare=frozenset(rows["rare"]),
        doubtful=frozenset(rows["doubtful"]),
        compound=frozenset(rows["compound"].split()),
    )


@cache
def given_scores() -> dict[str, float]:
    """Log-odds of a character in a given name against anywhere else; absent characters have 0."""
    scores = {}
    for line in (_LEXICON / "given_names.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            score, _, chars = line.partition(" ")
            scores.update(dict.fromkeys(chars, float(score)))
    return scores


@cache
def not_names() -> frozenset[str]:
    """Words that look like a surname and a given name and are none."""
    lines = (_LEXICON / "not_names.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())
