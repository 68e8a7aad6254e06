"""Cases: complaints of one event find each other however they are told and in whatever order they come."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
import typer
from sqlalchemy import select, text
from typer.testing import CliRunner

from data_contracts.case import Case
from data_contracts.complaint import Complaint
from data_contracts.search import SearchQuery
from service.access.principal import Principal
from service.cases import read
from service.cli import cases, importing
from service.context import Service
from service.errors import CursorInvalid, NotFound
from service.store.ids import complaint_id
from service.store.tables.cases import CaseMemberRow, CaseRow
from service.store.tables.complaints import ComplaintRow

CITY = Principal("k", "云州市研判中心", "admin", "/990100/")
RIDGE, LAKE = "/990100/990103/", "/990100/990102/"

LIFT = {
    "lift-1": ("hotline", "2026-06-01T09:00:00+08:00", "望湖区",
        "市民：我住藕塘湾街道听荷苑小区6号楼，楼里的电梯停运一个星期了，物业说维修资金不够，拖着不肯修，"
        "老人上下楼很困难，请催物业快点把电梯修好。"),
    "lift-2": ("app", "2026-06-01T20:30:00+08:00", "望湖区",
        "藕塘湾街道听荷苑小区6号楼电梯停运已经一周，物业以维修资金不够为由拖着不修，老人上下楼困难，"
        "请督促物业尽快维修电梯。"),
    "lift-3": ("grid", "2026-06-02T10:15:00+08:00", "藕塘湾街道",
        "巡查发现藕塘湾街道听荷苑小区6号楼电梯停运，物业因维修资金不够没有修，楼里老人上下楼困难，"
        "建议协调物业维修电梯。"),
}  # fmt: skip
"""One event over three channels."""
OTHER_LIFT = {
    "lift-x": ("app", "2026-06-02T11:00:00+08:00", "东岭区",
        "枕溪花园2号楼的电梯坏了半个月，物业一直推脱不修，坐轮椅的住户出不了门，盼望早日修复。"),
}  # fmt: skip
"""The same plight at another estate."""
WAGES = {
    "wage-1": ("hotline", "2026-06-01T11:00:00+08:00", "澜江区",
        "市民：鲈湾街道云帆码头二期工地拖欠我们木工班组工资，二十六个人三个月没发，包工头电话打不通，明天准备去堵门。"),
    "wage-2": ("petition", "2026-06-03T09:00:00+08:00", "澜江区",
        "我们是云帆码头二期工地的木工，共二十六人，三个月的工资至今未付，包工头失联，总包单位互相推诿，请求帮助讨回工资。"),
}  # fmt: skip
TREES = {
    "tree-1": ("app", "2026-06-02T08:00:00+08:00", "禾源县",
        "禾源县稻香铺镇中心小学门口的大樟树被虫蛀空，枝干随时可能掉下来砸到学生，希望尽快处理。"),
}  # fmt: skip
ALL = {**LIFT, **OTHER_LIFT, **WAGES, **TREES}
EVENTS = [set(LIFT), set(OTHER_LIFT), set(WAGES), set(TREES)]


def told(name: str, **changes: Any) -> Complaint:
    channel, when, region, words = ALL[name]
    fields = {"source": "c", "external_id": name, "channel": channel, "received_at": when, "region": region}
    return Complaint.model_validate({**fields, "text": words, **changes})


def take(service: Service, *complaints: Complaint) -> None:
    """One after the other, each with its job."""
    for complaint in complaints:
        service.intake.submit(complaint, CITY)
        service.jobs.drain()


def key(name: str) -> UUID:
    return complaint_id("c", name)


def case_of(service: Service, name: str) -> UUID:
    with service.sessions() as session:
        found = session.get_one(ComplaintRow, key(name)).case_id
    assert found is not None
    return found


def partition(service: Service) -> set[frozenset[str]]:
    """The names of each case's members."""
    groups: dict[UUID, set[str]] = {}
    with service.sessions() as session:
        for row in session.scalars(select(ComplaintRow).where(ComplaintRow.case_id.is_not(None))):
            groups.setdefault(row.case_id, set()).add(row.external_id)  # type: ignore[arg-type]
        members = session.scalars(select(CaseMemberRow)).all()
        assert {(row.complaint_id, row.case_id) for row in members} == {
            (key(name), case) for case, names in groups.items() for name in names
        }
    return {frozenset(group) for group in groups.values()}


