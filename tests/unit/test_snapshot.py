"""What a snapshot holds: written, opened again, and refused where it does not fit together."""

import hashlib
import io
import stat
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from app.core.errors import (
    EmbeddingNotFinite,
    SnapshotCorrupt,
    SnapshotIncompatible,
)
from app.core.manifest import DATA_FILES
from app.core.products import ProductRecord, from_line
from app.core.snapshot import open_vectors
from app.core.snapshot_folder import SnapshotFolder
from tests.support.catalogue import make_image, make_product
from tests.support.snapshots import (
    DIMENSION,
    IMAGES,
    folder,
    hidden,
    image_ids,
    publish_small,
    random_embeddings,
    reseal,
    root,
    snapshot_facts,
    snapshot_products,
)

__all__ = ["folder", "root"]


def _with_image(product_id: str, image_id: str) -> ProductRecord:
    return make_product(product_id, images=(make_image(product_id, id=image_id),))


class TestContent:
    """What goes into a snapshot comes out of it."""

    @pytest.mark.parametrize("dtype", [np.float32, np.float16])
    def test_a_snapshot_opens_as_it_was_written(self, folder: SnapshotFolder, root: Path, dtype: type) -> None:
        """Vectors, ids, probes and facts, from float32 or from what the vector store keeps."""
        embeddings = random_embeddings(IMAGES, DIMENSION, seed=9)
        with folder.lock():
            temporary = folder.write(
                snapshot_facts(watermark=41),
                embeddings=embeddings.astype(dtype),
                products=snapshot_products(IMAGES),
                probes=embeddings[:4],
            )
            snapshot_id = folder.adopt(temporary, {"recall_at_10": 0.99})
        snapshot = folder.open(snapshot_id)
        assert snapshot.id == snapshot_id
        assert tuple(snapshot.image_ids) == tuple(image_ids(IMAGES))
        assert (len(snapshot.index), snapshot.index.dimension) == (IMAGES, DIMENSION)
        np.testing.assert_allclose(snapshot.index.embedding(7), embeddings[7], atol=1e-3)
        np.testing.assert_allclose(snapshot.probes, embeddings[:4], atol=1e-6)
        np.testing.assert_array_equal(open_vectors(root / snapshot_id), embeddings.astype(np.float16))
        manifest = snapshot.manifest
        assert (manifest.watermark, manifest.images, manifest.products) == (41, IMAGES, IMAGES)
        assert manifest.metrics == {"recall_at_10": 0.99}
        assert {"python", "numpy", "faiss-cpu"} <= manifest.versions.keys()

    def test_the_row_of_an_image_is_known(self, folder: SnapshotFolder) -> None:
        """And that of an image from elsewhere is not."""
        snapshot = folder.open(publish_small(folder))
        assert snapshot.image_ids.row(image_ids(IMAGES)[5]) == 5
        assert snapshot.image_ids.row("f" * 16) is None

    def test_products_come_back_with_the_rows_of_their_images(self, folder: SnapshotFolder) -> None:
        """What is shown of a hit is in the snapshot, as it was when the snapshot was made."""
        products = [make_product("a", "front", "back"), make_product("b", "side", price=Decimal("19.90"))]
        embeddings = random_embeddings(3, DIMENSION, seed=2)
        with folder.lock():
            facts = snapshot_facts()
            snapshot_id = folder.adopt(folder.write(facts, products=products, embeddings=embeddings, probes=embeddings))
        snapshot = folder.open(snapshot_id)
        assert [from_line(line) for line in snapshot.products.splitlines()] == products
        assert snapshot.row_products.tolist() == [0, 0, 1]
        assert tuple(snapshot.image_ids) == tuple(image.id for product in products for image in product.images)
        assert (snapshot.manifest.products, snapshot.manifest.images) == (2, 3)

    def test_adopted_files_are_read_only(self, folder: SnapshotFolder, root: Path) -> None:
        """An editor or a script should at least have to insist."""
        snapshot_id = publish_small(folder)
        for path in (root / snapshot_id).iterdir():
            assert stat.S_IMODE(path.stat().st_mode) & 0o222 == 0

    def test_an_id_is_a_counter_and_a_hash_of_the_manifest(self, folder: SnapshotFolder, root: Path) -> None:
        """Order comes from the counter, so that no clock can change it."""
        ids = [publish_small(folder, watermark) for watermark in (1, 2, 3)]
        assert [snapshot_id[:7] for snapshot_id in ids] == ["000001-", "000002-", "000003-"]
        manifest = (root / ids[0] / "manifest.json").read_bytes()
        assert ids[0][7:] == hashlib.sha256(manifest).hexdigest()[:8]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"products": snapshot_products(IMAGES - 1)}, "59 images"),
            ({"products": [*snapshot_products(IMAGES - 1), _with_image("z", image_ids(1)[0])]}, "twice"),
            ({"products": [*snapshot_products(IMAGES - 1), _with_image("z", "short")]}, "16 characters"),
            ({"products": snapshot_products(IMAGES)[::-1]}, "not behind"),
            ({"products": [*snapshot_products(IMAGES), make_product("z")]}, "no image"),
            ({"products": [], "embeddings": np.empty((0, DIMENSION), np.float32)}, "0 images"),
            ({"probes": random_embeddings(4, DIMENSION + 1, seed=1)}, "expected"),
        ],
        ids=["one-short", "id-twice", "id-too-short", "order", "without-image", "nothing", "other-dimension"],
    )
    def test_what_does_not_fit_together_is_not_written(
        self, folder: SnapshotFolder, root: Path, change: dict[str, object], message: str
    ) -> None:
        """A programmer's mistake leaves no folder behind."""
        embeddings = random_embeddings(IMAGES, DIMENSION, seed=1)
        given = {"products": snapshot_products(IMAGES), "embeddings": embeddings, "probes": embeddings[:4], **change}
        with folder.lock(), pytest.raises(ValueError, match=message):
            folder.write(snapshot_facts(), **given)  # type: ignore[arg-type]
        assert hidden(root) == []

    def test_a_bad_embedding_is_not_written(self, folder: SnapshotFolder, root: Path) -> None:
        """It is refused by its row, and no folder is left behind."""
        embeddings = random_embeddings(IMAGES, DIMENSION, seed=1)
        embeddings[17, 3] = np.inf
        products = snapshot_products(IMAGES)
        with folder.lock(), pytest.raises(EmbeddingNotFinite, match="17"):
            folder.write(snapshot_facts(), products=products, embeddings=embeddings, probes=embeddings[:4])
        assert hidden(root) == []


