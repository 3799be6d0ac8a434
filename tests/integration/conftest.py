from tests.support.databases import database, database_url, empty_database_url, postgres
from tests.support.services import client, own_shop, server, shop

__all__ = ["client", "database", "database_url", "empty_database_url", "own_shop", "postgres", "server", "shop"]
