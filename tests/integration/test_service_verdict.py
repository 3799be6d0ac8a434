"""The verdict of the running service: copies of its pictures, things like them, and things that it does not have."""

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from app.core.settings import Settings
from app.main import create_app
from indexer.pipeline import SourceOptions, index_source
from indexer.progress import Silent
from indexer.sample_catalogue import draw_sample_catalogue
from tests.support.changes import AUTHORISED
from tests.support.command_line import Run, run
from tests.support.services import ADMIN_KEY, shop_settings
from tests.support.shop import Shop
from tests.support.waiting import wait_until

__all__ = ["run"]

PRODUCTS = 60
HELD_OUT = 6
ORIENTATION = 0x0112
ROTATED = 6  # the camera was held upright: shown, it is turned clockwise by 90°


def _search(client: TestClient, photo: bytes) -> Any:  # noqa: ANN401  # JSON
    reply = client.post("/search", files={"image": ("photo.jpg", photo)})
    assert reply.status_code == 200, reply.text
    return reply.json()


def _verdict(client: TestClient, photo: bytes) -> str:
    verdict: str = _search(client, photo)["match"]["verdict"]
    return verdict


def _jpeg(image: Image.Image, quality: int = 90, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, **options)
    return out.getvalue()


def _reencoded(image: Image.Image) -> bytes:
    return _jpeg(image, 60)


