"""`yanpan analyse`: one line out for each line in, whatever is in it, read by the model in use."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nlp.package import ModelPackage
from nlp.pipeline import BUILTIN_MODELS
from service.cli.main import build
from service.registry import Registry
from service.settings import settings

LINES = [
    json.dumps({"id": "a", "channel": "app", "text": "望湖区春晓路路灯不亮，拖欠工资三万二，涉及一百来户。"}),
    "{",
    json.dumps({"id": "c", "text": ""}),
    json.dumps({"id": "d", "text": "请问社保卡在哪里补办，我叫罗建国，电话13712345678"}),
]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("YANPAN_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()


def analysed(
    tmp_path: Path, *more: str, lines: list[str] | None = None, name: str = "in.jsonl"
) -> list[dict[str, Any]]:
    source, output = tmp_path / name, tmp_path / "out.jsonl"
    opened = gzip.open if name.endswith(".gz") else open
    with opened(source, "wt", encoding="utf-8") as file:
        file.write("\n".join(lines or LINES) + "\n")
    result = CliRunner().invoke(build(), ["analyse", str(source), "-o", str(output), *more])
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]


def test_every_line_has_its_line(tmp_path: Path, home: Path) -> None:
    first, broken, empty, last = analysed(tmp_path)
    assert first["id"] == "a"
    assert first["elements"]["amount"] == 32000
    assert first["elements"]["people"] == 100
    assert broken["error"]["line"] == 2
    assert empty["id"] == "c"
    assert empty["error"]["line"] == 3
    assert "13712345678" not in last["masked_text"]
    assert "scores" not in last
    assert not home.exists()


def test_scores_add_up_and_a_gzipped_file_reads_the_same(tmp_path: Path) -> None:
    with_scores = analysed(tmp_path, "--scores", name="in.jsonl.gz")
    assert sum(with_scores[0]["scores"]["domain"].values()) == pytest.approx(1, abs=1e-3)
    plain = analysed(tmp_path)
    assert [row.get("domain") for row in with_scores] == [row.get("domain") for row in plain]


def test_several_processes_keep_the_order(tmp_path: Path) -> None:
    lines = [json.dumps({"id": str(number), "text": f"第{number}栋停水了"}) for number in range(300)]
    rows = analysed(tmp_path, "--processes", "2", lines=lines)
    assert [row["id"] for row in rows] == [str(number) for number in range(300)]


def test_the_model_in_use_reads(tmp_path: Path, home: Path) -> None:
    made = ModelPackage.load(BUILTIN_MODELS["fast"])
    config = {**made.config, "version": "red", "level_bias": [0.0, 0.0, 0.0, 90.0]}
    ModelPackage(config, made.arrays).save(tmp_path / "red")
    assert analysed(tmp_path)[3]["risk_level"] == "蓝"
    assert analysed(tmp_path, "--model", str(tmp_path / "red"))[3]["risk_level"] == "红"
    (home / "models").mkdir(parents=True)
    Registry(home / "models").promote(tmp_path / "red", "罗")
    assert analysed(tmp_path)[3]["risk_level"] == "红"