def expected(*events: Sequence[str] | set[str]) -> set[frozenset[str]]:
    return {frozenset(event) for event in events}


def shown(service: Service, case: UUID, scope: str = "/990100/") -> Case:
    with service.sessions() as session:
        return read.get(session, case, scope, service.regions)


class TestAssign:
    def test_one_event_told_differently_is_one_case(self, service: Service):
        take(service, *map(told, LIFT))
        assert partition(service) == expected(LIFT)

    @pytest.mark.parametrize(
        "order",
        [list(ALL), list(ALL)[::-1], ["tree-1", "lift-3", "wage-2", "lift-x", "lift-1", "wage-1", "lift-2"]],
        ids=["as told", "backwards", "mixed"],
    )
    def test_the_order_of_arrival_makes_no_difference(self, service: Service, order: list[str]):
        take(service, *map(told, order))
        assert partition(service) == expected(*EVENTS)

    def test_a_batch_is_judged_as_if_they_came_alone(self, service: Service):
        service.intake.submit_many([told(name) for name in ALL], CITY)
        service.jobs.drain()
        assert partition(service) == expected(*EVENTS)

    def test_each_member_says_why(self, service: Service):
        take(service, *map(told, LIFT))
        first, *others = shown(service, case_of(service, "lift-1")).members
        assert (first.complaint_id, first.reason.matched) == (key("lift-1"), None)
        assert "首件" in first.reason.explanation
        for member in others:
            assert member.reason.matched in {key(name) for name in LIFT}
            assert any("听荷苑" in name for name in member.reason.shared_places)
            assert "听荷苑" in member.reason.explanation

    def test_a_repost_is_marked_and_is_no_new_voice(self, service: Service):
        take(service, told("lift-2"), told("lift-2", external_id="again", text=LIFT["lift-2"][3] + "！"))
        case = shown(service, case_of(service, "again"))
        assert {member.complaint_id: member.repost for member in case.members} == {
            key("lift-2"): False,
            key("again"): True,
        }
        assert (case.size, case.reporters) == (2, 1)

    def test_delivering_again_changes_nothing(self, service: Service):
        take(service, *map(told, LIFT), *map(told, WAGES))
        with service.sessions() as session:
            before = session.execute(text("SELECT * FROM case_member ORDER BY complaint_id")).all()
            feed = session.scalar(text("SELECT count(*) FROM feed_event"))
        for name in (*LIFT, *WAGES):
            with service.sessions.begin() as session:
                service.jobs.defer(session, [key(name)])
        service.jobs.drain()
        with service.sessions() as session:
            assert session.execute(text("SELECT * FROM case_member ORDER BY complaint_id")).all() == before
            assert session.scalar(text("SELECT count(*) FROM feed_event")) == feed

    def test_the_index_knows_the_case(self, service: Service):
        take(service, *map(told, LIFT), *map(told, OTHER_LIFT))
        page = service.search.search(SearchQuery(case_id=case_of(service, "lift-1")), "/990100/")
        assert {hit.complaint_id for hit in page.hits} == {key(name) for name in LIFT}

    def test_the_feed_tells_how_a_case_grows(self, service: Service):
        take(service, *map(told, LIFT))
        with service.sessions() as session:
            sizes = session.scalars(
                text("SELECT data->>'size' FROM feed_event WHERE type = 'cn.yanpan.case.changed' ORDER BY sequence")
            ).all()
        assert sizes == ["2", "3"]

    def test_the_feed_tells_how_a_case_shrinks(self, service: Service):
        take(service, *map(told, LIFT))
        service.intake.withdraw(key("lift-2"), CITY)
        service.jobs.drain()
        with service.sessions() as session:
            told_last = session.execute(
                text(
                    "SELECT subject, data->>'size' FROM feed_event WHERE type = 'cn.yanpan.case.changed' "
                    "ORDER BY sequence DESC LIMIT 1"
                )
            ).one()
        assert tuple(told_last) == (str(case_of(service, "lift-1")), "2")

    def test_a_reason_names_no_complaint_of_another_region(self, service: Service):
        take(service, told("lift-1"), told("lift-2", region="东岭区"))
        case = case_of(service, "lift-1")
        whole = {member.complaint_id: member.reason.matched for member in shown(service, case).members}
        assert whole[key("lift-2")] == key("lift-1")
        ridge = shown(service, case, RIDGE)
        assert [(member.complaint_id, member.reason.matched) for member in ridge.members] == [(key("lift-2"), None)]


