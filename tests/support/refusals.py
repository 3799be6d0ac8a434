"""What a run refused, for tests."""

from collections import Counter
from dataclasses import replace

from app.db.database import Database
from app.db.refusals import Refused, Run

_REFUSED = Refused(place="", product_id=None, reason="not-an-image", message="The file is not an image.")


def refused(number: int, reason: str = "not-an-image", **fields: object) -> Refused:
    """Return a picture that was refused, of the product with this number."""
    place, product_id = f"/shop/photos/mugs/{number}.jpg", f"mug-{number}"
    return replace(_REFUSED, **{"place": place, "product_id": product_id, "reason": reason, **fields})  # type: ignore[arg-type]


def note(database: Database, run: Run, *items: Refused) -> None:
    """Write down what a run refused."""
    with database.changing_refusals() as refusals:
        refusals.replace(run, Counter(each.reason for each in items), items)
