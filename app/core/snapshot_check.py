"""
The check of a new snapshot before anybody serves it: read back from the disk, in a process of its own.

    python -m app.core.snapshot_check FOLDER      prints what it measured, or what is wrong, as JSON
"""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from app.core.child_process import child_environment, module_command
from app.core.errors import EmbeddingRefused, SnapshotError, VerificationFailed
from app.core.products import from_line
from app.core.snapshot import Snapshot, open_vectors, read_snapshot
from app.core.vector_index import BLOCK_ROWS, Float16Array, Float32Array, Int64Array, VectorIndex, unit_rows

K: Final = 10
MOST_QUERIES: Final = 200
SEED: Final = 20171
LOWEST_RECALL: Final = 0.99
# Cosine between an embedding in the index and the same one rounded to float16; measured: 0.999999 at 4096 values.
LOWEST_SELF_SCORE: Final = 0.999
# Cosines that differ less are equal as far as float16 can tell.
_TIE: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Metrics:
    """
    What the check measured, for the manifest.

    `recall_at_10`: share of the ten best by exact search that the index finds. `self_retrieval`: share of embeddings
    that find themselves (or one as near) first. `lowest_self_score`: lowest cosine between a row of the index and
    its exact vector, over all rows.
    """

    queries: int
    recall_at_10: float
    self_retrieval: float
    lowest_self_score: float


def verify_snapshot(folder: Path) -> Metrics:
    """
    Check a snapshot that nobody serves yet: hashes, counts, every product and vector, and what searches find.

    Takes the memory of the index and some blocks; the exact vectors stay on the disk.

    Raises:
        VerificationFailed: It must not be published; the message says why.
    """
    try:
        snapshot = read_snapshot(folder, manifest_sha256="")
        _check_products(snapshot)
        vectors = open_vectors(folder)
        lowest_self_score = _compare_rows(snapshot.index, vectors)
    except (SnapshotError, EmbeddingRefused, ValueError) as error:
        raise VerificationFailed(f"The new snapshot was not published: {error}") from error
    rows = np.random.default_rng(SEED).permutation(len(vectors))[:MOST_QUERIES]
    queries = unit_rows(vectors[rows], snapshot.index.dimension)
    recall, self_retrieval = _search(snapshot.index, vectors, queries, rows)
    metrics = Metrics(len(rows), recall, self_retrieval, lowest_self_score)
    if lowest_self_score < LOWEST_SELF_SCORE or recall < LOWEST_RECALL or self_retrieval < 1:
        raise VerificationFailed(
            f"The new snapshot was not published: recall@10 is {recall:.3f} (at least {LOWEST_RECALL}), "
            f"{self_retrieval:.1%} of its images find themselves (all should), and the index agrees with the exact "
            f"vectors to a cosine of {lowest_self_score:.4f} (at least {LOWEST_SELF_SCORE})."
        )
    return metrics


def verify_in_fresh_process(folder: Path) -> Metrics:
    """
    Run `verify_snapshot` in a new Python, so that nothing in this process's memory can hide what is on the disk.

    Raises:
        VerificationFailed: The check failed, or its process died.
    """
    command = [*module_command("app.core.snapshot_check"), str(folder.absolute())]
    done = subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=False)
    try:
        answer = json.loads(done.stdout)
        if "error" in answer:
            raise VerificationFailed(answer["error"])
        return Metrics(**answer)
    except (ValueError, TypeError) as error:
        last_line = done.stderr.strip().rpartition("\n")[2]
        raise VerificationFailed(
            f"The new snapshot was not published: the process that checks it ended with {done.returncode}. {last_line}"
        ) from error


def _check_products(snapshot: Snapshot) -> None:
    """Compare every product with the rows that are said to be its images."""
    row = 0
    last_id = ""
    for number, line in enumerate(snapshot.products.splitlines()):
        product = from_line(line)
        images = tuple(image.id for image in product.images)
        rows = slice(row, row + len(images))
        if not (product.id > last_id and images == snapshot.image_ids[rows]):
            raise ValueError(f"product {number} does not have the images that the index has for it")
        if (snapshot.row_products[rows] != number).any():
            raise ValueError(f"rows {row} to {rows.stop} are not those of product {number}")
        row, last_id = rows.stop, product.id
    if row != len(snapshot.image_ids):
        raise ValueError(f"the products have {row} images, the index {len(snapshot.image_ids)}")


def _compare_rows(index: VectorIndex, vectors: Float16Array) -> float:
    """Return the lowest cosine between a row of the index and its exact vector, after checking both."""
    lowest = 1.0
    for start in range(0, len(vectors), BLOCK_ROWS):
        exact = unit_rows(vectors[start : start + BLOCK_ROWS], index.dimension, first_row=start)
        indexed = unit_rows(index.block(start), index.dimension, first_row=start)
        lowest = min(lowest, float(np.einsum("nd,nd->n", exact, indexed).min()))
    return lowest


def _search(
    index: VectorIndex, vectors: Float16Array, queries: Float32Array, query_rows: Int64Array
) -> tuple[float, float]:
    """Return recall@10 and self-retrieval of the index, judged by the exact vectors."""
    scores, rows = index.search(queries, K)
    worst_of_best = _exact_scores(vectors, queries, rows.shape[1])[:, -1]
    found = np.empty(rows.shape, np.float32)
    itself = np.empty(len(rows), bool)
    for i, query in enumerate(queries):
        found[i] = unit_rows(vectors[rows[i]], index.dimension) @ query
        itself[i] = rows[i, 0] == query_rows[i] or found[i, 0] >= 1 - _TIE
    itself &= scores[:, 0] >= LOWEST_SELF_SCORE
    return float((found >= worst_of_best[:, np.newaxis] - _TIE).mean()), float(itself.mean())


def _exact_scores(vectors: Float16Array, queries: Float32Array, k: int) -> Float32Array:
    """Return the k best cosines of each query over all vectors, best first, shape (q, k)."""
    best = np.full((len(queries), k), -np.inf, np.float32)
    for start in range(0, len(vectors), BLOCK_ROWS):
        block = unit_rows(vectors[start : start + BLOCK_ROWS], queries.shape[1], first_row=start)
        scores = np.concatenate([best, queries @ block.T], axis=1)
        best = -np.sort(-scores, axis=1)[:, :k]
    return best


def main() -> int:
    """Check the folder that the command line names; print JSON; return the exit code."""
    try:
        answer = asdict(verify_snapshot(Path(sys.argv[1])))
    except VerificationFailed as error:
        print(json.dumps({"error": error.message}))  # noqa: T201  # the answer to the parent process
        return 1
    print(json.dumps(answer))  # noqa: T201  # the answer to the parent process
    return 0


if __name__ == "__main__":
    sys.exit(main())
