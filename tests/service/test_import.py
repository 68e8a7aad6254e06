"""Files of complaints: every usual format, every bad row told and none of its words, cut short and taken up again."""

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
from openpyxl import Workbook
from sqlalchemy import func, select
from typer.testing import CliRunner

from data_contracts.complaint import Complaint
from data_contracts.times import LOCAL
from service.access.principal import Principal
from service.cli import cases, importing
from service.context import Service
from service.importing import readers, run
from service.importing.rows import UNKNOWN_OFFICE, Mapped, RowFault, office_of, parse_time
from service.importing.run import Import, Tally
from service.settings import settings
from service.store import answers
from service.store.ids import complaint_id
from service.store.tables.complaints import ComplaintRow
from service.store.tables.imports import ImportRow

CITY = Principal("cli", "命令行", "admin", "/990100/")
HEADER = ("id", "title", "text", "channel", "time", "region")
ROWS = [
    ("1", "路灯", "纺机街道的路灯坏了三盏", "热线", "2026-03-01 08:00", "东岭区"),
    ("2", "", "砚岭街道夜市“占道”,走不通\n还有油烟", "微信", "2026/3/2 9:05", "990103"),
    ("3", "积水", "白垩街道地下通道又积水了", "grid", "2026年3月3日 10时20分", ""),
]


def delimited(encoding: str = "utf-8") -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([HEADER, *ROWS])
    return out.getvalue().encode(encoding)


def lines(rows: list[Any]) -> bytes:
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def sheet(*rows: tuple[Any, ...]) -> bytes:
    book, out = Workbook(), io.BytesIO()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    book.save(out)
    return out.getvalue()


FORMATS: dict[str, Callable[[], bytes]] = {
    "a.jsonl": lambda: lines([dict(zip(HEADER, row, strict=True)) for row in ROWS]),
    "b.ndjson": lambda: b"\xef\xbb\xbf" + FORMATS["a.jsonl"]().replace(b"\n", b"\r\n\r\n"),
    "c.csv": delimited,
    "d.csv": lambda: delimited("utf-8-sig"),
    "e.csv": lambda: delimited("gb18030"),
    "f.xlsx": lambda: sheet(HEADER, *ROWS),
    "g.jsonl.gz": lambda: gzip.compress(FORMATS["a.jsonl"]()),
    "h.csv.gz": lambda: gzip.compress(delimited("gb18030")),
    "i.XLSX.gz": lambda: gzip.compress(FORMATS["f.xlsx"]()),
}


