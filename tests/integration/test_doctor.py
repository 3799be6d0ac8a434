"""`lookalike doctor` on a small shop: what was planted is found, told and shown, and nothing else is blamed."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from app.core.decode_pool import DecodePool
from app.core.products import from_line
from app.core.settings import Settings
from app.core.snapshot_folder import SnapshotFolder
from indexer.doctor.document import to_document
from indexer.doctor.examination import examine
from indexer.doctor.findings import Examination, Section
from indexer.progress import Silent
from indexer.sample_catalogue import draw_sample_catalogue
from tests.support.command_line import Run, run
from tests.support.indexing import NETWORK, index_folder, settings
from tests.support.snapshots import random_embeddings, snapshot_facts

__all__ = ["run", "settings"]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of drawn products in several categories, not to be changed."""
    folder = tmp_path_factory.mktemp("drawn") / "shop"
    draw_sample_catalogue(folder, products=48)
    return folder


@pytest.fixture(scope="module")
def sound(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A data folder with an index of it, not to be changed either."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("sound") / "data", network=NETWORK, runtime="openvino-float32")
    index_folder(settings, drawn)
    return settings


@pytest.fixture
def shop(drawn: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(drawn, tmp_path / "shop"))


def examination_of(settings: Settings, source: str | None = None) -> Examination:
    """Look at the catalogue of these settings."""
    with DecodePool.from_settings(settings, size=1) as pool:
        return examine(settings, Silent(), pool, source)


def section_of(examination: Examination, slug: str) -> Section:
    """Return one section."""
    return next(section for section in examination.sections if section.slug == slug)


def names_in(examination: Examination, slug: str) -> set[str]:
    """Return the names of the files that a section blames."""
    return {
        Path(entry.place).name
        for finding in section_of(examination, slug).findings
        for entry in finding.pictures
        if not entry.is_evidence
    }


def pictures_of(folder: Path) -> list[Path]:
    """Return the pictures of a shop."""
    return sorted(path for path in folder.rglob("*") if path.suffix in {".jpg", ".png", ".webp"})


def save(picture: Image.Image, path: Path) -> None:
    """Write a JPEG."""
    picture.convert("RGB").save(path, "JPEG", quality=85)


def test_what_was_planted_is_found(settings: Settings, shop: Path) -> None:
    """Each fault in its own section, and in no other one."""
    files = pictures_of(shop)
    folder = files[0].parent
    (folder / "same.jpg").write_bytes(files[0].read_bytes())
    with Image.open(files[1]) as picture:
        save(picture.resize((picture.width // 2, picture.height // 2)), folder / "half.jpg")
    with Image.open(files[2]) as picture:
        save(picture.filter(ImageFilter.GaussianBlur(picture.width / 40)), folder / "blurred.jpg")
    save(Image.new("RGB", (400, 400), "#eeeeee"), folder / "blank.jpg")
    with Image.open(files[3]) as picture:
        save(picture.resize((32, 32)), folder / "tiny.jpg")
    (folder / "truncated.jpg").write_bytes(files[4].read_bytes()[:2000])
    index_folder(settings, shop)
    files[5].unlink()

    found = examination_of(settings)

    assert names_in(found, "exact-duplicates") == {files[0].name, "same.jpg"}
    assert {files[1].name, "half.jpg"} in [
        {Path(entry.place).name for entry in finding.pictures}
        for finding in section_of(found, "near-duplicates").findings
    ]
    assert "blurred.jpg" in names_in(found, "blurred")
    assert names_in(found, "blank") == {"blank.jpg"}
    assert names_in(found, "tiny") == {"tiny.jpg"}
    assert names_in(found, "broken") == {"truncated.jpg", files[5].name}
    assert found.verdict.startswith("To mend: 2 pictures that cannot be used, 1 blank picture,")


def test_a_sound_shop_is_told_so(sound: Settings) -> None:
    """Nothing that only is as it is counts as a fault; what was found is plain JSON."""
    found = examination_of(sound)

    wrong = {section.slug for section in found.sections if section.kind == "wrong" and section.findings}
    assert wrong == set()
    assert names_in(found, "wrong-categories") == set()
    document = to_document(found)
    assert json.loads(json.dumps(document)) == document


def test_files_that_never_got_into_the_catalogue_are_found_in_the_source(settings: Settings, shop: Path) -> None:
    """A whole folder of broken pictures lies beside none of the catalogue's; the source names it."""
    index_folder(settings, shop)
    (shop / "new").mkdir()
    (shop / "new" / "broken.jpg").write_bytes(b"no picture")
    (shop / "new" / "fine.jpg").write_bytes(pictures_of(shop)[0].read_bytes()[:-1] + b"\xd9 ")
    (shop / "new" / "README.md").write_text("No picture, and not meant to be one.")

    beside, stated = examination_of(settings), examination_of(settings, str(shop))

    assert names_in(beside, "broken") == set()
    assert names_in(stated, "broken") == {"broken.jpg"}
    assert names_in(stated, "not-indexed") == {"fine.jpg"}


def test_a_file_that_was_changed_after_it_was_indexed_is_told(settings: Settings, shop: Path) -> None:
    """The index shows another picture than the folder."""
    index_folder(settings, shop)
    files = pictures_of(shop)
    files[0].write_bytes(files[1].read_bytes() + b" ")

    (finding,) = section_of(examination_of(settings), "broken").findings

    assert finding.facts["reason"] == "changed"
    assert "index again" in finding.pictures[0].note


def test_a_planted_centroid_picture_is_found(sound: Settings, settings: Settings) -> None:
    """Whoever puts a picture into the middle of the catalogue is found out."""
    shutil.copytree(sound.data_dir, settings.data_dir)
    folder = SnapshotFolder(settings.snapshots_dir)
    live = folder.open_live_or_previous().snapshot
    products = [from_line(line) for line in live.products.splitlines()]
    embeddings = np.stack([live.index.embedding(row) for row in range(len(live.index))])
    centre = embeddings.mean(axis=0)
    embeddings[7] = centre / np.linalg.norm(centre)
    with folder.lock():
        probes = random_embeddings(4, embeddings.shape[1], seed=1)
        facts = snapshot_facts(live.manifest.watermark)
        folder.publish(folder.adopt(folder.write(facts, products=products, embeddings=embeddings, probes=probes)))

    found = section_of(examination_of(settings), "hubs").findings

    assert found[0].pictures[0].image_id == live.image_ids[7]
    assert found[0].facts["is_central"] is True


def test_the_command_writes_a_report_and_prints_json(settings: Settings, shop: Path, run: Run, tmp_path: Path) -> None:
    """The page shows what the document tells."""
    (pictures_of(shop)[0].parent / "same.jpg").write_bytes(pictures_of(shop)[0].read_bytes())
    index_folder(settings, shop)
    page = tmp_path / "out" / "doctor.html"

    outcome = run("doctor", "--data-dir", settings.data_dir, "--output", page, "--json")

    document = json.loads(outcome.out)
    assert outcome.code == 0
    assert document["counts"]["exact-duplicates"] == 1
    (finding,) = document["findings"]["exact-duplicates"]
    html = page.read_text(encoding="utf-8")
    assert document["report"] == str(page)
    assert document["verdict"] in html
    for picture in finding["pictures"]:
        assert picture["product_id"] in html
    assert html.count("data:image/jpeg;base64,") >= 2


def test_the_command_prints_a_table_and_where_the_report_is(sound: Settings, run: Run) -> None:
    """Without --output it is in the data folder."""
    outcome = run("doctor", "--data-dir", sound.data_dir)

    assert outcome.code == 0
    assert "Cannot be used" in outcome.out
    assert (sound.data_dir / "reports" / "doctor.html").is_file()


def test_without_an_index_there_is_nothing_to_look_at(run: Run, tmp_path: Path) -> None:
    """The message says how to make one, and nothing is created."""
    outcome = run("doctor", "--data-dir", tmp_path / "none")

    assert outcome.code == 1
    assert "lookalike index FOLDER" in outcome.error
    assert not (tmp_path / "none").exists()


@pytest.mark.real_photos
def test_copies_and_broken_pictures_among_real_photos_are_found(
    settings: Settings, catalogue_dir: Path, tmp_path: Path
) -> None:
    """Among 180 photos of nine categories: each copy and each broken picture, and hardly anything else."""
    shop = tmp_path / "real"
    for category in sorted(path for path in catalogue_dir.iterdir() if path.is_dir()):
        (shop / category.name).mkdir(parents=True)
        for photo in sorted(category.iterdir())[:20]:
            (shop / category.name / photo.name).write_bytes(photo.read_bytes())
    files = pictures_of(shop)
    for number, path in enumerate(files[::20]):
        copy = path.with_name(f"copy-{path.name}")
        with Image.open(path) as picture:
            width_px, height_px = picture.size
            less_px = round(0.05 * width_px)
            if number % 2:
                save(picture.crop((less_px, 0, width_px, height_px - less_px)), copy)
            else:
                save(picture.resize((width_px // 2, height_px // 2)), copy)
    for path in files[5::20]:
        output = io.BytesIO()
        Image.open(path).filter(ImageFilter.GaussianBlur(4)).save(output, "JPEG")
        path.write_bytes(output.getvalue())
    index_folder(settings, shop)

    found = examination_of(settings)

    groups = [{Path(entry.place).name for entry in f.pictures} for f in section_of(found, "near-duplicates").findings]
    planted = [{path.name, f"copy-{path.name}"} for path in files[::20]]
    assert sum(pair in groups for pair in planted) >= len(planted) - 1
    assert len(groups) <= len(planted) + 1
    assert names_in(found, "blurred") == {path.name for path in files[5::20]}
