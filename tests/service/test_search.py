"""The search index in a real PostgreSQL: what goes in, what is found, and who may see it."""

from collections import Counter
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from search_cases import CITY, START, document, engine_on, key
from sqlalchemy import func, select, text

from data_contracts.search import SearchQuery
from nlp.encoder import Encoder, load_encoder
from service.access.scope import within
from service.errors import CursorInvalid, RegionUnknown
from service.search import reader
from service.search.bm25 import weighted
from service.search.postgres import PostgresSearch
from service.search.protocol import IndexMismatch, SearchDocument
from service.search.query import BIGRAM_MARK
from service.store.engine import Sessions
from service.store.tables.search import SearchDocumentRow, SearchTermRow, SearchTotalRow

WANGHU, DONGLING = "/990100/990102/", "/990100/990103/"


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder()


@pytest.fixture
def search(sessions: Sessions, encoder: Encoder) -> PostgresSearch:
    return engine_on(sessions, encoder)


@pytest.fixture
def town(search: PostgresSearch, encoder: Encoder) -> PostgresSearch:
    """Eight complaints of two counties."""
    search.index(
        [
            document(encoder, 1, "听澜苑地下车库积水半米，物业一直不抽水。", title="听澜苑车库积水", region="柳堤街道"),
            document(
                encoder, 2, "听澜苑电梯困人，保修电话无人接听。", region="柳堤街道", risk_level="橙", risk_score=70.0
            ),
            document(
                encoder,
                3,
                "书台街道夜市油烟扰民，窗户不敢开。",
                region="书台街道",
                dispute_type="环境污染",
                domain="环境保护",
            ),
            document(
                encoder,
                4,
                "纺机街道工地凌晨施工，噪音扰民。",
                region="纺机街道",
                dispute_type="环境污染",
                domain="环境保护",
            ),
            document(
                encoder,
                5,
                "纺机街道路灯全灭，老人夜里摔倒。",
                region="纺机街道",
                channel="grid",
                risk_level="黄",
                risk_score=40.0,
            ),
            document(
                encoder, 6, "砚岭街道公交站台被拆，换乘不便。", region="砚岭街道", channel="app", domain="交通运输"
            ),
            document(
                encoder, 7, "云州市社保卡怎么异地激活？", domain="劳动和社会保障", kind="咨询", dispute_type="非纠纷"
            ),
            document(
                encoder,
                8,
                "建设公司拖欠三十名农民工工资，明天去市政府讨薪。",
                region="东岭区",
                risk_level="红",
                risk_score=92.0,
            ),
        ]
    )
    return search


def found(search: PostgresSearch, q: str = "", scope: str = CITY, **more: Any) -> list[str]:
    return [hit.external_id for hit in search.search(SearchQuery(q=q, **more), scope).hits]


class TestFinding:
    def test_words_find_the_complaint_that_holds_them(self, town: PostgresSearch):
        assert found(town, "车库积水")[0] == "1"
        assert found(town, "电梯困人")[0] == "2"

    def test_a_name_is_found_though_the_segmenter_cuts_it_apart(self, town: PostgresSearch):
        assert set(found(town, "听澜苑")) == {"1", "2"}

    def test_an_exact_phrase_must_stand_word_for_word(self, town: PostgresSearch):
        assert found(town, "“凌晨施工”") == ["4"]
        assert found(town, "“施工凌晨”") == []

    def test_an_excluded_word_must_not_stand(self, town: PostgresSearch):
        assert set(found(town, "扰民")) == {"3", "4"}
        assert found(town, "扰民 -油烟") == ["4"]
        assert "4" not in found(town, "-施工")
        assert len(found(town, "-施工")) == 7

    @pytest.mark.parametrize(("q", "first"), [("乱收薪酬欠账", "8"), ("打工的血汗钱", "8"), ("欠薪", "8")])
    def test_words_that_stand_nowhere_are_found_by_meaning(self, town: PostgresSearch, q: str, first: str):
        assert found(town, q)[:1] == [first]

    @pytest.mark.parametrize("q", ["量子隧穿效应", "qwertyuiop", "？？", "的"])
    def test_what_matches_nothing_is_empty(self, town: PostgresSearch, q: str):
        page = town.search(SearchQuery(q=q), CITY)
        assert (page.hits, page.total, page.cursor) == ([], 0, None)

    @pytest.mark.parametrize(
        "q", ["' | '", "a & !b", "\\", "'; DROP TABLE complaint; --", "%_", "“'”", "-", "“”", ":*"]
    )
    def test_the_signs_of_query_languages_are_only_signs(self, town: PostgresSearch, q: str):
        assert town.search(SearchQuery(q=q), CITY).total >= 0

    def test_nothing_asked_for_browses_by_time(self, town: PostgresSearch):
        assert found(town) == ["8", "7", "6", "5", "4", "3", "2", "1"]
        assert found(town, sort="risk")[:3] == ["8", "2", "5"]

    def test_a_match_can_be_sorted_by_time_and_by_risk(self, town: PostgresSearch):
        assert found(town, "听澜苑", sort="time") == ["2", "1"]
        assert found(town, "街道", sort="risk")[0] == "5"

    def test_hits_show_where_they_matched(self, town: PostgresSearch):
        hit = town.search(SearchQuery(q="车库积水"), CITY).hits[0]
        assert hit.title is not None
        told = {
            (mark.field, (hit.title if mark.field == "title" else hit.snippet)[mark.start : mark.end])
            for mark in hit.highlights
        }
        assert ("title", "车库积水") in told
        assert hit.region_name == "柳堤街道"


