"""What a server counts, for Prometheus."""

import time
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)

from figleaf._version import __version__
from figleaf.classify.prediction import Prediction

CONTENT_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_BATCHES = (1, 2, 4, 8, 16)


class Metrics:
    """The figures of one server, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Info("figleaf", "The server.", registry=registry).info({"version": __version__})
        self.requests = self._counter(
            "figleaf_requests", "Requests answered.", "route", "method", "status"
        )
        self.request_seconds = self._histogram(
            "figleaf_request_seconds", "From a request's headers to its answer.", "route"
        )
        self.images = self._counter(
            "figleaf_images", "Images answered.", "model", "status", "decision"
        )
        self.stage_seconds = self._histogram(
            "figleaf_stage_seconds", "What an image spends its time with.", "stage"
        )
        self.batch_size = Histogram(
            "figleaf_batch_size",
            "Pictures that the model ran together.",
            ("model",),
            buckets=_BATCHES,
            registry=registry,
        )
        self.queue = self._gauge("figleaf_queue_images", "Images accepted and not answered yet.")
        self.memory = self._gauge("figleaf_held_bytes", "Bytes of bodies held.")
        self.cache = self._counter("figleaf_cache", "Look-ups of the result cache.", "outcome")
        self.listed = self._counter("figleaf_listed", "Images that a list decided.", "decision")
        self.reloads = self._counter("figleaf_reloads", "Reloads.", "outcome")
        self.dropped_lines = self._counter(
            "figleaf_dropped_log_lines", "Log lines that could not be written as fast as they came."
        )

    def batch(self, model: str, size: int, waited: float, took: float) -> None:
        """Count a batch that the model has run."""
        self.batch_size.labels(model).observe(size)
        self.stage_seconds.labels("wait").observe(waited)
        self.stage_seconds.labels("model").observe(took)

    def image(self, prediction: Prediction) -> None:
        """Count an image's result."""
        decision = str(prediction.decision) if prediction.decision else "none"
        self.images.labels(prediction.model, str(prediction.status), decision).inc()
        if prediction.ok and prediction.label is None:
            self.listed.labels(decision).inc()

    def request(self, route: str, method: str, status: int, began: float) -> float:
        """Count a request; gives the seconds that it took."""
        seconds = time.perf_counter() - began
        self.requests.labels(route, method, str(status)).inc()
        self.request_seconds.labels(route).observe(seconds)
        return seconds

    def text(self) -> bytes:
        """All figures, in Prometheus' text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, what: str, *labels: str) -> Any:
        return Counter(name, what, labels, registry=self.registry)

    def _gauge(self, name: str, what: str) -> Any:
        return Gauge(name, what, registry=self.registry)

    def _histogram(self, name: str, what: str, *labels: str) -> Any:
        return Histogram(name, what, labels, buckets=_SECONDS, registry=self.registry)
