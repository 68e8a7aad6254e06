"""Index fields: one pure function of masked text, whoever calls it."""

from collections.abc import Sequence

import numpy as np

from nlp.encoder import Vectors
from nlp.indexing import index_fields
from nlp.minhash import jaccard


class Lengths:
    """Vectors that tell which texts were embedded."""

    name = "lengths-1"
    dimensions = 1

    def encode(self, texts: Sequence[str], *, query: bool = False) -> Vectors:
        return np.array([[len(text)] for text in texts], np.float32)


def test_title_and_text_are_cut_apart_and_embedded_together() -> None:
    with_title, without = index_fields(Lengths(), [("小区停水", "望湖区停水三天"), (None, "路灯坏了")])
    assert "停水" in with_title.title_tokens
    assert "三天" in "".join(with_title.text_tokens) or "停水" in with_title.text_tokens
    assert with_title.vector.tolist() == [len("小区停水\n望湖区停水三天")]
    assert without.title_tokens == []
    assert without.vector.tolist() == [len("路灯坏了")]


def test_traditional_and_full_width_index_like_simplified() -> None:
    one, other = index_fields(Lengths(), [("小區停水", "ＷＩＦＩ壞了"), ("小区停水", "WIFI坏了")])
    assert (one.title_tokens, one.text_tokens, one.bigrams) == (other.title_tokens, other.text_tokens, other.bigrams)
    assert jaccard(one.minhash, other.minhash) == 1.0


def test_masks_are_not_indexed() -> None:
    field = index_fields(Lengths(), [(None, "业主[姓名]来电[手机号78]反映停电")])[0]
    assert not {"姓名", "手机号", "手机", "78"} & set(field.text_tokens)
    assert "姓名" not in field.bigrams


def test_the_same_words_give_the_same_fields_in_any_batch() -> None:
    alone = index_fields(Lengths(), [(None, "路灯坏了")])[0]
    batch = index_fields(Lengths(), [("小区停水", "三天了"), (None, "路灯坏了")])[1]
    assert alone.text_tokens == batch.text_tokens
    assert np.array_equal(alone.minhash, batch.minhash)
