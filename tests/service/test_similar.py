"""Similar complaints, why they are similar, and what was answered; and an index that is brought back to the store."""

from datetime import timedelta

import pytest
from search_cases import CITY, START, TREE, engine_on, key, put, stored
from sqlalchemy import delete, update

from data_contracts.search import SearchQuery, SimilarHit
from nlp.encoder import Encoder, load_encoder
from nlp.indexing import index_fields
from service.errors import NotFound
from service.jobs.process import document
from service.search.postgres import PostgresSearch
from service.search.rebuild import rebuild, status
from service.search.similar import similar_to
from service.store.engine import Sessions
from service.store.tables.answers import AnswerRow
from service.store.tables.complaints import ComplaintRow
from service.store.tables.search import SearchDocumentRow, SearchTotalRow

PLANT = "月漾街道听澜苑北侧的沥青拌和站昼夜生产，刺鼻气味熏得孩子咳嗽，粉尘落满阳台。"


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder()


@pytest.fixture
def search(sessions: Sessions, encoder: Encoder) -> PostgresSearch:
    return engine_on(sessions, encoder)


@pytest.fixture
def town(search: PostgresSearch, sessions: Sessions, encoder: Encoder) -> PostgresSearch:
    rows = [
        stored(1, PLANT, region="月漾街道", place="听澜苑", party="沥青拌和站"),
        stored(2, PLANT + "盼处理。", region="月漾街道", place="听澜苑", party="沥青拌和站"),
        stored(3, "听澜苑旁边有人半夜熬沥青，冒烟，味道很大。", region="月漾街道", place="听澜苑"),
        stored(4, "纺机街道沥青路面开裂，货车颠簸。", region="纺机街道"),
        stored(5, "医保卡丢失如何补办？", region="望湖区"),
    ]
    put(sessions, search, encoder, rows)
    return search


def similar(
    sessions: Sessions, search: PostgresSearch, encoder: Encoder, number: int, scope: str = CITY
) -> list[SimilarHit]:
    return similar_to(sessions, search, encoder, TREE, key(number), scope, 3)


class TestSimilar:
    def test_the_nearest_come_first_and_never_the_complaint_itself(
        self, town: PostgresSearch, sessions: Sessions, encoder: Encoder
    ):
        hits = similar(sessions, town, encoder, 1)
        assert [hit.external_id for hit in hits][:2] == ["2", "3"]
        assert "1" not in {hit.external_id for hit in hits}

    def test_each_says_why(self, town: PostgresSearch, sessions: Sessions, encoder: Encoder):
        first, second, *_ = similar(sessions, town, encoder, 1)
        assert (first.same_place, first.same_party) == (True, True)
        assert second.same_place
        assert not second.same_party
        assert "沥青" in second.shared_words

    def test_answers_come_along(self, town: PostgresSearch, sessions: Sessions, encoder: Encoder):
        with sessions.begin() as session:
            session.add(
                AnswerRow(
                    id=key("answer"), complaint_id=key(2), digest=b"d", office="望湖区生态环境局",
                    answered_at=START + timedelta(days=9), text="已责令停产整改。", resolved=True, satisfaction=None,
                    key_id="k", sealed=b"s", created_by="t",
                )
            )  # fmt: skip
        first = similar(sessions, town, encoder, 1)[0]
        assert [(answer.office, answer.text) for answer in first.answers] == [("望湖区生态环境局", "已责令停产整改。")]

    def test_only_the_readers_subtree_is_looked_at(self, town: PostgresSearch, sessions: Sessions, encoder: Encoder):
        wanghu = TREE.resolve("望湖区").path
        assert {hit.external_id for hit in similar(sessions, town, encoder, 1, wanghu)} <= {"2", "3", "5"}
        with pytest.raises(NotFound):
            similar(sessions, town, encoder, 4, wanghu)

    def test_reposts_are_marked(self, town: PostgresSearch, encoder: Encoder):
        fields = index_fields(encoder, [(None, PLANT)])[0]
        near = town.candidates(fields, CITY, exclude=[key(1)])
        assert [(found.complaint_id, found.repost) for found in near[:2]] == [(key(2), True), (key(3), False)]


class TestRebuild:
    def test_a_sound_index_is_left_alone(self, town: PostgresSearch, sessions: Sessions, encoder: Encoder):
        with sessions() as session:
            assert status(session).sound
        assert rebuild(sessions, town, encoder) == 0

    def test_what_is_missing_stale_or_too_many_is_mended(
        self, town: PostgresSearch, sessions: Sessions, encoder: Encoder
    ):
        with sessions.begin() as session:
            session.add(stored(6, "书台街道水管爆裂。", region="书台街道"))
            session.execute(
                update(ComplaintRow).where(ComplaintRow.id == key(5)).values(text="社保卡丢失如何补办？", version=2)
            )
            session.execute(update(ComplaintRow).where(ComplaintRow.id == key(4)).values(status="withdrawn"))
            session.execute(
                update(ComplaintRow).where(ComplaintRow.id == key(3)).values(model_version="newer", risk_level="黄")
            )
        with sessions() as session:
            found = status(session)
            assert (found.missing, found.stale, found.extra) == (1, 2, 1)
        assert rebuild(sessions, town, encoder) == 3
        with sessions() as session:
            assert status(session).sound
        assert [hit.external_id for hit in town.search(SearchQuery(q="社保卡"), CITY).hits] == ["5"]
        assert [hit.external_id for hit in town.search(SearchQuery(risk_level=["黄"]), CITY).hits] == ["3"]

    def test_another_encoders_vectors_are_replaced(self, town: PostgresSearch, sessions: Sessions, encoder: Encoder):
        with sessions.begin() as session:
            session.execute(update(SearchTotalRow).values(encoder="former-8", dimensions=8))
        assert rebuild(sessions, engine_on(sessions, encoder), encoder) == 5
        with sessions() as session:
            assert status(session).sound
        assert engine_on(sessions, encoder).ready()

    def test_an_interrupted_rebuild_goes_on(
        self, town: PostgresSearch, sessions: Sessions, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("service.search.rebuild.BATCH", 2)

        def stop(done: int, total: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            rebuild(sessions, town, encoder, everything=True, progress=stop)
        with sessions() as session:
            assert status(session).stale == 3
        assert rebuild(sessions, town, encoder) == 3

    def test_an_emptied_index_is_filled_again(self, town: PostgresSearch, sessions: Sessions, encoder: Encoder):
        before = town.search(SearchQuery(q="沥青"), CITY).hits
        with sessions.begin() as session:
            for table in (SearchDocumentRow, SearchTotalRow):
                session.execute(delete(table))
            session.connection().exec_driver_sql("DELETE FROM search_term")
        assert rebuild(sessions, engine_on(sessions, encoder), encoder) == 5
        assert town.search(SearchQuery(q="沥青"), CITY).hits == before


def test_a_document_says_what_the_store_says(sessions: Sessions, encoder: Encoder):
    row = stored(1, PLANT, title="拌和站", region="月漾街道", place="听澜苑", party="沥青拌和站")
    made = document(row, index_fields(encoder, [(row.title, row.text)])[0])
    assert (made.complaint_id, made.place, made.party, made.region_path) == (
        key(1),
        "听澜苑",
        "沥青拌和站",
        row.region_path,
    )
