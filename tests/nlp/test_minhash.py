"""Near texts share bands and their estimated similarity is near the true one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nlp.minhash import BANDS, PERMUTATIONS, bands, jaccard, signature

TEXT = "望湖区锦云小区三号楼的电梯上个月坏了五次，物业只贴了一张通知，维修基金也不知道去了哪里，老人上下楼很不方便。"


def true_jaccard(left: str, right: str) -> float:
    one, two = ({text[i : i + 3] for i in range(len(text) - 2)} for text in (left, right))
    return len(one & two) / len(one | two)


def test_shape_and_repeatability() -> None:
    held = signature(TEXT)
    assert held.shape == (PERMUTATIONS,)
    assert held.dtype == np.uint32
    assert np.array_equal(held, signature(TEXT))
    assert len(bands(held)) == BANDS
    assert len(set(bands(held))) == BANDS


def test_punctuation_and_spaces_do_not_matter() -> None:
    assert np.array_equal(signature(TEXT), signature(TEXT.replace("，", " ,").replace("。", "！")))


def test_near_texts_share_a_band_and_far_ones_do_not() -> None:
    near = TEXT.replace("五次", "六次") + "请尽快处理。"
    far = "青峪县柳树沟村的自来水发黄，烧开以后壶底有一层泥，村里说在换管子。"
    assert set(bands(signature(TEXT))) & set(bands(signature(near)))
    assert not set(bands(signature(TEXT))) & set(bands(signature(far)))
    assert jaccard(signature(TEXT), signature(far)) < 0.15


@given(st.integers(5, 45))
def test_the_estimate_is_near_the_truth(cut: int) -> None:
    left, right = TEXT.replace("，", "").replace("。", ""), TEXT[cut:].replace("，", "").replace("。", "")
    estimate = jaccard(signature(left), signature(right))
    assert abs(estimate - true_jaccard(left, right)) < 0.25


@given(st.text(max_size=5))
def test_short_texts_have_signatures(text: str) -> None:
    assert signature(text).shape == (PERMUTATIONS,)
    assert jaccard(signature(text), signature(text)) == 1.0
