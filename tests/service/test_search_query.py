"""What a query becomes, without a server."""

from itertools import combinations
from math import log
from uuid import UUID

import pytest

from data_contracts.search import SearchQuery
from service.errors import CursorInvalid
from service.search import bm25, cursor
from service.search.filters import conditions
from service.search.fuse import fuse
from service.search.highlight import highlights, needles, snippet, spans
from service.search.query import (
    Statistics,
    Unit,
    match_expression,
    minimal_sets,
    parse,
    phrase_expression,
    unit_expression,
    units_of,
)


def known(documents: int = 1000, **frequencies: int) -> Statistics:
    return Statistics(documents, 100.0, 200.0, frequencies)


class TestParse:
    def test_free_words_phrases_and_exclusions_are_told_apart(self):
        parsed = parse("兰亭小区 停车 “消防通道堵死” -物业费 -“业委会换届”")
        assert parsed.phrases == ("消防通道堵死",)
        assert parsed.excluded == ("业委会换届", "物业费")
        words = {unit.token for unit in parsed.units}
        assert "停车" in words
        assert "消防通道" in words or {"消防", "通道"} <= words
        assert not words & {"物业费", "物业", "业委会", "换届"}

    def test_full_width_traditional_and_straight_quotes_are_the_same_query(self):
        assert parse("停車位　＂收費＂") == parse('停车位 "收费"')

    def test_a_hyphen_inside_a_word_excludes_nothing(self):
        assert parse("3-5月 停水").excluded == ()

    @pytest.mark.parametrize("q", ["", "   ", "？！", "的 了"])
    def test_nothing_to_look_for(self, q: str):
        assert parse(q).empty

    def test_an_open_quote_is_only_a_character(self):
        assert parse("“停车").phrases == ()


class TestUnits:
    def test_a_name_is_found_by_its_token_or_by_all_of_its_bigrams(self):
        assert unit_expression(Unit("听澜苑", ("听澜", "澜苑"))) == "('听澜苑' | ('#听澜' & '#澜苑'))"

    def test_latin_words_have_only_their_token(self):
        assert [unit_expression(unit) for unit in units_of("GPS")] == ["'gps'"]

    def test_quotes_in_a_term_cannot_end_it(self):
        assert unit_expression(Unit("a' | 'b\\", ())) == "'a'' | ''b\\\\'"

    def test_a_phrase_asks_for_all_of_its_bigrams_once(self):
        assert phrase_expression("看看看见") == "('#看看' & '#看见')"


class TestMatch:
    def test_minimal_sets_are_all_the_smallest_sets_that_reach_the_share(self):
        weights = [5.0, 3.0, 2.0, 2.0]
        found = minimal_sets(weights, 0.6)
        need = 0.6 * sum(weights)
        enough = [
            set(c) for size in range(1, 5) for c in combinations(range(4), size) if sum(weights[i] for i in c) >= need
        ]
        expected = {frozenset(c) for c in enough if not any(other < c for other in enough)}
        assert {frozenset(c) for c in found} == expected

    def test_one_telling_word_is_enough_and_a_common_one_is_not(self):
        parsed = parse("窨井 噪音")
        first, second = (unit.token for unit in parsed.units)
        expression = match_expression(parsed, known(**{first: 2, second: 700}))
        assert expression is not None
        assert f"'{first}'" in expression
        assert f"'{second}'" not in expression

    def test_words_that_no_document_holds_cannot_be_matched(self):
        assert match_expression(parse("量子隧穿"), known()) is None

    def test_idf_falls_with_frequency_and_is_never_negative(self):
        statistics = known(10, a=1, b=5, c=10)
        assert statistics.idf("a") > statistics.idf("b") > statistics.idf("c") > 0
        assert statistics.idf("a") == pytest.approx(log(1 + 9.5 / 1.5))


class TestScope:
    def test_the_region_subtree_is_always_the_first_condition(self):
        where = conditions(SearchQuery(), parse(""), "/990100/990102/")
        assert len(where) == 1
        assert "region_path" in str(where[0])

    @pytest.mark.parametrize("path", ["", "/", "990100", "%"])
    def test_no_scope_is_refused_and_never_means_everything(self, path: str):
        with pytest.raises(ValueError, match="region path"):
            conditions(SearchQuery(), parse(""), path)


