"""Chromium as the system has it; Playwright's own download is never used."""

import shutil

from playwright.sync_api import Browser, Playwright

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


def launch(playwright: Playwright) -> Browser:
    """
    Start a browser, with a camera that shows a test picture.

    Raises:
        RuntimeError: There is no Chromium.
    """
    path = shutil.which("chromium")
    if path is None:
        raise RuntimeError(
            "Chromium is missing. Install it with `apt-get install -y chromium`; `make test` does so itself."
        )
    return playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
