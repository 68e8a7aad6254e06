"""Two packages on the same texts: the figures of both, the difference with its interval, and a file for the promotion."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nlp.encoder import Encoder, load_encoder
from service.cli.main import build
from service.registry import fallen_figures
from training.datasets import Sourced
from training.fit import FitConfig, fit


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder()


def test_two_packages_are_compared_and_the_worse_is_seen(
    examples: list[Sourced], encoder: Encoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    for name, part in (("good", examples), ("poor", examples[:14])):
        fit(part, encoder, FitConfig(folds=2), name, lambda _: None).save(tmp_path / name)
    labelled = tmp_path / "labelled.jsonl"
    labelled.write_text("".join(item.example.model_dump_json() + "\n" for item in examples), encoding="utf-8")
    command = ["compare", str(tmp_path / "good"), str(tmp_path / "poor"), str(labelled), "-o", str(tmp_path / "f.json")]
    result = CliRunner().invoke(build(), command)
    assert result.exit_code == 0, result.output
    assert "domain_accuracy" in result.output
    found = json.loads((tmp_path / "f.json").read_text(encoding="utf-8"))
    assert found["now"]["labelled"]["domain_accuracy"] > found["then"]["labelled"]["domain_accuracy"]
    assert fallen_figures(found["now"], found["then"])


def test_a_report_tells_how_disturbed_texts_are_read(examples: list[Sourced], tmp_path: Path) -> None:
    labelled = tmp_path / "labelled.jsonl"
    labelled.write_text("".join(item.example.model_dump_json() + "\n" for item in examples[:12]), encoding="utf-8")
    page = tmp_path / "report.html"
    result = CliRunner().invoke(build(), ["evaluate", "fast", str(labelled), "--report", str(page)])
    assert result.exit_code == 0, result.output
    text = page.read_text(encoding="utf-8")
    assert "改动文本后的准确率" in text
    assert "错别字（5 %）" in text
    assert "有险词而无险" in text or "无险词而有险" in text
