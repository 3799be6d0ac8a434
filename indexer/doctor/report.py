"""An examination as a page to look at."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.core.decode_pool import DecodePool
from indexer.doctor.findings import Entry, Examination, Finding, Section
from indexer.progress import Progress
from indexer.reports import THUMBNAIL_PX, render, thumbnail_uris

LISTED: Final = 60
"""Findings of one kind that the page shows; beyond that it says how many more the JSON document has."""
_SHOWN_TOGETHER: Final = 8


@dataclass(frozen=True, slots=True)
class _Shown:
    """A section as the page shows it."""

    section: Section
    findings: tuple[Finding, ...]
    more: int


def to_html(examination: Examination, pool: DecodePool, progress: Progress) -> str:
    """Return the page, with thumbnails of what it shows."""
    shown = [
        _Shown(section, section.findings[:LISTED], max(len(section.findings) - LISTED, 0))
        for section in examination.sections
    ]
    places = {
        entry.place
        for part in shown
        for finding in part.findings
        for entry in finding.pictures[:_SHOWN_TOGETHER]
        if _is_file(entry)
    }
    progress.phase("Making thumbnails", len(places))
    thumbnails = thumbnail_uris({place: Path(place) for place in places}, THUMBNAIL_PX, pool, progress.advance)
    return render(
        "doctor.html",
        examination=examination,
        shown=shown,
        thumbnails=thumbnails,
        together=_SHOWN_TOGETHER,
    )


def _is_file(entry: Entry) -> bool:
    return Path(entry.place).is_absolute()