class TestBm25:
    def test_scores_agree_with_the_formula(self):
        documents = [{"井盖": 2, "松动": 1}, {"井盖": 1}, {"路灯": 3}]
        lengths = [3, 1, 3]
        mean = 7 / 3
        weights = {"井盖": 1.3, "松动": 2.1, "没有": 9.0}
        got = bm25.scores([bm25.pack(document) for document in documents], lengths, mean, weights)
        for score, document, length in zip(got, documents, lengths, strict=True):
            norm = bm25.K1 * (1 - bm25.B + bm25.B * length / mean)
            expected = sum(
                w * document[t] * (bm25.K1 + 1) / (document[t] + norm) for t, w in weights.items() if t in document
            )
            assert score == pytest.approx(expected, rel=1e-5)

    def test_nothing_to_score(self):
        assert len(bm25.scores([], [], 1.0, {"a": 1.0})) == 0
        assert list(bm25.scores([b""], [0], 1.0, {"a": 1.0})) == [0.0]

    def test_the_title_counts_three_times(self):
        assert bm25.weighted(["井盖"], ["井盖", "松动"]) == {"井盖": 4, "松动": 1}


def test_fusion_rewards_agreement_and_breaks_ties_by_id():
    a, b, c, d = (UUID(int=number) for number in range(1, 5))
    fused = fuse([(1.0, [a, b, c]), (1.0, [b, a, d])])
    assert [key for key, _ in fused] == [a, b, c, d]
    assert fused[0][1] == pytest.approx(fused[1][1])


class TestHighlights:
    def test_offsets_count_the_text_as_given(self):
        text = "ＡＢ栋的停車位被占，停车位不够。"
        found = spans(text, ["停车位"])
        assert [text[start:end] for start, end in found] == ["停車位", "停车位"]

    def test_overlapping_words_become_one_stretch(self):
        assert spans("消防通道被堵", ["消防", "消防通道", "通道被"]) == [(0, 5)]

    def test_a_number_is_not_found_inside_another(self):
        assert spans("2012年12月", ["12"]) == [(5, 7)]

    def test_title_and_text_are_told_apart(self):
        marks = highlights("停车难", "停车位不够", needles(parse("停车")))
        assert [(mark.field, mark.start, mark.end) for mark in marks] == [("title", 0, 2), ("text", 0, 2)]

    def test_a_snippet_shows_where_the_matches_are(self):
        text = "开" * 400 + "窨井盖松动" + "末" * 400
        assert "窨井盖" in snippet(text, highlights(None, text, ["窨井盖"]))
        assert snippet(text, []).startswith("开")


class TestCursor:
    mark = cursor.digest(SearchQuery(q="停车"), "/990100/")

    @pytest.mark.parametrize("given", [cursor.KeysetCursor(87.25, UUID(int=7)), cursor.WindowCursor(UUID(int=9), 40)])
    def test_round_trip(self, given: cursor.KeysetCursor | cursor.WindowCursor):
        assert cursor.decode(cursor.encode(given, self.mark), self.mark) == given

    def test_of_another_query_or_scope_it_is_refused(self):
        text = cursor.encode(cursor.KeysetCursor(1.0, UUID(int=7)), self.mark)
        for other in (
            cursor.digest(SearchQuery(q="噪音"), "/990100/"),
            cursor.digest(SearchQuery(q="停车"), "/990101/"),
        ):
            with pytest.raises(CursorInvalid):
                cursor.decode(text, other)

    def test_the_page_size_may_change(self):
        assert cursor.digest(SearchQuery(q="停车", limit=5), "/990100/") == self.mark

    @pytest.mark.parametrize("text", ["", "x", "!!!!", "k" * 40, "AAAA", "停车"])
    def test_anything_else_is_refused(self, text: str):
        with pytest.raises(CursorInvalid):
            cursor.decode(text, self.mark)
