"""What was appended is there after any damage to what came later; what is damaged is absent, never wrong."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import (
    DataDirNotWritable,
    EmbeddingNotFinite,
    EmbeddingZero,
    SnapshotCorrupt,
    SnapshotIncompatible,
)
from app.core.vector_store import VectorStore
from tests.support.snapshots import random_embeddings

DIMENSION = 8
ROW_BYTES = 2 * DIMENSION
KEY_BYTES = 36
FINGERPRINT = "cd" * 32
FOUR = [hashlib.sha256(bytes([i])).hexdigest() for i in range(4)]


def opened(root: Path) -> VectorStore:
    """Open the store that the tests use."""
    return VectorStore.open(root, FINGERPRINT, DIMENSION)


def fill(root: Path, n: int = 4) -> None:
    """Append n embeddings one by one."""
    with opened(root) as store:
        for i, embedding in enumerate(random_embeddings(4, DIMENSION, seed=1)[:n]):
            store.append([FOUR[i]], embedding[np.newaxis])


def assert_holds(root: Path, present: list[int]) -> None:
    """Check which of the four embeddings are there, and that those are right."""
    expected = random_embeddings(4, DIMENSION, seed=1).astype(np.float16)
    with opened(root) as store:
        assert [i for i in range(4) if FOUR[i] in store] == present
        np.testing.assert_array_equal(store.get([FOUR[i] for i in present]), expected[present])


def assert_recovers(root: Path, present: list[int]) -> None:
    """Check what is there, append what is not, and check that all is there."""
    assert_holds(root, present)
    missing = [i for i in range(4) if i not in present]
    with opened(root) as store:
        store.append([FOUR[i] for i in missing], random_embeddings(4, DIMENSION, seed=1)[missing])
    assert_holds(root, [0, 1, 2, 3])


class TestAppendAndGet:
    """The life without faults."""

    def test_what_was_appended_is_there_after_reopening(self, tmp_path: Path) -> None:
        """In any order, rounded to float16."""
        fill(tmp_path)
        assert_holds(tmp_path, [0, 1, 2, 3])
        with opened(tmp_path) as store:
            expected = random_embeddings(4, DIMENSION, seed=1)[[2, 0]].astype(np.float16)
            np.testing.assert_array_equal(store.get([FOUR[2], FOUR[0]]), expected)
            assert len(store) == 4

    def test_what_was_appended_can_be_read_at_once(self, tmp_path: Path) -> None:
        """The same open store appends and reads in turn."""
        with opened(tmp_path) as store:
            for i, embedding in enumerate(random_embeddings(4, DIMENSION, seed=1)):
                store.append([FOUR[i]], embedding[np.newaxis])
                assert FOUR[i] in store
                np.testing.assert_array_equal(store.get([FOUR[i]])[0], embedding.astype(np.float16))

    def test_an_image_that_is_not_there_is_absent(self, tmp_path: Path) -> None:
        """Asking for it all the same is a KeyError."""
        fill(tmp_path, 1)
        with opened(tmp_path) as store:
            assert FOUR[1] not in store
            with pytest.raises(KeyError):
                store.get([FOUR[0], FOUR[1]])

    def test_opening_creates_nothing(self, tmp_path: Path) -> None:
        """Whoever only looks leaves no folder behind."""
        with opened(tmp_path / "vectors") as store:
            assert FOUR[0] not in store
            assert len(store) == 0
        assert list(tmp_path.iterdir()) == []

    def test_a_later_duplicate_replaces_the_earlier_one(self, tmp_path: Path) -> None:
        """The newest embedding of an image counts, now and after reopening."""
        first, second = random_embeddings(2, DIMENSION, seed=5)
        with opened(tmp_path) as store:
            store.append([FOUR[0]], first[np.newaxis])
            store.append([FOUR[0]], second[np.newaxis])
            np.testing.assert_array_equal(store.get(FOUR[:1])[0], second.astype(np.float16))
        with opened(tmp_path) as store:
            np.testing.assert_array_equal(store.get(FOUR[:1])[0], second.astype(np.float16))

    def test_fingerprints_do_not_see_each_other(self, tmp_path: Path) -> None:
        """Another network has its own folder."""
        fill(tmp_path)
        with VectorStore.open(tmp_path, "ef" * 32, 5) as store:
            assert FOUR[0] not in store

    def test_reading_goes_on_while_another_thread_appends(self, tmp_path: Path) -> None:
        """Whatever is there is whole at every moment."""
        keys = [hashlib.sha256(bytes([i])).hexdigest() for i in range(200)]
        embeddings = random_embeddings(200, DIMENSION, seed=3)

        def append_all(store: VectorStore) -> None:
            for key, row in zip(keys, embeddings, strict=True):
                store.append([key], row[np.newaxis])

        with opened(tmp_path) as store, ThreadPoolExecutor(1) as writer:
            writing = writer.submit(append_all, store)
            while not writing.done():
                present = list(takewhile(store.__contains__, keys))  # behind the first that is absent, more may come
                np.testing.assert_array_equal(store.get(present), embeddings[: len(present)].astype(np.float16))
            writing.result()

    def test_nothing_can_be_appended_too(self, tmp_path: Path) -> None:
        """An empty batch costs no write."""
        with opened(tmp_path / "vectors") as store:
            store.append([], np.empty((0, DIMENSION), np.float32))
            assert len(store) == 0
        assert list(tmp_path.iterdir()) == []


class TestRefusals:
    """What must not get in, and stores that do not fit."""

    @pytest.mark.parametrize(("value", "error"), [(np.nan, EmbeddingNotFinite), (0, EmbeddingZero)])
    def test_a_vector_that_cannot_be_compared_is_refused(
        self, tmp_path: Path, value: float, error: type[Exception]
    ) -> None:
        """Nothing of its batch is kept."""
        fill(tmp_path, 1)
        batch = random_embeddings(3, DIMENSION, seed=1)
        batch[1] = value
        with opened(tmp_path) as store, pytest.raises(error, match="Embedding 1"):
            store.append(FOUR[1:], batch)
        assert_holds(tmp_path, [0])

    def test_a_vector_of_another_dimension_is_refused(self, tmp_path: Path) -> None:
        """The rows on the disk have one size."""
        with opened(tmp_path) as store, pytest.raises(ValueError, match="expected"):
            store.append(FOUR[:1], random_embeddings(1, DIMENSION + 1, seed=1))

    def test_as_many_images_as_embeddings_are_needed(self, tmp_path: Path) -> None:
        """A shift by one would give images the embeddings of others."""
        with opened(tmp_path) as store, pytest.raises(ValueError, match="3 images"):
            store.append(FOUR[:3], random_embeddings(4, DIMENSION, seed=1))

    @pytest.mark.parametrize("image_sha256", ["", "ab", "zz" * 32, "ab" * 33])
    def test_a_key_is_a_sha256(self, tmp_path: Path, image_sha256: str) -> None:
        """Anything else is a programmer's mistake."""
        with opened(tmp_path) as store, pytest.raises(ValueError):  # noqa: PT011  # two causes, two texts
            store.append([image_sha256], random_embeddings(1, DIMENSION, seed=1))

    def test_another_dimension_is_refused_at_opening(self, tmp_path: Path) -> None:
        """The message names both numbers."""
        fill(tmp_path)
        with pytest.raises(SnapshotIncompatible, match="8 values, the network gives 9"):
            VectorStore.open(tmp_path, FINGERPRINT, 9)

    def test_a_newer_format_is_refused(self, tmp_path: Path) -> None:
        """It is not read as if it were ours."""
        fill(tmp_path)
        info = tmp_path / FINGERPRINT / "info.json"
        info.write_text(json.dumps({**json.loads(info.read_text()), "format_version": 2}))
        with pytest.raises(SnapshotIncompatible, match="format 2"):
            opened(tmp_path)

    @pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format_version": null, "dimension": 8}', b"\xff"])
    def test_a_damaged_header_is_refused(self, tmp_path: Path, content: bytes) -> None:
        """In one sentence, with what to do."""
        fill(tmp_path)
        (tmp_path / FINGERPRINT / "info.json").write_bytes(content)
        with pytest.raises(SnapshotCorrupt, match="remove that folder"):
            opened(tmp_path)

    def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        """Below a regular file no folder can be."""
        (tmp_path / "file").write_bytes(b"")
        with opened(tmp_path / "file") as store, pytest.raises(DataDirNotWritable, match="LOOKALIKE_DATA_DIR"):
            store.append(FOUR[:1], random_embeddings(1, DIMENSION, seed=1))


