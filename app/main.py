"""The service's application. Nothing happens at import, and nothing is opened before the application starts."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from fastapi import FastAPI

from app import __version__
from app.api import (
    routes_catalogue,
    routes_changes,
    routes_events,
    routes_health,
    routes_jobs,
    routes_keys,
    routes_products,
    routes_rules,
    routes_search,
    routes_snapshots,
)
from app.api.bodies import BodyReader
from app.api.cross_origin import CrossOrigin
from app.api.errors import install_error_handlers
from app.api.limits import KeyLimiter, RateLimiter
from app.api.metrics import Metrics, serve_metrics
from app.api.middleware import RequestMiddleware
from app.api.openapi import install_openapi
from app.api.routes_pages import page_routes, read_web_files
from app.api.routes_widget import read_widget, widget_routes
from app.core.settings import Settings
from app.search.opening import open_service

ROUTES = (
    routes_search,
    routes_products,
    routes_events,
    routes_changes,
    routes_rules,
    routes_catalogue,
    routes_snapshots,
    routes_jobs,
    routes_keys,
    routes_health,
)


def create_app(settings: Settings) -> FastAPI:
    """Return the application; entering its lifespan raises the `LookalikeError` that keeps it from starting."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as cleanup:
            serve_metrics(metrics, settings, cleanup)
            async with open_service(settings, metrics.batch_size.observe) as service:
                metrics.observe_queue(service.queue_depth)
                app.state.service = service
                yield

    app = FastAPI(
        title="Lookalike",
        version=__version__,
        summary="Visual-similarity search over a shop's own catalogue.",
        lifespan=lifespan,
        openapi_url=None,  # install_openapi serves it: FastAPI's own route has no name in the metrics
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.settings = settings
    app.state.bodies = BodyReader(settings)
    app.state.rate_limiter = RateLimiter(settings.rate_per_minute)
    app.state.key_limiter = KeyLimiter()
    cross_origin = CrossOrigin(lambda: app.state.service.keys if hasattr(app.state, "service") else None)
    app.add_middleware(
        RequestMiddleware, metrics=metrics, cross_origin=cross_origin, max_body_bytes=settings.max_upload_bytes
    )
    install_error_handlers(app)
    install_openapi(app, settings.max_upload_bytes)
    for routes in ROUTES:
        app.include_router(routes.router)
    app.include_router(page_routes(read_web_files()))
    app.include_router(widget_routes(read_widget()))
    return app
