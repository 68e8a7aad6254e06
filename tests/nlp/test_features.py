"""n-gram hashing: the same spans everywhere, nothing across a border, tf-idf as written."""

import numpy as np
import pytest

from nlp.features import TABLE_BITS, GramIndex, grams_of, select_grams, weighted


def hashes(text: str, order: int) -> list[int]:
    return grams_of([text], None, (order,)).hashes.tolist()


def test_a_span_has_the_same_hash_wherever_it_stands():
    alone = hashes("噪音", 2)
    assert alone[0] in hashes("半夜施工噪音扰民", 2)
    batch = grams_of(["路灯不亮", "半夜施工噪音扰民"], None, (2,))
    assert alone[0] in batch.hashes[batch.documents == 1].tolist()
    assert alone[0] not in batch.hashes[batch.documents == 0].tolist()


def test_orders_do_not_share_hashes():
    assert not set(hashes("停水停电", 1)) & set(hashes("停水停电", 2))


def test_no_gram_crosses_white_space_or_two_texts():
    grams = grams_of(["停水 三天", "路灯"], None, (1, 2))
    assert sorted(zip(grams.starts.tolist(), grams.lengths.tolist(), strict=True)) == [
        (0, 1), (0, 2), (1, 1), (3, 1), (3, 2), (4, 1), (6, 1), (6, 2), (7, 1),
    ]  # fmt: skip


def test_case_and_digits_are_folded():
    assert hashes("WiFi 7月", 1) == hashes("wifi 3月", 1)


def test_long_texts_hash_like_short_ones():
    tail = "澜江区供水中断"
    long = grams_of(["水" * 70_000 + "。" + tail], None, (3,))
    assert set(hashes(tail, 3)) <= set(long.hashes.tolist())


def test_characters_beyond_the_basic_plane_are_one_code_point():
    assert len(hashes("𠮷😀水", 1)) == 3


def test_word_grams_need_words_that_add_up():
    words = [["半夜", "施工", "噪音"]]
    assert len(grams_of(["半夜施工噪音"], words, (), (2,)).hashes) == 2
    with pytest.raises(ValueError, match="add up"):
        grams_of(["半夜施工噪音大"], words, (), (2,))


def test_selection_keeps_what_enough_documents_share():
    texts = ["路灯不亮", "路灯坏了", "路灯很暗", "停水"]
    keys = select_grams(grams_of(texts, None, (2,)), len(texts), least=3)
    assert keys.tolist() == hashes("路灯", 2)


def test_counts_and_weights():
    texts = ["水水电", "电", "无"]
    keys = np.array(hashes("水", 1) + hashes("电", 1), dtype=np.uint32)
    counts = GramIndex(keys).counts(grams_of(texts, None, (1,)), 3)
    assert counts.toarray().tolist() == [[2, 1], [0, 1], [0, 0]]
    idf = np.array([2.0, 1.0], np.float32)
    rows = weighted(counts, idf).toarray()
    first = np.array([(1 + np.log(2)) * 2, 1.0])
    assert np.allclose(rows[0], first / np.linalg.norm(first))
    assert np.allclose(rows[1:], [[0, 1], [0, 0]])


def test_an_unknown_gram_has_no_column():
    index = GramIndex(np.array(hashes("水", 1), dtype=np.uint32))
    assert index.columns(np.array(hashes("电", 1), dtype=np.uint32)).tolist() == [-1]


def test_colliding_keys_are_refused():
    with pytest.raises(ValueError, match="collide"):
        GramIndex(np.array([5, 5 + (1 << TABLE_BITS)], dtype=np.uint32))
