"""
A million vectors on a small machine: memory, recall and time of the index, against flat float32 on the same data.

The index is built here and searched in a process of its own, which has nothing else in memory:

    python -m tests.benchmarks.scale FOLDER      with `vectors.npy`, `index.faiss`, `effort.json`, `asked.npz` in it
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from app.core.arrays import BoolArray, Float32Array
from app.core.child_process import child_environment, module_command
from app.core.compressed_index import CompressedIndex, Effort
from app.core.compression import compress
from app.core.flat_index import FlatIndex
from app.core.vector_file import VectorFile
from app.core.vector_index import BLOCK_ROWS, VectorIndex
from tests.benchmarks.drawn_vectors import Asked, K, Spectrum, write_vectors
from tests.benchmarks.peers import run_peer
from tests.benchmarks.rows import Row

DIMENSION: Final = 4096
QUERIES: Final = 200
SHARES: Final = (1.0, 0.5, 0.05, 0.01, 0.001)
FLAT_ROWS: Final = 125_000  # 2 GB of float32; a flat index of more takes in proportion longer
LEAST_RECALL: Final = 0.98
LEAST_FILTERED_RECALL: Final = 0.99
LEAST_GAIN: Final = 50.0
MOST_GROWTH: Final = 2.5
MOST_BYTES: Final = 1.5e9
_TIE: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured of an index: recall and median milliseconds by the share of rows that a filter allows."""

    recall: dict[str, float]
    time_ms: dict[str, float]
    resident_bytes: int
    peak_bytes: int
    before_bytes: int


def measure_scale(folder: Path, rows: int, vectors: Path | None) -> Iterator[Row]:
    """
    Yield memory, recall and times of an index of so many vectors, and of a tenth.

    Args:
        folder: Empty; needs 9 KB a vector.
        rows: How many.
        vectors: The `vectors.npy` of a snapshot, whose spectrum they have; None: a drawn one.
    """
    spectrum = Spectrum.drawn(DIMENSION) if vectors is None else Spectrum.of(np.load(vectors).astype(np.float32))
    name = f"{rows:,} x {len(spectrum.rest)}, {'drawn' if vectors is None else 'real'} spectrum"
    tenth, _, _ = _measure(folder / "tenth", spectrum, rows // 10)
    found, build_s, flat_ms = _measure(folder / "all", spectrum, rows)
    yield Row(name, "to build and measure the index", f"{build_s:.0f} s")
    yield Row(
        name,
        "resident memory of a process that searches it",
        f"{found.resident_bytes / 1e6:,.0f} MB ({found.before_bytes / 1e6:,.0f} MB before the index was opened, "
        f"{found.peak_bytes / 1e6:,.0f} MB at most)",
        f"at most {MOST_BYTES / 1e6:,.0f} MB",
        found.resident_bytes <= MOST_BYTES,
    )
    for share in SHARES:
        least = LEAST_RECALL if share == 1 else LEAST_FILTERED_RECALL
        recall = found.recall[str(share)]
        filtered = "" if share == 1 else f", filter that {share:.1%} match"
        yield Row(
            name,
            f"recall@{K} against exact search, {QUERIES} other queries{filtered}",
            f"{recall:.4f} in {found.time_ms[str(share)]:.2f} ms",
            f"at least {least}",
            recall >= least,
        )
    time_ms, tenth_ms = found.time_ms["1.0"], tenth.time_ms["1.0"]
    yield Row(
        name,
        f"one search, against flat float32 (from {min(rows, FLAT_ROWS):,} of the rows)",
        f"{flat_ms / time_ms:.0f} times faster: {time_ms:.2f} ms, flat {flat_ms:.0f} ms",
        f"at least {LEAST_GAIN:g} times faster",
        flat_ms >= LEAST_GAIN * time_ms,
    )
    yield Row(
        name,
        f"one search, against one among {rows // 10:,}",
        f"{time_ms / tenth_ms:.2f} times the time ({tenth_ms:.2f} ms, recall {tenth.recall['1.0']:.4f})",
        f"at most {MOST_GROWTH:g} times",
        time_ms <= MOST_GROWTH * tenth_ms,
    )
    yield _hnsw(folder / "tenth", tenth, name=f"hnswlib 0.8.0, {rows // 10:,} of them")


def _hnsw(folder: Path, ours: Found, name: str) -> Row:
    """Return what hnswlib takes for the same vectors at the same recall; all of them would not fit into memory."""
    recall, time_ms = ours.recall["1.0"], ours.time_ms["1.0"]
    # Absolute: it runs in another folder.
    peer = run_peer("hnsw", (folder / "vectors.npy").resolve(), (folder / "asked.npz").resolve(), K, recall)
    return Row(
        name,
        f"one search, at the recall of ours ({recall:.4f} in {time_ms:.2f} ms, {ours.resident_bytes / 1e6:,.0f} MB)",
        f"{peer['recall']:.4f} in {1000 * peer['search_s']:.2f} ms, {peer['peak_bytes'] / 1e6:,.0f} MB; "
        f"built in {peer['build_s']:.0f} s, ef {peer['ef']}",
    )


def _measure(folder: Path, spectrum: Spectrum, rows: int) -> tuple[Found, float, float]:
    """Return what a process finds that opens such an index, the seconds to build it, and the time of a flat search."""
    folder.mkdir(parents=True)
    asked = write_vectors(folder / "vectors.npy", spectrum, rows, QUERIES, SHARES)
    _save(folder / "asked.npz", asked)
    vectors = VectorFile(folder / "vectors.npy")
    began_s = time.perf_counter()
    index = compress(vectors)
    if index is None:
        raise AssertionError("no effort finds enough among these vectors")
    build_s = time.perf_counter() - began_s
    index.save(folder / "index.faiss")
    (folder / "effort.json").write_text(json.dumps(asdict(index.effort)))
    flat_ms = _flat_ms(vectors, asked.queries)
    command = [*module_command("tests.benchmarks.scale"), str(folder)]
    done = subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=True)
    return Found(**json.loads(done.stdout)), build_s, flat_ms


