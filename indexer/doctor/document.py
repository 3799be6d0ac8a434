"""An examination as a JSON document, for scripts."""

from pydantic import JsonValue

from indexer.doctor.findings import Entry, Examination, Finding


def to_document(examination: Examination) -> dict[str, JsonValue]:
    """Return everything that was found; `findings` holds a list for each kind, the worst first."""
    return {
        "verdict": examination.verdict,
        "snapshot": {"id": examination.snapshot_id, "network": examination.network},
        "products": examination.products,
        "images": examination.images,
        "counts": {section.slug: len(section.findings) for section in examination.sections},
        "findings": {
            section.slug: [_finding(finding) for finding in section.findings] for section in examination.sections
        },
        "advice": {section.slug: section.advice for section in examination.sections if section.findings},
        "figures": dict(examination.figures),
        "seconds": dict(examination.seconds),
    }


def _finding(finding: Finding) -> dict[str, JsonValue]:
    document: dict[str, JsonValue] = dict(finding.facts)
    document["pictures"] = [_entry(entry) for entry in finding.pictures if not entry.is_evidence]
    if evidence := [_entry(entry) for entry in finding.pictures if entry.is_evidence]:
        document["compared_with"] = evidence
    return document


def _entry(entry: Entry) -> JsonValue:
    document: dict[str, JsonValue] = {
        "product_id": entry.product_id,
        "image_id": entry.image_id,
        "title": entry.title,
        "category": entry.category,
        "place": entry.place,
    }
    if entry.note:
        document["note"] = entry.note
    return document
