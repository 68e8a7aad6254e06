"""The model card says what a package was made of and how well it reads."""

import json

from nlp.pipeline import BUILTIN_MODEL
from training.card import card


def test_the_card_tells_data_figures_and_limits() -> None:
    config = json.loads((BUILTIN_MODEL / "config.json").read_text(encoding="utf-8"))
    told = card(config)
    assert config["version"] in told
    assert config["data_sha256"] in told
    for count in config["rows"].values():
        assert f"| {count} |" in told
    for figures in config["cross_validated"].values():
        assert f"{figures['stage_macro_f1']:.3f}" in told
    assert "## 局限" in told
