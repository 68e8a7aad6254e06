"""Counts for Prometheus: requests, complaints and how long things take."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"})
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The metrics of one application; labels hold route templates and never anything that a caller wrote."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "yanpan_requests", "Requests answered", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "yanpan_request_seconds",
            "Time to answer a request",
            ["method", "route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._complaints = Counter(
            "yanpan_complaints", "Complaints taken in, by what became of them", ["outcome"], registry=self.registry
        )

        self._jobs = Gauge("yanpan_jobs_open", "Jobs that wait or run", registry=self.registry)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        method = method if method in _METHODS else "other"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def taken(self, outcome: str, count: int = 1) -> None:
        """Count complaints: `created`, `changed`, `unchanged`, `refused`."""
        if count:
            self._complaints.labels(outcome).inc(count)

    def waiting(self, jobs: int) -> None:
        """Note how many jobs wait or run."""
        self._jobs.set(jobs)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
