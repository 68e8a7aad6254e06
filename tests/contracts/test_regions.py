from pathlib import Path

import pytest
from pydantic_core import PydanticCustomError

from data_contracts.region import RegionTree, read_regions, sample_regions


@pytest.fixture(scope="module")
def yunzhou() -> RegionTree:
    return sample_regions()


def read(folder: Path, *lines: str, header: str = "code,name,parent,population") -> RegionTree:
    path = folder / "regions.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return read_regions(path)


def test_the_sample_city_has_seven_counties_of_five_to_nine_townships(yunzhou: RegionTree) -> None:
    counties = [r for r in yunzhou.regions if r.level == "county"]
    assert (yunzhou.root.code, yunzhou.root.name, yunzhou.root.level) == ("990100", "云州市", "city")
    assert [r.name for r in counties] == ["望湖区", "东岭区", "澜江区", "云州经开区", "禾源县", "青峪县", "石棠县"]
    for county in counties:
        townships = [r for r in yunzhou.regions if r.parent == county.code]
        assert 5 <= len(townships) <= 9
        assert all(r.level == "township" and r.code.startswith(county.code) for r in townships)
        assert all(r.path == f"/990100/{county.code}/{r.code}/" for r in townships)


def test_a_code_tells_street_from_town_and_township(yunzhou: RegionTree) -> None:
    endings = {"0": "街道", "1": "镇", "2": "乡"}
    townships = [r for r in yunzhou.regions if r.level == "township"]
    assert all(r.name.endswith(endings[r.code[6]]) for r in townships)


def test_population_adds_up_from_level_to_level(yunzhou: RegionTree) -> None:
    for region in yunzhou.regions:
        below = [r.population for r in yunzhou.regions if r.parent == region.code]
        assert region.population
        assert not below or region.population == sum(p or 0 for p in below)


def test_one_name_stands_for_two_townships_and_all_others_for_one(yunzhou: RegionTree) -> None:
    names = [r.name for r in yunzhou.regions]
    assert {name for name in names if names.count(name) > 1} == {"城关镇"}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("990103100", "990103100"),
        ("石碾坳镇", "990103100"),
        (" 望湖区 ", "990102"),
        ("云州市望湖区", "990102"),
        ("望湖区柳堤街道", "990102001"),
        ("云州市望湖区柳堤街道", "990102001"),
        ("云州市柳堤街道", "990102001"),
        ("禾源县城关镇", "990121100"),
        ("云州市青峪县城关镇", "990122100"),
        (None, "990100"),
        ("  ", "990100"),
    ],
)
def test_a_region_is_found_by_code_name_or_qualified_name(yunzhou: RegionTree, value: str | None, code: str) -> None:
    assert yunzhou.resolve(value).code == code


@pytest.mark.parametrize("value", ["城关镇", "云州市城关镇"])
def test_an_ambiguous_name_is_refused_with_its_codes(yunzhou: RegionTree, value: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        yunzhou.resolve(value)
    assert caught.value.type == "region-ambiguous"
    assert "990121100" in str(caught.value)
    assert "990122100" in str(caught.value)


@pytest.mark.parametrize("value", ["990199", "无此镇", "望湖", "东岭区柳堤街道"])
def test_an_unknown_region_is_refused(yunzhou: RegionTree, value: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        yunzhou.resolve(value)
    assert caught.value.type == "region-unknown"
    assert value in str(caught.value)


def test_a_city_brings_its_own_tree(tmp_path: Path) -> None:
    tree = read(
        tmp_path,
        "980100,甲市,,",
        "980102,乙区,980100,5",
        "980102001,丙街道,980102,",
        header="\ufeffcode,name,parent,population",
    )
    assert [r.level for r in tree.regions] == ["city", "county", "township"]
    assert [r.population for r in tree.regions] == [None, 5, None]
    assert tree.resolve("甲市丙街道").path == "/980100/980102/980102001/"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["980100,甲市,,1", "980102,乙区,980100,1", "980102,又乙区,980100,1"], "line 4: code 980102 repeats"),
        (["980100,甲市,,1", "980102001,丙街道,980102,1", "980102,乙区,980100,1"], "line 3: parent 980102"),
        (
            ["980100,甲市,,1", "980102,乙区,980100,1", "980102001,丙街道,980102,1", "980102002,丁村,980102001,1"],
            "line 5: deeper than 3 levels",
        ),
        (["980100,甲市,,1", "980200,乙市,,1"], "exactly one root, found 2"),
        ([], "exactly one root, found 0"),
    ],
)
def test_a_fault_in_the_file_is_named(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(tmp_path, *lines)


@pytest.mark.parametrize("line", ["98010,甲市,,1", "980100,,,1", "980100,甲市,,-1", "980100,甲市,,许多"])
def test_a_value_out_of_shape_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ValueError):
        read(tmp_path, line)
