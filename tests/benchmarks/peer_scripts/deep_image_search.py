"""
DeepImageSearch with its VGG16 and its flat FAISS store.

    python deep_image_search.py FOLDER_OF_PHOTOS MOST_PHOTOS      prints seconds as JSON

Its weights are drawn: it downloads those of timm by itself, which is not for a benchmark, and takes as long with these.
"""

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import declared  # noqa: F401  # before torchvision
from DeepImageSearch.core.embeddings import TimmEmbedding
from DeepImageSearch.core.indexer import Indexer
from DeepImageSearch.core.searcher import Searcher
from DeepImageSearch.metadatastore.json_store import JsonMetadataStore
from DeepImageSearch.vectorstores.faiss_store import FAISSStore

K = 10
SEARCHES = 20


def main(folder: str, most: str) -> None:
    """Index the photos, search with some of them, print."""
    photos = sorted(str(path) for path in Path(folder).glob("*/*") if path.is_file())
    photos = photos[:: max(1, len(photos) // int(most))][: int(most)]
    embedding = TimmEmbedding("vgg16", pretrained=False)
    store = FAISSStore(dimension=embedding.dimension, index_type="flat")
    records = JsonMetadataStore()
    indexer = Indexer(embedding=embedding, vector_store=store, metadata_store=records)
    searcher = Searcher(embedding=embedding, vector_store=store)
    with tempfile.TemporaryDirectory() as target:
        began_s = time.perf_counter()
        indexer.index(photos)
        store.save(target)
        records.save(target)
        index_s = time.perf_counter() - began_s
    searches_s = []
    for photo in photos[:SEARCHES]:
        began_s = time.perf_counter()
        searcher.search_by_image(photo, k=K)
        searches_s.append(time.perf_counter() - began_s)
    print(json.dumps({"images": len(photos), "index_s": index_s, "search_s": statistics.median(searches_s)}))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
