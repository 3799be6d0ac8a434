"""The drawn sample catalogue as a shop states its own: a feed of products whose pictures are on a web server."""

import csv
from pathlib import Path

from app.core.files import storage_errors

FEED = "feed.csv"
COLUMNS = ("id", "title", "category", "brand", "price", "currency", "availability", "image", "season")
_BRANDS = ("Aster", "Birch", "Clover", "Dune", "Ember")
_SEASONS = ("spring", "summer", "autumn", "winter")


def write_sample_feed(folder: Path, address: str) -> Path:
    """
    Write a feed beside the pictures that `draw_sample_catalogue` drew, and return its path.

    `address` is that of a server that serves the folder. The same pictures are always stated the same.

    Raises DataDirNotWritable and DiskFull.
    """
    pictures = sorted(folder.glob("*/*.jpg"), key=_number)
    with storage_errors(folder), (folder / FEED).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_row(picture, address.rstrip("/")) for picture in pictures)
    return folder / FEED


def _number(picture: Path) -> int:
    """Return the number at the end of a picture's name, which no other has."""
    return int(picture.stem.rpartition("-")[2])


def _row(picture: Path, address: str) -> tuple[str, ...]:
    number, category = _number(picture), picture.parent.name
    return (
        f"{category}-{number}",
        picture.stem.rpartition("-")[0].replace("-", " ").capitalize(),
        category,
        _BRANDS[number % len(_BRANDS)],
        f"{5 + 7 * number % 95}.00",
        "EUR",
        "out_of_stock" if number % 9 == 0 else "in_stock",
        f"{address}/{category}/{picture.name}",
        _SEASONS[number % len(_SEASONS)],
    )
