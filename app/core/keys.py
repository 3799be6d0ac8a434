"""
Keys: what they allow, how they are made, and how one is recognised. Knows neither the database nor the web.

A key reads `lks_ID_SECRET`, or `lkp_ID_SECRET` if it may be published in a page. The id is no secret: it names the key
in lists and in the log, and a key is looked up by it. The secret is 32 random bytes, of which only a hash is kept: one
round of SHA-256, because nobody can try 2**256 secrets however fast a try is. Slow hashes are for what people think up.
"""

import base64
import hashlib
import ipaddress
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final, Literal
from urllib.parse import urlsplit

from app.core.errors import InvalidParameter

Scope = Literal["search", "catalogue", "admin"]
SCOPES: Final[tuple[Scope, ...]] = ("search", "catalogue", "admin")
"""Each allows what those before it allow."""
KeyState = Literal["active", "expired", "revoked"]

SECRET_BYTES: Final = 32
ID_BYTES: Final = 6
MAX_ORIGINS: Final = 50
MAX_NAME_CHARS: Final = 100
MAX_PER_MINUTE: Final = 100_000
MAX_EXPIRY_DAYS: Final = 3650
SEARCHES_PER_MINUTE: Final = 600
"""Of a search key of which nothing else was said: about what a machine of two cores can answer."""

_ID: Final = re.compile(r"[0-9a-f]{12}")
_KEY: Final = re.compile(rb"lk[ps]_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
_HOST: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyWanted:
    """
    A key that is to be created.

    Attributes:
        origins: Of the pages that may use it; any make it a key that may be published.
        per_minute: Requests a minute; 0: no limit. None: 600 for a search key, no limit for the others.
        expires_in_days: None: never.
    """

    scope: Scope
    origins: tuple[str, ...] = ()
    name: str = ""
    per_minute: int | None = None
    expires_in_days: int | None = None

    @property
    def limit(self) -> int:
        """Requests a minute, decided; 0: no limit."""
        if self.per_minute is None:
            return SEARCHES_PER_MINUTE if self.scope == "search" else 0
        return self.per_minute


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """A key as it is stored: without its secret."""

    id: str
    name: str
    scope: Scope
    origins: tuple[str, ...]
    digest: str = field(repr=False)
    per_minute: int
    """Requests a minute; 0: no limit."""
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_on: date | None
    """The day, in UTC."""

    @property
    def is_publishable(self) -> bool:
        """Whether it may be read by everybody, because only pages of its origins can use it."""
        return bool(self.origins)

    @property
    def state(self) -> KeyState:
        """Whether it can be used now."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= datetime.now(UTC) else "active"

    def allows(self, scope: Scope) -> bool:
        """Whether it reaches as far as this scope."""
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


def new_key(*, is_publishable: bool) -> tuple[str, str]:
    """Return the id and the text of a key that nobody has had before."""
    key_id = secrets.token_hex(ID_BYTES)
    secret = base64.urlsafe_b64encode(secrets.token_bytes(SECRET_BYTES)).rstrip(b"=").decode()
    return key_id, f"lk{'p' if is_publishable else 's'}_{key_id}_{secret}"


def is_id(text: str) -> bool:
    """Whether a key can have this id."""
    return _ID.fullmatch(text) is not None


def id_of(text: bytes) -> str | None:
    """Return the id that a key names; None for what does not look like a key."""
    match = _KEY.fullmatch(text)
    return None if match is None else match[1].decode()


def digest_of(text: bytes) -> str:
    """Return what is kept of a key: a hash of all of it, so that nothing about it can be exchanged."""
    return hashlib.sha256(text).hexdigest()


def checked(wanted: KeyWanted) -> KeyWanted:
    """
    Return what is wanted with its origins as browsers write them.

    Raises:
        InvalidParameter: It contradicts itself, or something is out of range.
    """
    if wanted.origins and wanted.scope != "search":
        raise InvalidParameter("Only a search key can have origins: one that is in a page can be read by everybody.")
    if len(wanted.origins) > MAX_ORIGINS:
        raise InvalidParameter(f"A key has at most {MAX_ORIGINS} origins; create a second one for the others.")
    if len(wanted.name) > MAX_NAME_CHARS or not wanted.name.isprintable():
        raise InvalidParameter(f"The name of a key has at most {MAX_NAME_CHARS} characters, all of which can be seen.")
    if not 0 <= wanted.limit <= MAX_PER_MINUTE:
        raise InvalidParameter(f"The requests a minute of a key are at most {MAX_PER_MINUTE}; 0 means no limit.")
    if wanted.expires_in_days is not None and not 1 <= wanted.expires_in_days <= MAX_EXPIRY_DAYS:
        raise InvalidParameter(f"A key expires in 1 to {MAX_EXPIRY_DAYS} days, or never.")
    return KeyWanted(
        scope=wanted.scope,
        origins=tuple(dict.fromkeys(normal_origin(origin) for origin in wanted.origins)),
        name=wanted.name.strip(),
        per_minute=wanted.limit,
        expires_in_days=wanted.expires_in_days,
    )


def normal_origin(text: str) -> str:
    """
    Return an origin as browsers write it in the header Origin, so that the two can be compared letter by letter.

    Raises:
        InvalidParameter: It is no scheme and host of a page; the message says what one looks like.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _not_an_origin() from None
    host = _normal_host(parts.hostname or "")
    rest = (parts.path.removeprefix("/"), parts.query, parts.fragment, parts.username, parts.password)
    if parts.scheme not in _DEFAULT_PORTS or host is None or any(rest) or port == 0 or not text.isprintable():
        raise _not_an_origin()
    shown = "" if port in (None, _DEFAULT_PORTS[parts.scheme]) else f":{port}"
    return f"{parts.scheme}://{host}{shown}"


def _normal_host(host: str) -> str | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # A name whose last part is a number is an IPv4 address to a browser, and these were none.
        is_name = _HOST.fullmatch(host) and not host.rpartition(".")[2].isdigit()
        return host if is_name else None
    if isinstance(address, ipaddress.IPv6Address):
        return None if address.scope_id else f"[{address.compressed}]"
    return str(address)


def _not_an_origin() -> InvalidParameter:
    return InvalidParameter(
        "An origin is the scheme and the host of a page, such as https://shop.example or http://localhost:9000: exact, "
        "without a path and without *. Write letters beyond a to z as xn--…, as the browser's header Origin has them."
    )