def _flat_ms(vectors: VectorFile, queries: Float32Array) -> float:
    some = min(len(vectors), FLAT_ROWS)
    blocks = (vectors[start : min(start + BLOCK_ROWS, some)] for start in range(0, some, BLOCK_ROWS))
    flat = FlatIndex.of_blocks(blocks, vectors.shape[1])
    _, time_ms = _searched(flat, queries[:30], None)
    return time_ms * len(vectors) / some


def _searched(index: VectorIndex, queries: Float32Array, allowed: BoolArray | None) -> tuple[Float32Array, float]:
    """Return the scores that are found, one query after the other, and the median milliseconds of one."""
    scores, times_ms = [], []
    for i in range(len(queries)):
        began_s = time.perf_counter()
        scores.append(index.search(queries[i : i + 1], K, allowed)[0][0])
        times_ms.append((time.perf_counter() - began_s) * 1000)
    return np.stack(scores), float(np.median(times_ms))


def _save(path: Path, asked: Asked) -> None:
    arrays: dict[str, Any] = {"queries": asked.queries}
    for share in SHARES:
        arrays |= {f"allowed {share}": np.packbits(asked.allowed[share]), f"least {share}": asked.least[share]}
    np.savez(path, **arrays)


def _search_all(folder: Path) -> Found:
    """Open the index of a folder and search it."""
    before_bytes = _memory_bytes("VmRSS")
    asked = np.load(folder / "asked.npz")
    effort = Effort(**json.loads((folder / "effort.json").read_bytes()))
    index = CompressedIndex.load(folder / "index.faiss", VectorFile(folder / "vectors.npy"), effort)
    queries = asked["queries"]
    recall, time_ms = {}, {}
    for share in SHARES:
        allowed = None if share == 1 else np.unpackbits(asked[f"allowed {share}"], count=len(index)).view(np.bool_)
        _searched(index, queries[:5], allowed)
        scores, time_ms[str(share)] = _searched(index, queries, allowed)
        recall[str(share)] = float((scores >= asked[f"least {share}"][:, np.newaxis] - _TIE).mean())
    return Found(recall, time_ms, _memory_bytes("VmRSS"), _memory_bytes("VmHWM"), before_bytes)


def _memory_bytes(name: str) -> int:
    """Return the resident memory of this process: VmRSS now, VmHWM at most."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def main() -> None:
    """Print what is measured of the index in the folder that the command line names."""
    print(json.dumps(asdict(_search_all(Path(sys.argv[1])))))  # noqa: T201  # the answer to the parent process


if __name__ == "__main__":
    main()
