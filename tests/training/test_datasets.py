"""Labelled data: what is held out never reaches training, and broken files say where they are broken."""

import gzip
import json
import os
from pathlib import Path

import pytest

from training.datasets import (
    DataError,
    complaint_of,
    fingerprint,
    held_out_ids,
    labelled_examples,
    read_examples,
    read_rows,
)

SHARED = Path(os.environ.get("YANPAN_SHARED", Path(__file__).parents[2].parent / "shared"))


def row(number: str, **more: object) -> dict[str, object]:
    return {
        "id": number,
        "domain": "城乡建设",
        "kind": "投诉",
        "dispute": "物业",
        "stage": "持续",
        "risk": "黄",
        "factors": ["群体"],
        "place": "望湖区",
        "counterparty": None,
        "amount": None,
        "people": 30,
        **more,
    }


def write(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(item, ensure_ascii=False) + "\n" for item in rows)


def shared_of(directory: Path, *, held_out: str) -> Path:
    board = directory / "data" / "tipdm2020c"
    messages = [{"id": f"m{i}", "title": "小区停水", "text": f"望湖区停水第{i}天"} for i in range(4)]
    write(board / "messages.jsonl.gz", messages)
    write(board / "labelled.jsonl.gz", [row(f"m{i}") for i in range(4)])
    write(
        board / "domain_raw.jsonl.gz",
        [{"id": f"r{i}", "title": "标题", "text": "正文", "domain": "民政"} for i in (1, 2)],
    )
    write(board / "domain_train.jsonl.gz", [{"tokens": "小区 停水", "domain": "城乡建设"}])
    channels = [row("n1", channel="hotline", time=None, region="望湖区", text="话务员:您好\n市民:停水了", pii=[])]
    write(directory / "data" / "channels" / "labelled.jsonl.gz", channels)
    (board / "held_out_ids.txt").write_text(held_out, encoding="utf-8")
    return directory


def test_held_out_ids_are_refused_even_when_they_are_labelled(tmp_path: Path) -> None:
    found = labelled_examples(shared_of(tmp_path, held_out="m2\nr1\n"), tmp_path)
    assert [item.example.id for item in found if item.origin in {"board", "raw"}] == ["m0", "m1", "m3", "r2"]


def test_without_the_list_nothing_is_trained(tmp_path: Path) -> None:
    shared = shared_of(tmp_path, held_out="")
    (shared / "data" / "tipdm2020c" / "held_out_ids.txt").unlink()
    with pytest.raises(DataError, match="留出编号表"):
        labelled_examples(shared)


def test_origins_channels_and_labels(tmp_path: Path) -> None:
    by_origin = {item.origin: item.example for item in labelled_examples(shared_of(tmp_path, held_out=""), tmp_path)}
    assert by_origin["channels"].channel == "hotline"
    assert by_origin["board"].title == "小区停水"
    assert (by_origin["board"].dispute_type, by_origin["board"].risk_level) == ("物业", "黄")
    assert by_origin["board"].elements_labelled
    assert by_origin["tokens"].text == "小区停水"
    assert by_origin["tokens"].kind is None


def test_own_labels_and_own_texts_are_read_beside(tmp_path: Path) -> None:
    """What is held out or labelled already is left out of our own labels too."""
    shared = shared_of(tmp_path, held_out="m3\n")
    (shared / "data" / "tipdm2020c" / "labelled.jsonl.gz").unlink()
    write(shared / "data" / "tipdm2020c" / "labelled.jsonl.gz", [row("m0")])
    for name, lines in (
        ("labels", [row("m0"), row("m1"), row("m3")]),
        ("corpus", [row("y1", channel="app", text="望湖区停水了", pii=[])]),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    found = {item.example.id: item.origin for item in labelled_examples(shared, tmp_path)}
    assert {name: origin for name, origin in found.items() if name in {"m0", "m1", "m3", "y1"}} == {
        "m0": "board", "m1": "labels", "y1": "corpus",
    }  # fmt: skip


def test_files_in_the_words_of_the_contract_are_read_too(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "a", "text": "停水", "dispute_type": "物业", "risk_level": "蓝"}\n', encoding="utf-8")
    example = read_examples(path)[0]
    assert (example.dispute_type, example.risk_level, example.elements_labelled) == ("物业", "蓝", False)


def test_given_held_out_ids_are_left_out_of_any_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "a", "text": "停水"}\n{"id": "b", "text": "停电"}\n', encoding="utf-8")
    assert [example.id for example in read_examples(path, frozenset({"a"}))] == ["b"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "第 2 行"),
        ("[1]", "不是 JSON 对象"),
        ('{"id": "b", "text": "停电", "domain": "天文"}', "第 2 条"),
    ],
)
def test_broken_files_name_the_line(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "a", "text": "停水"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_examples(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.jsonl"):
        list(read_rows(tmp_path / "none.jsonl"))


def test_the_fingerprint_follows_the_data(tmp_path: Path) -> None:
    examples = [item.example for item in labelled_examples(shared_of(tmp_path, held_out=""), tmp_path)]
    changed = [examples[0].model_copy(update={"stage": "反复"}), *examples[1:]]
    assert fingerprint(examples) == fingerprint(list(examples))
    assert fingerprint(examples) != fingerprint(changed)


def test_an_example_becomes_the_complaint_it_arrived_as(tmp_path: Path) -> None:
    example = labelled_examples(shared_of(tmp_path, held_out=""), tmp_path)[0].example
    complaint = complaint_of(example)
    assert (complaint.full_text, complaint.channel) == ("小区停水\n望湖区停水第0天", "other")


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason="the shared data is not here")
def test_the_shared_data_holds_nothing_back_by_mistake_and_nothing_held_out() -> None:
    found = labelled_examples(SHARED)
    held_out = held_out_ids(SHARED)
    assert len(held_out) == 1000
    assert not held_out & {item.example.id for item in found}
    assert sum(item.origin == "board" for item in found) > 3000
    assert sum(item.origin == "channels" for item in found) > 1000
