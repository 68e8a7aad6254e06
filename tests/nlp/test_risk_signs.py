"""Signs of danger as numbers for the classifier."""

from data_contracts.taxonomy import taxonomy
from nlp.risk.signs import EVIDENCE_MOST, lexicons, sign_features, signs_of


def test_there_is_a_lexicon_for_every_factor() -> None:
    assert set(lexicons()) == set(taxonomy("factor").codes)


def test_features_lie_between_nothing_and_all() -> None:
    found = sign_features(
        ["公交车晚点", "煤气泄漏，燃气味很大，楼里着火了，消防通道堵死，随时可能爆炸，老人孩子都在里面"]
    )
    assert found.shape == (2, 2 * len(lexicons()))
    assert found[0].max() < found[1].max() <= 1
    assert found.min() >= 0
    assert sign_features([]).shape == (0, 2 * len(lexicons()))


def test_evidence_is_bounded_and_lies_in_the_text() -> None:
    text = "多次反映，反复投诉，多次上访，一再反映，三番五次打电话" * 3
    for code, spans in signs_of(text).explicit.items():
        assert len(spans) <= EVIDENCE_MOST
        for start, end in spans:
            assert lexicons()[code].explicit.fullmatch(text[start:end])
