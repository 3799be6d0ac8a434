"""The `lookalike` command: the one place that may import both `app` and `indexer`."""
