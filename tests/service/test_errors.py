"""Problem documents: every fault and every validation error, in both languages, with a stable type."""

import re
from typing import get_args

import psycopg
import pytest
import sqlalchemy.exc
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from pydantic_core import core_schema
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from data_contracts.complaint import Complaint
from service import errors
from service.errors import Fault
from service.http import translate
from service.http.body import decode, parse, require_media_type
from service.http.problems import fault_of
from service.http.translate import field_problems, pointer

CHINESE = re.compile(r"[一-鿿]")


def kinds(of: type[Fault] = Fault) -> list[type[Fault]]:
    return [of, *(deeper for kind in of.__subclasses__() for deeper in kinds(kind))]


def test_every_fault_has_a_status_a_stable_type_and_a_chinese_title():
    for kind in kinds():
        assert 400 <= kind.status < 600
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.type), kind
        assert CHINESE.search(kind.title), kind


def test_types_tell_faults_apart():
    types = [kind.type for kind in kinds() if kind not in (Fault,)]
    assert len(types) == len(set(types))


def test_a_problem_document_holds_both_languages_and_the_members():
    fault = errors.VersionConflict("内容不同", "differs", complaint_id="c-1", versions=[1, 2])
    document = fault.problem("req-1")
    assert document["type"] == "urn:yanpan:problem:version-conflict"
    assert (document["status"], document["instance"], document["versions"]) == (409, "req-1", [1, 2])
    assert (document["detail"], document["detail_en"]) == ("内容不同", "differs")


def test_members_never_hide_the_standard_ones():
    fault = errors.Conflict("甲", "a", members={"status": 200, "type": "x"})
    assert fault.problem()["status"] == 409
    assert fault.problem()["type"].endswith(":conflict")


def wrong(**fields: object) -> list[dict[str, object]]:
    with pytest.raises(ValidationError) as caught:
        Complaint.model_validate(fields)
    return caught.value.errors()


def test_contract_violations_keep_their_own_words():
    (problem,) = field_problems(wrong(text="  "))
    assert problem.code == "text-blank"
    assert problem.pointer == "text"
    assert CHINESE.search(problem.zh)
    assert not CHINESE.search(problem.en)


def test_standard_errors_are_told_in_chinese_with_their_limits():
    (problem,) = field_problems(wrong(text="好", title="题" * 301))
    assert (problem.code, problem.zh) == ("string-too-long", "最多 300 个字")
    (problem,) = field_problems(wrong(text="好", channel="fax"))
    assert "hotline" in problem.zh


def test_every_template_can_be_filled_without_its_context():
    known = set(get_args(core_schema.ErrorType))
    for kind in translate._CHINESE:
        assert kind in known, f"pydantic does not know {kind}"
        (problem,) = field_problems([{"type": kind, "loc": ("body", "x"), "msg": "m"}])
        assert CHINESE.search(problem.zh)


def test_an_unknown_error_type_is_still_told():
    (problem,) = field_problems([{"type": "brand_new", "loc": ("body",), "msg": "new"}])
    assert problem.zh
    assert (problem.code, problem.en, problem.pointer) == ("brand-new", "new", "")


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (("body", "turns", 3, "text"), "/turns/3/text"),
        (("body", "a/b", "c~d"), "/a~1b/c~0d"),
        (("body", translate.MANY, 0, "text"), "/0/text"),
        (("query", "limit"), "query/limit"),
        (("path", "complaint_id"), "path/complaint_id"),
    ],
)
def test_pointers_follow_rfc_6901_in_the_body(place: tuple[str | int, ...], expected: str):
    assert pointer(place) == expected


def test_a_flood_of_errors_is_cut():
    many = [{"type": "missing", "loc": ("body", str(n)), "msg": "m"} for n in range(500)]
    assert len(field_problems(many)) == 50


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (HTTPException(404), 404),
        (HTTPException(405, headers={"Allow": "GET"}), 405),
        (RequestValidationError([{"type": "missing", "loc": ("body",), "msg": "m"}]), 422),
        (psycopg.OperationalError("gone"), 503),
        (sqlalchemy.exc.TimeoutError("pool"), 503),
        (sqlalchemy.exc.OperationalError("SELECT 1", {}, psycopg.OperationalError("gone")), 503),
        (sqlalchemy.exc.DataError("INSERT", {}, psycopg.DataError("out of range")), 422),
        (ZeroDivisionError("secret 13800000000"), 500),
    ],
)
def test_every_exception_becomes_a_fault(error: Exception, status: int):
    assert fault_of(error).status == status


def test_a_store_that_is_away_says_when_to_come_back():
    assert int(fault_of(psycopg.OperationalError()).headers["Retry-After"]) > 0


def test_the_log_names_the_place_and_never_the_text(caplog: pytest.LogCaptureFixture):
    said = "电话".join(["张三的", str(13_912_345_678)])
    try:
        raise ValueError(said)
    except ValueError as error:
        fault = fault_of(error)
    assert "13912345678" not in caplog.text
    assert said not in caplog.text + fault.zh
    assert "ValueError" in caplog.text
    assert "test_errors.py" in caplog.text


class TestBodies:
    def test_good_json_is_read_with_or_without_a_byte_order_mark(self):
        assert parse('{"text": "路灯坏了"}'.encode()) == {"text": "路灯坏了"}
        assert parse(b"\xef\xbb\xbf[1]") == [1]

    @pytest.mark.parametrize("raw", [b"{", b"{'a': 1}", b"[NaN]", b"[Infinity]", b'"\\ud800"', b"[1] [2]", b"\x00"])
    def test_what_is_not_json_is_malformed(self, raw: bytes):
        with pytest.raises(errors.MalformedJson):
            parse(raw)

    @pytest.mark.parametrize("depth", [33, 1_000, 100_000])
    @pytest.mark.parametrize("kind", ["[]", "{}"])
    def test_deep_json_is_refused_whatever_its_depth(self, depth: int, kind: str):
        opening, closing = ("[", "]") if kind == "[]" else ('{"a":', "}")
        raw = (opening * depth + "1" + closing * depth).encode()
        with pytest.raises(errors.JsonTooDeep):
            parse(raw)

    def test_the_depth_that_is_allowed_is_allowed(self):
        assert parse(b"[" * 32 + b"]" * 32)

    def test_gbk_is_recognised(self):
        with pytest.raises(errors.InvalidEncoding, match="GBK"):
            decode("路灯坏了，请维修".encode("gbk"))

    def test_utf16_is_recognised(self):
        with pytest.raises(errors.InvalidEncoding, match="UTF-16"):
            decode("路灯".encode("utf-16"))

    def test_the_place_of_a_broken_byte_is_told(self):
        with pytest.raises(errors.InvalidEncoding, match="第 3 字节"):
            decode(b"abc\xff")

    @pytest.mark.parametrize(
        "raw",
        [
            [],
            [(b"content-type", b"text/plain")],
            [(b"content-type", b"application/x-www-form-urlencoded")],
            [(b"content-type", b"application/json"), (b"content-type", b"application/json")],
            [(b"content-type", b"application/json; charset=gbk")],
            [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")],
            [(b"content-type", b";;;")],
        ],
    )
    def test_other_media_types_are_refused(self, raw: list[tuple[bytes, bytes]]):
        with pytest.raises(errors.UnsupportedMedia):
            require_media_type(Headers(raw=raw), "application/json")

    @pytest.mark.parametrize("kind", ["application/json", "application/json; charset=UTF-8", "application/vnd.x+json"])
    def test_json_is_accepted_as_clients_spell_it(self, kind: str):
        require_media_type(Headers({"content-type": kind}), "application/json")
