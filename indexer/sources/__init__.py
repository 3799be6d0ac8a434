"""Where products come from: a folder of pictures, or a feed in one of several formats, as a stream of products."""

from indexer.sources.folder import read_folder
from indexer.sources.records import Refusal, RefusedRow, SourceImage, SourceProduct

__all__ = ["Refusal", "RefusedRow", "SourceImage", "SourceProduct", "read_folder"]
