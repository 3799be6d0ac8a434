"""The online service, and under it (`app.core`, `app.db`) what the service and the indexer share."""

__version__ = "0.1.0"
