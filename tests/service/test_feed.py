"""The feed: positions without a gap whoever publishes, nothing told twice, nothing shown outside a scope."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from service.feed.publish import NewEvent, publish, scrub
from service.feed.read import head, read
from service.store.engine import Sessions
from service.store.tables.feed import FeedEventRow

CITY, HERE, SISTER = "/990100/", "/990100/990102/", "/990100/990103/"


def happened(subject: str, occurrence: str = "1", where: str = HERE, level: str | None = None) -> NewEvent:
    return NewEvent("cn.yanpan.complaint.analysed", subject, occurrence, where, {"subject": subject}, level)


def tell(sessions: Sessions, *events: NewEvent) -> int:
    with sessions.begin() as session:
        return publish(session, events)


def sequences(sessions: Sessions) -> list[int]:
    with sessions() as session:
        return list(session.scalars(select(FeedEventRow.sequence).order_by(FeedEventRow.sequence)))


class TestPublish:
    def test_many_publishers_leave_no_gap(self, sessions: Sessions):
        def work(publisher: int) -> None:
            for number in range(15):
                with sessions() as session:
                    publish(session, [happened(f"{publisher}-{number}-{part}") for part in range(2)])
                    # Some transactions fail after they took their positions.
                    session.rollback() if number % 4 == 3 else session.commit()

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(work, range(6)))
        assert sequences(sessions) == list(range(1, 6 * 12 * 2 + 1))

    def test_a_reader_beside_publishers_misses_nothing(self, sessions: Sessions):
        done = threading.Event()
        seen: list[int] = []

        def follow() -> None:
            after, last = 0, False
            while True:
                with sessions() as session:
                    page = read(session, after, 7, CITY)
                seen.extend(int(event.sequence) for event in page.events)
                after = page.next
                if last and not page.more:
                    return
                last = done.is_set()

        reader = threading.Thread(target=follow)
        reader.start()

        def work(publisher: int) -> None:
            for number in range(20):
                tell(sessions, happened(f"{publisher}-{number}"))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        done.set()
        reader.join(30)
        assert seen == list(range(1, 81))

    def test_what_is_delivered_again_is_told_once(self, sessions: Sessions):
        assert tell(sessions, happened("a"), happened("b"), happened("a")) == 2
        assert tell(sessions, happened("b"), happened("c"), happened("a")) == 1
        assert tell(sessions, happened("a", occurrence="2")) == 1
        assert sequences(sessions) == [1, 2, 3, 4]

    def test_the_same_event_from_many_sides_is_told_once(self, sessions: Sessions):
        with ThreadPoolExecutor(6) as pool:
            told = list(pool.map(lambda _: tell(sessions, happened("a"), happened("b")), range(12)))
        assert sum(told) == 2
        assert sequences(sessions) == [1, 2]

    def test_nothing_is_nothing(self, sessions: Sessions):
        assert tell(sessions) == 0
        with sessions() as session:
            assert head(session) == 0


class TestRead:
    def test_pages_follow_each_other(self, sessions: Sessions):
        tell(sessions, *(happened(str(number)) for number in range(5)))
        with sessions() as session:
            first = read(session, 0, 2, CITY)
            second = read(session, first.next, 2, CITY)
            last = read(session, second.next, 2, CITY)
            after = read(session, last.next, 2, CITY)
        told = [[int(event.sequence) for event in page.events] for page in (first, second, last, after)]
        assert told == [[1, 2], [3, 4], [5], []]
        assert [page.more for page in (first, second, last, after)] == [True, True, False, False]
        assert after.next == 5

    def test_a_full_last_page_says_that_it_is_the_last(self, sessions: Sessions):
        tell(sessions, happened("a"), happened("b"))
        with sessions() as session:
            page = read(session, 0, 2, CITY)
        assert (len(page.events), page.more, page.next) == (2, False, 2)

    def test_each_reader_sees_their_region(self, sessions: Sessions):
        tell(sessions, happened("a", where=HERE), happened("b", where=SISTER), happened("c", where=f"{HERE}990102001/"))
        with sessions() as session:
            here, sister, city = (read(session, 0, 10, scope) for scope in (HERE, SISTER, CITY))
        assert [event.subject for event in here.events] == ["a", "c"]
        assert [event.subject for event in sister.events] == ["b"]
        assert [event.subject for event in city.events] == ["a", "b", "c"]
        # What others see moves a reader on, too: nobody asks for the same empty stretch again.
        assert sister.next == 3

    def test_an_odd_scope_is_refused(self, sessions: Sessions):
        with sessions() as session, pytest.raises(ValueError, match="region path"):
            read(session, 0, 10, "")

    def test_levels_can_be_chosen(self, sessions: Sessions):
        tell(sessions, happened("a", level="红"), happened("b", level="蓝"), happened("c"))
        with sessions() as session:
            page = read(session, 0, 10, CITY, ("红", "橙"))
        assert [event.subject for event in page.events] == ["a"]

    def test_a_position_ahead_of_the_feed_waits_there(self, sessions: Sessions):
        tell(sessions, happened("a"))
        with sessions() as session:
            assert read(session, 9, 10, CITY).next == 9


def test_what_was_told_of_an_erased_subject_is_emptied(sessions: Sessions):
    tell(sessions, happened("a", level="红"), happened("b", level="红"), happened("a", "2"))
    with sessions.begin() as session:
        scrub(session, "a")
    with sessions() as session:
        rows = session.scalars(select(FeedEventRow).order_by(FeedEventRow.sequence)).all()
    assert [row.sequence for row in rows] == [1, 2, 3]
    assert [row.data for row in rows] == [{"erased": True}, {"subject": "b"}, {"erased": True}]
    assert [row.risk_level for row in rows] == [None, "红", None]
