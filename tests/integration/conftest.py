from tests.support.databases import database, database_url, empty_database_url, postgres

__all__ = ["database", "database_url", "empty_database_url", "postgres"]
