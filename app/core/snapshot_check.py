"""
The check of a new snapshot before anybody serves it: read back from the disk, in a process of its own.

    python -m app.core.snapshot_check FOLDER      prints what it measured, or what is wrong, as JSON
"""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from app.core.arrays import Float32Array, Int64Array
from app.core.child_process import child_environment, module_command
from app.core.errors import EmbeddingRefused, SnapshotError, VerificationFailed
from app.core.flat_index import FlatIndex
from app.core.products import from_line
from app.core.snapshot import Snapshot, open_vectors, read_snapshot
from app.core.vector_file import VectorFile
from app.core.vector_index import BLOCK_ROWS, VectorIndex, unit_rows

K: Final = 10
MOST_QUERIES: Final = 200
SEED: Final = 20171
LOWEST_RECALL: Final = 0.99
LOWEST_COMPRESSED_RECALL: Final = 0.98
# Cosine between an embedding in the index and the same one rounded to float16; measured: 0.999999 at 4096 values.
LOWEST_SELF_SCORE: Final = 0.999
# Cosines that differ less are equal as far as float16 can tell.
_TIE: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Metrics:
    """
    What the check measured, for the manifest.

    `recall_at_10`: share of the ten best by exact search that the index finds, for rows of its own that are left out.
    `self_retrieval`: share of embeddings that find themselves (or one as near) first. `lowest_self_score`: lowest
    cosine between a row of the index and its exact vector, over all rows of a flat index, and of the sample of a
    compressed one, which has no other rows than the exact ones.
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
        is_flat = isinstance(snapshot.index, FlatIndex)
        lowest_self_score = _compare_rows(snapshot.index, vectors) if is_flat else 1.0
        rows = np.sort(np.random.default_rng(SEED).permutation(len(vectors))[:MOST_QUERIES])
        found = _search(snapshot.index, vectors, rows)
    except (SnapshotError, EmbeddingRefused, ValueError) as error:
        raise VerificationFailed(f"The new snapshot was not published: {error}") from error
    lowest_self_score = min(lowest_self_score, found.lowest_self_score)
    metrics = Metrics(len(rows), found.recall, found.self_retrieval, lowest_self_score)
    lowest_recall = LOWEST_RECALL if is_flat else LOWEST_COMPRESSED_RECALL
    if lowest_self_score < LOWEST_SELF_SCORE or found.recall < lowest_recall or found.self_retrieval < 1:
        raise VerificationFailed(
            f"The new snapshot was not published: recall@10 is {found.recall:.3f} (at least {lowest_recall}), "
            f"{found.self_retrieval:.1%} of its images find themselves (all should), and the index agrees with the "
            f"exact vectors to a cosine of {lowest_self_score:.4f} (at least {LOWEST_SELF_SCORE})."
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
    for number, line in enumerate(BytesIO(snapshot.products)):
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


def _compare_rows(index: VectorIndex, vectors: VectorFile) -> float:
    """Return the lowest cosine between a row of the index and its exact vector, after checking both."""
    lowest = 1.0
    for start in range(0, len(vectors), BLOCK_ROWS):
        exact = unit_rows(vectors.block(start), index.dimension, first_row=start)
        indexed = unit_rows(index.block(start), index.dimension, first_row=start)
        lowest = min(lowest, float(np.einsum("nd,nd->n", exact, indexed).min()))
    return lowest


class _Found(NamedTuple):
    """What searches with rows of the index found."""

    recall: float
    self_retrieval: float
    lowest_self_score: float


def _search(index: VectorIndex, vectors: VectorFile, asked: Int64Array) -> _Found:
    """Search with some rows, and judge by the exact vectors what is found."""
    queries = unit_rows(vectors[asked], index.dimension)
    scores, rows = index.search(queries, K + 1)
    others = min(K, len(vectors) - 1)
    best = _exact_scores(vectors, queries, asked)
    recalls, itself = np.ones(len(asked)), np.empty(len(asked), bool)
    for i, query in enumerate(queries):
        found = unit_rows(vectors[rows[i]], index.dimension) @ query
        itself[i] = rows[i, 0] == asked[i] or found[0] >= 1 - _TIE
        if others:
            least = best[i, others - 1] - _TIE
            recalls[i] = min(others, (found[rows[i] != asked[i]] >= least).sum()) / others
    return _Found(float(recalls.mean()), float(itself.mean()), float(scores[:, 0].min()))


def _exact_scores(vectors: VectorFile, queries: Float32Array, asked: Int64Array) -> Float32Array:
    """Return the K best cosines of each query with all vectors but its own, best first, shape (q, K)."""
    best = np.full((len(queries), K), -np.inf, np.float32)
    for start in range(0, len(vectors), BLOCK_ROWS):
        block = unit_rows(vectors.block(start), queries.shape[1], first_row=start)
        scores = queries @ block.T
        here = (asked >= start) & (asked < start + len(block))
        scores[here, asked[here] - start] = -np.inf
        best = -np.sort(-np.concatenate([best, scores], axis=1), axis=1)[:, :K]
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