class TestScope:
    def test_a_key_sees_only_its_subtree(self, town: PostgresSearch):
        assert set(found(town, scope=WANGHU)) == {"1", "2", "3"}
        assert set(found(town, "扰民", WANGHU)) == {"3"}
        page = town.search(SearchQuery(q="扰民"), WANGHU)
        assert page.total == 1
        assert [facet.value for facet in page.facets["region"]] == ["书台街道"]

    def test_a_requested_region_narrows_the_scope_and_never_widens_it(self, town: PostgresSearch):
        assert set(found(town, region="望湖区")) == {"1", "2", "3"}
        assert found(town, scope=WANGHU, region="东岭区") == []
        assert set(found(town, scope=WANGHU, region="云州市")) == {"1", "2", "3"}

    def test_an_unknown_region_is_a_fault(self, town: PostgresSearch):
        with pytest.raises(RegionUnknown):
            town.search(SearchQuery(region="桃花源县"), CITY)

    def test_near_complaints_stay_in_the_subtree(self, town: PostgresSearch, encoder: Encoder):
        fields = document(encoder, 99, "工地夜里施工噪音扰民").fields
        assert {c.complaint_id for c in town.candidates(fields, WANGHU)} <= {key(1), key(2), key(3)}
        assert town.candidates(fields, DONGLING)[0].complaint_id == key(4)


class TestFilters:
    def test_alternatives_within_a_filter_and_all_filters_together(self, town: PostgresSearch):
        assert set(found(town, risk_level=["橙", "红"])) == {"2", "8"}
        assert set(found(town, channel=["grid", "app"])) == {"5", "6"}
        assert found(town, channel=["grid", "app"], domain=["交通运输"]) == ["6"]

    def test_the_time_range_takes_in_its_start_and_not_its_end(self, town: PostgresSearch):
        since, until = START + timedelta(hours=2), START + timedelta(hours=4)
        assert found(town, since=since, until=until) == ["3", "2"]

    def test_a_case_can_be_asked_for_once_it_is_assigned(self, town: PostgresSearch):
        town.assign({key(1): key("case"), key(2): key("case"), key("unknown"): key("case")})
        assert set(found(town, case_id=key("case"))) == {"1", "2"}

    def test_facets_count_filters_and_match(self, town: PostgresSearch):
        page = town.search(SearchQuery(sort="time"), CITY)
        assert page.total == 8
        for name, facets in page.facets.items():
            assert sum(facet.count for facet in facets) == 8, name
        assert {f.value: f.count for f in page.facets["risk_level"]} == {"蓝": 5, "橙": 1, "黄": 1, "红": 1}
        narrowed = town.search(SearchQuery(domain=["环境保护"], sort="time"), CITY)
        assert {f.value: f.count for f in narrowed.facets["dispute_type"]} == {"环境污染": 2}
        assert town.search(SearchQuery(facets=False), CITY).facets == {}

    def test_a_facet_value_is_understood_as_a_filter(self, town: PostgresSearch):
        for facet in town.search(SearchQuery(), CITY).facets["region"]:
            assert town.search(SearchQuery(region=facet.value), CITY).total >= facet.count


