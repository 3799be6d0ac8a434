"""GET /catalogue and /catalogue/refused: what there is, and what was refused on the way in."""

from collections import Counter
from typing import Annotated, Final

from fastapi import APIRouter, Query

from app.api.authorisation import catalogue_scope
from app.api.dependencies import Service
from app.api.openapi import KEY_ERRORS, key_of_scope, problems
from app.api.parameters import only_query
from app.api.schemas_catalogue import CatalogueSummary, RefusedItem, RefusedList, RefusedReason, RunShown
from app.core.errors import DatabaseError, Unavailable
from app.db.records import CatalogueCounts
from app.db.refusals import MAX_PAGE, RefusedPage, RefusedShown, RunReport
from app.search.refusals import shown_place, words_of

_ANY: Final = (*KEY_ERRORS, Unavailable, DatabaseError)

router = APIRouter(tags=["catalogue"], dependencies=[catalogue_scope])


@router.get(
    "/catalogue",
    summary="Show what the catalogue holds",
    responses=problems(*_ANY),
    dependencies=[only_query()],
    openapi_extra=key_of_scope("catalogue"),
)
async def show_catalogue(service: Service) -> CatalogueSummary:
    """Return counts of products, pictures and categories, and of what the last runs refused, by reason."""

    def read() -> tuple[CatalogueCounts, list[RunReport]]:
        with service.database.reading() as catalogue, service.database.reading_refusals() as refusals:
            return catalogue.counts(), refusals.reports()

    return _summary(*await service.catalogue.run(read))


@router.get(
    "/catalogue/refused",
    summary="List rows and pictures that were refused",
    responses=problems(*_ANY),
    dependencies=[only_query("cursor", "limit", "reason")],
    openapi_extra=key_of_scope("catalogue"),
)
async def list_refused(
    service: Service,
    cursor: Annotated[str | None, Query(max_length=100, description="next_cursor of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE, description="Items on a page.")] = 50,
    reason: Annotated[str | None, Query(pattern="^[a-z0-9-]{1,60}$", description="Only those of this reason.")] = None,
) -> RefusedList:
    """Return what the last import refused, and a reindex since, page by page: which, why, and what to do."""

    def read() -> RefusedPage:
        with service.database.reading_refusals() as refusals:
            return refusals.list(after=cursor, limit=limit, reason=reason)

    page = await service.catalogue.run(read)
    return RefusedList(refused=[_item(each) for each in page.refused], next_cursor=page.next_cursor)


def _summary(counts: CatalogueCounts, reports: list[RunReport]) -> CatalogueSummary:
    refused: Counter[str] = Counter()
    for report in reports:
        refused.update(report.refused)
    return CatalogueSummary(
        products=counts.products,
        images=counts.images,
        categories=counts.categories,
        refused=refused.total(),
        reasons=[
            RefusedReason(reason=reason, **words_of(reason)._asdict(), count=count)
            for reason, count in refused.most_common()
        ],
        runs=[
            RunShown(run=report.run, finished_at=report.finished_at, refused=sum(report.refused.values()))
            for report in reports
        ],
    )


def _item(refused: RefusedShown) -> RefusedItem:
    return RefusedItem(
        place=shown_place(refused.place),
        product_id=refused.product_id,
        product_title=refused.product_title,
        reason=refused.reason,
        **words_of(refused.reason)._asdict(),
        message=refused.message,
        kept=refused.kept,
        run=refused.run,
    )
