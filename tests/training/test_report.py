"""The report of an evaluation: one page that needs nothing else, with the figures and every misread text."""

from pathlib import Path

import numpy as np
import pytest

from data_contracts.complaint import Complaint
from data_contracts.taxonomy import taxonomy
from nlp.prepare import prepare
from training.evaluated import Evaluated, interval, macro_f1
from training.report import write

TEXTS = [
    "望湖区的路灯坏了",
    "话务员：您好\n市民：我叫罗建国，电话13712345678，工资没发",
    "夜市油烟扰民",
    "请问社保卡在哪补办",
]


def evaluated(guessed: list[int], truth: list[int]) -> Evaluated:
    scores = np.full((len(truth), len(taxonomy("kind"))), 0.05, np.float32)
    scores[np.arange(len(truth)), guessed] = 0.75
    levels = np.tile(np.array([0.7, 0.1, 0.1, 0.1], np.float32), (len(truth), 1))
    return Evaluated(
        [prepare(Complaint(external_id=f"t{row}", text=text)) for row, text in enumerate(TEXTS)],
        {"kind": scores, "risk_level": levels},
        {"kind": np.array(truth), "risk_level": np.zeros(len(truth), np.int64)},
        [0.0, 0.0, 0.0, 0.0],
        {"kind": 0.5, "risk_level": 0.5},
    )


def test_the_page_lists_what_was_misread_and_masks_it(tmp_path: Path) -> None:
    write(tmp_path / "report.html", "评估", evaluated([0, 1, 2, 0], [0, 2, 2, 0]))
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "读错的文本（1 条" in page
    assert "t1：性质" in page
    assert "t0：" not in page
    assert "建国" not in page
    assert "13712345678" not in page
    assert '<script src="http' not in page
    assert "0.750（" in page


def test_an_interval_holds_the_measure_and_narrows_with_more_texts() -> None:
    random = np.random.default_rng(1)
    truth = random.integers(0, 3, 400)
    guess = np.where(random.random(400) < 0.8, truth, (truth + 1) % 3)
    low, high = interval(truth, guess, macro_f1)
    assert low < macro_f1(truth, guess) < high
    few_low, few_high = interval(truth[:40], guess[:40], macro_f1)
    assert few_high - few_low > high - low


def test_rare_classes_do_not_move_the_mean() -> None:
    truth = np.array([0] * 6 + [1] * 6 + [2])
    guess = np.array([0] * 6 + [1] * 6 + [0])
    assert macro_f1(truth, guess) == pytest.approx((12 / 13 + 1) / 2)