class TestPages:
    @pytest.fixture
    def many(self, search: PostgresSearch, encoder: Encoder) -> PostgresSearch:
        search.index(
            [
                document(encoder, n, f"{n}号楼电梯停运，住户爬楼。第{n % 7}次报修。", risk_score=float(n % 3))
                for n in range(1, 48)
            ]
        )
        return search

    @pytest.mark.parametrize(("q", "sort"), [("", "time"), ("电梯", "relevance"), ("电梯", "time"), ("电梯", "risk")])
    def test_pages_together_are_the_whole_each_hit_once(self, many: PostgresSearch, q: str, sort: Any):
        seen: list[str] = []
        cursor = None
        while True:
            page = many.search(SearchQuery(q=q, sort=sort, limit=10, cursor=cursor), CITY)
            assert page.total == 47
            seen += [hit.external_id for hit in page.hits]
            cursor = page.cursor
            if cursor is None:
                break
        assert Counter(seen) == Counter(str(n) for n in range(1, 48))
        if sort == "time":
            assert seen == [str(n) for n in range(47, 0, -1)]

    def test_new_complaints_do_not_disturb_a_ranking_that_is_being_read(self, many: PostgresSearch, encoder: Encoder):
        whole = found(many, "电梯停运", limit=47)
        first = many.search(SearchQuery(q="电梯停运", limit=20), CITY)
        many.index([document(encoder, n, "电梯停运，电梯停运。", title="电梯停运") for n in range(100, 110)])
        rest = many.search(SearchQuery(q="电梯停运", limit=27, cursor=first.cursor), CITY)
        assert [hit.external_id for hit in (*first.hits, *rest.hits)] == whole

    def test_what_is_deleted_meanwhile_is_not_shown(self, many: PostgresSearch):
        first = many.search(SearchQuery(q="电梯", limit=40), CITY)
        rest = set(map(str, range(1, 48))) - {hit.external_id for hit in first.hits}
        many.delete([key(int(n)) for n in rest])
        assert many.search(SearchQuery(q="电梯", limit=40, cursor=first.cursor), CITY).hits == []

    def test_a_cursor_of_another_query_or_key_is_refused(self, many: PostgresSearch):
        cursor = many.search(SearchQuery(q="电梯", limit=5), CITY).cursor
        with pytest.raises(CursorInvalid):
            many.search(SearchQuery(q="电梯", limit=5, cursor=cursor), WANGHU)
        with pytest.raises(CursorInvalid):
            many.search(SearchQuery(q="停运", limit=5, cursor=cursor), CITY)

    def test_equal_scores_keep_one_order(self, search: PostgresSearch, encoder: Encoder):
        same = [document(encoder, n, "楼道堆物", received_at=START) for n in range(12)]
        search.index(same[::-1])
        by_time = found(search, sort="time", limit=50)
        assert by_time == [n for _, n in sorted(((key(n), str(n)) for n in range(12)), reverse=True)]
        assert found(search, "楼道") == [n for _, n in sorted((key(n), str(n)) for n in range(12))]


