"""Ten searches of an analyst over the imported messages: latency, beside BM25 over all texts in plain Python arrays.

Needs a home that holds the messages: YANPAN_HOME=DIR yanpan import MESSAGES.jsonl.gz
Run: YANPAN_HOME=DIR HF_HUB_OFFLINE=1 python -m benchmarks.search
"""

from time import perf_counter

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

from benchmarks.common import percentiles, report
from data_contracts.search import SearchQuery
from nlp.segment import segmenter
from service.cases.read import CaseFilter, get, listed
from service.context import open_service
from service.settings import settings
from service.store.complaints import ComplaintRow

QUERIES = (
    "搅拌站夜间施工噪音扰民", "拖欠农民工工资", "小区电梯故障物业不修", "购房捆绑销售车位", "自来水发黄",
    "地铁规划什么时候动工", "幼儿园收费太高", "噪音 -广场舞", "“消防通道”占用", "公租房申请条件",
)  # fmt: skip
ROUNDS = 20
K1, B = 1.2, 0.75


class PlainBm25:
    """BM25 over jieba tokens as one sparse matrix in memory; no filters, facets, highlights or vectors."""

    def __init__(self, texts: list[str]) -> None:
        self._counter = CountVectorizer(analyzer=segmenter().index_tokens)
        counts = sparse.csc_array(self._counter.fit_transform(texts), dtype=np.float32)
        lengths = np.asarray(counts.sum(axis=1)).ravel()
        frequency = np.diff(counts.indptr)
        idf = np.log(1 + (len(texts) - frequency + 0.5) / (frequency + 0.5))
        norm = K1 * (1 - B + B * lengths / lengths.mean())
        column = np.repeat(np.arange(counts.shape[1]), frequency)
        counts.data = idf[column] * counts.data * (K1 + 1) / (counts.data + norm[counts.indices])
        self._weights = counts

    def search(self, query: str, k: int = 20) -> np.ndarray:
        """Places of the k best texts."""
        asked = self._counter.transform([query])
        scores = np.asarray((self._weights @ asked.T).todense()).ravel()
        return np.argsort(-scores)[:k]


def main() -> None:
    with open_service(settings()) as service:
        root = service.regions.root.path
        with service.sessions() as session:
            texts = [f"{title or ''}\n{text}" for title, text in session.query(ComplaintRow.title, ComplaintRow.text)]
        service.search.search(SearchQuery(q=QUERIES[0]), root)
        ours, totals = [], {}
        for _ in range(ROUNDS):
            for query in QUERIES:
                start = perf_counter()
                page = service.search.search(SearchQuery(q=query), root)
                ours.append((perf_counter() - start) * 1000)
                totals[query] = page.total
        plain = PlainBm25(texts)
        peer = []
        for _ in range(ROUNDS):
            for query in QUERIES:
                start = perf_counter()
                plain.search(query)
                peer.append((perf_counter() - start) * 1000)
        with service.sessions() as session:
            page = listed(session, root, service.regions, CaseFilter(), limit=5)
            largest = [get(session, case.case_id, root, service.regions) for case in page.cases]
        report(
            "search",
            f"{len(texts)} complaints, {len(QUERIES)} queries x {ROUNDS}",
            hybrid_with_facets_ms=percentiles(ours),
            plain_bm25_in_memory_ms=percentiles(peer),
            found=totals,
            largest_cases=[
                {"size": case.size, "title": case.title, "why": case.members[-1].reason.explanation} for case in largest
            ],
        )


if __name__ == "__main__":
    main()
