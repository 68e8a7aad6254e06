"""Keys, scopes, rates and the audit log, against a real database."""

import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text

from service.access import audit, keys, scope
from service.access.keys import KeyCheck
from service.access.principal import Principal
from service.access.rate import RateLimit
from service.errors import NotFound, RegionForbidden, TooMany
from service.store.engine import Sessions
from service.store.tables.access import ApiKeyRow

PEPPER = b"p" * 32
CITY, COUNTY, SISTER = "/990100/", "/990100/990102/", "/990100/990103/"


def make(sessions: Sessions, role: str = "analyst", where: str = CITY, expires: datetime | None = None) -> str:
    with sessions.begin() as session:
        return keys.create(session, PEPPER, role=role, owner="云州市12345热线", scope=where, expires=expires)


class TestKeys:
    def test_a_key_tells_its_holder(self, sessions: Sessions):
        shown = make(sessions, "hotline", COUNTY)
        found = KeyCheck(sessions, PEPPER).check(shown)
        assert found == Principal(shown.partition(".")[0], "云州市12345热线", "hotline", COUNTY)

    def test_the_secret_has_256_bits_and_is_not_kept(self, sessions: Sessions):
        shown = make(sessions)
        secret = shown.partition(".")[2]
        assert len(secret) == 43
        assert shown != make(sessions)
        with sessions() as session:
            dump = str(session.execute(text("SELECT * FROM api_key")).all())
        assert secret not in dump

    @pytest.mark.parametrize("twist", ["", "x", ".", "nokey.aaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a" * 5000, "编号.密钥"])
    def test_what_is_no_key_has_no_holder(self, sessions: Sessions, twist: str):
        assert KeyCheck(sessions, PEPPER).check(twist) is None

    def test_another_secret_or_another_pepper_does_not_open(self, sessions: Sessions):
        shown = make(sessions)
        other = make(sessions)
        mixed = shown.partition(".")[0] + "." + other.partition(".")[2]
        assert KeyCheck(sessions, PEPPER).check(mixed) is None
        assert KeyCheck(sessions, b"q" * 32).check(shown) is None

    def test_an_expired_key_ends_even_while_it_is_remembered(self, sessions: Sessions):
        shown = make(sessions, expires=datetime.now(UTC) + timedelta(seconds=0.3))
        check = KeyCheck(sessions, PEPPER, seconds=60)
        assert check.check(shown)
        time.sleep(0.35)
        assert check.remembers(shown)
        assert check.check(shown) is None

    def test_a_revoked_key_ends_when_the_memory_does(self, sessions: Sessions):
        shown = make(sessions)
        check = KeyCheck(sessions, PEPPER, seconds=0)
        patient = KeyCheck(sessions, PEPPER, seconds=60)
        assert check.check(shown)
        assert patient.check(shown)
        identifier = shown.partition(".")[0]
        with sessions.begin() as session:
            first = keys.revoke(session, identifier, within=CITY).revoked_at
        with sessions.begin() as session:
            assert keys.revoke(session, identifier, within=CITY).revoked_at == first
        assert check.check(shown) is None
        assert patient.check(shown)
        patient.forget(identifier)
        assert patient.check(shown) is None

    def test_a_sister_region_neither_sees_nor_revokes_a_key(self, sessions: Sessions):
        identifier = make(sessions, where=COUNTY).partition(".")[0]
        with sessions.begin() as session:
            assert keys.listed(session, within=SISTER) == []
            assert [row.id for row in keys.listed(session, within=CITY)] == [identifier]
            with pytest.raises(NotFound):
                keys.revoke(session, identifier, within=SISTER)

    @pytest.mark.parametrize(
        "fields",
        [
            {"role": "root"},
            {"owner": "  "},
            {"owner": "甲\x00"},
            {"scope": ""},
            {"scope": "/"},
            {"scope": "990100"},
            {"scope": "/990100/%/"},
            {"expires": datetime.now(UTC) - timedelta(days=1)},
        ],
    )
    def test_senseless_keys_are_not_made(self, sessions: Sessions, fields: dict[str, object]):
        given = {"role": "analyst", "owner": "甲局", "scope": CITY, **fields}
        with sessions() as session, pytest.raises(ValueError):
            keys.create(session, PEPPER, **given)


