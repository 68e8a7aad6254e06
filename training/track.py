"""Keeps what was trained, with which settings and how well, in MLflow: a local store, or a server by `MLFLOW_TRACKING_URI`."""

import os
from pathlib import Path
from typing import Any

from nlp.package import CONFIG
from training.card import NAME as CARD

EXPERIMENT = "yanpan"
STORE = "mlruns"
"""Directory of the local store, beside the packages."""


class NotTracked(Exception):  # noqa: N818 - told to the person who asked
    """The run could not be noted; in Chinese and English."""


def track(config: dict[str, Any], package: Path, local: Path) -> str:
    """Note a run: settings as parameters, cross-validated figures as metrics, configuration and card as artifacts.

    Args:
        config: the package's configuration.
        package: its directory.
        local: directory of the store that is used where no server is set.

    Returns:
        where it was noted.

    Raises:
        NotTracked: the server does not answer, or the store cannot be written.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    import logging

    import mlflow
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    server = os.environ.get("MLFLOW_TRACKING_URI")
    try:
        if not server:
            local.mkdir(parents=True, exist_ok=True)
        client = mlflow.MlflowClient(server or f"sqlite:///{local.absolute()}/mlflow.db")
        found = client.get_experiment_by_name(EXPERIMENT)
        place = None if server else local.absolute().as_uri()
        experiment = found.experiment_id if found else client.create_experiment(EXPERIMENT, place)
        run = client.create_run(experiment, run_name=config["version"]).info.run_id
        for name, value in _flat(
            {"family": config["family"], "data_sha256": config["data_sha256"], **config["config"]}
        ):
            client.log_param(run, name, value)
        for name, value in _flat(config["cross_validated"]):
            client.log_metric(run, name, float(value))
        for name in (CONFIG, CARD):
            client.log_artifact(run, str(package / name))
        client.set_terminated(run)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise NotTracked(f"未能记录到 MLflow（{server or local}）：{error} / the run was not tracked") from error
    return server or str(local)


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested settings or figures as `a.b` and value."""
    found: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, dict):
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", value))
    return found
