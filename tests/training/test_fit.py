"""A package of each family: it learns, comes back from its directory, and says the same there."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from data_contracts.taxonomy import HEADS, taxonomy
from nlp.encoder import Encoder, load_encoder
from nlp.package import READER, ModelPackage, PackageError
from nlp.prepare import prepare
from nlp.reader import digest_of
from training.cli import CONFIGS, _settings
from training.datasets import DataError, Sourced, complaint_of
from training.fit import FitConfig, fit
from training.tuning import TransformerConfig

TINY = TransformerConfig(
    base="models/tiny", prefix="", frozen_layers=1, epochs=12, rate=3e-3, head_rate=1e-2, averaging=0.8
)
FAMILIES = {
    "linear": FitConfig(folds=3),
    "static": FitConfig(folds=3, family="static", penalty=10.0),
    "transformer": FitConfig(folds=3, family="transformer", reader=TINY),
}


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_learns_and_comes_back(
    family: str, examples: list[Sourced], encoder: Encoder, checkpoint: Path, tmp_path: Path
) -> None:
    package = fit(examples, encoder, FAMILIES[family], f"{family}-9", lambda _: None, checkpoint, tmp_path / "work")
    package.save(tmp_path / "package")
    loaded = ModelPackage.load(tmp_path / "package")
    assert loaded.config["family"] == family
    assert (loaded.reader is not None) == (family == "transformer")
    prepared = [prepare(complaint_of(item.example)) for item in examples]
    vectors = encoder.encode([item.model_text for item in prepared])
    made, read = package.predict(prepared, vectors), loaded.predict(prepared, vectors)
    for head in HEADS:
        np.testing.assert_allclose(made.heads[head], read.heads[head], atol=0.03)
        labels = [taxonomy(head).labels.index(getattr(item.example, head)) for item in examples]
        assert (read.heads[head].argmax(1) == labels).mean() > 0.9
    words = [[item.model_text] for item in prepared]
    assert len(loaded.explain(prepared, read, words)) == len(prepared)
    assert loaded.config["cross_validated"]["board"]["domain_accuracy"] > 0.9


def test_a_reader_that_was_changed_is_refused(
    examples: list[Sourced], encoder: Encoder, checkpoint: Path, tmp_path: Path
) -> None:
    config = FitConfig(folds=2, family="transformer", reader=TINY.model_copy(update={"epochs": 1}))
    fit(examples, encoder, config, "t", lambda _: None, checkpoint).save(tmp_path)
    path = tmp_path / READER / "reader.json"
    path.write_text(path.read_text(encoding="utf-8") + " ", encoding="utf-8")
    with pytest.raises(PackageError, match="阅读模型与记录不符"):
        ModelPackage.load(tmp_path)
    path.unlink()
    with pytest.raises(PackageError, match="阅读模型"):
        ModelPackage.load(tmp_path)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_shipped_settings_are_sound(family: str) -> None:
    assert _settings(family, None).family == family


def test_settings_of_another_family_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="不符"):
        _settings("static", CONFIGS / "linear.yaml")
    with pytest.raises(DataError, match="没有模型族 forest"):
        _settings("forest", None)
    with pytest.raises(ValueError, match="reader"):
        FitConfig(family="transformer")


def test_the_command_says_what_is_wrong_with_its_settings(tmp_path: Path) -> None:
    from service.cli.main import build

    path = tmp_path / "settings.yaml"
    path.write_text(yaml.safe_dump({"family": "linear", "folds": "many"}), encoding="utf-8")
    result = CliRunner().invoke(
        build(), ["train", "--shared", str(tmp_path), "-o", str(tmp_path / "x"), "--config", str(path)]
    )
    assert result.exit_code == 2
    assert "folds" in result.output


def test_new_labels_reach_a_transformer_package_without_tuning_anew(
    examples: list[Sourced], encoder: Encoder, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Texts that the encoder learnt from keep their crossed scores, new ones are read by it."""
    from training import transformer

    first, later = examples[:48], examples[48:]
    package = fit(first, encoder, FAMILIES["transformer"], "t-1", lambda _: None, checkpoint)
    package.save(tmp_path)
    monkeypatch.setattr(transformer, "tune", lambda *_: pytest.fail("tuned anew"))
    tuned = ModelPackage.load(tmp_path).reader
    assert tuned is not None
    texts = [prepare(complaint_of(item.example)).model_text for item in (*first, *later)]
    unseen = tuned.unseen(texts)
    np.testing.assert_allclose(unseen[:48][0], tuned.crossed[1][list(tuned.crossed[0]).index(digest_of(texts[0]))])
    np.testing.assert_allclose(unseen[48:], tuned.read(texts[48:]), atol=0.1)
    again = fit(examples, encoder, FAMILIES["transformer"], "t-2", lambda _: None, tuned=tuned)
    assert again.config["cross_validated"]["board"]["domain_accuracy"] > 0.9
    assert again.config["data_sha256"] != package.config["data_sha256"]


def test_a_reader_is_taken_from_a_transformer_only() -> None:
    from training.cli import _reader_of

    with pytest.raises(DataError, match="transformer"):
        _reader_of("fast", FAMILIES["transformer"])
