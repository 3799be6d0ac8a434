"""A shop's worth of product pictures, drawn at run time: for the demo, and for trying things out without photos."""

from indexer.sample_catalogue.catalogue import draw_query_photo, draw_sample_catalogue

__all__ = ["draw_query_photo", "draw_sample_catalogue"]
