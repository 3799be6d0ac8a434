"""
Who may ask for what: the key of a request, its scope, its origins and its limit; and who may search without a key.

Nothing here asks the database: keys are held in memory (`app.search.live_keys`).
"""

import re
from typing import Any, Final

from fastapi import Depends
from starlette.datastructures import Headers
from starlette.requests import Request

from app.api.limits import KeyLimiter, RateLimiter
from app.core.errors import ForbiddenOrigin, InvalidKey, KeyNotEnough
from app.core.keys import KeyRecord, Scope
from app.core.settings import Settings
from app.core.this_machine import is_this_machine
from app.search.live_keys import LiveKeys

HOW: Final = "Send the key as “Authorization: Bearer …”, once."

# What proxies say of whom they ask for: with one of these, this machine asks for somebody else.
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
_HOST_AND_PORT: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:@/?#\\]+)(:[0-9]{1,5})?", re.ASCII)


def bearer_of(headers: Headers) -> bytes | None:
    """
    Return what a request gives as its key; None if it gives nothing.

    Raises:
        InvalidKey: It gives two, or something of another scheme.
    """
    given = [value for name, value in headers.raw if name == b"authorization"]
    if not any(given):
        return None
    scheme, _, text = given[0].partition(b" ")
    if len(given) > 1 or scheme.lower() != b"bearer" or not text.strip():
        raise InvalidKey(HOW)
    return text.strip()


def is_from_an_origin_of(key: KeyRecord, headers: Headers) -> bool:
    """
    Whether a page that may use this key sent the request.

    Browsers leave the header Origin out where a page reads from its own origin; then they say so, and the header Host
    names it.
    """
    given = headers.getlist("origin")
    if given:
        return len(given) == 1 and given[0] in key.origins
    if headers.getlist("sec-fetch-site") != ["same-origin"]:
        return False
    host = headers.get("host", "").lower()
    return any(origin.partition("://")[2] == host for origin in key.origins)


def is_local(request: Request) -> bool:
    """
    Whether a program or a page of this machine asks, for itself.

    The address alone does not tell: a proxy on this machine asks for others, a page from elsewhere may have this
    machine's browser ask, and may even do so under a name of its own that leads here (DNS rebinding).
    """
    headers = request.headers
    if request.client is None or not is_this_machine(request.client.host):
        return False
    if any(name in headers for name in _FORWARDED):
        return False
    hosts = headers.getlist("host")
    origins = headers.getlist("origin")
    return len(hosts) == 1 and _is_named_here(hosts[0]) and all(_is_origin_here(origin) for origin in origins)


def _is_named_here(host: str) -> bool:
    match = _HOST_AND_PORT.fullmatch(host)
    return match is not None and is_this_machine(match[1].strip("[]"))


def _is_origin_here(origin: str) -> bool:
    scheme, _, host = origin.partition("://")
    return scheme in {"http", "https"} and _is_named_here(host)


async def _limit_rate(request: Request) -> None:
    """Count a search of an address; a secret key, such as that of a shop's own server, has its own limit only."""
    key: KeyRecord | None = getattr(request.state, "key", None)
    if key is not None and not key.is_publishable:
        return
    limiter: RateLimiter = request.app.state.rate_limiter
    limiter.check(request.client.host if request.client else None)


def _needs(scope: Scope) -> Any:  # noqa: ANN401  # what FastAPI's Depends returns has no public type
    async def authorise(request: Request) -> None:
        keys: LiveKeys = request.app.state.service.keys
        try:
            key = _key_of(request, scope, keys)
        except InvalidKey as error:
            if scope == "search" or keys.any_for(scope):
                raise
            raise InvalidKey(
                f"This needs a key, and this service has none for it yet: `lookalike keys create --scope {scope}` "
                "makes one, or set LOOKALIKE_ADMIN_KEY."
            ) from error
        if key is None:
            return
        request.state.key = key
        request.state.log["key"] = key.id
        _check_reach(key, scope, request.headers)
        limiter: KeyLimiter = request.app.state.key_limiter
        limiter.check(key.id, key.per_minute)
        keys.note_use(key)

    return Depends(authorise)


def _key_of(request: Request, scope: Scope, keys: LiveKeys) -> KeyRecord | None:
    """Return the key of a request, which can be used; None for one that is answered without."""
    text = bearer_of(request.headers)
    if text is None:
        if scope != "search":
            raise InvalidKey(HOW)
        _check_keyless(request)
        return None
    key = keys.find(text)
    if key is None:
        raise InvalidKey("This is no key of this service.")
    if key.state != "active":
        raise InvalidKey("This key was revoked." if key.state == "revoked" else "This key has expired.")
    return key


def _check_keyless(request: Request) -> None:
    settings: Settings = request.app.state.settings
    who = settings.keyless_search
    if who == "nobody" or (who == "local" and not (settings.listens_locally and is_local(request))):
        raise InvalidKey(f"Searches need a key here (LOOKALIKE_KEYLESS_SEARCH). {HOW}")


def _check_reach(key: KeyRecord, scope: Scope, headers: Headers) -> None:
    if not key.allows(scope):
        raise KeyNotEnough(f"The scope of this key is {key.scope}; this needs a key of scope {scope}.")
    if key.is_publishable and not is_from_an_origin_of(key, headers):
        raise ForbiddenOrigin(
            "This key is for pages of certain origins, and the request comes from none of them: create one for this "
            "page's (lookalike keys create --scope search --origin …), or one without for a program."
        )


search_scope: Any = _needs("search")
catalogue_scope: Any = _needs("catalogue")
admin_scope: Any = _needs("admin")
limit_rate: Any = Depends(_limit_rate)