class TestReading:
    @pytest.mark.parametrize("name", FORMATS)
    def test_every_format_says_the_same(self, tmp_path: Path, name: str):
        (tmp_path / name).write_bytes(FORMATS[name]())
        read = [Mapped().read(row)[0] for _, row in readers.rows(tmp_path / name)]
        assert [(item.external_id, item.title, item.text, item.channel) for item in read] == [
            ("1", "路灯", ROWS[0][2], "hotline"),
            ("2", None, ROWS[1][2], "wechat"),
            ("3", "积水", ROWS[2][2], "grid"),
        ]
        assert [item.received_at for item in read] == [
            datetime(2026, 3, 1, 8, tzinfo=LOCAL),
            datetime(2026, 3, 2, 9, 5, tzinfo=LOCAL),
            datetime(2026, 3, 3, 10, 20, tzinfo=LOCAL),
        ]
        assert [item.region for item in read] == ["东岭区", "990103", None]

    def test_a_spreadsheets_own_numbers_and_times_are_read(self, tmp_path: Path):
        path = tmp_path / "a.xlsx"
        path.write_bytes(
            sheet(("id", "text", "time", "likes", "region"), (7.0, "断水", datetime(2026, 3, 1, 8), 3.0, 990103))
        )
        (complaint,) = [Mapped().read(row)[0] for _, row in readers.rows(path)]
        assert (complaint.external_id, complaint.likes, complaint.region) == ("7", 3, "990103")
        assert complaint.received_at == datetime(2026, 3, 1, 8, tzinfo=LOCAL)

    def test_lines_are_those_of_the_file(self, tmp_path: Path):
        path = tmp_path / "a.jsonl"
        path.write_bytes(b'{"id": 1}\n\n{"id": \n{"id": 2}\n[1]\n')
        found = [(line, row.code if isinstance(row, RowFault) else row["id"]) for line, row in readers.rows(path)]
        assert found == [(1, 1), (3, "malformed-json"), (4, 2), (5, "row-not-an-object")]

    def test_columns_may_have_other_names(self):
        row = {"编号": "9", "内容": "停水了", "受理时间": "2026-03-01", "正文": "不看"}
        mapped = Mapped({"id": "编号", "text": "内容", "time": "受理时间"}, "旧系统", "app", "石棠县")
        complaint, answer = mapped.read(row)
        assert (complaint.source, complaint.external_id, complaint.text) == ("旧系统", "9", "停水了")
        assert (complaint.channel, complaint.region, answer) == ("app", "石棠县", None)

    def test_users_become_pseudonyms_or_nothing(self):
        row = {"id": "1", "text": "停水", "user": "水生"}
        assert Mapped().read(row)[0].reporter is None
        read = Mapped(pseudonym=lambda user: user.encode().hex().ljust(16, "0")).read(row)[0]
        assert read.reporter == "水生".encode().hex().ljust(16, "0")

    def test_calls_may_come_as_turns(self):
        turns = [{"speaker": "话务员", "text": "请讲", "extra": 1}, {"speaker": "citizen", "text": "停水"}]
        for given in (turns, json.dumps(turns)):
            assert Mapped().read({"id": "1", "turns": given})[0].body == "话务员：请讲\n市民：停水"

    def test_a_title_alone_is_a_text(self):
        assert Mapped().read({"id": "1", "title": "停水三天"})[0].full_text == "停水三天"

    def test_replies_become_answers(self):
        row = {"id": "1", "text": "停水", "time": "2026-03-01", "reply": "已抢修。\n石棠县水务局 2026年3月4日"}
        _, answer = Mapped().read({**row, "reply_time": "2026-03-04 12:00"})
        assert answer is not None
        assert (answer.office, answer.answered_at) == ("石棠县水务局", datetime(2026, 3, 4, 12, tzinfo=LOCAL))
        _, undated = Mapped().read(row)
        assert undated is not None
        assert undated.answered_at == datetime(2026, 3, 1, tzinfo=LOCAL)
        assert office_of("您好，情况已收悉。") == UNKNOWN_OFFICE
        assert office_of("您的留言已转交望湖区城市管理和综合执法局办理。") == "望湖区城市管理和综合执法局"
        assert office_of("感谢您对我局工作的支持，请向相关公司咨询。") == UNKNOWN_OFFICE

    @pytest.mark.parametrize("value", ["2026-13-01", "昨天", "12", "2026-02-30 10:00"])
    def test_a_time_that_is_none_is_refused(self, value: str):
        with pytest.raises(RowFault, match="时间"):
            parse_time(value)