class TestChange:
    def test_one_that_was_withdrawn_leaves_its_case(self, service: Service):
        take(service, *map(told, LIFT))
        case = case_of(service, "lift-1")
        service.intake.withdraw(key("lift-1"), CITY)
        service.jobs.drain()
        assert partition(service) == expected({"lift-2", "lift-3"})
        left = shown(service, case)
        assert (left.size, left.first_at) == (2, told("lift-2").received_at)

    def test_a_case_that_everybody_left_is_gone(self, service: Service):
        take(service, told("tree-1"))
        case = case_of(service, "tree-1")
        service.intake.erase(key("tree-1"), CITY)
        service.jobs.drain()
        assert partition(service) == set()
        with pytest.raises(NotFound):
            shown(service, case)

    def test_one_that_was_corrected_is_judged_anew(self, service: Service):
        take(service, *map(told, LIFT), *map(told, WAGES))
        service.intake.replace(key("lift-2"), told("lift-2", text=WAGES["wage-2"][3]), CITY)
        service.jobs.drain()
        assert partition(service) == expected({"lift-1", "lift-3"}, {"wage-1", "wage-2", "lift-2"})

    def test_a_first_one_that_was_corrected_leaves_the_others_their_case(self, service: Service):
        take(service, *map(told, LIFT))
        case = case_of(service, "lift-1")
        service.intake.replace(key("lift-1"), told("lift-1", text=TREES["tree-1"][3], region="禾源县"), CITY)
        service.jobs.drain()
        assert partition(service) == expected({"lift-1"}, {"lift-2", "lift-3"})
        assert case_of(service, "lift-2") == case

    def test_a_lone_one_that_was_corrected_keeps_its_case(self, service: Service):
        take(service, told("tree-1"))
        case = case_of(service, "tree-1")
        service.intake.replace(key("tree-1"), told("tree-1", title="樟树"), CITY)
        service.jobs.drain()
        assert case_of(service, "tree-1") == case

    def test_the_id_of_a_merged_case_leads_on(self, service: Service):
        take(service, told("lift-1"), told("wage-1"), told("tree-1"))
        lift, wage, tree = (case_of(service, name) for name in ("lift-1", "wage-1", "tree-1"))
        from service.cases.online import _Store

        with service.sessions.begin() as session:
            store = _Store(service.cases, session, 1)
            assert store.merge(wage, lift) == lift
            assert store.merge(tree, lift) == lift
        assert partition(service) == expected({"lift-1", "wage-1", "tree-1"})
        assert shown(service, wage) == shown(service, tree) == shown(service, lift)
        with service.sessions() as session:
            assert session.get_one(CaseRow, wage).merged_into == lift


