"""
Which pages of other origins may read an answer (the Fetch standard's CORS protocol).

Those to which the request's own key is bound, and no others; nothing is ever allowed with cookies. Pictures and the
widget's files are for everybody: they are public wherever the shop shows them. The headers go with every answer,
whatever layer made it, because a page that may search must be able to read that it has to wait.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from app.api.authorisation import bearer_of
from app.core.errors import InvalidKey
from app.search.live_keys import LiveKeys

RawHeaders = tuple[tuple[bytes, bytes], ...]

OPEN_PATHS: Final = ("/images/", "/widget/")
EXPOSED: Final = b"Retry-After, X-Request-Id"
MAX_AGE_S: Final = 3600

# Without credentials, so that any page can draw a picture on a canvas or check the widget's hash.
_OPEN: Final[RawHeaders] = (
    (b"access-control-allow-origin", b"*"),
    (b"cross-origin-resource-policy", b"cross-origin"),
)
_VARY: Final = (b"vary", b"Origin")
_REFUSALS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class CrossOrigin:
    """
    Answers preflights and tells which headers an answer gets.

    Args:
        keys: Returns the keys; None while the service is not open.
    """

    def __init__(self, keys: Callable[[], LiveKeys | None]) -> None:
        self._keys = keys

    def preflight(self, scope: Scope) -> Response | None:
        """
        Return the answer to a preflight of a page that may use some key; None for every other request.

        A preflight carries no key, so this tells a page no more than that it belongs to a shop of this service.
        """
        headers = Headers(scope=scope)
        if scope["method"] != "OPTIONS" or "access-control-request-method" not in headers:
            return None
        origin = self._known_origin(headers)
        if origin is None:
            return None
        allowed = {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Allow-Methods": "GET, POST",
            "Access-Control-Allow-Headers": "Authorization, Content-Type",
            "Access-Control-Max-Age": str(MAX_AGE_S),
        }
        return Response(status_code=204, headers=allowed)

    def headers(self, scope: Scope, status: int) -> RawHeaders:
        """Return the headers of an answer with this status."""
        if scope["path"].startswith(OPEN_PATHS):
            return _OPEN
        headers = Headers(scope=scope)
        if "origin" not in headers or scope["method"] == "OPTIONS":
            return (_VARY,)
        origin = self._allowed_origin(headers, status)
        if origin is None:
            return (_VARY,)
        return (
            _VARY,
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-expose-headers", EXPOSED),
        )

    def _allowed_origin(self, headers: Headers, status: int) -> str | None:
        keys = self._keys()
        if keys is None:
            return None
        try:
            text = bearer_of(headers)
        except InvalidKey:
            text = None
        key = keys.find(text) if text is not None else None
        origins = headers.getlist("origin")
        if key is not None and key.state == "active" and len(origins) == 1 and origins[0] in key.origins:
            return origins[0]
        # What is wrong with a key is told to the pages of the shops there are; it is no secret to whoever sent it.
        return self._known_origin(headers) if status in _REFUSALS else None

    def _known_origin(self, headers: Headers) -> str | None:
        keys, origins = self._keys(), headers.getlist("origin")
        is_known = keys is not None and len(origins) == 1 and keys.may_come_from(origins[0])
        return origins[0] if is_known else None