class TestOtherVersions:
    """Snapshots that are intact and yet do not fit."""

    def test_a_newer_format_is_named(self, folder: SnapshotFolder, root: Path) -> None:
        """With both numbers; it is never misread, and no older one is served in its place."""
        publish_small(folder, 1)
        newer = reseal(root, publish_small(folder, 2), lambda manifest: manifest.update(format_version=4, more="x"))
        with pytest.raises(SnapshotIncompatible, match=r"format 4, this Lookalike reads format 3"):
            folder.open(newer)
        with pytest.raises(SnapshotIncompatible):
            folder.publish(newer)

    @pytest.mark.parametrize(
        "change",
        [
            lambda manifest: manifest.pop("dimension"),
            lambda manifest: manifest.pop("format_version"),
            lambda manifest: manifest.update(format_version="3"),
            lambda manifest: manifest.update(watermark=-1),
            lambda manifest: manifest.update(unknown=1),
            lambda manifest: manifest["files"].pop("index.faiss"),
            lambda manifest: manifest["files"].update({"../../etc/passwd": {"size_bytes": 1, "sha256": ""}}),
        ],
    )
    def test_a_manifest_that_is_none_is_refused(
        self, folder: SnapshotFolder, root: Path, change: Callable[[dict[str, object]], object]
    ) -> None:
        """Even when its hash is right."""
        with pytest.raises(SnapshotCorrupt, match="manifest"):
            folder.open(reseal(root, publish_small(folder), change))

    @pytest.mark.parametrize(
        "change",
        [
            lambda manifest: manifest.update(images=IMAGES - 1),
            lambda manifest: manifest.update(dimension=DIMENSION + 1),
        ],
    )
    def test_counts_must_agree(
        self, folder: SnapshotFolder, root: Path, change: Callable[[dict[str, object]], object]
    ) -> None:
        """Between the manifest and the files."""
        with pytest.raises(SnapshotCorrupt, match="do not belong together"):
            folder.open(reseal(root, publish_small(folder), change))

    @pytest.mark.parametrize("name", sorted(DATA_FILES))
    def test_files_of_another_snapshot_are_refused(self, folder: SnapshotFolder, root: Path, name: str) -> None:
        """Intact, with the right hash, but of other images."""
        snapshot_id = publish_small(folder)
        embeddings = random_embeddings(IMAGES - 1, DIMENSION - 1, seed=1)
        with folder.lock():
            other = folder.write(
                snapshot_facts(), products=snapshot_products(IMAGES - 1), embeddings=embeddings, probes=embeddings[:4]
            )
        with pytest.raises(SnapshotCorrupt, match="do not belong together"):
            folder.open(reseal(root, snapshot_id, replace={name: (other / name).read_bytes()}))

    @pytest.mark.parametrize(
        "row_products",
        [
            np.arange(IMAGES, dtype=np.int32)[::-1],
            np.arange(IMAGES, dtype=np.int32) - 1,
            np.repeat(np.array([0, IMAGES - 1], np.int32), IMAGES // 2),
            np.arange(IMAGES, dtype=np.float32),
        ],
        ids=["backwards", "before the first", "with a gap", "no whole numbers"],
    )
    def test_rows_that_are_of_no_product_are_refused(
        self, folder: SnapshotFolder, root: Path, row_products: npt.NDArray[np.generic]
    ) -> None:
        """As many as there are images, with the right hash, but not the numbers of the products in their order."""
        data = io.BytesIO()
        np.save(data, row_products)
        with pytest.raises(SnapshotCorrupt, match="do not belong together"):
            folder.open(reseal(root, publish_small(folder), replace={"row_products.npy": data.getvalue()}))