class TestWriting:
    def exact(self, sessions: Sessions, documents: list[SearchDocument]) -> None:
        """The statistics are those of exactly these documents."""
        terms: Counter[str] = Counter()
        tokens = pairs = 0
        for held in documents:
            counts = weighted(held.fields.title_tokens, held.fields.text_tokens)
            terms.update(counts.keys())
            terms.update(BIGRAM_MARK + pair for pair in set(held.fields.bigrams))
            tokens += counts.total()
            pairs += len(held.fields.bigrams)
        with sessions() as session:
            held = session.execute(select(SearchTermRow.term, SearchTermRow.documents))
            assert {row.term: row.documents for row in held} == terms
            total = session.execute(
                select(SearchTotalRow.documents, SearchTotalRow.token_length, SearchTotalRow.bigram_length)
            ).one()
            assert tuple(total) == (len(documents), tokens, pairs)
            assert session.scalar(select(func.count()).select_from(SearchDocumentRow)) == len(documents)

    def test_delivered_again_nothing_changes(self, town: PostgresSearch, sessions: Sessions, encoder: Encoder):
        again = [
            document(encoder, 1, "听澜苑地下车库积水半米，物业一直不抽水。", title="听澜苑车库积水", region="柳堤街道")
        ]
        before = town.search(SearchQuery(q="积水"), CITY)
        town.index(again)
        town.index(again * 3)
        assert town.search(SearchQuery(q="积水"), CITY).hits == before.hits

    def test_statistics_follow_writes_replacements_and_removals(
        self, search: PostgresSearch, sessions: Sessions, encoder: Encoder
    ):
        first, second = document(encoder, 1, "路灯不亮", title="路灯"), document(encoder, 2, "井盖松动异响")
        search.index([first, second])
        self.exact(sessions, [first, second])
        newer = document(encoder, 1, "路灯亮了又灭，井盖也松动", version=2)
        search.index([newer, first])
        self.exact(sessions, [newer, second])
        search.delete([key(2), key("unknown")])
        self.exact(sessions, [newer])
        search.delete([key(1)])
        self.exact(sessions, [])

    def test_an_older_version_never_replaces_a_newer_one(
        self, search: PostgresSearch, sessions: Sessions, encoder: Encoder
    ):
        newer = document(encoder, 1, "路灯已经修好", version=3)
        search.index([newer])
        search.index([document(encoder, 1, "路灯不亮", version=2)])
        search.index([document(encoder, 1, "路灯不亮", version=2)], force=True)
        assert found(search, "修好") == ["1"]
        self.exact(sessions, [newer])

    def test_what_was_removed_does_not_come_back(self, search: PostgresSearch, sessions: Sessions, encoder: Encoder):
        late = document(encoder, 1, "路灯不亮")
        search.delete([key(1)])
        search.index([late])
        self.exact(sessions, [])

    def test_a_new_version_keeps_its_case(self, search: PostgresSearch, encoder: Encoder):
        search.index([document(encoder, 1, "路灯不亮")])
        search.assign({key(1): key("case")})
        search.index([document(encoder, 1, "路灯还是不亮", version=2)])
        assert found(search, case_id=key("case")) == ["1"]

    def test_the_index_refuses_vectors_of_another_encoder(
        self, town: PostgresSearch, sessions: Sessions, encoder: Encoder
    ):
        class Other:
            name, dimensions = "other-8", 8

            def encode(self, texts: list[str], *, query: bool = False) -> Any:
                return np.full((len(texts), 8), 8**-0.5, np.float32)

        other = engine_on(sessions, Other())  # type: ignore[arg-type]
        assert not other.ready()
        with pytest.raises(IndexMismatch, match="index rebuild"):
            other.prepare()
        assert town.ready()

    def test_odd_texts_go_in(self, search: PostgresSearch, encoder: Encoder):
        odd = ["#路灯 ~井盖 '引号' \\反斜杠", "😀", "a" * 5000, "１２３ＡＢＣ", "\u3000", "路" * 20_000]
        search.index([document(encoder, n, said) for n, said in enumerate(odd)])
        assert found(search, "反斜杠") == ["0"]
        assert found(search, "123abc") == ["3"]


def test_neighbours_through_the_graph_are_the_true_ones(
    search: PostgresSearch, sessions: Sessions, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
):
    words = ["电梯", "车库", "路灯", "井盖", "公交", "油烟", "噪音", "工资", "学位", "医保", "供水", "燃气"]
    places = ["听澜苑", "柳堤", "书台", "纺机", "砚岭", "雁汀", "双檀", "月漾"]
    search.index(
        [
            document(encoder, n, f"{place}{first}{second}问题", region="望湖区" if n % 2 else "东岭区")
            for n, (place, first, second) in enumerate((p, a, b) for p in places for a in words for b in words[:4])
        ]
    )
    asked = encoder.encode(["听澜苑电梯问题"], query=True)[0]
    with sessions() as session:
        session.execute(text("ANALYZE search_document"))
        for scope in (CITY, WANGHU):
            where = [within(SearchDocumentRow.region_path, scope)]
            exact = reader.nearest(session, where, asked, 10)
            with monkeypatch.context() as patch:
                patch.setattr(reader, "EXACT_BELOW", 5)
                session.execute(text("SET LOCAL enable_seqscan = off"))
                session.execute(text("SET LOCAL enable_sort = off"))
                near = reader.nearest(session, where, asked, 10)
            assert len(near) == 10
            assert {k for k, _ in near if k} & {k for k, _ in exact}
            assert [s for _, s in near] == pytest.approx([s for _, s in exact], abs=2e-3)
