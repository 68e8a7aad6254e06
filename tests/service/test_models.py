"""Models are put in use, guarded and taken back without a restart, and the store is read anew."""

import copy
from pathlib import Path

import pytest

from data_contracts.complaint import Complaint
from data_contracts.review import Correction
from data_contracts.search import SearchQuery
from nlp.package import ModelPackage
from nlp.pipeline import BUILTIN_MODEL, BUILTIN_MODELS
from service import context, review
from service.access.principal import Principal
from service.context import Service
from service.reanalyse import reanalyse
from service.registry import BUILTIN, Registry, RegistryFault, fallen_figures
from service.store.ids import complaint_id
from service.store.tables.complaints import ComplaintRow

CITY = Principal("k", "云州市研判中心", "admin", "/990100/")


def package(directory: Path, version: str, change: float = 0.0) -> Path:
    """The fast built-in package under another version, with the figures of the one in use raised or lowered."""
    made = ModelPackage.load(BUILTIN_MODELS["fast"])
    config = copy.deepcopy(made.config)
    config["version"] = version
    config["cross_validated"] = copy.deepcopy(ModelPackage.load(BUILTIN_MODEL).config["cross_validated"])
    for figures in config["cross_validated"].values():
        figures["stage_macro_f1"] += change
    ModelPackage(config, made.arrays).save(directory)
    return directory


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    (tmp_path / "models").mkdir()
    return Registry(tmp_path / "models")


class TestRegistry:
    def test_the_builtin_package_reads_until_another_is_put_in_use(self, registry: Registry, tmp_path: Path):
        assert registry.active() == BUILTIN_MODEL
        held = registry.promote(package(tmp_path / "new", "city-2", 0.1), "罗")
        assert registry.active() == held.directory == tmp_path / "models" / "city-2"
        assert [(entry.name, entry.active) for entry in registry.listed()] == [
            ("accurate", False), ("fast", False), ("city-2", True),
        ]  # fmt: skip
        assert [entry["by"] for entry in registry.history()] == ["罗"]

    def test_a_fallen_figure_is_refused_and_named(self, registry: Registry, tmp_path: Path):
        with pytest.raises(RegistryFault, match="board stage_macro_f1"):
            registry.promote(package(tmp_path / "new", "worse", -0.1), "罗")
        assert registry.active() == BUILTIN_MODEL
        assert registry.history() == []

    def test_rollback_goes_back_step_by_step(self, registry: Registry, tmp_path: Path):
        registry.promote(package(tmp_path / "a", "a"), "罗")
        registry.promote(package(tmp_path / "b", "b"), "罗")
        assert registry.rollback("罗").name == "a"
        assert registry.rollback("罗").name == BUILTIN
        assert registry.active() == BUILTIN_MODEL

    def test_nothing_to_go_back_to(self, registry: Registry):
        with pytest.raises(RegistryFault, match="内置模型"):
            registry.rollback("罗")

    def test_a_version_names_one_package_only(self, registry: Registry, tmp_path: Path):
        registry.promote(package(tmp_path / "a", "a"), "罗")
        other = ModelPackage.load(package(tmp_path / "other", "a"))
        other.arrays["second_bias"] = other.arrays["second_bias"] + 1
        other.save(tmp_path / "other")
        with pytest.raises(RegistryFault, match="版本名"):
            registry.promote(tmp_path / "other", "罗")

    @pytest.mark.parametrize("version", ["../out", ".hidden", "a/b"])
    def test_a_version_that_is_no_directory_name_is_refused(self, registry: Registry, tmp_path: Path, version: str):
        with pytest.raises(RegistryFault, match="目录名"):
            registry.promote(package(tmp_path / "a", version), "罗")

    def test_figures_without_anything_in_common_guard_nothing(self):
        with pytest.raises(RegistryFault, match="可比"):
            fallen_figures({"board": {"kind_macro_f1": 0.7}}, {"channels": {"kind_macro_f1": 0.9}})


def test_the_service_swaps_the_model_and_reads_the_store_anew(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(context, "MODEL_FRESH_SECONDS", 0.0)
    for number, text in enumerate(("柳堤街道的路灯坏了两周。", "老板欠三十个工人工资，明天去堵路。")):
        service.intake.submit(Complaint(source="m", external_id=str(number), text=text, region="望湖区"), CITY)
    service.jobs.drain()
    first, second = (complaint_id("m", str(number)) for number in range(2))
    with service.sessions.begin() as session:
        review.correct(session, Correction(complaint_id=first, version=1, kind="表扬", risk_level="红"), CITY)
    registry = Registry(service.home.directory / "models")
    registry.promote(package(tmp_path / "new", "city-2"), "罗")
    assert service.pipeline.model.version == "city-2"
    told: list[tuple[int, int]] = []
    assert reanalyse(service, lambda done, total: told.append((done, total))) == 2
    assert told[-1] == (2, 2)
    with service.sessions() as session:
        rows = {key: session.get_one(ComplaintRow, key) for key in (first, second)}
    assert {row.model_version for row in rows.values()} == {"city-2"}
    assert (rows[first].kind, rows[first].risk_level, rows[first].risk_score) == ("表扬", "红", 87.5)
    assert rows[first].analysis["kind"]["corrected"]
    hits = service.search.search(SearchQuery(kind=["表扬"]), CITY.scope).hits
    assert [hit.complaint_id for hit in hits] == [first]
    assert reanalyse(service, lambda done, total: None) == 0
    registry.rollback("罗")
    assert service.pipeline.model.version == ModelPackage.load(BUILTIN_MODEL).version
