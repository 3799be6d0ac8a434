"""From a query to the hits a shopper sees: the live index, the batcher and the search service."""
