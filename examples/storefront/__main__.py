"""
Starts the shop, and Lookalike for it, with the commands that a shop's developer would type.

    python -m examples.storefront [--folder storefront-data] [--port 9000] [--service-port 8000]

It states its products in a feed, has that indexed, creates a publishable key for its own origin, and serves. Searches
without a key are off, so that the pages search as a customer's would.
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

import uvicorn
from fastapi import FastAPI

from app.core.errors import LookalikeError
from examples.storefront.shop import NAME, create_shop
from indexer.sample_catalogue import draw_sample_catalogue

PRODUCTS: Final = 480
READY_S: Final = 120.0


def main() -> None:
    """Run until stopped."""
    parser = argparse.ArgumentParser(prog="python -m examples.storefront", description="A small shop to try, or copy.")
    parser.add_argument("--folder", type=Path, default=Path("storefront-data"), help="for all data (%(default)s)")
    parser.add_argument("--port", type=int, default=9000, help="of the shop (%(default)s)")
    parser.add_argument("--service-port", type=int, default=8000, help="of Lookalike (%(default)s)")
    parser.add_argument("--products", type=int, default=PRODUCTS, help="how many are drawn (%(default)s)")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # so that the service ends as well
    try:
        draw_sample_catalogue(arguments.folder / "pictures", products=arguments.products, on_progress=_tell)
        run(arguments.folder, arguments.port, arguments.service_port)
    except LookalikeError as error:
        parser.exit(1, f"Error: {error.message}\n")
    except subprocess.CalledProcessError as error:
        parser.exit(error.returncode)  # it has said why
    except KeyboardInterrupt:
        parser.exit(0)


def run(folder: Path, port: int, service_port: int) -> None:
    """Serve the shop of a folder of drawn pictures, and the service for it, until one of them ends."""
    origin, endpoint = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{service_port}"
    environment = {
        **os.environ,
        "LOOKALIKE_DATA_DIR": str(folder / "lookalike-data"),
        "LOOKALIKE_FETCH_TRUSTED": origin,
        "LOOKALIKE_KEYLESS_SEARCH": "nobody",
    }
    shop = create_shop(folder / "pictures", origin, endpoint)
    with serving(shop, port):
        _lookalike("index", f"{origin}/feed.csv", environment=environment)
        shop.state.key = _key(folder / f"key-{port}", origin, environment)
        command = [sys.executable, "-m", "lookalike", "serve", "--port", str(service_port)]
        with subprocess.Popen(command, env=environment, stderr=(folder / "service.log").open("w")) as service:
            try:
                _wait_until_ready(endpoint, service)
                sys.stdout.write(f"\n{NAME} is at {origin}; what the service says is in {folder / 'service.log'}.\n")
                service.wait()
            finally:
                service.terminate()  # it answers what it has taken, and ends


@contextmanager
def serving(shop: FastAPI, port: int) -> Iterator[None]:
    """Serve the shop in a thread until the block ends."""
    server = uvicorn.Server(uvicorn.Config(shop, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                sys.exit(1)  # the port is in use, which uvicorn has said
            time.sleep(0.05)
        yield
    finally:
        server.should_exit = True
        thread.join()


def _key(path: Path, origin: str, environment: dict[str, str]) -> str:
    """Return the key of an earlier start, or a new one, bound to the shop's origin."""
    if not path.exists():
        words = ("keys", "create", "--scope", "search", "--origin", origin, "--name", "storefront")
        path.write_text(_lookalike(*words, environment=environment, stdout=subprocess.PIPE))
    return path.read_text().strip()


def _lookalike(*words: str, environment: dict[str, str], stdout: int | None = None) -> str:
    """Run a command of Lookalike, and return what it printed if that is asked for."""
    command = [sys.executable, "-m", "lookalike", *words]
    return subprocess.run(command, env=environment, stdout=stdout, text=True, check=True).stdout or ""


def _wait_until_ready(endpoint: str, service: "subprocess.Popen[bytes]") -> None:
    deadline_s = time.monotonic() + READY_S
    while time.monotonic() < deadline_s and service.poll() is None:
        try:
            with urlopen(f"{endpoint}/readyz"):  # noqa: S310  # the service that was started here
                return
        except (URLError, ConnectionError):
            time.sleep(0.2)
    sys.exit("The service did not start; see service.log.")


def _tell(done: int, total: int) -> None:
    if done % 100 == 0:
        sys.stderr.write(f"Drawing: {done:,} of {total:,}\n")


if __name__ == "__main__":
    main()
