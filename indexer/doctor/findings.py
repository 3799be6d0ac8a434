"""What an examination finds, section by section; the report and the JSON document are made of this alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import JsonValue

from indexer.doctor.shown import ShownPicture


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One picture in a finding.

    `place` is its file or address; the product is None for a file that belongs to none, the picture's id for one that
    is not in the index.
    """

    place: str
    product_id: str | None
    image_id: str | None = None
    title: str = ""
    category: str | None = None
    url: str | None = None
    note: str = ""
    is_evidence: bool = False
    """Shown to compare with; nothing is wrong with it."""

    @classmethod
    def of(cls, picture: ShownPicture, note: str = "", *, is_evidence: bool = False) -> "Entry":
        """Return the entry of a picture that is in the index."""
        product = picture.product
        return cls(
            picture.location,
            product.id,
            picture.image_id,
            product.title,
            product.category,
            product.url,
            note,
            is_evidence,
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to look at: a picture, or several that belong together; `facts` are for scripts."""

    pictures: tuple[Entry, ...]
    note: str = ""
    facts: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Section:
    """
    All findings of one kind, the worst first.

    Attributes:
        slug: Stable, for scripts.
        title: What is wrong, in two or three words.
        counted: The same with a number before it, in the singular and in the plural, as in "3 blurred pictures".
        meaning: What it does to a shopper's search.
        advice: What to do, in a sentence.
        kind: Whether it is wrong, or suspected to be and all may be as it should, or only good to know.
    """

    slug: str
    title: str
    counted: tuple[str, str]
    meaning: str
    advice: str
    findings: tuple[Finding, ...]
    kind: Literal["wrong", "suspected", "note"] = "wrong"

    @property
    def told(self) -> str:
        """How many there are of what."""
        return f"{len(self.findings):,} {self.counted[len(self.findings) != 1]}"


@dataclass(frozen=True, slots=True)
class Examination:
    """What was looked at, and what was found."""

    snapshot_id: str
    network: str
    products: int
    images: int
    sections: tuple[Section, ...]
    figures: Mapping[str, JsonValue]
    """Measured on the way: thresholds and distributions, for scripts and for whoever wants to know why."""
    seconds: Mapping[str, float]

    @property
    def verdict(self) -> str:
        """The whole in a sentence or two."""
        told = []
        for kind, beginning in (("wrong", "To mend"), ("suspected", "To check")):
            found = [section.told for section in self.sections if section.kind == kind and section.findings]
            if found:
                told.append(f"{beginning}: {_listed(found)}.")
        return " ".join(told) or f"All {self.images:,} pictures can be used, and none stands out."


def _listed(texts: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(texts[:-1]), texts[-1])))
