"""A training run is kept where nothing but a file is there, and a dead server is said, not suffered."""

import json
from pathlib import Path

import pytest

from training.track import EXPERIMENT, NotTracked, track

CONFIG = {
    "version": "linear-9",
    "family": "linear",
    "data_sha256": "0" * 64,
    "config": {"penalty": 1.0, "second_balance": {"kind": 0.15}},
    "cross_validated": {"board": {"domain_accuracy": 0.81}},
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    directory = tmp_path / "package"
    directory.mkdir()
    (directory / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    (directory / "MODEL_CARD.md").write_text("# 模型卡", encoding="utf-8")
    return directory


def test_settings_figures_and_card_are_kept_run_by_run(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    store = tmp_path / "mlruns"
    assert track(CONFIG, package, store) == str(store)
    track({**CONFIG, "version": "linear-10"}, package, store)
    client = mlflow.MlflowClient(f"sqlite:///{store}/mlflow.db")
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert {run.info.run_name for run in runs} == {"linear-9", "linear-10"}
    assert all(run.info.status == "FINISHED" for run in runs)
    assert runs[0].data.params["second_balance.kind"] == "0.15"
    assert runs[0].data.metrics["board.domain_accuracy"] == pytest.approx(0.81)
    kept = {item.path for item in client.list_artifacts(runs[0].info.run_id)}
    assert kept == {"MODEL_CARD.md", "config.json"}
    assert runs[0].info.artifact_uri.startswith(store.as_uri())


def test_a_server_that_does_not_answer_is_named(package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(NotTracked, match=r"127\.0\.0\.1:9"):
        track(CONFIG, package, tmp_path / "mlruns")
    assert not (tmp_path / "mlruns").exists()
