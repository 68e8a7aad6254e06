"""Texts a second of the whole pipeline, beside jieba + TF-IDF + SVM and a Hugging Face pipeline on the e5 encoder.

Run: HF_HUB_OFFLINE=1 python -m benchmarks.analyse
"""

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import perf_counter

import jieba
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.svm import LinearSVC

from benchmarks.common import BOARD_LABELS, CHANNELS, MESSAGES, TEACHER, peak_mib, report, rows
from data_contracts import Complaint
from nlp.parallel import Workers
from nlp.pipeline import Pipeline

BATCH = 128
HF_SAMPLE = 200
SAMPLE = 1_500
"""So many texts are enough to time the slower model."""
HEADS = ("domain", "kind", "dispute", "stage", "risk")


def complaints() -> list[Complaint]:
    board = [Complaint(external_id=r["id"], title=r["title"], text=r["text"]) for r in rows(MESSAGES)]
    calls = [Complaint(external_id=r["id"], channel=r["channel"], text=r["text"]) for r in rows(CHANNELS)]
    return board + calls


def read(pipeline: Pipeline, batch: list[Complaint]) -> int:
    return len(pipeline.analyse(batch))


def ours(texts: list[Complaint], model: str) -> float:
    """Texts a second by a built-in model in two processes, from the first results on (start-up left out)."""

    def batches() -> Iterator[list[Complaint]]:
        warm = texts[:BATCH]
        for _ in range(16):
            yield warm
        for start in range(0, len(texts), BATCH):
            yield texts[start : start + BATCH]

    results = Workers(processes=2, model=model).map(read, batches())
    for _ in range(16):
        next(results)
    start = perf_counter()
    return sum(results) / (perf_counter() - start)


def cut(text: str) -> list[str]:
    return jieba.lcut(text)


def svm(texts: list[str]) -> float:
    """Texts a second of jieba in two processes, then TF-IDF and five linear SVMs."""
    messages = {r["id"]: f"{r['title']}\n{r['text']}" for r in rows(MESSAGES)}
    labelled = rows(BOARD_LABELS)[:1500]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(cut, texts[:16]))
        tokens = list(pool.map(cut, [messages[r["id"]] for r in labelled], chunksize=64))
        vectorizer = TfidfVectorizer(analyzer=list, min_df=2)
        matrix = vectorizer.fit_transform(tokens)
        models = [LinearSVC().fit(matrix, [r[head] for r in labelled]) for head in HEADS]
        start = perf_counter()
        features = vectorizer.transform(list(pool.map(cut, texts, chunksize=64)))
        for model in models:
            model.predict(features)
        return len(texts) / (perf_counter() - start)


def hugging_face(texts: list[str]) -> float:
    """Texts a second of a `text-classification` pipeline on the e5 encoder (one head; we read five labels)."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    model = AutoModelForSequenceClassification.from_pretrained(TEACHER, num_labels=15, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(TEACHER)
    classify = pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    classify(texts[:8], truncation=True, max_length=512, batch_size=8)
    start = perf_counter()
    classify(texts, truncation=True, max_length=512, batch_size=16)
    return len(texts) / (perf_counter() - start)


def main() -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"
    texts = complaints()
    raw = [complaint.full_text for complaint in texts]
    report(
        "analyse",
        f"{len(texts)} texts, {sum(map(len, raw)) / len(raw):.0f} characters each (board messages and channel texts)",
        fast_docs_per_second=round(ours(texts, "fast")),
        accurate_docs_per_second=round(ours(texts[:: len(texts) // SAMPLE], "accurate"), 1),
        jieba_tfidf_svm_docs_per_second=round(svm(raw)),
        hugging_face_e5_docs_per_second=round(hugging_face(raw[:: len(raw) // HF_SAMPLE]), 1),
        peak_mib=peak_mib(),
    )


if __name__ == "__main__":
    main()
