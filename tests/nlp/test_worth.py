"""What is most worth a person's reading: what is unsure, hangs in the balance, or contradicts itself."""

import pytest

from data_contracts.analysis import Analysis
from data_contracts.complaint import Complaint
from nlp.pipeline import Pipeline
from nlp.worth import worth


@pytest.fixture(scope="module")
def analysis() -> Analysis:
    return Pipeline.load().analyse([Complaint(text="请问社保卡在哪里补办？")])[0]


def told(analysis: Analysis, **labels: str) -> Analysis:
    update = {head: analysis.label(head).model_copy(update={"label": label}) for head, label in labels.items()}
    return analysis.model_copy(update=update)


def test_a_grievance_that_is_no_dispute_contradicts_itself(analysis: Analysis) -> None:
    plain, reasons = worth(told(analysis, kind="咨询", dispute_type="非纠纷"))
    assert "disagreeing" not in reasons
    more, reasons = worth(told(analysis, kind="投诉", dispute_type="非纠纷"))
    assert "disagreeing" in reasons
    assert more == pytest.approx(plain + 1)


def test_a_level_that_a_rule_raised_contradicts_the_model(analysis: Analysis) -> None:
    raised = analysis.risk.model_copy(update={"raised_by_rule": "threat"})
    assert "disagreeing" in worth(analysis.model_copy(update={"risk": raised}))[1]


def test_a_warning_in_the_balance_is_risky(analysis: Analysis) -> None:
    level = analysis.risk.level.model_copy(update={"scores": {"蓝": 0.3, "黄": 0.2, "橙": 0.3, "红": 0.2}})
    risky = analysis.model_copy(update={"risk": analysis.risk.model_copy(update={"level": level})})
    assert "risky" in worth(risky)[1]
    assert worth(risky)[0] > worth(analysis)[0]
