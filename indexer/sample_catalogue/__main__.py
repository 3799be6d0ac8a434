"""
Draws the sample catalogue into a folder, with a feed of it: a shop to try feeds with, for whoever has none at hand.

    python -m indexer.sample_catalogue FOLDER [--products 480] [--address http://127.0.0.1:9000]
"""

import argparse
import sys
from pathlib import Path

from app.core.errors import LookalikeError
from indexer.sample_catalogue import draw_sample_catalogue
from indexer.sample_catalogue.feed import write_sample_feed

TOLD_EVERY = 100


def main() -> None:
    """Draw what is not there yet, and write the feed anew."""
    parser = argparse.ArgumentParser(
        prog="python -m indexer.sample_catalogue", description="Draw a sample catalogue, with a feed of it."
    )
    parser.add_argument("folder", type=Path, help="folder to draw into")
    parser.add_argument("--products", type=int, default=480, help="how many products (%(default)s)")
    parser.add_argument(
        "--address", default="http://127.0.0.1:9000", help="where the folder will be served (%(default)s)"
    )
    arguments = parser.parse_args()
    try:
        draw_sample_catalogue(arguments.folder, products=arguments.products, on_progress=_tell)
        feed = write_sample_feed(arguments.folder, arguments.address)
    except LookalikeError as error:
        parser.exit(1, f"Error: {error.message}\n")
    sys.stdout.write(f"{feed} states {arguments.products:,} products with pictures at {arguments.address}.\n")


def _tell(done: int, total: int) -> None:
    if done % TOLD_EVERY == 0:
        sys.stderr.write(f"Drawing: {done:,} of {total:,}\n")


if __name__ == "__main__":
    main()
