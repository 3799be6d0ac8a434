import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.support.bad_server import web
from tests.support.databases import database, database_url, empty_database_url, own_server, postgres
from tests.support.indexing import photos, settings
from tests.support.keys import key_texts, keyed_client, keyed_settings
from tests.support.services import client, own_shop, patient_services, server, shared_database, shared_settings, shop
from tests.support.web_shop import hasty, web_shop

__all__ = [
    "client",
    "database",
    "database_url",
    "empty_database_url",
    "hasty",
    "key_texts",
    "keyed_client",
    "keyed_settings",
    "own_server",
    "own_shop",
    "patient_services",
    "photos",
    "postgres",
    "server",
    "settings",
    "shared_database",
    "shared_settings",
    "shop",
    "web",
    "web_shop",
]


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """A command that serves in the test's own process sets up the process's logging; the next test begins without."""
    root, chatty = logging.getLogger(), [logging.getLogger(name) for name in ("uvicorn", "alembic")]
    handlers, levels, raising = root.handlers[:], [logger.level for logger in (root, *chatty)], logging.raiseExceptions
    yield
    root.handlers[:] = handlers
    for logger, level in zip((root, *chatty), levels, strict=True):
        logger.setLevel(level)
    logging.raiseExceptions = raising
    structlog.reset_defaults()
