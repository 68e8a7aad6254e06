"""What the benchmark scripts share: the data, the machine's name, one JSON line out."""

import gzip
import json
import os
import platform
import resource
from pathlib import Path
from typing import Any

SHARED = Path(os.environ.get("YANPAN_SHARED", Path(__file__).parents[1].parent / "shared"))
MESSAGES = SHARED / "data" / "tipdm2020c" / "messages.jsonl.gz"
BOARD_LABELS = SHARED / "data" / "tipdm2020c" / "labelled.jsonl.gz"
CHANNELS = SHARED / "data" / "channels" / "labelled.jsonl.gz"
HELD_OUT = SHARED / "data" / "tipdm2020c" / "held_out_ids.txt"
TEACHER = SHARED / "models" / "multilingual-e5-small-zh"


def rows(path: Path) -> list[dict[str, Any]]:
    """All rows of a gzipped JSONL file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def machine() -> str:
    """Processor and cores, in words."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.split(":", 1)[1].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = names[0] if names else model
    return f"{model}, {len(os.sched_getaffinity(0))} cores"


def peak_mib() -> int:
    """Peak resident memory of this process and its largest child, in MiB."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return (own + child) // 1024


def percentiles(milliseconds: list[float]) -> dict[str, float]:
    """p50, p95 and p99 of latencies in milliseconds."""
    ordered = sorted(milliseconds)
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * q))] for q in (0.5, 0.95, 0.99)]
    return {name: round(value, 2) for name, value in zip(("p50", "p95", "p99"), at, strict=True)}


def report(name: str, data: str, **figures: Any) -> None:
    """Print the one JSON line of a benchmark."""
    print(json.dumps({"benchmark": name, "data": data, "machine": machine(), **figures}, ensure_ascii=False))
