"""A tiny shop on disk: drawn products, a catalogue, a published snapshot; everything that a service needs to start."""

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from PIL import Image, ImageDraw

from app.core.decode_pool import DecodePool
from app.core.embedder import Embedded, Embedder, open_embedder
from app.core.images import ImageLimits
from app.core.probes import probe_images
from app.core.products import ImageRecord, ProductRecord, image_id
from app.core.regions import RegionCodes
from app.core.settings import RuntimeChoice, Settings
from app.core.snapshot_folder import SnapshotFolder
from app.db.database import Database
from indexer.publish import snapshot_facts

COLOURS = ("#b03a2e", "#2471a3", "#239b56", "#d4ac0d", "#7d3c98", "#34495e", "#d35400", "#17202a")
CATEGORIES = ("mugs", "bags", "lamps")


@dataclass(frozen=True, slots=True)
class Shop:
    """Where the shop is, and the photos of its products by product id; the first is the one shown."""

    settings: Settings
    photos: dict[str, list[bytes]]


def draw_product(category: str, colour: str, *, view: int = 0) -> bytes:
    """Return a JPEG of a product; `view` turns it a little, for a second picture of the same thing."""
    image = Image.new("RGB", (320, 320), "#f4f4f2")
    draw = ImageDraw.Draw(image)
    if category == "mugs":
        draw.ellipse((200, 120, 280, 220), outline=colour, width=16)
        draw.rounded_rectangle((80, 90, 220, 260), 20, colour)
        draw.ellipse((80, 75, 220, 110), "#3b2f2f")
    elif category == "bags":
        draw.arc((110, 50, 210, 190), 180, 360, "#4a3423", 12)
        draw.polygon([(70, 130), (250, 130), (275, 275), (45, 275)], colour)
        draw.rectangle((140, 170, 180, 200), "#c9a227")
    else:
        draw.polygon([(110, 60), (210, 60), (260, 170), (60, 170)], colour)
        draw.rectangle((152, 170, 168, 270), "#777777")
        draw.ellipse((100, 260, 220, 285), "#555555")
    out = io.BytesIO()
    image.rotate(4 * view, fillcolor="#f4f4f2").save(out, "JPEG", quality=92, exif=_private_exif())
    return out.getvalue()


def write_shop(root: Path, settings: Settings, *, metrics: Mapping[str, float] | None = None) -> Shop:
    """Write 24 products of 3 categories, the first of each with three pictures, and publish a snapshot of them."""
    photos: dict[str, list[bytes]] = {}
    records: list[ProductRecord] = []
    for category in CATEGORIES:
        for number, colour in enumerate(COLOURS):
            product_id = f"{category}-{number:02d}"
            photos[product_id] = [draw_product(category, colour, view=view) for view in range(3 if number == 0 else 1)]
            records.append(_record(root / "photos", product_id, category, photos[product_id]))
    database = Database(settings.resolved_database_url)
    database.upgrade()
    with database.writing() as catalogue:
        catalogue.upsert_products(records)
    database.close()
    shop = Shop(settings, photos)
    publish(shop, metrics=metrics)
    return shop


def publish(shop: Shop, *, product_ids: Sequence[str] | None = None, metrics: Mapping[str, float] | None = None) -> str:
    """Publish a snapshot of the shop, or of some of its products, with what was measured of it, and return its id."""
    settings = shop.settings
    database = Database(settings.resolved_database_url)
    with database.reading() as catalogue:
        watermark = catalogue.revision()
        products = list(catalogue.iter_products())
    database.close()
    chosen = [product for product in products if product_ids is None or product.id in product_ids]
    photo_of = {
        image_id(product_id, hashlib.sha256(photo).hexdigest()): photo
        for product_id, photos in shop.photos.items()
        for photo in photos
    }
    embedder = _embedder(settings.runtime, settings.threads)
    snapshots = SnapshotFolder(settings.snapshots_dir)
    with (
        DecodePool(1, ImageLimits.from_settings(settings), 20) as pool,
        RegionCodes(settings.regions_dir, embedder.fingerprint.sha256) as codes,
        snapshots.lock(),
    ):
        images = [image for product in chosen for image in product.images]
        embedded = _embed(embedder, pool, [photo_of[image.id] for image in images])
        codes.learn(embedded.regions)
        codes.append([image.sha256 for image in images], codes.encode(embedded.regions))
        temporary = snapshots.write(
            snapshot_facts(embedder, watermark),
            products=chosen,
            embeddings=embedded.embeddings,
            probes=_embed(embedder, pool, probe_images()).embeddings,
        )
        snapshot_id = snapshots.adopt(temporary, metrics)
        snapshots.publish(snapshot_id)
    return snapshot_id


@cache
def _embedder(runtime: RuntimeChoice, threads: int) -> Embedder:
    """Return an embedder; opening one takes a second, and shops are published often."""
    return open_embedder(Settings.load(runtime=runtime, threads=threads), "efficientnet_lite0")


def _embed(embedder: Embedder, pool: DecodePool, photos: Sequence[bytes]) -> Embedded:
    return embedder.embed([pool.prepare(photo, embedder.preprocessings) for photo in photos])


def _record(folder: Path, product_id: str, category: str, photos: Sequence[bytes]) -> ProductRecord:
    folder.mkdir(parents=True, exist_ok=True)
    images = []
    for position, photo in enumerate(photos):
        path = folder / f"{product_id}-{position}.jpg"
        path.write_bytes(photo)
        sha256 = hashlib.sha256(photo).hexdigest()
        images.append(
            ImageRecord(
                id=image_id(product_id, sha256),
                sha256=sha256,
                location=str(path),
                format="JPEG",
                width_px=320,
                height_px=320,
                size_bytes=len(photo),
                position=position,
            )
        )
    return ProductRecord(
        id=product_id,
        title=f"{category.removesuffix('s').title()} {product_id[-2:]}",
        category=category,
        brand="Drawn",
        price=Decimal("19.90"),
        currency="EUR",
        url=f"https://shop.example/{product_id}",
        attributes={"colour": COLOURS[int(product_id[-2:])]},
        images=tuple(images),
    )


def _private_exif() -> Image.Exif:
    """Return EXIF with a camera and a place, which must not leave the shop in a thumbnail."""
    exif = Image.Exif()
    exif[0x010F] = "PRIVATE-CAMERA"
    exif.get_ifd(0x8825)[1] = "N"
    return exif
