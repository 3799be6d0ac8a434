"""A small shop on an origin of its own, whose pages search with Lookalike: `make storefront`."""
