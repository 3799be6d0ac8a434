"""The search from the request to the figures: embed what is missing, measure, choose, learn heads, keep the winner."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from app.core.arrays import Float16Array, Float32Array
from app.core.embedder import joined_embeddings
from app.core.errors import NoReadableImage, TooFewExamples
from app.core.networks.fingerprint import Fingerprint
from app.core.settings import Settings
from app.core.vector_store import VectorStore
from indexer.evaluation.catalogues import EmbeddedCatalogue, open_catalogue, seen_by
from indexer.evaluation.measuring import By, Request, ask
from indexer.evaluation.networks.candidates import Candidate, families, networks_at_hand, singles_of
from indexer.evaluation.networks.choice import Choice, choose
from indexer.evaluation.networks.costs import Cost, measure_cost
from indexer.evaluation.networks.scores import Seen, evaluate_candidates
from indexer.evaluation.ranking import NO_CATEGORY
from indexer.progress import Progress
from indexer.training.examples import Examples, drawn, pictures_of
from indexer.training.figures import Share
from indexer.training.train_head import train_head

_STORED_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Found:
    """
    What the search came to.

    Attributes:
        aim: What counts as right.
        k: Hits that a shopper sees.
        seed: Of the draw, the halves and the intervals.
        tried: How many networks and mixtures.
        pictures: In the catalogue, as far as all networks have them.
        choice: The best of each, and the best of all; None where nothing could be judged.
        costs: Of each finalist, by its name.
        accuracies: How often a head trained on its embeddings tells the category; empty where there are too few.
    """

    aim: By
    k: int
    seed: int
    tried: int
    pictures: int
    choice: Choice | None
    costs: Mapping[str, Cost]
    accuracies: Mapping[str, Share]


def search_networks(settings: Settings, request: Request, names: Sequence[str], progress: Progress) -> Found:
    """
    Try networks and mixtures of two on the pictures of a snapshot.

    Args:
        settings: Where everything is.
        request: What is asked; its network and comparison do not count.
        names: Networks and mixtures; none: all whose weights are at hand. That of the snapshot is always tried.
        progress: Told what takes long.

    Raises:
        NetworkError: One of them cannot be used.
        IndexingFailed, SnapshotError: There is nothing to ask with, or no index.
    """
    own = open_catalogue(settings, progress, snapshot_id=request.snapshot_id)
    named = [Candidate.named(name) for name in names or networks_at_hand(settings)]
    baseline = Candidate.named(own.network)
    singles = singles_of([baseline.name, *(candidate.name for candidate in named)])
    opened = _aligned([seen_by(name, own, settings, progress) for name in singles])
    views = dict(zip(singles, opened, strict=True))
    tried = list(families(singles, [*named, baseline]))
    aim, choice = _choice(settings, request, views, tried, baseline, progress)
    finalists = [finalist.candidate for finalist in choice.finalists] if choice else []
    costs, fingerprints = _costs(settings, singles, progress)
    if choice is not None:
        _keep(settings, choice.winner.candidate, views, fingerprints, progress)
    return Found(
        aim=aim,
        k=request.k,
        seed=request.seed,
        tried=sum(map(len, tried)),
        pictures=len(opened[0].images),
        choice=choice,
        costs={each.name: Cost.joined([costs[part] for part in each.parts]) for each in finalists},
        accuracies=_accuracies(finalists, views, request.seed, progress),
    )


def _choice(
    settings: Settings,
    request: Request,
    views: Mapping[str, EmbeddedCatalogue],
    tried: Sequence[Sequence[Candidate]],
    baseline: Candidate,
    progress: Progress,
) -> tuple[By, Choice | None]:
    """Return what counted as right, and what was chosen."""
    query_set, asked, clusters = ask(settings, request, list(views.values()), progress)
    has_categories = bool((asked[0].categories != NO_CATEGORY).any())
    aim: By = "by_product" if query_set.kind == "file" or not has_categories else "by_category"
    seen = {name: Seen(each, view.searched) for (name, view), each in zip(views.items(), asked, strict=True)}
    flat = [candidate for family in tried for candidate in family]
    progress.phase(f"Trying {len(flat)} networks and mixtures", len(flat) * len(asked[0]))
    values = dict(
        zip(flat, evaluate_candidates(seen, flat, aim=aim, k=request.k, advance=progress.advance), strict=True)
    )
    choice = choose(
        [[(candidate, values[candidate]) for candidate in family] for family in tried],
        baseline,
        clusters,
        criterion="map" if aim == "by_product" else f"precision_at_{request.k}",
        k=request.k,
        seed=request.seed,
    )
    return aim, choice


def mixed(candidate: Candidate, views: Mapping[str, EmbeddedCatalogue], rows: slice | Sequence[int]) -> Float32Array:
    """Return the embeddings of a candidate for some rows of the pictures."""
    parts = [np.asarray(views[part].embeddings[rows], np.float32) for part in candidate.parts]
    return joined_embeddings(parts, candidate.shares)


def _aligned(opened: Sequence[EmbeddedCatalogue]) -> list[EmbeddedCatalogue]:
    """Return the catalogues with the pictures alone that every network has, in the same order."""
    shared = set.intersection(*({image.id for image in view.images} for view in opened))
    if not shared:
        raise NoReadableImage("No picture of the catalogue could be embedded with all of the networks.")
    return [view if len(view.images) == len(shared) else _with_images(view, shared) for view in opened]


def _with_images(view: EmbeddedCatalogue, image_ids: set[str]) -> EmbeddedCatalogue:
    rows = [row for row, image in enumerate(view.images) if image.id in image_ids]
    products = [
        replace(product, images=tuple(image for image in product.images if image.id in image_ids))
        for product in view.products
    ]
    kept: Float16Array = view.embeddings[rows]
    return replace(view, products=[product for product in products if product.images], embeddings=kept, index=None)


def _costs(
    settings: Settings, singles: Sequence[str], progress: Progress
) -> tuple[dict[str, Cost], dict[str, Fingerprint]]:
    progress.phase("Measuring what each network costs", len(singles))
    measured = {}
    for name in singles:
        measured[name] = measure_cost(settings, name)
        progress.advance()
    return {name: cost for name, (cost, _) in measured.items()}, {name: each for name, (_, each) in measured.items()}


def _accuracies(
    finalists: Sequence[Candidate], views: Mapping[str, EmbeddedCatalogue], seed: int, progress: Progress
) -> dict[str, Share]:
    """Return how often heads tell the category of held-out pictures."""
    try:
        examples = drawn(Examples.of(pictures_of(next(iter(views.values())).products)), seed=seed)
    except TooFewExamples:
        return {}
    found = {}
    for candidate in finalists:
        embeddings = mixed(candidate, views, examples.rows.tolist())
        found[candidate.name] = train_head(examples, embeddings, seed=seed, progress=progress).head.accuracy
    return found


def _keep(
    settings: Settings,
    winner: Candidate,
    views: Mapping[str, EmbeddedCatalogue],
    fingerprints: Mapping[str, Fingerprint],
    progress: Progress,
) -> None:
    """Store the winner's embeddings, so that indexing with it embeds nothing that is here."""
    parts = [fingerprints[part] for part in winner.parts]
    fingerprint = Fingerprint.joined(winner.name, parts)
    images = views[winner.parts[0]].images
    dimension = sum(views[part].embeddings.shape[1] for part in winner.parts)
    with VectorStore.open(settings.vectors_dir, fingerprint.sha256, dimension) as store:
        missing = [row for row, image in enumerate(images) if image.sha256 not in store]
        progress.phase("Keeping the winner's embeddings", len(missing))
        for start in range(0, len(missing), _STORED_AT_ONCE):
            rows = missing[start : start + _STORED_AT_ONCE]
            store.append([images[row].sha256 for row in rows], mixed(winner, views, rows))
            progress.advance(len(rows))