def _half_size(image: Image.Image) -> bytes:
    return _jpeg(image.resize((image.width // 2, image.height // 2)))


def _cropped(image: Image.Image) -> bytes:
    x, y = round(image.width * 0.05), round(image.height * 0.05)
    return _jpeg(image.crop((x, y, image.width, image.height)))


def _rotated_by_exif(image: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = ROTATED
    return _jpeg(image.transpose(Image.Transpose.ROTATE_90), exif=exif)


def _stripes() -> bytes:
    """Return a picture of nothing that any shop sells."""
    colours = np.random.default_rng(5).integers(0, 256, (8, 40, 3), dtype=np.uint8)
    return _jpeg(Image.fromarray(colours).resize((400, 400), Image.Resampling.NEAREST))


def _index(folder: Path, data_dir: Path) -> Settings:
    settings = shop_settings(data_dir, admin_key=ADMIN_KEY, network="efficientnet_lite0", runtime="openvino-float32")
    index_source(settings, str(folder), SourceOptions(), Silent())
    return settings


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Drawn products that are indexed, and a few that are not."""
    root = tmp_path_factory.mktemp("drawn")
    draw_sample_catalogue(root / "indexed", products=PRODUCTS)
    (root / "held-out").mkdir()
    pictures = sorted((root / "indexed").glob("*/*.jpg"))
    for path in pictures[:: len(pictures) // HELD_OUT][:HELD_OUT]:
        shutil.move(path, root / "held-out" / path.name)
    return root / "indexed", root / "held-out"


@pytest.fixture(scope="module")
def indexed(folders: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The index of them."""
    return _index(folders[0], tmp_path_factory.mktemp("verdicts") / "data")


@pytest.fixture(scope="module")
def judge(indexed: Settings) -> Iterator[TestClient]:
    """A client of the service over it."""
    with TestClient(create_app(indexed)) as client:
        yield client


@pytest.mark.parametrize("change", [_reencoded, _half_size, _cropped, _rotated_by_exif], ids=lambda f: f.__name__[1:])
def test_a_copy_of_a_picture_is_that_very_picture_and_first(
    judge: TestClient,
    folders: tuple[Path, Path],
    change: Any,  # noqa: ANN401
) -> None:
    """However it was saved, shrunk, cropped or turned."""
    for path in sorted(folders[0].glob("*/*.jpg"))[5::20]:
        with Image.open(path) as image:
            answer = _search(judge, change(image.convert("RGB")))
        assert answer["match"]["verdict"] == "exact", path.name
        assert answer["match"]["confidence"] > 0.5
        assert path.stem.split("-")[-1] in answer["results"][0]["product"]["id"]


def test_the_file_itself_is_certain(judge: TestClient, folders: tuple[Path, Path]) -> None:
    """Byte for byte."""
    path = min(folders[0].glob("*/*.jpg"))
    assert _search(judge, path.read_bytes())["match"] == {"verdict": "exact", "confidence": 1}


def test_something_alike_is_similar(judge: TestClient, folders: tuple[Path, Path]) -> None:
    """Drawn by the same hand, and not in the index; one may look like nothing, or just like another one."""
    verdicts = [_verdict(judge, path.read_bytes()) for path in sorted(folders[1].iterdir())]
    assert verdicts.count("similar") >= HELD_OUT - 2, verdicts


def test_something_else_is_nothing(judge: TestClient) -> None:
    """There are results all the same: the closest."""
    answer = _search(judge, _stripes())
    assert answer["match"]["verdict"] == "none"
    assert answer["results"]


def test_a_search_with_a_product_has_no_verdict(judge: TestClient) -> None:
    """It is in the catalogue, as everybody knows."""
    product_id = judge.get("/products?limit=1").json()["products"][0]["id"]
    assert judge.get(f"/products/{product_id}/similar").json()["match"] is None


def test_a_search_that_is_asked_again_has_the_same_verdict(judge: TestClient, folders: tuple[Path, Path]) -> None:
    """Without the photo: what tells it from others was kept."""
    with Image.open(sorted(folders[0].glob("*/*.jpg"))[7]) as image:
        first = _search(judge, _half_size(image.convert("RGB")))
    again = judge.post("/search", files={"query_id": (None, first["query_id"])}).json()
    assert again["match"] == first["match"]


def test_a_product_that_was_put_live_is_the_very_picture(indexed: Settings, tmp_path: Path) -> None:
    """Within a second, and a copy of it too."""
    shutil.copytree(indexed.data_dir, tmp_path / "data")
    with TestClient(create_app(shop_settings(tmp_path / "data", admin_key=ADMIN_KEY))) as client:
        assert _verdict(client, _stripes()) == "none"
        product: dict[str, Any] = {"product": (None, '{"title": "Stripes"}'), "image": ("stripes.jpg", _stripes())}
        assert client.put("/products/stripes", files=product, headers=AUTHORISED).status_code < 300
        wait_until(lambda: client.get("/products/stripes/similar").status_code == 200)
        with Image.open(io.BytesIO(_stripes())) as image:
            answer = _search(client, _half_size(image))
        assert answer["match"]["verdict"] == "exact"
        assert answer["results"][0]["product"]["id"] == "stripes"


def test_an_index_of_few_products_gives_no_verdict(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """Fewer than 20 tell nothing of what is near."""
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(folders[0].glob("*/*.jpg"))[:19]:
        shutil.copy(path, few)
    with TestClient(create_app(_index(few, tmp_path / "data"))) as client:
        assert _search(client, _stripes())["match"] is None


def test_a_head_that_is_trained_now_is_used_by_the_next_search(
    run: Run, own_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service runs on meanwhile: the categories change, the hits do not."""
    monkeypatch.setenv("LOOKALIKE_DATA_DIR", str(own_shop.settings.data_dir))
    monkeypatch.setenv("LOOKALIKE_RUNTIME", "openvino-float32")
    photo = own_shop.photos["mugs-03"][0]
    with TestClient(create_app(own_shop.settings)) as client:
        before = _search(client, photo)
        assert run("train").code == 0
        wait_until(lambda: _search(client, photo)["categories"] != before["categories"])
        after = _search(client, photo)
    assert after["categories"][0]["label"] == "mugs"
    assert {category["label"] for category in after["categories"]} == {"bags", "lamps", "mugs"}
    assert sum(category["probability"] for category in after["categories"]) == pytest.approx(1, abs=1e-4)
    assert after["results"] == before["results"]


def test_real_photos_of_other_things_are_nothing(catalogue_dir: Path, other_photos_dir: Path, tmp_path: Path) -> None:
    """And what the shop sells is not, in four cases of five, with as few as 160 products."""
    photos = sorted(catalogue_dir.glob("*/*.jpg"))
    chosen = photos[:: max(1, len(photos) // 180)]
    for number, path in enumerate(chosen):
        target = tmp_path / ("held-out" if number % 9 == 0 else "indexed") / path.parent.name
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    strangers = sorted(other_photos_dir.rglob("*.jpg"))[:20]
    with TestClient(create_app(_index(tmp_path / "indexed", tmp_path / "data"))) as client:
        nothing = [_verdict(client, path.read_bytes()) == "none" for path in strangers]
        lost = [_verdict(client, path.read_bytes()) == "none" for path in (tmp_path / "held-out").glob("*/*.jpg")]
    assert np.mean(nothing) >= 0.8
    assert np.mean(lost) <= 0.2
