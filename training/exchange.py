"""Labelled examples to and from the two annotation tools in common use: Label Studio (JSON) and doccano (JSONL)."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import ValidationError

from data_contracts.example import LabelledExample
from data_contracts.taxonomy import HEADS
from training.datasets import DataError, read_examples, read_rows

Format = Literal["jsonl", "label-studio", "doccano"]
SPANS = ("place", "counterparty")
NUMBERS = ("amount", "people")
FACTORS = "factors"
_KEPT = ("id", "channel", "time", "region", "title")
"""What else an example says of itself; carried through a tool untouched."""


def read(path: Path, form: Format) -> list[LabelledExample]:
    """Examples of a file.

    Raises:
        DataError: the file is broken, or not of this format; says where.
    """
    if form == "jsonl":
        return read_examples(path)
    made: Callable[[dict[str, Any]], dict[str, Any]] = _from_studio if form == "label-studio" else _from_doccano
    found = []
    for number, row in enumerate(_rows(path, form), start=1):
        try:
            found.append(LabelledExample.model_validate(made(row)))
        except (ValidationError, KeyError, TypeError, IndexError, ValueError) as error:
            raise DataError(f"{path} 第 {number} 条无法读取：{error} / example {number} can't be read") from error
    return found


def write(path: Path, form: Format, examples: Sequence[LabelledExample]) -> None:
    """Write examples for a tool; what it gives back is read by `read`."""
    if form == "label-studio":
        tasks = [_to_studio(example) for example in examples]
        path.write_text(json.dumps(tasks, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        return
    rows = (example.model_dump() if form == "jsonl" else _to_doccano(example) for example in examples)
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))


def _rows(path: Path, form: Format) -> Iterable[dict[str, Any]]:
    if form == "doccano":
        return read_rows(path)
    try:
        tasks = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} 不是 Label Studio 的 JSON：{error} / not a Label Studio file") from error
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise DataError(f"{path} 应为任务的列表 / the file must be a list of tasks")
    return tasks


def _labels(example: LabelledExample) -> dict[str, list[str]]:
    """Choices by name of the question, unlabelled ones left out."""
    found: dict[str, list[str]] = {head: [value] for head in HEADS if (value := getattr(example, head)) is not None}
    if example.factors is not None:
        found[FACTORS] = list(example.factors)
    return found


def _spans(example: LabelledExample) -> list[tuple[str, int, int]]:
    found = []
    for name in SPANS:
        words = getattr(example, name)
        start = example.text.find(words) if words else -1
        if start >= 0:
            found.append((name, start, start + len(words)))
    return found


def _numbers(example: LabelledExample) -> dict[str, float]:
    return {name: value for name in NUMBERS if (value := getattr(example, name)) is not None}


def _to_studio(example: LabelledExample) -> dict[str, Any]:
    results: list[dict[str, Any]] = [
        {"from_name": name, "to_name": "text", "type": "choices", "value": {"choices": chosen}}
        for name, chosen in _labels(example).items()
    ]
    results += [
        {
            "from_name": "elements",
            "to_name": "text",
            "type": "labels",
            "value": {"start": start, "end": end, "text": example.text[start:end], "labels": [name]},
        }
        for name, start, end in _spans(example)
    ]
    results += [
        {"from_name": name, "to_name": "text", "type": "number", "value": {"number": value}}
        for name, value in _numbers(example).items()
    ]
    data = {"text": example.text, **{name: getattr(example, name) for name in _KEPT}}
    return {"data": data, "annotations": [{"result": results}] if results or example.elements_labelled else []}


def _from_studio(task: dict[str, Any]) -> dict[str, Any]:
    data = task["data"]
    fields: dict[str, Any] = {name: data[name] for name in _KEPT if data.get(name) is not None}
    fields["text"] = data["text"]
    fields.setdefault("id", str(task.get("id", "")))
    done = [annotation for annotation in task.get("annotations", []) if not annotation.get("was_cancelled")]
    if not done:
        return fields
    fields["elements_labelled"] = True
    # The last annotation is the one that settled it.
    for result in done[-1]["result"]:
        name, value = result["from_name"], result["value"]
        if result["type"] == "choices":
            chosen = value["choices"]
            fields[name] = list(chosen) if name == FACTORS else chosen[0]
        elif result["type"] == "labels" and value["labels"][0] in SPANS:
            fields[value["labels"][0]] = data["text"][value["start"] : value["end"]]
        elif result["type"] == "number" and name in NUMBERS:
            fields[name] = value["number"]
    return fields


def _to_doccano(example: LabelledExample) -> dict[str, Any]:
    return {
        "text": example.text,
        "label": [f"{name}:{value}" for name, values in _labels(example).items() for value in values],
        "entities": [{"label": name, "start_offset": start, "end_offset": end} for name, start, end in _spans(example)],
        "meta": {
            **{name: getattr(example, name) for name in _KEPT},
            **_numbers(example),
            "factors_labelled": example.factors is not None,
            "elements_labelled": example.elements_labelled,
        },
    }


def _from_doccano(row: dict[str, Any]) -> dict[str, Any]:
    meta = row.get("meta") or {}
    fields: dict[str, Any] = {name: meta[name] for name in (*_KEPT, *NUMBERS) if meta.get(name) is not None}
    fields["text"] = row["text"]
    fields.setdefault("id", str(row.get("id", "")))
    fields["elements_labelled"] = bool(meta.get("elements_labelled", row.get("entities")))
    if meta.get("factors_labelled"):
        fields[FACTORS] = []
    for label in row.get("label") or []:
        name, _, value = label.partition(":")
        if name == FACTORS:
            fields.setdefault(FACTORS, []).append(value)
        elif name in HEADS:
            fields[name] = value
        else:
            raise ValueError(f"label {label!r} names none of {', '.join((*HEADS, FACTORS))}")
    for entity in row.get("entities") or []:
        if entity["label"] in SPANS:
            fields[entity["label"]] = row["text"][entity["start_offset"] : entity["end_offset"]]
    return fields