class TestRead:
    def test_each_reader_sees_the_case_as_their_region_makes_it(self, service: Service):
        take(service, *map(told, LIFT))
        case = case_of(service, "lift-1")
        whole, street = shown(service, case), shown(service, case, f"{LAKE}990102006/")
        assert (whole.size, whole.region, whole.region_name) == (3, "990102", "望湖区")
        assert [member.complaint_id for member in street.members] == [key("lift-3")]
        assert (street.size, street.region) == (1, "990102006")
        with pytest.raises(NotFound):
            shown(service, case, RIDGE)

    def test_a_list_counts_what_the_reader_sees(self, service: Service):
        take(service, *map(told, ALL))

        def sizes(scope: str, **wanted: Any) -> list[int]:
            with service.sessions() as session:
                page = read.listed(session, scope, service.regions, read.CaseFilter(**wanted))
            return [case.size for case in page.cases]

        assert sizes("/990100/") == [3, 2]
        assert sizes("/990100/", min_size=1) == [3, 2, 1, 1]
        assert sizes(RIDGE) == []
        assert sizes(RIDGE, min_size=1) == [1]

    def test_pages_follow_each_other(self, service: Service):
        take(service, *map(told, ALL))
        for sort in ("size", "risk", "last_at"):
            seen: list[UUID] = []
            cursor = None
            with service.sessions() as session:
                while True:
                    page = read.listed(
                        session, "/990100/", service.regions, read.CaseFilter(min_size=1), sort=sort, limit=1,
                        cursor=cursor,
                    )  # fmt: skip
                    seen += [case.case_id for case in page.cases]
                    cursor = page.cursor
                    if cursor is None:
                        break
            assert len(seen) == len(set(seen)) == len(EVENTS)
        with service.sessions() as session, pytest.raises(CursorInvalid):
            read.listed(session, "/990100/", service.regions, read.CaseFilter(), cursor="x")

    def test_more_voices_are_more_risk_and_reposts_are_none(self):
        assert read.risk_score([40.0], 1, ["苗头"]) == 40.0
        assert read.risk_score([40.0, 10.0], 2, ["苗头", "苗头"]) > 40.0
        assert read.risk_score([40.0] * 50, 1, ["苗头"] * 50) == 40.0
        assert read.risk_score([99.0] * 50, 50, ["反复"] * 50) == 100.0


class TestCommand:
    @pytest.fixture
    def program(self) -> typer.Typer:
        app = typer.Typer()
        cases.register(app)
        importing.register(app)
        return app

    def run(self, program: typer.Typer, source: Path, output: Path) -> list[dict[str, Any]]:
        done = CliRunner().invoke(program, ["cases", str(source), "-o", str(output)])
        assert done.exit_code == 0, done.output
        return [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]

    def test_every_line_gets_its_case(self, program: typer.Typer, tmp_path: Path):
        rows = [
            {"id": name, "text": words, "channel": channel, "time": when, "region": region}
            for name, (channel, when, region, words) in ALL.items()
        ]
        (tmp_path / "in.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
        found = self.run(program, tmp_path / "in.jsonl", tmp_path / "out.jsonl")
        assert [line["id"] for line in found] == list(ALL)
        groups: dict[str, set[str]] = {}
        for line in found:
            groups.setdefault(line["case_id"], set()).add(line["id"])
        assert {frozenset(group) for group in groups.values()} == expected(*EVENTS)
        assert set(groups) == {"lift-1", "lift-x", "wage-1", "tree-1"}

    def test_a_bad_line_keeps_its_place(self, program: typer.Typer, tmp_path: Path):
        (tmp_path / "in.jsonl").write_text('{"id": "1", "text": "停水了"}\n{"id": "2"}\n{"id"\n', encoding="utf-8")
        first, second, third = self.run(program, tmp_path / "in.jsonl", tmp_path / "out.jsonl")
        assert first == {"id": "1", "case_id": "1"}
        assert (second["id"], second["case_id"], second["error"]["line"]) == ("2", None, 2)
        assert (third["id"], third["error"]["code"]) == (None, "malformed-json")

    def test_an_empty_file_and_a_missing_one(self, program: typer.Typer, tmp_path: Path):
        (tmp_path / "in.jsonl").write_bytes(b"")
        assert self.run(program, tmp_path / "in.jsonl", tmp_path / "out.jsonl") == []
        done = CliRunner().invoke(program, ["cases", str(tmp_path / "none.csv"), "-o", str(tmp_path / "o")])
        assert done.exit_code == 2
