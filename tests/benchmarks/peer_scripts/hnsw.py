"""
hnswlib over given vectors, with as much effort as a recall needs.

    python hnsw.py VECTORS.npy QUERIES.npy TRUTH.npy RECALL      prints seconds, memory and recall as JSON

Vectors (n, d) and queries (q, d) are unit-norm, truth (q, k) holds the rows of the exact neighbours.
"""

import json
import resource
import statistics
import sys
import time

import hnswlib
import numpy as np

LINKS, BUILD_EFFORT = 32, 200
EFFORTS = (16, 32, 64, 128, 256, 512, 1024, 2048)
BLOCK = 10_000


def main(vectors: str, queries: str, truth: str, recall: str) -> None:
    """Build, raise the effort until the recall is reached, print."""
    rows, asked, exact = np.load(vectors, mmap_mode="r"), np.load(queries), np.load(truth)
    index = hnswlib.Index(space="ip", dim=rows.shape[1])
    began_s = time.perf_counter()
    index.init_index(max_elements=len(rows), M=LINKS, ef_construction=BUILD_EFFORT, random_seed=0)
    for start in range(0, len(rows), BLOCK):
        index.add_items(
            np.asarray(rows[start : start + BLOCK], np.float32), np.arange(start, min(start + BLOCK, len(rows)))
        )
    build_s = time.perf_counter() - began_s
    found, effort = 0.0, 0
    searches_s: list[float] = []
    index.set_num_threads(1)
    for effort in EFFORTS:
        index.set_ef(effort)
        searches_s.clear()
        hits = 0
        for query, wanted in zip(np.asarray(asked, np.float32), exact, strict=True):
            began_s = time.perf_counter()
            labels, _ = index.knn_query(query, k=exact.shape[1])
            searches_s.append(time.perf_counter() - began_s)
            hits += len(np.intersect1d(labels[0], wanted))
        found = hits / exact.size
        if found >= float(recall):
            break
    told = {
        "build_s": build_s,
        "search_s": statistics.median(searches_s),
        "recall": found,
        "ef": effort,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