class TestTornTail:
    """Whatever length a crash left the two files at."""

    @pytest.mark.parametrize("cut_bytes", range(1, KEY_BYTES + 1))
    def test_a_cut_in_the_last_key_loses_only_that_one(self, tmp_path: Path, cut_bytes: int) -> None:
        """At every byte of the record."""
        fill(tmp_path)
        self._cut(tmp_path, "keys.bin", cut_bytes)
        assert_recovers(tmp_path, [0, 1, 2])

    @pytest.mark.parametrize("cut_bytes", range(1, ROW_BYTES + 1))
    def test_a_cut_in_the_last_row_loses_only_that_one(self, tmp_path: Path, cut_bytes: int) -> None:
        """A disk that lied about fsync can leave the key without its row."""
        fill(tmp_path)
        self._cut(tmp_path, "vectors.bin", cut_bytes)
        assert_recovers(tmp_path, [0, 1, 2])

    @pytest.mark.parametrize("name", ["keys.bin", "vectors.bin"])
    @pytest.mark.parametrize("fill_byte", [b"\x00", b"\xa5"])
    @pytest.mark.parametrize("extra_bytes", [1, ROW_BYTES, KEY_BYTES - 1, KEY_BYTES, KEY_BYTES + 1, 3 * KEY_BYTES])
    def test_junk_behind_the_last_record_is_ignored(
        self, tmp_path: Path, name: str, fill_byte: bytes, extra_bytes: int
    ) -> None:
        """Behind the keys, or rows whose keys were never written."""
        fill(tmp_path, 3)
        with (tmp_path / FINGERPRINT / name).open("ab") as file:
            file.write(fill_byte * extra_bytes)
        assert_recovers(tmp_path, [0, 1, 2])

    @pytest.mark.parametrize("fill_byte", [b"\x00", b"\xa5"])
    def test_junk_behind_both_is_ignored(self, tmp_path: Path, fill_byte: bytes) -> None:
        """Whole records whose content never reached the disk."""
        fill(tmp_path, 3)
        for name, size_bytes in (("keys.bin", 2 * KEY_BYTES), ("vectors.bin", 2 * ROW_BYTES)):
            with (tmp_path / FINGERPRINT / name).open("ab") as file:
                file.write(fill_byte * size_bytes)
        assert_recovers(tmp_path, [0, 1, 2])

    @pytest.mark.parametrize("name", ["keys.bin", "vectors.bin"])
    def test_a_missing_file_leaves_an_empty_store(self, tmp_path: Path, name: str) -> None:
        """What is left of it belongs to nothing, and is not found beside what is appended next."""
        fill(tmp_path)
        (tmp_path / FINGERPRINT / name).unlink()
        assert_recovers(tmp_path, [])

    @pytest.mark.parametrize("made", [[], ["info.json"], ["info.json", "vectors.bin"]])
    def test_a_crash_while_the_files_were_made_leaves_an_empty_store(self, tmp_path: Path, made: list[str]) -> None:
        """They are made one by one."""
        fill(tmp_path / "other")
        (tmp_path / FINGERPRINT).mkdir()
        for name in made:
            content = (tmp_path / "other" / FINGERPRINT / name).read_bytes() if name == "info.json" else b""
            (tmp_path / FINGERPRINT / name).write_bytes(content)
        assert_recovers(tmp_path, [])

    def test_reading_changes_nothing(self, tmp_path: Path) -> None:
        """A torn tail is left alone until somebody appends."""
        fill(tmp_path)
        self._cut(tmp_path, "keys.bin", 5)
        before = {path.name: path.read_bytes() for path in (tmp_path / FINGERPRINT).iterdir()}
        assert_holds(tmp_path, [0, 1, 2])
        assert {path.name: path.read_bytes() for path in (tmp_path / FINGERPRINT).iterdir()} == before

    @settings(deadline=None, max_examples=40)
    @given(
        batches=st.lists(st.integers(0, 5), min_size=1, max_size=6).filter(any),
        cuts=st.tuples(st.integers(0), st.integers(0)),
    )
    def test_any_two_lengths_leave_a_prefix(
        self, tmp_path_factory: pytest.TempPathFactory, batches: list[int], cuts: tuple[int, int]
    ) -> None:
        """Whatever was appended in whatever batches: a beginning of it is intact, the rest absent."""
        root = tmp_path_factory.mktemp("store")
        embeddings = random_embeddings(sum(batches), DIMENSION, seed=7)
        keys = [hashlib.sha256(bytes([i])).hexdigest() for i in range(len(embeddings))]
        with opened(root) as store:
            for i, size in enumerate(batches):
                start = sum(batches[:i])
                store.append(keys[start : start + size], embeddings[start : start + size])
        lengths = []
        for name, cut in zip(("keys.bin", "vectors.bin"), cuts, strict=True):
            path = root / FINGERPRINT / name
            lengths.append(cut % (path.stat().st_size + 1))
            with path.open("r+b") as file:
                file.truncate(lengths[-1])
        kept = min(lengths[0] // KEY_BYTES, lengths[1] // ROW_BYTES)
        with opened(root) as store:
            assert [key in store for key in keys] == [i < kept for i in range(len(keys))]
            np.testing.assert_array_equal(store.get(keys[:kept]), embeddings[:kept].astype(np.float16))

    @staticmethod
    def _cut(root: Path, name: str, cut_bytes: int) -> None:
        path = root / FINGERPRINT / name
        with path.open("r+b") as file:
            file.truncate(path.stat().st_size - cut_bytes)


class TestBitFlips:
    """A disk that changes what it was given."""

    @pytest.mark.parametrize("name", ["keys.bin", "vectors.bin"])
    @pytest.mark.parametrize("row", range(4))
    def test_a_flipped_bit_makes_one_image_absent(self, tmp_path: Path, name: str, row: int) -> None:
        """Every bit of a record in turn: never a wrong vector, never a loss of others, and it can be repaired."""
        fill(tmp_path)
        path = tmp_path / FINGERPRINT / name
        intact = path.read_bytes()
        record_bytes = len(intact) // 4
        for bit in range(8 * record_bytes):
            damaged = bytearray(intact)
            damaged[row * record_bytes + bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            assert_holds(tmp_path, [i for i in range(4) if i != row])
        assert_recovers(tmp_path, [i for i in range(4) if i != row])

    def test_a_row_is_not_given_to_another_image(self, tmp_path: Path) -> None:
        """When the keys of two images change places, neither gets the embedding of the other."""
        fill(tmp_path)
        path = tmp_path / FINGERPRINT / "keys.bin"
        keys = bytearray(path.read_bytes())
        keys[:32], keys[KEY_BYTES : KEY_BYTES + 32] = keys[KEY_BYTES : KEY_BYTES + 32], keys[:32]
        path.write_bytes(keys)
        assert_recovers(tmp_path, [2, 3])

    def test_damage_while_the_store_is_open_is_noticed(self, tmp_path: Path) -> None:
        """Rows are checked whenever they are read."""
        fill(tmp_path)
        with opened(tmp_path) as store:
            path = tmp_path / FINGERPRINT / "vectors.bin"
            path.write_bytes(path.read_bytes()[: 2 * ROW_BYTES])
            assert [sha in store for sha in FOUR] == [True, True, False, False]
            with pytest.raises(KeyError):
                store.get(FOUR)
