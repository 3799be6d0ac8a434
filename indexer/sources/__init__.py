"""Where products come from: a folder of pictures, or a feed in one of several formats, as a stream of products."""

from indexer.sources.folder import read_folder
from indexer.sources.opening import KINDS, Download, Source, open_source
from indexer.sources.records import Refusal, RefusedRow, SourceImage, SourceProduct

__all__ = [
    "KINDS",
    "Download",
    "Refusal",
    "RefusedRow",
    "Source",
    "SourceImage",
    "SourceProduct",
    "open_source",
    "read_folder",
]
