"""Which model reads: the packages of a home, which of them is in use, and who put it there.

Each package lies in `models/VERSION/`; `models/history.json` lists what was put in use, the last entry is in use now.
Without an entry the default built-in package reads. A package that was put in use is never changed afterwards.
"""

import json
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from nlp.package import ModelPackage
from nlp.pipeline import BUILTIN_MODEL, BUILTIN_MODELS, model_directory
from service.home import Home
from service.settings import Settings

HISTORY: Final = "history.json"
BUILTIN: Final = "builtin"
"""Stands in the history for the default built-in package."""
GUARDED: Final = (
    "domain_accuracy", "kind_macro_f1", "dispute_type_macro_f1", "stage_macro_f1", "risk_level_kappa",
    "warnings_right", "warnings_found",
)  # fmt: skip
"""Figures that may not fall when another package is put in use."""
TOLERANCE: Final = 0.005
"""By so much a guarded figure may fall and still be called equal; cross-validation itself wavers more."""

Figures = dict[str, dict[str, float]]
"""By origin of the texts: figures of a package."""


class RegistryFault(Exception):  # noqa: N818 - told to the person who asked
    """What was asked of the registry cannot be done; in Chinese and English."""


@dataclass(frozen=True, slots=True)
class Held:
    """A package that may be put in use."""

    name: str
    version: str
    directory: Path
    active: bool
    figures: Figures


class Registry:
    """The packages of one home.

    Args:
        directory: the home's `models` directory.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def active(self) -> Path:
        """Directory of the package in use."""
        history = self.history()
        return self._place(history[-1]["name"]) if history else BUILTIN_MODEL

    def history(self) -> list[dict[str, str]]:
        """What was put in use, oldest first: `name`, `version`, `at`, `by`, `how`."""
        path = self._directory / HISTORY
        if not path.exists():
            return []
        found: list[dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def listed(self) -> list[Held]:
        """The built-in packages and those of the home, by name."""
        inside = sorted(path.parent for path in self._directory.glob("*/config.json"))
        active = self.active()
        found = []
        for name, directory in [*BUILTIN_MODELS.items(), *((path.name, path) for path in inside)]:
            package = ModelPackage.load(directory)
            found.append(
                Held(name, package.version, directory, directory == active, package.config.get("cross_validated", {}))
            )
        return found

    def promote(self, source: Path, by: str, figures: tuple[Figures, Figures] | None = None) -> Held:
        """Copy a package into the home and put it in use.

        Args:
            source: its directory.
            by: who asks.
            figures: of the package in use and of the new one on the same texts; their own cross-validated ones
                where None.

        Raises:
            PackageError: it is no sound package.
            RegistryFault: a guarded figure falls, its version is another package's, or nothing can be compared.
        """
        package = ModelPackage.load(source)
        if figures is None:
            now = ModelPackage.load(self.active())
            figures = (now.config.get("cross_validated", {}), package.config.get("cross_validated", {}))
        if fallen := fallen_figures(*figures):
            raise RegistryFault(f"以下指标下降，不予换用：{'；'.join(fallen)} / guarded figures fall")
        name = package.version
        place = self._place(name)
        if name == BUILTIN or name in BUILTIN_MODELS or (place.exists() and _digest(place) != _digest(source)):
            raise RegistryFault(f"已有版本名为 {name} 的另一个模型包，请换一个版本名 / the version name is taken")
        if not place.exists():
            half = self._directory / f".{name}.{os.getpid()}"
            shutil.copytree(source, half)
            half.rename(place)
        self._note(name, package.version, by, "promote")
        return Held(name, package.version, place, True, package.config.get("cross_validated", {}))

    def rollback(self, by: str) -> Held:
        """Put in use what was in use before.

        Raises:
            RegistryFault: nothing was put in use before.
        """
        history = self.history()
        if not history:
            raise RegistryFault("没有可退回的模型：在用的就是内置模型 / the built-in model is in use already")
        current = history[-1]["name"]
        # What stood before the current one was first put there, past rollbacks left out.
        before = [entry["name"] for entry in history if entry["how"] == "promote"]
        earlier = before[: before.index(current)] if current in before else before
        name = earlier[-1] if earlier else BUILTIN
        directory = self._place(name)
        package = ModelPackage.load(directory)
        self._note(name, package.version, by, "rollback")
        return Held(name, package.version, directory, True, package.config.get("cross_validated", {}))

    def _place(self, name: str) -> Path:
        if name == BUILTIN or name in BUILTIN_MODELS:
            return model_directory(None if name == BUILTIN else name)
        if name != Path(name).name or name.startswith("."):
            raise RegistryFault(f"版本名“{name}”不能作目录名 / the version is no directory name")
        return self._directory / name

    def _note(self, name: str, version: str, by: str, how: str) -> None:
        entry = {"name": name, "version": version, "at": datetime.now(UTC).isoformat(), "by": by, "how": how}
        written = json.dumps([*self.history(), entry], ensure_ascii=False, indent=1)
        half = self._directory / f".{HISTORY}.{os.getpid()}"
        half.write_text(written, encoding="utf-8")
        half.replace(self._directory / HISTORY)


def model_in_use(settings: Settings, home: Home, otherwise: str | None = None) -> Path:
    """Directory of the package that the settings name, or else of the one that was put in use.

    Args:
        settings: may name a model.
        home: where models were put in use.
        otherwise: the built-in model where neither is the case; the default one when None.
    """
    registry = Registry(home.directory / "models")
    if settings.model or (otherwise and not registry.history()):
        return model_directory(settings.model or otherwise)
    return registry.active()


def fallen_figures(now: Figures, then: Figures) -> list[str]:
    """Which guarded figures fall by more than the tolerance, in words.

    Raises:
        RegistryFault: the two have no figure in common, so nothing guards anything.
    """
    pairs: list[tuple[str, float, float]] = [
        (f"{origin} {name}", now[origin][name], then[origin][name])
        for origin in sorted(now.keys() & then.keys())
        for name in GUARDED
        if name in now[origin] and name in then[origin]
    ]
    if not pairs:
        raise RegistryFault(
            "两个模型没有可比的指标，请用 yanpan compare 在同一批标注样本上比较，再以 --figures 给出 / compare them on the same texts first"
        )
    return [f"{name} {before:.3f} → {after:.3f}" for name, before, after in pairs if after < before - TOLERANCE]


def _digest(directory: Path) -> Any:
    return json.loads((directory / "config.json").read_text(encoding="utf-8")).get("weights_sha256")
