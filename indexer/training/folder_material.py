"""Pictures of a folder to learn from, embedded on the way."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np

from app.core.errors import InvalidImage, NoReadableImage
from app.core.settings import Settings
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

    Embeddings are kept: the next run, or an index of the same pictures, takes them from there.

    Raises:
        SourceMissing, SourceEmpty, NoReadableImage: The folder has nothing to learn from.
        TooFewExamples: It does not have two categories that can be learned.
        LookalikeError: The data folder or the network cannot be used.
    """
    products = read_folder(folder)
    with Workplace.open(settings, progress) as workplace, workplace.tools() as tools:
        progress.phase("Looking at the pictures", sum(len(product.images) for product in products))
        pictures = list(_embedded(products, tools, progress))
        if not pictures:
            raise NoReadableImage(f"None of the files in {folder} could be used as a picture.")
        examples = drawn(Examples.of([_labelled(picture) for picture in pictures]), seed=seed)
        embeddings = tools.store.get([picture.sha256 for picture in examples.pictures]).astype(np.float32)
        return Material(
            examples=examples,
            embeddings=embeddings,
            network=tools.embedder.network,
            fingerprint_sha256=tools.embedder.fingerprint.sha256,
            origin=f"folder {folder}",
        )


def _embedded(products: Sequence[SourceProduct], tools: Tools, progress: Progress) -> Iterator[Picture]:
    """Yield the pictures that can be used, once their embeddings are stored."""
    pictures = [Picture(product, image, i) for product in products for i, image in enumerate(product.images)]
    chunks = [pictures[start : start + _CHUNK] for start in range(0, len(pictures), _CHUNK)]
    with ThreadPoolExecutor(tools.pool.size, "prepare") as threads:
        waiting = [threads.submit(_prepare, picture, tools) for picture in chunks[0]]
        for number, chunk in enumerate(chunks):
            for future in waiting:
                future.result()
            following = chunks[number + 1] if number + 1 < len(chunks) else []
            waiting = [threads.submit(_prepare, picture, tools) for picture in following]
            _embed(chunk, tools)
            for picture in chunk:
                if picture.skipped is None:
                    progress.advance()
                    yield picture
                else:
                    progress.skip(picture.skipped.reason)


def _prepare(picture: Picture, tools: Tools) -> None:
    """Read a picture, and decode it where its embedding is not known."""
    tools.reader.obtain(picture, {})
    if not picture.sha256 or picture.skipped is not None or picture.sha256 in tools.store:
        return
    data = tools.reader.read_again(picture)
    if data is None:
        return
    try:
        picture.prepared = tools.pool.prepare(data, tools.embedder.preprocessings)
    except InvalidImage as error:
        picture.skip(error.slug, error.message)


def _embed(pictures: Sequence[Picture], tools: Tools) -> None:
    """Embed those that were prepared, and keep their embeddings."""
    new = {picture.sha256: picture for picture in pictures if picture.prepared is not None}
    prepared = [picture.prepared for picture in new.values() if picture.prepared is not None]
    embedded, refusals = tools.embedder.embed_each(prepared)
    kept = [row for row, refusal in enumerate(refusals) if refusal is None]
    sha256s = list(new)
    tools.store.append([sha256s[row] for row in kept], embedded.embeddings[kept])
    refused = {sha256: refusal for sha256, refusal in zip(sha256s, refusals, strict=True) if refusal is not None}
    for picture in pictures:
        picture.prepared = None
        if (refusal := refused.get(picture.sha256)) is not None:
            picture.skip(refusal.slug, refusal.message)


def _labelled(picture: Picture) -> LabelledPicture:
    product = picture.product
    return LabelledPicture(
        product.id, product.title, product.category, picture.sha256, picture.path or Path(picture.source.place)
    )
