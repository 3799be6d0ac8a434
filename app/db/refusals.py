"""
Every query about what was refused: the rows and pictures that the last import, and the last reindex, could not use.

An import looks at everything that its source states, so it replaces both lists; a reindex, which looks at the pictures
of the catalogue, replaces its own.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal

from sqlalchemy import Connection, and_, delete, insert, or_, select

from app.core.errors import InvalidParameter
from app.db.catalogue import CHUNK_ROWS, chunks
from app.db.tables import import_reports, products, refused_pictures

Run = Literal["import", "reindex"]

MAX_PAGE: Final = 100

_CURSOR: Final = re.compile(r"(import|reindex)\.([0-9]{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Refused:
    """
    A row or a picture that is not used, and why.

    Attributes:
        place: File path on the server, address, or row of the source.
        reason: A slug, for scripts.
        message: What was found, in a sentence.
        product_id: As the source states it; None where it states none.
        kept: Whether the picture stays that the catalogue has from this place.
    """

    place: str
    reason: str
    message: str
    product_id: str | None = None
    kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedShown(Refused):
    """One of those, with the run that refused it, and its product's title where the catalogue has that."""

    run: Run
    product_title: str | None


@dataclass(frozen=True, slots=True)
class RunReport:
    """How many rows and pictures a run refused, by reason, and when it was done with looking at them."""

    run: Run
    finished_at: datetime
    refused: dict[str, int]


@dataclass(frozen=True, slots=True)
class RefusedPage:
    """Some of what was refused, in the order in which it was met, and where the next ones begin."""

    refused: tuple[RefusedShown, ...]
    next_cursor: str | None
    """None on the last page."""


class Refusals:
    """What was refused, as one transaction sees it; given by `Database.reading_refusals`, `.changing_refusals`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def replace(self, run: Run, counts: Mapping[str, int], refused: Iterable[Refused]) -> None:
        """
        Put what a run refused in the place of what the last one did.

        Args:
            run: Which kind of run it was.
            counts: How many, by reason.
            refused: One by one; may be fewer than there were.
        """
        over = refused_pictures.c.run == run, import_reports.c.run == run
        for table, is_over in zip((refused_pictures, import_reports), over, strict=True):
            self._connection.execute(delete(table) if run == "import" else delete(table).where(is_over))
        values = {"run": run, "finished_at": datetime.now(UTC), "refused": dict(counts)}
        self._connection.execute(insert(import_reports).values(values))
        rows = ({"run": run, "number": number, **_storable(each)} for number, each in enumerate(refused))
        for some in chunks(rows, CHUNK_ROWS):
            self._connection.execute(insert(refused_pictures), some)

    def reports(self) -> list[RunReport]:
        """Return what the last runs refused, an import first."""
        statement = select(import_reports).order_by(import_reports.c.run)
        return [RunReport(**row) for row in self._connection.execute(statement).mappings()]

    def list(self, *, after: str | None = None, limit: int = 50, reason: str | None = None) -> RefusedPage:
        """
        Return the next `limit` rows and pictures that were refused.

        Args:
            after: `next_cursor` of the page before; None for the first page.
            limit: At least 1 and at most 100.
            reason: Only those of this reason.

        Raises:
            InvalidParameter: The cursor is not one that a page gave.
        """
        run, number = refused_pictures.c.run, refused_pictures.c.number
        columns = [column for column in refused_pictures.columns if column is not number]
        joined = refused_pictures.outerjoin(products, products.c.id == refused_pictures.c.product_id)
        statement = select(*columns, number, products.c.title.label("product_title")).select_from(joined)
        if after is not None:
            after_run, after_number = _position(after)
            statement = statement.where(or_(run > after_run, and_(run == after_run, number > after_number)))
        if reason is not None:
            statement = statement.where(refused_pictures.c.reason == reason)
        found = self._connection.execute(statement.order_by(run, number).limit(limit + 1)).mappings().all()
        shown = tuple(RefusedShown(**{name: row[name] for name in row if name != "number"}) for row in found[:limit])
        last = found[limit - 1] if len(found) > limit else None
        return RefusedPage(shown, None if last is None else f"{last['run']}.{last['number']}")


def _position(cursor: str) -> tuple[str, int]:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise InvalidParameter("The cursor is not one that a page of refused pictures gave.")
    return match[1], int(match[2])


def _storable(refused: Refused) -> dict[str, object]:
    """Return a row; names of files that are no text, and NUL, which no database holds, are shown as they can be."""
    return {
        "place": _text(refused.place),
        "product_id": None if refused.product_id is None else _text(refused.product_id),
        "reason": refused.reason,
        "message": _text(refused.message),
        "kept": refused.kept,
    }


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
