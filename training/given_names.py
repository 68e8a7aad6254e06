"""Counts which characters given names are made of, from the person names of jieba's own dictionary."""

import math
from collections import Counter, defaultdict
from importlib.resources import files
from pathlib import Path

from nlp.pii.surnames import surnames

OUTPUT = Path(__file__).parents[1] / "nlp" / "lexicon" / "given_names.txt"
_SMOOTHING = 2.0
_LIMIT = 4.0
_FREQUENCY_POWER = 0.6
"""Between counting words and counting their uses: names are counted as words, function words by their use."""


def given_name_scores() -> dict[str, float]:
    """How much likelier each character is in a given name than elsewhere (natural log-odds, clipped to +-4)."""
    known = surnames()
    in_names: Counter[str] = Counter()
    elsewhere: defaultdict[str, float] = defaultdict(float)
    for line in (files("jieba") / "dict.txt").read_text(encoding="utf-8").splitlines():
        word, frequency, tag = line.split()
        if tag == "nr" and len(word) == 3 and word[0] in known.common:
            in_names.update(word[1:])
        elif not tag.startswith("nr"):
            weight = int(frequency) ** _FREQUENCY_POWER
            for char in word:
                elsewhere[char] += weight
    names, others = sum(in_names.values()), sum(elsewhere.values())
    chars = in_names.keys() | elsewhere.keys()
    scores = {}
    for char in chars:
        odds = (in_names[char] + _SMOOTHING) / (names + _SMOOTHING * len(chars))
        base = (elsewhere[char] + _SMOOTHING) / (others + _SMOOTHING * len(chars))
        scores[char] = max(-_LIMIT, min(_LIMIT, math.log(odds / base)))
    return scores


def _is_simplified(char: str) -> bool:
    try:
        return len(char.encode("gb2312")) == 2 and "\u4e00" <= char <= "\u9fff"
    except UnicodeEncodeError:
        return False


def main() -> None:
    """Write the table that the name finder reads."""
    scores = given_name_scores()
    lines = ["# Log-odds of a character in a given name against anywhere else, from jieba's dictionary (MIT)."]
    by_score: dict[float, list[str]] = {}
    for char in sorted(scores):
        if _is_simplified(char):
            by_score.setdefault(round(scores[char] * 2) / 2, []).append(char)
    lines += [f"{score:g} {''.join(by_score[score])}" for score in sorted(by_score, reverse=True) if score]
    OUTPUT.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
