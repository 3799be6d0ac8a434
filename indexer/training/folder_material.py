"""Pictures of a folder to learn from, embedded on the way."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np

from app.core.arrays import Float32Array
from app.core.errors import InvalidImage, NoReadableImage
from app.core.settings import Settings
from app.core.vector_store import VectorStore
from indexer.pictures import Picture
from indexer.progress import Progress
from indexer.sources import SourceProduct
from indexer.sources.folder import read_folder
from indexer.training.examples import Examples, LabelledPicture, drawn
from indexer.training.material import Material
from indexer.workplace import Tools, Workplace

_CHUNK: Final = 128
"""Pictures that are prepared while the ones before them are embedded."""


def material_of_folder(settings: Settings, folder: Path, progress: Progress, *, seed: int) -> Material:
    """
    Return the pictures of a folder, one sub-folder a category, embedded with the network of the index.

    Embeddings are kept, beside those of the catalogue: the next run takes them from there.

    Raises:
        SourceMissing, SourceEmpty, NoReadableImage: The folder has nothing to learn from.
        TooFewExamples: It does not have two categories that can be learned.
        LookalikeError: The data folder or the network cannot be used.
    """
    products = read_folder(folder)
    with (
        Workplace.open(settings, progress) as workplace,
        workplace.tools() as tools,
        _own_store(settings, tools) as own,
    ):
        progress.phase("Looking at the pictures", sum(len(product.images) for product in products))
        desk = _Desk(tools, own)
        pictures = list(desk.embedded(products, progress))
        if not pictures:
            raise NoReadableImage(f"None of the files in {folder} could be used as a picture.")
        examples = drawn(Examples.of([_labelled(picture) for picture in pictures]), seed=seed)
        return Material(
            examples=examples,
            embeddings=desk.embeddings_of(examples.pictures),
            network=tools.embedder.network,
            fingerprint_sha256=tools.embedder.fingerprint.sha256,
            origin=f"folder {folder}",
        )


def _own_store(settings: Settings, tools: Tools) -> VectorStore:
    """
    Open the embeddings of pictures that were learned from.

    They are not with those of the catalogue, because a picture of the catalogue has more than an embedding there.
    """
    embedder = tools.embedder
    return VectorStore.open(settings.heads_dir / "vectors", embedder.fingerprint.sha256, embedder.dimension)


class _Desk:
    """Where pictures are embedded that have no embedding yet, neither as the catalogue's nor in `own`."""

    def __init__(self, tools: Tools, own: VectorStore) -> None:
        self._tools = tools
        self._own = own

    def embedded(self, products: Sequence[SourceProduct], progress: Progress) -> Iterator[Picture]:
        """Yield the pictures that can be used, once their embeddings are stored."""
        pictures = [Picture(product, image, i) for product in products for i, image in enumerate(product.images)]
        chunks = [pictures[start : start + _CHUNK] for start in range(0, len(pictures), _CHUNK)]
        with ThreadPoolExecutor(self._tools.pool.size, "prepare") as threads:
            waiting = [threads.submit(self._prepare, picture) for picture in chunks[0]]
            for number, chunk in enumerate(chunks):
                for future in waiting:
                    future.result()
                following = chunks[number + 1] if number + 1 < len(chunks) else []
                waiting = [threads.submit(self._prepare, picture) for picture in following]
                self._embed(chunk)
                for picture in chunk:
                    if picture.skipped is None:
                        progress.advance()
                        yield picture
                    else:
                        progress.skip(picture.skipped.reason)

    def embeddings_of(self, pictures: Sequence[LabelledPicture]) -> Float32Array:
        """Return the embeddings of pictures that can be used, shape (n, d)."""
        rows = [self._store_of(picture.sha256).get([picture.sha256])[0] for picture in pictures]
        return np.stack(rows).astype(np.float32)

    def _store_of(self, sha256: str) -> VectorStore:
        return self._tools.store if sha256 in self._tools.store else self._own

    def _prepare(self, picture: Picture) -> None:
        """Read a picture, and decode it where its embedding is not known."""
        reader, embedder = self._tools.reader, self._tools.embedder
        reader.obtain(picture, {})
        if not picture.sha256 or picture.skipped is not None or picture.sha256 in self._store_of(picture.sha256):
            return
        data = reader.read_again(picture)
        if data is None:
            return
        try:
            picture.prepared = self._tools.pool.prepare(data, embedder.preprocessings)
        except InvalidImage as error:
            picture.skip(error.slug, error.message)

    def _embed(self, pictures: Sequence[Picture]) -> None:
        """Embed those that were prepared, each once, and keep their embeddings."""
        new = {picture.sha256: picture.prepared for picture in pictures if picture.prepared is not None}
        sha256s = list(new)
        embedded, refusals = self._tools.embedder.embed_each(list(new.values()))
        refused = {sha256: refusal for sha256, refusal in zip(sha256s, refusals, strict=True) if refusal is not None}
        kept = [row for row, sha256 in enumerate(sha256s) if sha256 not in refused]
        self._own.append([sha256s[row] for row in kept], embedded.embeddings[kept])
        for picture in pictures:
            picture.prepared = None
            if (refusal := refused.get(picture.sha256)) is not None:
                picture.skip(refusal.slug, refusal.message)


def _labelled(picture: Picture) -> LabelledPicture:
    product = picture.product
    return LabelledPicture(
        product.id, product.title, product.category, picture.sha256, picture.path or Path(picture.source.place)
    )
