"""
hnswlib over given vectors, with as much effort as a recall needs.

    python hnsw.py VECTORS.npy ASKED.npz K RECALL      prints seconds, memory and recall as JSON

Vectors (n, d) and queries (q, d) are unit-norm; of each query the score of the K-th nearest row is known.
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
TIE = 1e-5


def main(vectors: str, asked: str, k: str, recall: str) -> None:
    """Build, raise the effort until the recall is reached, print."""
    rows, known = np.load(vectors, mmap_mode="r"), np.load(asked)
    queries, least = known["queries"], known["least 1.0"]
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
        for query, lowest in zip(queries, least, strict=True):
            began_s = time.perf_counter()
            _, distances = index.knn_query(query, k=int(k))
            searches_s.append(time.perf_counter() - began_s)
            hits += int((1 - distances[0] >= lowest - TIE).sum())
        found = hits / (len(queries) * int(k))
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
