"""The model card says what a package was made of and how well it reads."""

import json

import pytest

from nlp.pipeline import BUILTIN_MODELS
from training.card import card


@pytest.mark.parametrize("name", BUILTIN_MODELS)
def test_the_card_tells_data_figures_and_limits(name: str) -> None:
    config = json.loads((BUILTIN_MODELS[name] / "config.json").read_text(encoding="utf-8"))
    told = card(config)
    assert (BUILTIN_MODELS[name] / "MODEL_CARD.md").read_text(encoding="utf-8") == told
    assert ("models/multilingual-e5-small-zh" in told) == (config["family"] == "transformer")
    assert config["version"] in told
    assert config["data_sha256"] in told
    for count in config["rows"].values():
        assert f"| {count} |" in told
    for figures in config["cross_validated"].values():
        assert f"{figures['stage_macro_f1']:.3f}" in told
    assert "## 局限" in told
