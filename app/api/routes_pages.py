"""The search page at /, administration at /admin, the API's documentation at /docs, and their files under /static/."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Response
from starlette.requests import Request

from app.api.errors import NOTHING_HERE
from app.core.errors import NotFound

WEB_FOLDER: Final = Path(__file__).resolve().parents[1] / "web"

# A closed list: what is not one of these is not served, whatever else lies in the folder.
MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}

PAGE_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class WebFile:
    """A file of the page, as it is sent."""

    data: bytes
    packed: bytes
    media_type: str
    digest: str

    def answer(self, request: Request, headers: Mapping[str, str]) -> Response:
        """Return the answer with this file, packed for whoever takes that, or with nothing for whoever has it."""
        is_packed = "gzip" in request.headers.get("accept-encoding", "") and len(self.packed) < len(self.data)
        etag = f'"{self.digest}-gzip"' if is_packed else f'"{self.digest}"'
        headers = {**headers, "ETag": etag, "Vary": "Accept-Encoding"}
        if self.digest in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        if is_packed:
            headers["Content-Encoding"] = "gzip"
        return Response(self.packed if is_packed else self.data, media_type=self.media_type, headers=headers)


def web_file(path: Path, media_type: str) -> WebFile:
    """Read a file that is to be sent."""
    data = path.read_bytes()
    return WebFile(data, gzip.compress(data, 9, mtime=0), media_type, hashlib.sha256(data).hexdigest()[:32])


def read_web_files(folder: Path = WEB_FOLDER) -> dict[str, WebFile]:
    """Return the page's files by name; read once, so that no name from a request ever becomes a path."""
    return {
        path.name: web_file(path, MEDIA_TYPES[path.suffix])
        for path in sorted(folder.iterdir())
        if path.suffix in MEDIA_TYPES
    }


def page_routes(files: dict[str, WebFile]) -> APIRouter:
    """Return the routes of the page; they are no part of the API."""
    router = APIRouter(include_in_schema=False)

    def send(request: Request, name: str) -> Response:
        file = files.get(name)
        if file is None:
            raise NotFound(NOTHING_HERE)
        return file.answer(request, PAGE_HEADERS)

    @router.get("/")
    async def index(request: Request) -> Response:
        return send(request, "index.html")

    @router.get("/admin")
    async def admin(request: Request) -> Response:
        return send(request, "admin.html")

    @router.get("/docs")
    async def docs(request: Request) -> Response:
        return send(request, "docs.html")

    @router.get("/static/{name}")
    async def static(request: Request, name: str) -> Response:
        return send(request, name)

    return router
