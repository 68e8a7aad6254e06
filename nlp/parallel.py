"""Run the pipeline in several processes, results in the order of the input."""

import gc
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from nlp.pipeline import Pipeline

T = TypeVar("T")
R = TypeVar("R")

_AHEAD = 4
"""Batches in flight per process: enough to keep it busy, few enough to bound memory."""

_pipeline: Pipeline | None = None


def _start(model: str | Path | None, encoder: str | None) -> None:
    global _pipeline  # noqa: PLW0603  # one pipeline per worker process, loaded once
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _pipeline = Pipeline.load(model, encoder)
    import torch

    # One thread a process: the arrays are small, and threads of several processes only wait for each other.
    threadpool_limits(1)
    torch.set_num_threads(1)
    settle()


def settle() -> None:
    """Take what is loaded by now out of the garbage collector's sight.

    Else it walks over all models again and again, a sixth of the time of reading texts.
    """
    gc.collect()
    gc.freeze()


def _run(work: Callable[[Pipeline, Any], Any], batch: Any) -> Any:
    assert _pipeline is not None
    return work(_pipeline, batch)


@dataclass(frozen=True)
class Workers:
    """How many processes read texts, and with which model.

    Args:
        processes: 1 works in this process, without any start-up cost.
        model: a built-in model's name or a package directory; the default one when None.
        encoder: a sentence-transformers directory; the built-in one when None.
    """

    processes: int = 1
    model: str | Path | None = None
    encoder: str | None = None

    def map(self, work: Callable[[Pipeline, T], R], batches: Iterable[T]) -> Iterator[R]:
        """Apply `work(pipeline, batch)` to every batch.

        Args:
            work: a module-level function; it, batches and results must pickle when there are several processes.
            batches: read lazily, at most a few ahead of the results.

        Yields:
            One result a batch, in order.
        """
        if self.processes <= 1:
            pipeline = Pipeline.load(self.model, self.encoder)
            settle()
            for batch in batches:
                yield work(pipeline, batch)
            return
        with ProcessPoolExecutor(
            self.processes, mp_context=get_context("spawn"), initializer=_start, initargs=(self.model, self.encoder)
        ) as pool:
            waiting: deque[Future[R]] = deque()
            for batch in batches:
                waiting.append(pool.submit(_run, work, batch))
                if len(waiting) >= self.processes * _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
