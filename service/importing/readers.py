"""Rows of JSONL, CSV and XLSX files, each also gzipped, with the line that each stands on."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from service.importing.rows import RowFault

SUFFIXES = (".jsonl", ".ndjson", ".csv", ".xlsx")
_ENCODINGS = ("utf-8-sig", "gb18030")
_FIELD_MAX = 1 << 24

Row = tuple[int, dict[str, Any] | RowFault]


class FileFault(Exception):  # noqa: N818 - told to the person at the command line
    """A file that cannot be read at all, said in Chinese."""


def kind_of(path: Path) -> str:
    """The format by the file's name, without `.gz`.

    Raises:
        FileFault: no format that is read here.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz":
        suffixes.pop()
    if not suffixes or suffixes[-1] not in SUFFIXES:
        raise FileFault(f"不支持的文件类型：{path.name}；可用 {'、'.join(SUFFIXES)}，均可再加 .gz")
    return suffixes[-1]


def rows(path: Path) -> Iterator[Row]:
    """Numbered rows of a file, read as they are needed.

    Yields:
        (line, row), or (line, fault) for a line that cannot be read; line 1 is the first, headers included.

    Raises:
        FileFault: the file is missing, empty of columns, damaged or of another kind than its name says.
    """
    kind = kind_of(path)
    with _opened(path) as file:
        match kind:
            case ".csv":
                yield from _csv(file)
            case ".xlsx":
                yield from _xlsx(file)
            case _:
                yield from _jsonl(file)


def count(path: Path) -> int | None:
    """Lines of the file for a progress bar; None where counting would cost as much as reading.

    Raises:
        FileFault: the file is missing, damaged or of no format that is read here.
    """
    kind = kind_of(path)
    with _opened(path) as file:
        if kind == ".xlsx":
            return None
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if not path.is_file():
        raise FileFault(f"找不到文件：{path}")
    try:
        with path.open("rb") as raw:
            if path.suffix.lower() == ".gz":
                with gzip.GzipFile(fileobj=raw) as unzipped:
                    yield io.BufferedReader(unzipped)
            else:
                yield raw
    except (OSError, EOFError, zlib.error) as error:
        raise FileFault(f"文件损坏或无法读取：{path.name}（{error}）") from None


def _jsonl(file: BinaryIO) -> Iterator[Row]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
        except orjson.JSONDecodeError:
            yield number, RowFault("malformed-json", "这一行不是合法的 UTF-8 JSON", "the line is not valid UTF-8 JSON")
            continue
        if isinstance(row, dict):
            yield number, row
        else:
            yield number, RowFault("row-not-an-object", "这一行不是一个对象", "the line is not a JSON object")


def _csv(file: BinaryIO) -> Iterator[Row]:
    csv.field_size_limit(_FIELD_MAX)
    encoding = _encoding(file)
    text = io.TextIOWrapper(file, encoding=encoding, errors="strict", newline="")
    reader = csv.DictReader(text, strict=True)
    try:
        for row in reader:
            line = reader.line_num
            if None in row:
                yield (
                    line,
                    RowFault("too-many-columns", "这一行的列数多于表头", "the line has more columns than the header"),
                )
            else:
                yield line, dict(row)
    except (csv.Error, UnicodeDecodeError) as error:
        raise FileFault(f"第 {reader.line_num + 1} 行起无法作为 CSV 读取：{error}") from None


def _encoding(file: BinaryIO) -> str:
    """The first encoding that reads the file's whole text; spreadsheets in China often write GB 18030."""
    data = file.read()
    file.seek(0)
    for encoding in _ENCODINGS:
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    raise FileFault("文件既不是 UTF-8 也不是 GB18030 编码，请另存为 UTF-8")


def _xlsx(file: BinaryIO) -> Iterator[Row]:
    from zipfile import BadZipFile

    from openpyxl import load_workbook

    try:
        book = load_workbook(io.BytesIO(file.read()), read_only=True, data_only=True)
    except (BadZipFile, KeyError, ValueError) as error:
        raise FileFault(f"不是有效的 XLSX 文件：{error}") from None
    sheet = book.worksheets[0]
    lines = sheet.iter_rows(values_only=True)
    header = [str(name).strip() if name is not None else "" for name in next(lines, ())]
    if not any(header):
        raise FileFault("工作表第一行应为列名")
    for number, values in enumerate(lines, start=2):
        if any(value is not None for value in values):
            yield number, {name: value for name, value in zip(header, values, strict=False) if name}