class TestScope:
    def test_a_subtree_holds_its_root_and_all_below(self, sessions: Sessions):
        for where in (COUNTY, "/990100/990102/990102001/", SISTER):
            make(sessions, where=where)
        with sessions() as session:
            found = session.scalars(select(ApiKeyRow.scope).where(scope.within(ApiKeyRow.scope, COUNTY)))
            assert sorted(found) == [COUNTY, "/990100/990102/990102001/"]

    @pytest.mark.parametrize("odd", ["", "/", "%", "/990100", "990100/", "/990100/_/", "//", "/990100/%/"])
    def test_an_odd_scope_never_means_everything(self, odd: str):
        with pytest.raises(ValueError):
            scope.within(ApiKeyRow.__table__.c.scope, odd)
        with pytest.raises(ValueError):
            scope.covers(odd, CITY)

    def test_narrower_is_the_deeper_of_two(self):
        assert scope.narrower(CITY, COUNTY) == COUNTY
        assert scope.narrower(COUNTY, CITY) == COUNTY
        assert scope.narrower(COUNTY, SISTER) is None

    def test_acting_outside_is_forbidden(self):
        from data_contracts.region import sample_regions

        tree = sample_regions()
        principal = Principal("k", "甲局", "hotline", COUNTY)
        scope.require(principal, tree.resolve("望湖区"))
        for outside in ("东岭区", "云州市"):
            with pytest.raises(RegionForbidden):
                scope.require(principal, tree.resolve(outside))


class TestRate:
    def test_a_key_that_used_up_its_minute_is_told_when_to_come_back(self):
        rate = RateLimit(3)
        for _ in range(3):
            rate.hit("a")
        with pytest.raises(TooMany) as caught:
            rate.hit("a")
        assert 1 <= int(caught.value.headers["Retry-After"]) <= 120
        rate.hit("b")


class TestAudit:
    def test_entries_are_paged_newest_first(self, sessions: Sessions):
        reader = Principal("k1", "甲局", "centre", CITY)
        about = uuid4()
        with sessions.begin() as session:
            for number in range(5):
                audit.record(session, reader, "complaint.original", complaint_id=about, detail={"version": number})
        with sessions() as session:
            first = audit.read(session, CITY, whole_city=True, limit=3)
            rest = audit.read(session, CITY, whole_city=True, limit=3, before=first.next)
        assert [entry.detail["version"] for entry in first.entries + rest.entries] == [4, 3, 2, 1, 0]
        assert rest.next is None
        assert {(entry.key_id, entry.complaint_id) for entry in first.entries} == {("k1", about)}

    def test_a_county_auditor_sees_nothing_of_elsewhere(self, sessions: Sessions):
        with sessions.begin() as session:
            audit.record(session, Principal("k1", "甲局", "admin", CITY), "key.manage", detail={})
        with sessions() as session:
            assert audit.read(session, COUNTY, whole_city=False).entries == []


class TestCommands:
    @pytest.fixture
    def run(self, database_url: str, tmp_path, monkeypatch: pytest.MonkeyPatch):
        """Runs `yanpan key …` on the test's own database."""
        from typer import Typer
        from typer.testing import CliRunner

        from service.cli.keys import register
        from service.settings import settings

        monkeypatch.setenv("YANPAN_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("YANPAN_DATABASE_URL", database_url)
        monkeypatch.setenv("COLUMNS", "200")
        settings.cache_clear()
        program = Typer()
        register(program)
        yield lambda *arguments: CliRunner().invoke(program, ["key", *arguments])
        settings.cache_clear()

    def test_a_key_is_shown_once_listed_and_revoked(self, run):
        made = run("create", "--role", "分析员", "--region", "望湖区", "--owner", "信访局[1]", "--expires", "30d")
        assert made.exit_code == 0, made.output
        shown = made.output.strip().splitlines()[-1]
        identifier, _, secret = shown.partition(".")
        assert len(secret) == 43
        table = run("list").output
        assert all(words in table for words in (identifier, "分析员", "信访局[1]", "望湖区", "有效"))
        assert secret not in table
        assert run("revoke", identifier).exit_code == 0
        assert identifier not in run("list").output
        assert "已吊销" in run("list", "--all").output

    @pytest.mark.parametrize(
        "wrong",
        [("--role", "root"), ("--region", "东陵区"), ("--expires", "soon"), ("--expires", "2020-01-01")],
    )
    def test_mistakes_are_told_in_chinese(self, run, wrong: tuple[str, str]):
        given = {"--role": "analyst", "--owner": "甲局", wrong[0]: wrong[1]}
        done = run("create", *(part for pair in given.items() for part in pair))
        assert done.exit_code == 2
        assert any("一" <= character <= "鿿" for character in done.output)

    def test_an_unknown_key_cannot_be_revoked(self, run):
        assert run("revoke", "nosuchkey").exit_code == 1


def test_sample_keys_are_made_once_for_every_role(sessions: Sessions, tmp_path):
    from service.access import sample_keys
    from service.access.roles import ROLE_ACTIONS

    (tmp_path / "keys").mkdir()
    first = sample_keys.ensure(tmp_path, sessions, PEPPER, CITY)
    assert sample_keys.ensure(tmp_path, sessions, PEPPER, CITY) == first
    assert set(first) == set(ROLE_ACTIONS)
    assert sample_keys.path_in(tmp_path).stat().st_mode & 0o777 == 0o600
    check = KeyCheck(sessions, PEPPER)
    assert {role: check.check(shown).role for role, shown in first.items()} == {role: role for role in first}