BAD_FILES: dict[str, tuple[bytes, str]] = {
    "a.docx": (b"x", "不支持的文件类型"),
    "b.gz": (b"x", "不支持的文件类型"),
    "c.jsonl.gz": (b"no gzip", "损坏"),
    "d.csv.gz": (gzip.compress(delimited() * 50)[:-10], "损坏"),
    "e.csv.gz": (gzip.compress(delimited() * 50)[:40] + b"\xff" * 60, "损坏"),
    "f.xlsx": (b"id,text\n1,x\n", "不是有效的 XLSX"),
    "g.xlsx": (sheet(("", "")), "列名"),
    "h.csv": (b"id,text\n1,\xff\xff\xff\n", "UTF-8"),
    "i.csv": (b'id,text\n1,"never closed\n', "CSV"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_told_in_one_sentence(tmp_path: Path, name: str):
    data, reason = BAD_FILES[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(readers.FileFault, match=reason):
        list(readers.rows(tmp_path / name))


def test_a_missing_file_is_told(tmp_path: Path):
    for read in (readers.count, lambda path: list(readers.rows(path))):
        with pytest.raises(readers.FileFault, match="找不到文件"):
            read(tmp_path / "none.jsonl")


def bring(service: Service, path: Path, mapping: Mapped | None = None, rejects: Path | None = None) -> Tally:
    mapping = mapping or Mapped(source="file")
    return Import(service, path, mapping, CITY, rejects or path.with_suffix(".rejects")).run(1, lambda line: None)


def numbered(count: int) -> list[dict[str, Any]]:
    return [
        {"id": n, "text": f"双檀街道{n}号院的下水道堵了{n}天", "time": "2026-03-01", "region": "东岭区"}
        for n in range(1, count + 1)
    ]


def stored(service: Service) -> int:
    with service.sessions() as session:
        return session.scalar(select(func.count()).select_from(ComplaintRow)) or 0


class TestImport:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "rows.jsonl"
        path.write_bytes(lines(numbered(5)))
        return path

    def test_rows_are_stored_with_all_that_follows(self, service: Service, file: Path):
        assert bring(service, file) == Tally(line=5, created=5)
        assert (stored(service), service.jobs.open_jobs()) == (5, 0)
        with service.sessions() as session:
            row = session.get_one(ComplaintRow, complaint_id("file", "3"))
        assert (row.text, row.region_code) == ("双檀街道3号院的下水道堵了3天", "990103")
        assert row.case_id is not None
        assert not file.with_suffix(".rejects").exists()

    def test_importing_again_changes_nothing(self, service: Service, file: Path):
        bring(service, file)
        assert bring(service, file) == Tally(line=5, unchanged=5)
        assert stored(service) == 5

    def test_another_source_is_another_complaint(self, service: Service, file: Path):
        bring(service, file)
        assert bring(service, file, Mapped(source="other")).created == 5

    def test_replies_are_kept_once(self, service: Service, file: Path):
        rows = [{**row, "reply": "已疏通。东岭区水务局"} for row in numbered(2)]
        file.write_bytes(lines(rows))
        assert bring(service, file).answers == 2
        assert bring(service, file).answers == 0
        with service.sessions() as session:
            (answer,) = answers.listed(session, [complaint_id("file", "1")]).popitem()[1]
        assert (answer.office, answer.text) == ("东岭区水务局", "已疏通。东岭区水务局")

    def test_bad_rows_are_told_without_their_words(self, service: Service, file: Path):
        secret = "卓玛13911112222"
        good = numbered(2)
        bad: list[Any] = [
            {"id": 3}, {"text": secret}, {"id": 4, "text": secret, "time": secret},
            {"id": 5, "text": secret, "channel": secret}, {"id": 6, "text": secret, "region": secret},
            {"id": 7, "text": secret, "likes": secret}, {"id": 8, "turns": secret}, {"id": secret + " x", "text": "y"},
            {"id": 1, "text": secret}, {"id": 9, "text": secret, "time": "1999-01-01"}, [secret],
        ]  # fmt: skip
        file.write_bytes(lines([good[0], *bad, good[1]]) + f'{{"id": "{secret}'.encode())
        tally = bring(service, file)
        assert (tally.created, tally.rejected, tally.line) == (2, 12, 14)
        told = file.with_suffix(".rejects").read_bytes()
        found = [orjson.loads(line) for line in told.splitlines()]
        assert [reject["line"] for reject in found] == [*range(2, 13), 14]
        assert [reject["code"] for reject in found] == [
            "text-missing", "id-missing", "time-unreadable", "channel-unknown", "region-unknown", "likes-unreadable",
            "turns-unreadable", found[7]["code"], "version-conflict", "time-too-early", "row-not-an-object",
            "malformed-json",
        ]  # fmt: skip
        assert all(reject["zh"] and reject["en"] for reject in found)
        assert "卓玛" not in told.decode()
        assert "1391111" not in told.decode()

    def test_one_that_was_cut_short_goes_on(self, service: Service, file: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(run, "BATCH", 4)
        rows: list[Any] = numbered(15)
        rows[1], rows[6], rows[14] = {"id": 2}, {"id": 7}, {"id": 15}
        file.write_bytes(lines(rows))
        reached = []

        def stop(line: int) -> None:
            reached.append(line)
            if len(reached) == 2:
                raise KeyboardInterrupt

        rejects = file.with_suffix(".rejects")
        with pytest.raises(KeyboardInterrupt):
            Import(service, file, Mapped(source="file"), CITY, rejects).run(1, stop)
        assert stored(service) == 6
        # A reject of a batch whose commit never came.
        rejects.write_bytes(rejects.read_bytes() + lines([{"line": 15, "code": "x", "zh": "x", "en": "x"}]))
        resumed: list[int] = []
        tally = Import(service, file, Mapped(source="file"), CITY, rejects).run(1, resumed.append)
        assert resumed == [8, 12, 15]
        assert tally == Tally(line=15, created=12, rejected=3)
        assert [orjson.loads(line)["line"] for line in rejects.read_bytes().splitlines()] == [2, 7, 15]
        assert (stored(service), service.jobs.open_jobs()) == (12, 0)
        with service.sessions() as session:
            assert session.scalar(select(func.count()).select_from(ImportRow)) == 0

    def test_a_changed_row_is_told_and_the_stored_one_stays(self, service: Service, file: Path):
        bring(service, file)
        rows = numbered(5)
        rows[2]["text"] = "另一回事"
        file.write_bytes(lines(rows))
        tally = bring(service, file)
        assert (tally.created, tally.unchanged, tally.rejected) == (0, 4, 1)

    def test_an_empty_file_is_nothing(self, service: Service, file: Path):
        file.write_bytes(b"")
        assert bring(service, file) == Tally()


def program() -> typer.Typer:
    app = typer.Typer()
    importing.register(app)
    cases.register(app)
    return app


class TestCommand:
    @pytest.fixture(autouse=True)
    def _home(self, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setenv("YANPAN_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("YANPAN_DATABASE_URL", database_url)
        monkeypatch.setenv("COLUMNS", "200")
        settings.cache_clear()
        yield
        settings.cache_clear()

    def test_it_tells_what_it_did(self, tmp_path: Path):
        path = tmp_path / "rows.csv"
        path.write_text("编号,内容,区\n1,停水了,石棠县\n2,,石棠县\n3,停电了,石棠\n", encoding="gb18030")
        names = ["--map", "id=编号", "--map", "text=内容", "--map", "region=区", "--processes", "1"]
        done = CliRunner().invoke(program(), ["import", str(path), *names])
        assert done.exit_code == 0, done.output
        assert "新入库 1 件" in done.output
        assert "拒收 2 行" in done.output
        assert [json.loads(line)["line"] for line in (tmp_path / "rows.csv.rejects.jsonl").open()] == [3, 4]

    @pytest.mark.parametrize(
        ("name", "more", "told"),
        [
            ("none.jsonl", [], "找不到文件"),
            ("a.txt", [], "不支持的文件类型"),
            ("bad.csv.gz", [], "损坏"),
            ("good.jsonl", ["--region", "无此区"], "不存在"),
            ("good.jsonl", ["--map", "内容=text"], "--map"),
        ],
    )
    def test_mistakes_are_told_in_one_sentence(self, tmp_path: Path, name: str, more: list[str], told: str):
        (tmp_path / "a.txt").write_text("x")
        (tmp_path / "bad.csv.gz").write_bytes(gzip.compress(delimited() * 50)[:60])
        (tmp_path / "good.jsonl").write_bytes(lines(numbered(1)))
        done = CliRunner().invoke(program(), ["import", str(tmp_path / name), *more])
        assert done.exit_code == 2
        assert told in done.output
        assert "Traceback" not in done.output


def test_for_analysis_region_and_user_play_no_part():
    from service.importing.rows import for_analysis

    row = {"id": "1", "text": "停水", "region": "无此区", "user": "水生", "channel": "鸽子", "time": "2026-03-01"}
    read = for_analysis(row)
    assert isinstance(read, Complaint)
    assert (read.region, read.reporter, read.channel) == (None, None, "other")
