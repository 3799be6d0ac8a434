"""Maps tell the truth: a hit's score falls when what they name is deleted, and far less when as much at random is."""

from pathlib import Path

import numpy as np
import pytest

from app.core.embedder import Embedder, open_embedder
from app.core.regions import RegionCodes
from app.core.settings import Settings
from tests.support.deletion import drops, pairs_of, preparing
from tests.support.shop import Shop
from tests.support.soak import sample

SAMPLE = 96
PAIRS = 60  # of fewer, single ones decide
LEAST_RATIO = 3.0


def _least_ratio(embedder: Embedder, folder: Path, pictures: list[bytes], count: int) -> float:
    """Explain some pictures with the one that is nearest to each, and return the lower ratio of the two sides."""
    prepare = preparing(embedder)
    embedded = embedder.embed([prepare(picture) for picture in pictures])
    scores = embedded.embeddings @ embedded.embeddings.T
    np.fill_diagonal(scores, -1)
    chosen = np.linspace(0, len(pictures) - 1, count).astype(int).tolist()
    with RegionCodes(folder, embedder.fingerprint.sha256) as codes:
        codes.learn(embedded.regions)
        pairs = pairs_of(embedder, codes, [(pictures[row], pictures[int(scores[row].argmax())]) for row in chosen])
    assert len(pairs) == count
    return min(drops(embedder, pairs, side, "blur").ratio for side in ("query", "hit"))


def _photos(catalogue: Path) -> list[bytes]:
    """Return photos spread over all categories."""
    paths = sorted(catalogue.rglob("*.jpg"))
    return [paths[row].read_bytes() for row in np.linspace(0, len(paths) - 1, SAMPLE).astype(int).tolist()]


def test_maps_of_drawn_pictures_name_what_made_them_similar(shop: Shop, tmp_path: Path) -> None:
    """Clearly so even for shapes of one colour, in which there is little to see."""
    embedder = open_embedder(Settings(data_dir=tmp_path, runtime="openvino-float32"), "efficientnet_lite0")
    pictures = [photos[0] for photos in shop.photos.values()]
    assert _least_ratio(embedder, tmp_path, pictures, len(pictures)) > 1.5


@pytest.mark.real_photos
def test_maps_of_photos_name_what_made_them_similar(catalogue_dir: Path, tmp_path: Path) -> None:
    """In the network whose embedding is the mean of the map."""
    embedder = open_embedder(Settings(data_dir=tmp_path, runtime="openvino-float32"), "efficientnet_lite0")
    pairs = sample(30, soak=PAIRS)
    assert _least_ratio(embedder, tmp_path, _photos(catalogue_dir), pairs) >= LEAST_RATIO


@pytest.mark.real_weights
@pytest.mark.real_photos
@pytest.mark.timeout(600)
def test_maps_are_true_for_dense_layers_too(catalogue_dir: Path, vgg16_checkpoint: Path, tmp_path: Path) -> None:
    """VGG16's embedding comes two layers after the map."""
    settings = Settings(data_dir=tmp_path, vgg16_weights=vgg16_checkpoint, runtime="openvino-float32")
    pairs = sample(8, soak=PAIRS)  # each is a dozen passes of VGG16
    assert _least_ratio(open_embedder(settings, "vgg16"), tmp_path, _photos(catalogue_dir), pairs) >= LEAST_RATIO
