"""Label Studio and doccano: what goes out comes back the same, and broken files say where."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_contracts.example import LabelledExample
from data_contracts.taxonomy import taxonomy
from training.datasets import DataError
from training.exchange import Format, read, write


def example(**more: object) -> LabelledExample:
    fields = {
        "id": "a", "channel": "app", "text": "望湖区听澜苑物业收了30户押金6万不退", "domain": "城乡建设", "kind": "投诉",
        "dispute_type": "物业", "stage": "持续", "risk_level": "黄", "factors": ["群体"], "elements_labelled": True,
        "place": "望湖区听澜苑", "counterparty": "物业", "amount": 60_000, "people": 30, **more,
    }  # fmt: skip
    return LabelledExample.model_validate(fields)


@pytest.mark.parametrize("form", ["jsonl", "label-studio", "doccano"])
def test_what_goes_out_comes_back(tmp_path: Path, form: Format) -> None:
    examples = [example(), example(id="b", stage=None, factors=None, place=None, amount=None), example(factors=[])]
    write(tmp_path / "file", form, examples)
    assert read(tmp_path / "file", form) == examples


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    head=st.sampled_from(["domain", "kind", "dispute_type", "stage", "risk_level"]),
    place=st.integers(0, 5),
    form=st.sampled_from(["label-studio", "doccano"]),
    factors=st.none() | st.lists(st.sampled_from(taxonomy("factor").labels), unique=True),
)
def test_every_label_survives(tmp_path: Path, head: str, place: int, form: Format, factors: list[str] | None) -> None:
    labels = taxonomy(head).labels  # type: ignore[arg-type]
    given_one = example(**{head: labels[place % len(labels)], "factors": factors})
    write(tmp_path / "file", form, [given_one])
    assert read(tmp_path / "file", form) == [given_one]


def test_of_several_annotations_the_last_that_was_not_cancelled_counts(tmp_path: Path) -> None:
    def choice(kind: str) -> list[dict[str, object]]:
        return [{"from_name": "kind", "to_name": "text", "type": "choices", "value": {"choices": [kind]}}]

    task = {
        "id": 7,
        "data": {"text": "路灯坏了"},
        "annotations": [
            {"result": choice("咨询")}, {"result": choice("求助")}, {"result": choice("表扬"), "was_cancelled": True},
        ],
    }  # fmt: skip
    (tmp_path / "file").write_text(json.dumps([task]), encoding="utf-8")
    [found] = read(tmp_path / "file", "label-studio")
    assert (found.id, found.kind, found.domain) == ("7", "求助", None)


@pytest.mark.parametrize(
    ("form", "content", "message"),
    [
        ("label-studio", "{", "Label Studio"),
        ("label-studio", '{"data": 1}', "任务的列表"),
        ("label-studio", '[{"data": {}}]', "第 1 条"),
        ("doccano", '{"text": "路灯", "label": ["心情:好"]}', "第 1 条"),
        ("doccano", '{"text": "路灯", "label": ["kind:吐槽"]}', "第 1 条"),
    ],
)
def test_broken_files_say_where(tmp_path: Path, form: Format, content: str, message: str) -> None:
    (tmp_path / "file").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read(tmp_path / "file", form)
