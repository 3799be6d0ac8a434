"""What README tells a shop to type about its catalogue, typed: for a few products, or for 5,000 with `make soak`."""

import json
import os
import re
import sys
from contextlib import closing
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from app.core.settings import Settings
from app.db.database import Database
from tests.support.image_check import free_port
from tests.support.jobs import newest
from tests.support.scripts import run_script
from tests.support.soak import SOAK, sample, seeded
from tests.support.sources import REPOSITORY

PRODUCTS = sample(48, soak=5000)
LONGEST_S = 7200 if SOAK else 900  # a quiet machine takes a minute for few products
NEWEST = """$(lookalike snapshots list --json | grep --max-count 1 '"id"' | cut -d '"' -f 4)"""


def _section() -> list[str]:
    """Return what is to be typed, block by block."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    section = readme.partition("\n## Your catalogue\n")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def _script(web_port: int, port: int) -> str:
    """Return the blocks as one script, on other ports and fewer products, that waits where a person would."""
    shop, service = f"127.0.0.1:{web_port}", f"127.0.0.1:{port}"
    waits = {
        "http.server": f"until curl -sf http://{shop}/feed.csv >/dev/null; do sleep 0.1; done\n",
        "lookalike serve 2>": f"until curl -sf http://{service}/readyz >/dev/null; do sleep 0.2; done\n",
        "/reindex": "until lookalike jobs list --limit 1 --json | grep -E 'succeeded|failed' >&2; do sleep 0.5; done\n",
    }
    blocks = _section()
    for sign, wait in waits.items():
        (place,) = (place for place, block in enumerate(blocks) if sign in block)
        blocks[place] += wait
    script = "set -euo pipefail\n" + "\n".join(blocks)
    kill_s = seeded().uniform(1, 60 if SOAK else 8)
    for old, new in (
        ("--products 5000", f"--products {PRODUCTS}"),
        ("http.server 9000", f"http.server {web_port}"),
        ("127.0.0.1:9000", shop),
        ("127.0.0.1:8000", service),
        ("timeout -s KILL 60", f"! timeout -s KILL {kill_s:.1f}"),
        ("publish ID", f"publish {NEWEST}"),
    ):
        assert old in script, old
        script = script.replace(old, new)
    return script


def _environment(port: int) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("LOOKALIKE_")},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LOOKALIKE_NETWORK": "efficientnet_lite0",
        "LOOKALIKE_RUNTIME": "torch-float32",
        "LOOKALIKE_THREADS": "1",
        "LOOKALIKE_PORT": str(port),
    }


@pytest.mark.soak
@pytest.mark.timeout(LONGEST_S + 60)
def test_the_readme_walks_a_catalogue_through_its_life(tmp_path: Path) -> None:
    """Indexed, killed, resumed, changed, reindexed, rolled back, published, changed live, reindexed by a job."""
    port = free_port()
    printed = run_script(_script(free_port(), port), tmp_path, _environment(port), longest_s=LONGEST_S)

    assert f"{PRODUCTS:,} products with {PRODUCTS:,} pictures" in printed
    changed = min(50, PRODUCTS - 1)
    assert re.search(rf"changed +│ +{changed} ", printed)
    assert re.search(r"removed +│ +1 ", printed)
    assert re.search(r"refused +│ +0 ", printed)
    live = [name for name, _ in groupby(re.findall(r"napshot (\S+) (?:is|stays) live", printed))]
    assert live == [live[0], live[1], live[0], live[1]]
    answer: dict[str, Any] = json.JSONDecoder().raw_decode(printed, printed.index('{"request_id"'))[0]
    assert set(answer["facets"]) == {"category", "brand"}
    assert all(Decimal(str(result["product"]["price"])) < 10 for result in answer["results"])
    settings = Settings(data_dir=tmp_path / "shop-data")
    with closing(Database(settings.resolved_database_url)) as database:
        job = newest(database)
        with database.reading() as catalogue:
            assert catalogue.counts().products == PRODUCTS - 1
            assert catalogue.get_product("mug-1") is None
    assert job is not None
    assert (job.state, job.refused) == ("succeeded", {})
