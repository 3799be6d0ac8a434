"""The sections of a report about the pictures of the index: what was found, and what to do about each kind."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from app.core.arrays import Int32Array
from indexer.doctor.duplicates import NearGroup, exact_groups
from indexer.doctor.findings import Entry, Finding, Section
from indexer.doctor.hubs import Hubness
from indexer.doctor.inspection import Inspection
from indexer.doctor.labels import Judgement
from indexer.doctor.neighbours import NEIGHBOURS, Neighbours
from indexer.doctor.shown import ShownPicture
from indexer.doctor.thresholds import WRONG_FROM, Limits

_EVIDENCE = 3  # neighbours that are shown beside a suspected wrong category


@dataclass(frozen=True, eq=False, slots=True)
class Looked:
    """All that was measured of the pictures of the index."""

    pictures: Sequence[ShownPicture]
    row_products: Int32Array
    neighbours: Neighbours
    inspection: Inspection
    hubness: Hubness
    judgement: Judgement | None
    near: Sequence[NearGroup]
    limits: Limits


def unusable(looked: Looked) -> list[Finding]:
    """Return the pictures of the index whose files are gone, changed or broken by now."""
    return [
        Finding((Entry.of(looked.pictures[row], why.message),), facts={"reason": why.reason})
        for row, why in sorted(looked.inspection.unusable.items())
    ]


def broken(findings: tuple[Finding, ...]) -> Section:
    """Return the pictures that cannot be used, in the index and outside."""
    return Section(
        "broken",
        "Cannot be used",
        ("picture that cannot be used", "pictures that cannot be used"),
        "These files are gone, changed, broken, or of a kind that is not read. A product without any other picture "
        "cannot be found, or is shown with a gap.",
        "Upload the pictures again as JPEG, PNG or WebP, or remove the files; then index again.",
        findings,
    )


def not_indexed(findings: tuple[Finding, ...]) -> Section:
    """Return the pictures that are fine and not in the index."""
    return Section(
        "not-indexed",
        "Not in the index",
        ("picture that is not in the index", "pictures that are not in the index"),
        "These pictures can be opened, yet no search finds them.",
        "Where they belong to products, import them with “lookalike index” and the folder or feed.",
        findings,
        kind="note",
    )


def exact_duplicates(looked: Looked) -> Section:
    """Return the files that are the picture of several products."""
    groups = exact_groups(looked.pictures)
    return Section(
        "exact-duplicates",
        "The same file for several products",
        ("file that several products share", "files that several products share"),
        "A search that finds one of these products finds all of them, with the same score: they take places in the "
        "results from products that look different.",
        "Where it is one product that was entered twice, remove one. Where they are different products, give each its "
        "own photo. One file for many products is usually a placeholder such as “no photo yet”: remove it, so that "
        "they are not shown for it.",
        tuple(
            Finding(
                tuple(Entry.of(looked.pictures[row]) for row in rows),
                note=f"{len(rows)} products",
                facts={"sha256": looked.pictures[rows[0]].sha256},
            )
            for rows in groups
        ),
    )


def near_duplicates(looked: Looked) -> Section:
    """Return copies of one picture under several products."""
    return Section(
        "near-duplicates",
        "Copies of a picture under another product",
        ("picture with copies under other products", "pictures with copies under other products"),
        "These files differ, yet show the same photo: encoded anew, resized or cropped. In the results they stand "
        "beside each other.",
        "Compare the products: remove one that was entered twice, or give each variant its own photo.",
        tuple(
            Finding(
                tuple(Entry.of(looked.pictures[row]) for row in group.rows),
                note=f"{len(group.rows)} pictures, score {group.score:.3f}",
                facts={"score": round(group.score, 4)},
            )
            for group in looked.near
        ),
        kind="suspected",
    )


def wrong_categories(looked: Looked) -> Section:
    """Return the pictures that look like another category."""
    judgement = looked.judgement
    findings = []
    if judgement is not None:
        rows = np.flatnonzero(judgement.wrong >= WRONG_FROM)
        surest_first = rows[np.argsort(-judgement.wrong[rows], kind="stable")]
        findings = [_wrong_category(looked, judgement, int(row)) for row in surest_first]
    return Section(
        "wrong-categories",
        "Perhaps in the wrong category",
        ("product that is perhaps in the wrong category", "products that are perhaps in the wrong category"),
        "These pictures look like those of another category, and unlike those of their own. Filters on the category "
        "hide them from who looks for them, and photos that are like them are put into the wrong category.",
        "Correct the category in the shop, then index again. Where the category is right, the picture may show "
        "something else than the product, such as a whole outfit.",
        tuple(findings),
        kind="suspected",
    )


def _wrong_category(looked: Looked, judgement: Judgement, row: int) -> Finding:
    picture = looked.pictures[row]
    suggested = judgement.categories[judgement.suggested[row]]
    confidence = float(judgement.wrong[row])
    others = [int(other) for other in looked.neighbours.rows[row, :_EVIDENCE] if other >= 0]
    return Finding(
        (
            Entry.of(picture, f"In {picture.product.category}; looks like {suggested}."),
            *(Entry.of(looked.pictures[other], "Looks alike", is_evidence=True) for other in others),
        ),
        note=f"{picture.product.category} → {suggested}, {min(confidence, 0.99):.0%} likely",
        facts={"category": picture.product.category, "suggested": suggested, "confidence": round(confidence, 4)},
    )


def tiny(looked: Looked) -> Section:
    """Return the pictures with too few pixels."""
    limit_px = looked.limits.tiny_px
    found = [picture for picture in looked.pictures if _is_tiny(picture, limit_px)]
    found.sort(key=lambda picture: picture.width_px * picture.height_px)
    return Section(
        "tiny",
        "Too small",
        ("picture that is too small", "pictures that are too small"),
        f"A side has fewer than {limit_px} pixels. Too little can be seen to compare, and shoppers see a blur.",
        "Upload the photo in its original size, 500 pixels or more a side.",
        tuple(
            Finding(
                (Entry.of(picture, f"{picture.width_px} x {picture.height_px} pixels"),),
                facts={"width_px": picture.width_px, "height_px": picture.height_px},
            )
            for picture in found
        ),
    )


def _is_tiny(picture: ShownPicture, limit_px: int) -> bool:
    return min(picture.width_px, picture.height_px) < limit_px


def blurred(looked: Looked) -> Section:
    """Return the pictures in which nothing is sharp, for no other reason that is told."""
    inspection, limits = looked.inspection, looked.limits
    is_blurred = inspection.is_usable & (inspection.blur > limits.blur) & (inspection.contrast >= limits.contrast)
    rows = np.array(
        [row for row in np.flatnonzero(is_blurred).tolist() if not _is_tiny(looked.pictures[row], limits.tiny_px)],
        np.int64,
    )
    return Section(
        "blurred",
        "Blurred",
        ("blurred picture", "blurred pictures"),
        "No part of these pictures is sharp. What tells products apart, such as a weave or a seam, is lost, so they "
        "are found for other blurred things rather than for what they show.",
        "Take or upload a sharp photo. A small picture that was enlarged looks the same: upload the original.",
        _measured(looked, rows[np.argsort(-inspection.blur[rows])], "blur", inspection.blur),
        kind="suspected",
    )


def blank(looked: Looked) -> Section:
    """Return the pictures that show next to nothing."""
    inspection = looked.inspection
    rows = np.flatnonzero(inspection.is_usable & (inspection.contrast < looked.limits.contrast))
    return Section(
        "blank",
        "Blank",
        ("blank picture", "blank pictures"),
        "These pictures are nearly one colour: there is nothing in them to search by.",
        "Upload a photo of the product, or remove the picture if the product has others.",
        _measured(looked, rows[np.argsort(inspection.contrast[rows])], "contrast", inspection.contrast),
    )


def _measured(
    looked: Looked, rows: Iterable[int], name: str, values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
) -> tuple[Finding, ...]:
    return tuple(Finding((Entry.of(looked.pictures[row]),), facts={name: round(float(values[row]), 4)}) for row in rows)


def hubs(looked: Looked) -> Section:
    """Return the pictures that turn up for everything."""
    hubness = looked.hubness
    searches = len(looked.pictures)
    rows = list(dict.fromkeys([*hubness.hub_rows.tolist(), *hubness.central_rows.tolist()]))
    return Section(
        "hubs",
        "Turns up for everything",
        ("picture that turns up for everything", "pictures that turn up for everything"),
        "A picture is among the ten hits of ten others on average. These are among those of many more, or look like a "
        "mixture of the whole catalogue, and push aside what is really alike.",
        "Look for what makes the picture ordinary: a collage, several products, a logo, a size chart, much background. "
        "A photo of the product alone helps.",
        tuple(
            Finding(
                (Entry.of(looked.pictures[row], f"Among the ten hits of {int(hubness.occurrences[row]):,} searches"),),
                facts={
                    "occurrences": int(hubness.occurrences[row]),
                    "share": round(float(hubness.occurrences[row]) / searches, 4),
                    "is_central": row in hubness.central_rows,
                },
            )
            for row in rows
        ),
        kind="suspected",
    )


def unreached(looked: Looked, flagged: frozenset[str]) -> Section:
    """Return the products that no other product's picture leads to; those with a finding (`flagged`) come first."""
    first_rows: dict[str, ShownPicture] = {}
    for picture in looked.pictures:
        first_rows.setdefault(picture.product.id, picture)
    products = list(first_rows.values())
    nearest = _nearest(looked, len(products))
    found = [(products[number], float(nearest[number])) for number in looked.hubness.unreached]
    found.sort(key=lambda each: (each[0].product.id not in flagged, each[1]))
    return Section(
        "unreached",
        "Found by no other product",
        ("product that no other one leads to", "products that no other one leads to"),
        f"These are never among the {NEIGHBOURS} products that are shown for another product's picture. Rare things "
        "have few lookalikes, so that every catalogue has such products; a shopper finds them only with a photo of "
        "just this thing.",
        "Begin with those that have another finding too: a better picture or the right category brings them back. A "
        "second photo from another side gives every one of them another chance.",
        tuple(
            Finding(
                (Entry.of(picture, _reason(picture, score, flagged)),),
                facts={"nearest_score": round(score, 4), "has_other_findings": picture.product.id in flagged},
            )
            for picture, score in found
        ),
        kind="note",
    )


def _nearest(looked: Looked, products: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return for each product the best score that any of its pictures has with another product's."""
    best = np.full(products, -2, np.float32)
    np.maximum.at(best, looked.row_products, looked.neighbours.scores[:, 0])
    return best


def _reason(picture: ShownPicture, score: float, flagged: frozenset[str]) -> str:
    told = f"Most similar product: score {score:.2f}"
    return f"{told}; has another finding" if picture.product.id in flagged else told
