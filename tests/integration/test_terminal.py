"""What the commands show on a terminal of 80 columns."""

from pathlib import Path

import pytest

from tests.support.shop import draw_product
from tests.support.terminal import Seen, on_terminal

BAR = "━━━"
ENVIRONMENT = {"LOOKALIKE_RUNTIME": "openvino-float32", "LOOKALIKE_NETWORK": "efficientnet_lite0"}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the index of this module is."""
    return tmp_path_factory.mktemp("terminal") / "data"


@pytest.fixture(scope="module")
def indexed(data_dir: Path) -> Seen:
    """Three drawn products and a file that is no picture, indexed on a terminal."""
    folder = data_dir.parent / "photos" / "mugs"
    folder.mkdir(parents=True)
    for number, colour in enumerate(("#b03a2e", "#2471a3", "#239b56")):
        (folder / f"mug-{number}.jpg").write_bytes(draw_product("mugs", colour))
    (folder / "notes.jpg").write_bytes(b"a text")
    return on_terminal("index", folder.parent, "--data-dir", data_dir, environment=ENVIRONMENT)


def test_indexing_draws_bars_and_tells_of_what_it_skips(indexed: Seen) -> None:
    """The live display ends well; the skipped file is counted below the bars while they are drawn."""
    assert (indexed.code, "Traceback" in indexed.text) == (0, False), indexed.text
    assert BAR in indexed.text
    assert "skipped 1 (1 not-an-image)" in indexed.text
    assert "3 products with 3 pictures" in indexed.text


def test_reindexing_draws_bars(indexed: Seen, data_dir: Path) -> None:
    """The same display, of a job."""
    assert indexed.code == 0, indexed.text

    seen = on_terminal("reindex", "--full", "--data-dir", data_dir, environment=ENVIRONMENT)

    assert (seen.code, "Traceback" in seen.text) == (0, False), seen.text
    assert BAR in seen.text
    assert "is live" in seen.text
