"""Labelled data as training sees it: read, checked, and never an id that is held out."""

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson
from pydantic import ValidationError

from data_contracts import limits
from data_contracts.complaint import Complaint
from data_contracts.example import LabelledExample
from data_contracts.faults import violation

Origin = Literal["board", "channels", "raw", "tokens", "labels", "corpus", "file"]
HELD_OUT = Path("data/tipdm2020c/held_out_ids.txt")
OWN = Path(__file__).parent
"""Holds `labels/`: our readings of board messages by message id (the texts stay where they are), and `corpus/`: our own
texts with their labels."""


class DataError(Exception):
    """Training data that can't be used; says which file and line, in Chinese and English."""


@dataclass(frozen=True, slots=True)
class Sourced:
    """A labelled example and where it came from."""

    example: LabelledExample
    origin: Origin


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects of a JSONL file, gzipped or not.

    Raises:
        DataError: the file is absent or a line is no JSON object.
    """
    if not path.is_file():
        raise DataError(f"找不到文件：{path} / file not found: {path}")
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise DataError(f"{path} 第 {number} 行不是 JSON：{error} / line {number} is not JSON") from error
            if not isinstance(row, dict):
                raise DataError(f"{path} 第 {number} 行不是 JSON 对象 / line {number} is not a JSON object")
            yield row


def held_out_ids(shared: Path) -> frozenset[str]:
    """Ids of the messages that are for independent evaluation only.

    Raises:
        DataError: the list is absent; without it nothing may be trained on the messages.
    """
    path = shared / HELD_OUT
    if not path.is_file():
        raise DataError(f"找不到留出编号表：{path} / the list of held-out ids is missing: {path}")
    return frozenset(path.read_text(encoding="utf-8").split())


def labelled_examples(shared: Path, own: Path = OWN) -> list[Sourced]:
    """All labelled examples: the shared board messages, channels, those with a domain only, and our own.

    Raises:
        DataError: a file is absent or broken.
    """
    held_out = held_out_ids(shared)
    board = shared / "data" / "tipdm2020c"
    messages = {row["id"]: row for row in read_rows(board / "messages.jsonl.gz") if row["id"] not in held_out}
    found = [
        Sourced(_board(row, messages), "board") for row in refuse(read_rows(board / "labelled.jsonl.gz"), held_out)
    ]
    found += [Sourced(_full(row), "channels") for row in read_rows(shared / "data" / "channels" / "labelled.jsonl.gz")]
    found += [
        Sourced(LabelledExample(id=row["id"], title=row["title"], text=row["text"], domain=row["domain"]), "raw")
        for row in refuse(read_rows(board / "domain_raw.jsonl.gz"), held_out)
    ]
    found += [
        Sourced(
            LabelledExample(id=f"tokens-{number}", text=row["tokens"].replace(" ", ""), domain=row["domain"]), "tokens"
        )
        for number, row in enumerate(read_rows(board / "domain_train.jsonl.gz"))
    ]
    known = {item.example.id for item in found}
    for path in sorted((own / "labels").glob("*.jsonl")):
        rows = (row for row in refuse(read_rows(path), held_out) if row["id"] not in known)
        found += [Sourced(_board(row, messages), "labels") for row in rows]
    for path in sorted((own / "corpus").glob("*.jsonl")):
        found += [Sourced(_full(row), "corpus") for row in read_rows(path)]
    return found


def refuse(rows: Iterable[dict[str, Any]], held_out: frozenset[str]) -> Iterator[dict[str, Any]]:
    """The rows without those that are held out, labelled or not."""
    return (row for row in rows if row["id"] not in held_out)


def read_examples(path: Path, held_out: frozenset[str] = frozenset()) -> list[LabelledExample]:
    """Labelled examples of a JSONL file, in the contract's words or in the data sets' (`dispute`, `risk`).

    Raises:
        DataError: a line is broken; names it and what is wrong.
    """
    found = []
    for number, row in enumerate(refuse(read_rows(path), held_out), start=1):
        try:
            found.append(_full(row))
        except (ValidationError, KeyError) as error:
            raise DataError(f"{path} 第 {number} 条无法读取：{error} / example {number} can't be read") from error
    return found


def _board(row: dict[str, Any], messages: dict[str, dict[str, Any]]) -> LabelledExample:
    message = messages.get(row["id"])
    if message is None:
        raise DataError(f"没有编号为 {row['id']} 的留言 / there is no message {row['id']}")
    return _full({**row, "title": message["title"], "text": message["text"], "time": message.get("time")})


def _full(row: dict[str, Any]) -> LabelledExample:
    fields = {name: row[name] for name in LabelledExample.model_fields if name in row}
    fields.setdefault("dispute_type", row.get("dispute"))
    fields.setdefault("risk_level", row.get("risk"))
    fields.setdefault("elements_labelled", "place" in row)
    return LabelledExample.model_validate(fields)


def complaint_of(example: LabelledExample) -> Complaint:
    """The complaint that an example would have arrived as; overlong text is cut like nowhere else.

    Raises:
        PydanticCustomError: `text-nul`, when the text holds what no complaint may hold.
    """
    if "\x00" in example.text:
        raise violation("text-nul", "文本含空字符", "the text contains NUL characters")
    return Complaint(
        external_id=example.id,
        channel=example.channel,
        title=(example.title or "")[: limits.TITLE_MAX_CHARS] or None,
        text=example.text[: limits.TEXT_MAX_CHARS],
    )


def fingerprint(examples: Iterable[LabelledExample]) -> str:
    """SHA-256 over all examples in canonical JSON: the same data gives the same 64 hex digits."""
    import hashlib

    digest = hashlib.sha256()
    for example in examples:
        digest.update(json.dumps(example.model_dump(), ensure_ascii=False, sort_keys=True).encode())
    return digest.hexdigest()
