from typing import get_args

import pytest

from data_contracts.complaint import Channel
from data_contracts.taxonomy import HEADS, Entry, Taxonomy, TaxonomyName, taxonomy


@pytest.mark.parametrize(
    ("name", "count"),
    [("domain", 15), ("kind", 6), ("dispute_type", 17), ("stage", 6), ("risk_level", 4), ("factor", 9), ("role", 11)],
)
def test_each_taxonomy_is_whole(name: TaxonomyName, count: int) -> None:
    classes = taxonomy(name)
    assert len(classes) == count
    assert all(entry.definition for entry in classes)


def test_every_domain_names_its_department() -> None:
    assert all(entry.department for entry in taxonomy("domain"))


def test_channels_are_the_words_of_the_contract() -> None:
    assert taxonomy("channel").codes == get_args(Channel)


def test_labels_and_codes_lead_to_each_other() -> None:
    for head in HEADS:
        classes = taxonomy(head)
        assert [classes.label(classes.code(label)) for label in classes.labels] == list(classes.labels)
        assert classes.find("没有这一类") is None


def test_a_repeated_code_is_refused() -> None:
    entry = Entry(code="a", label="甲", definition="…")
    with pytest.raises(ValueError, match="repeats"):
        Taxonomy("twice", (entry, entry.model_copy(update={"label": "乙"})))
