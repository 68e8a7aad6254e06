"""The shipped encoder: loads by itself, gives unit rows, puts near what means the same, knows no mask."""

import numpy as np
import pytest

from nlp.encoder import BUILTIN_ENCODER, Encoder, load_encoder


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder()


def test_rows_are_unit_float32(encoder: Encoder) -> None:
    rows = encoder.encode(["小区停水三天了", "路灯坏了没人修", "A"])
    assert rows.shape == (3, encoder.dimensions)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows[:2], axis=1), 1, atol=1e-3)


def test_nothing_gives_nothing(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.dimensions)
    assert np.isfinite(encoder.encode(["", "……！"])).all()


def test_the_batch_does_not_matter(encoder: Encoder) -> None:
    texts = ["工地拖欠工资", "半夜施工噪音扰民", "幼儿园什么时候报名"]
    together = encoder.encode(texts)
    assert np.allclose(together, np.concatenate([encoder.encode([text]) for text in texts]), atol=1e-5)


def test_near_is_what_means_the_same(encoder: Encoder) -> None:
    rows = encoder.encode(["楼下工地半夜施工太吵睡不着", "夜间施工噪音扰民", "请问新生儿医保怎么办理"])
    near, far = rows[0] @ rows[1], rows[0] @ rows[2]
    assert near > far + 0.1


def test_masks_do_not_move_a_vector(encoder: Encoder) -> None:
    bare, masked = encoder.encode(["业主来电反映电梯停运", "业主[姓名]来电[手机号78]反映电梯停运"])
    assert bare @ masked > 0.999


def test_sentence_transformers_loads_the_directory_alone(encoder: Encoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from sentence_transformers import SentenceTransformer

    texts = ["小区停水三天了"]
    own = SentenceTransformer(str(BUILTIN_ENCODER), device="cpu").encode(texts, convert_to_numpy=True)
    assert np.allclose(own.astype(np.float32), encoder.encode(texts), atol=1e-3)


def test_the_shipped_directory_is_small() -> None:
    size = sum(path.stat().st_size for path in BUILTIN_ENCODER.rglob("*") if path.is_file())
    assert size <= 13_000_000
