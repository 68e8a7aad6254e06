"""The model package: saved and loaded it says the same, damaged it says so, and its reasons are words of the text."""

import json
from pathlib import Path

import numpy as np
import pytest

from data_contracts import Complaint
from data_contracts.taxonomy import HEADS, taxonomy
from nlp.features import grams_of, select_grams
from nlp.package import CONFIG, WEIGHTS, ModelPackage, PackageError, beside, columns, label_map, scalars, slices
from nlp.prepare import Prepared, prepare
from nlp.segment import segmenter

WIDTH = 4
TEXTS = ["望湖区某小区半夜施工噪音扰民", "请问新生儿医保怎么办理", "工地拖欠三十人工资"]


def texts() -> list[Prepared]:
    return [prepare(Complaint(text=text)) for text in TEXTS]


def vectors() -> np.ndarray:
    rows = np.random.default_rng(5).normal(size=(len(TEXTS), WIDTH)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def small() -> ModelPackage:
    random = np.random.default_rng(3)
    keys = select_grams(grams_of(TEXTS, None, (1, 2)), len(TEXTS), least=1)
    c, s, b = columns(), scalars(texts()).shape[1], beside(texts()).shape[1]
    arrays = {
        "keys": keys,
        "idf": random.uniform(1, 3, len(keys)).astype(np.float32),
        "first": random.integers(-127, 128, (len(keys), c), dtype=np.int8),
        "first_scale": random.uniform(0.01, 0.02, c).astype(np.float32),
        "dense": random.normal(size=(WIDTH + s, c)).astype(np.float32),
        "first_bias": random.normal(size=c).astype(np.float32),
        "mean": random.normal(size=c).astype(np.float32),
        "spread": random.uniform(0.5, 1, c).astype(np.float32),
        "second": random.normal(size=(c + b, c)).astype(np.float32) / 10,
        "second_bias": random.normal(size=c).astype(np.float32),
    }
    config = {
        "version": "small-1",
        "encoder": "none-4",
        "dimensions": WIDTH,
        "char_orders": [1, 2],
        "labels": label_map(),
        "abstain_below": dict.fromkeys(HEADS, 0.5),
        "level_bias": [0.0, 0.1, 0.2, 0.3],
        "factor_thresholds": dict.fromkeys(taxonomy("factor").codes, 0.4),
    }
    return ModelPackage(config, arrays)


def test_probabilities_have_the_shape_of_the_taxonomies() -> None:
    predictions = small().predict(texts(), vectors())
    for head in HEADS:
        assert predictions.heads[head].shape == (len(TEXTS), len(taxonomy(head)))
        assert np.allclose(predictions.heads[head].sum(axis=1), 1, atol=1e-5)
    assert predictions.factors.shape == (len(TEXTS), len(taxonomy("factor")))
    assert ((predictions.factors > 0) & (predictions.factors < 1)).all()


def test_a_text_is_read_alike_alone_and_in_a_batch() -> None:
    package = small()
    together = package.predict(texts(), vectors())
    alone = package.predict(texts()[1:2], vectors()[1:2])
    for head in HEADS:
        assert np.allclose(together.heads[head][1], alone.heads[head][0], atol=1e-5)
        assert np.array_equal(together.row(1).heads[head], together.heads[head][1])
    assert np.allclose(together.row(1).factors, alone.factors[0], atol=1e-5)


def test_save_and_load_are_inverse(tmp_path: Path) -> None:
    package = small()
    package.save(tmp_path / "a")
    loaded = ModelPackage.load(tmp_path / "a")
    loaded.save(tmp_path / "b")
    assert (tmp_path / "a" / WEIGHTS).read_bytes() == (tmp_path / "b" / WEIGHTS).read_bytes()
    assert (tmp_path / "a" / CONFIG).read_bytes() == (tmp_path / "b" / CONFIG).read_bytes()
    assert set(loaded.arrays) == set(package.arrays)
    for name, array in package.arrays.items():
        assert loaded.arrays[name].dtype == array.dtype
        assert np.array_equal(loaded.arrays[name], array)
    before, after = package.predict(texts(), vectors()), loaded.predict(texts(), vectors())
    assert all(np.array_equal(before.heads[head], after.heads[head]) for head in HEADS)
    assert (loaded.version, loaded.level_bias, loaded.abstain_below, loaded.factor_thresholds) == (
        package.version, package.level_bias, package.abstain_below, package.factor_thresholds,
    )  # fmt: skip


def test_a_package_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="缺少文件"):
        ModelPackage.load(tmp_path)


def test_weights_that_were_changed_are_refused(tmp_path: Path) -> None:
    small().save(tmp_path)
    raw = bytearray((tmp_path / WEIGHTS).read_bytes())
    raw[-1] ^= 1
    (tmp_path / WEIGHTS).write_bytes(bytes(raw))
    with pytest.raises(PackageError, match="hash"):
        ModelPackage.load(tmp_path)


@pytest.mark.parametrize(("field", "value", "message"), [("format", 99, "format"), ("labels", {}, "taxonomies")])
def test_another_format_or_taxonomy_is_refused(tmp_path: Path, field: str, value: object, message: str) -> None:
    small().save(tmp_path)
    config = json.loads((tmp_path / CONFIG).read_text(encoding="utf-8"))
    (tmp_path / CONFIG).write_text(json.dumps(config | {field: value}), encoding="utf-8")
    with pytest.raises(PackageError, match=message):
        ModelPackage.load(tmp_path)


def test_vectors_of_another_encoder_are_refused() -> None:
    with pytest.raises(PackageError, match="none-4"):
        small().predict(texts(), np.zeros((len(TEXTS), WIDTH + 1), np.float32))


def test_the_word_that_moves_a_label_is_named() -> None:
    package = small()
    item = texts()[0]
    told = np.isin(package.arrays["keys"], grams_of(["噪音"], None, (2,)).hashes)
    first, _ = slices()["domain"]
    package.arrays["first"][:] = 0
    package.arrays["first"][told, first + 6] = 127
    package.arrays["dense"][:] = 0
    moved = ModelPackage(package.config, package.arrays)
    predictions = moved.predict([item], vectors()[:1])
    predictions.heads["domain"][0] = np.eye(len(taxonomy("domain")))[6]
    why = moved.explain([item], predictions, [segmenter().cut(item.model_text)])[0]["domain"]
    assert len(why) == 1
    assert "噪音" in why[0].word
    assert why[0].weight > 0


def test_reasons_do_not_depend_on_the_batch() -> None:
    package, items = small(), texts()
    words = [segmenter().cut(item.model_text) for item in items]
    predictions = package.predict(items, vectors())
    together = package.explain(items, predictions, words)
    alone = package.explain(items[2:], package.predict(items[2:], vectors()[2:]), words[2:])
    assert together[2] == alone[0]
    assert all(moved.word in items[2].model_text for why in together[2].values() for moved in why)


def test_words_that_are_not_the_text_are_refused() -> None:
    package, items = small(), texts()
    with pytest.raises(ValueError, match="add up"):
        package.explain(items[:1], package.predict(items[:1], vectors()[:1]), [["望湖区"]])
