"""What a reindex costs against the first build: whole commands, each a process of its own, start included."""

import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.core.settings import Settings
from tests.benchmarks.living import Living, change_picture, index_photos, run_command
from tests.benchmarks.rows import Row

REPEATS = 3  # of the short commands, each against the one first build; their median counts
MOST_UNCHANGED = 0.08
MOST_CHANGED = 0.12
CHANGED_EVERY = 100


def measure_commands(living: Living) -> Iterator[Row]:
    """Yield the first build's time, and the shares of it that later commands on the same data folder take."""
    settings, photos = living.settings("commands"), living.photos("commands")
    first_s, document = index_photos(settings, photos)
    what = f"first build, `lookalike index` of {document['images']:,} photos, whole command"
    yield Row(living.network, what, f"{first_s:.1f} s")

    again = [index_photos(settings, photos) for _ in range(REPEATS)]
    again_s = statistics.median(seconds for seconds, _ in again)
    yield _share(living, "`lookalike index` again, nothing changed", again_s, first_s)
    phases = ", ".join(f"{name} {s:.1f} s" for name, s in again[-1][1]["seconds"].items())
    yield Row(living.network, "where the last of these spent its time, start and end left out", phases)

    unchanged_s = statistics.median(_reindex(settings, []) for _ in range(REPEATS))
    yield _share(living, "`lookalike reindex`, nothing changed", unchanged_s, first_s, MOST_UNCHANGED)

    changed = [photos[turn::CHANGED_EVERY] for turn in range(REPEATS)]
    changed_s = statistics.median(_reindex(settings, each) for each in changed)
    what = f"`lookalike reindex`, {len(changed[0])} photos (1 %) changed in place"
    yield _share(living, what, changed_s, first_s, MOST_CHANGED)


def _reindex(settings: Settings, changed: Sequence[Path]) -> float:
    """Change these photos and reindex; return the command's seconds after making sure that it did only that."""
    for photo in changed:
        change_picture(photo)
    seconds, printed = run_command(settings, "reindex", "--json")
    embedded = json.loads(printed)["result"]["embedded"]
    if bool(embedded) != bool(changed) or embedded > len(changed):  # fewer where a photo is there twice
        raise RuntimeError(f"{len(changed)} photos were changed, and {embedded} embedded")
    return seconds


def _share(living: Living, what: str, seconds: float, first_s: float, most: float | None = None) -> Row:
    share = seconds / first_s
    is_slow = living.network.startswith("vgg")  # with a quicker network, the start of a process is most of the time
    wanted, met = (f"at most {most}", share <= most) if most and is_slow else ("", None)
    return Row(
        living.network,
        f"{what}, share of the first build (median of {REPEATS})",
        f"{share:.3f}, {seconds:.1f} s",
        wanted,
        met,
    )
