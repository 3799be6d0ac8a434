"""
The custom elements under /widget/: each version at an address of its own for ever, and the newest at a moving one.

They are public files that any shop's page may load, with `integrity` and so in CORS mode too; nothing in an answer
depends on who asks.
"""

import json
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Response
from starlette.requests import Request

from app.api.errors import NOTHING_HERE
from app.api.routes_pages import WEB_FOLDER, WebFile, web_file
from app.core.errors import NotFound

WIDGET_FOLDER: Final = WEB_FOLDER / "widget"
MANIFEST: Final = "manifest.json"
MEDIA_TYPES: Final = {
    "lookalike.js": "text/javascript; charset=utf-8",
    "lookalike.mjs": "text/javascript; charset=utf-8",
    MANIFEST: "application/json",
}
FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
FOR_NOW: Final = {"Cache-Control": "public, max-age=300"}


def read_widget(folder: Path = WIDGET_FOLDER) -> dict[tuple[str | None, str], WebFile]:
    """
    Return the files by version and name, those of the newest by None as well.

    The newest version lies in the folder itself, and each one before in a folder of its name: shops have pinned it.
    """
    newest = _files(folder)
    version = json.loads(newest[MANIFEST].data)["version"]
    versions = {version: newest} | {path.name: _files(path) for path in folder.iterdir() if path.is_dir()}
    addressed = {(version, name): file for version, files in versions.items() for name, file in files.items()}
    return {**addressed, **{(None, name): file for name, file in newest.items()}}


def widget_routes(files: dict[tuple[str | None, str], WebFile]) -> APIRouter:
    """Return the routes of the elements; they are no part of the API."""
    router = APIRouter(include_in_schema=False)

    def send(request: Request, version: str | None, name: str) -> Response:
        file = files.get((version, name))
        if file is None:
            raise NotFound(NOTHING_HERE)
        return file.answer(request, FOR_EVER if version else FOR_NOW)

    @router.get("/widget/{name}")
    async def moving(request: Request, name: str) -> Response:
        return send(request, None, name)

    @router.get("/widget/{version}/{name}")
    async def pinned(request: Request, version: str, name: str) -> Response:
        return send(request, version, name)

    return router


def _files(folder: Path) -> dict[str, WebFile]:
    return {name: web_file(folder / name, media_type) for name, media_type in MEDIA_TYPES.items()}
