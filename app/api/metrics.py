"""What Prometheus can ask on the metrics port. Labels come from closed sets: route templates, statuses, slugs."""

from collections.abc import Callable
from contextlib import ExitStack

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from app.core.errors import PortInUse
from app.core.settings import Settings

LATENCY_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0)


class Metrics:
    """The service's counters, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "lookalike_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self.latency_s = Histogram(
            "lookalike_request_seconds",
            "Time from a request's headers to the end of its answer.",
            ["method", "route"],
            buckets=LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self.in_flight = Gauge("lookalike_requests_in_flight", "Requests being answered.", registry=self.registry)
        self.refused_images = Counter(
            "lookalike_refused_images", "Photos that could not be used, by reason.", ["reason"], registry=self.registry
        )
        self.batch_size = Histogram(
            "lookalike_batch_size",
            "Photos in one run of the network.",
            buckets=(1, 2, 4, 8, 16),
            registry=self.registry,
        )
        self._queue_depth = Gauge("lookalike_queue_depth", "Photos waiting for the network.", registry=self.registry)

    def observe_queue(self, depth: Callable[[], int]) -> None:
        """Have the depth of the network's queue read from this function."""
        self._queue_depth.set_function(depth)


def serve_metrics(metrics: Metrics, settings: Settings, cleanup: ExitStack) -> None:
    """
    Serve the metrics on their own port, where one is set, until `cleanup` is closed.

    Raises:
        PortInUse: Another program listens on it.
    """
    if settings.metrics_port is None:
        return
    try:
        server, thread = start_http_server(settings.metrics_port, addr=settings.host, registry=metrics.registry)
    except OSError as error:
        raise PortInUse(
            f"The metrics port {settings.metrics_port} on {settings.host} cannot be used ({error.strerror}); "
            "choose another with LOOKALIKE_METRICS_PORT."
        ) from error

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    cleanup.callback(stop)
