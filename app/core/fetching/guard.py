"""
Which addresses may be fetched.

Two checks, because neither is enough. The text of an address is checked before anything is sent: scheme, host, port.
What it leads to is checked when a connection is about to be made, on the very numbers that are then connected to, so
that a name with several records, a name whose records change and a redirect get no further than a number would.
"""

import re
import socket
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Self
from urllib.parse import quote, urljoin

from aiohttp import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from app.core.errors import UrlNotAllowed
from app.core.fetching.addresses import is_public
from app.core.settings import Settings

MAX_ADDRESS_CHARACTERS: Final = 4096

# What an address may hold as it is; the rest (spaces, letters outside ASCII) is percent-encoded. An address is
# otherwise sent exactly as it was stated: those that a shop's storage signs do not survive being rewritten.
_SENT_AS_STATED: Final = "%/:?@!$&'()*+,;=-._~[]"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_HOST: Final = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+")  # after IDNA; no zones (fe80::1%eth0)
_PUBLIC_NAME: Final = re.compile(r"(?=.{4,254}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+\.?")
# A last label that some resolvers read as (part of) a number: 127.1, 2130706433, 0x7f.1
_NUMERIC_END: Final = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$")


class AddressNotPublic(OSError):
    """A connection was about to be made to an address that is not on the public internet; aiohttp passes OSErrors."""


@dataclass(frozen=True, slots=True)
class Guard:
    """
    Who may be asked, as the settings say.

    Attributes:
        hosts: The only public hosts that may be asked (`*.shop.example`: every host below); empty: every one.
        trusted: Origins (`http://images.lan:8080`) that may be asked whatever they are and wherever they are.
    """

    hosts: tuple[str, ...] = ()
    trusted: AbstractSet[str] = frozenset()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Return the guard of this installation."""
        return cls(settings.fetch_hosts, frozenset(str(URL(origin).origin()) for origin in settings.fetch_trusted))

    def check(self, address: str) -> URL:
        """
        Return the address, ready to be sent, or refuse it for what its text says.

        Raises:
            UrlNotAllowed: It is no https address of a host that may be asked; the message names the host at most.
        """
        url = _parse(address.strip())
        if self.is_trusted(url):
            return url
        host = str(url.raw_host)
        if url.scheme != "https":
            raise UrlNotAllowed(
                f"The address on {host} is not https. LOOKALIKE_FETCH_TRUSTED names servers that are asked "
                "nevertheless."
            )
        if url.port != 443:
            raise UrlNotAllowed(
                f"The address on {host} has port {url.port} and only 443 is asked. LOOKALIKE_FETCH_TRUSTED names "
                "servers that are asked nevertheless."
            )
        if not _can_be_public(host):
            raise not_public(host)
        if self.hosts and not any(_matches(host.rstrip("."), pattern) for pattern in self.hosts):
            raise UrlNotAllowed(f"The host {host} is not one of those that LOOKALIKE_FETCH_HOSTS names.")
        return url

    def check_redirect(self, came_from: URL, location: str) -> URL:
        """
        Return where a server sends us, or refuse to go there.

        Raises:
            UrlNotAllowed: We would not have gone there ourselves; from https it leads to http; or a public server
                sends us to one that only the operator may name.
        """
        url = self.check(_joined(came_from, location))
        if came_from.scheme == "https" and url.scheme != "https":
            raise UrlNotAllowed(f"{came_from.raw_host} redirects from https to http, which is not followed.")
        if self.is_trusted(url) and not self.is_trusted(came_from):
            raise UrlNotAllowed(f"{came_from.raw_host} redirects to a server inside, which is not followed.")
        return url

    def is_trusted(self, url: URL) -> bool:
        """Whether the address is on an origin that is asked wherever it is."""
        return bool(self.trusted) and str(url.origin()) in self.trusted


def open_public_socket(info: AddrInfoType) -> socket.socket:
    """
    Make the socket for a connection to a numeric address, which aiohttp calls right before it connects.

    Raises:
        AddressNotPublic: The address is not on the public internet.
    """
    family, kind, protocol, _, socket_address = info
    if not is_public(str(socket_address[0])):
        raise AddressNotPublic
    return socket.socket(family, kind, protocol)


class PublicResolver(AbstractResolver):
    """
    Looks names up, and refuses a name as soon as one of its addresses is not public.

    Without it, a name with a public and a private record would be connected to at its public one, until that is down.
    """

    def __init__(self, resolver: AbstractResolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of the host; raises AddressNotPublic."""
        results = await self._resolver.resolve(host, port, family)
        if not all(is_public(result["host"]) for result in results):
            raise AddressNotPublic
        return results

    async def close(self) -> None:
        """Close the resolver behind it."""
        await self._resolver.close()


def not_public(host: str) -> UrlNotAllowed:
    """Return the error for a host that is not on the public internet, without a word on where it is instead."""
    return UrlNotAllowed(
        f"The host {host} is not on the public internet. LOOKALIKE_FETCH_TRUSTED names servers that are asked "
        "nevertheless."
    )


def _parse(address: str) -> URL:
    """Return the address with its host in ASCII and everything after it as stated, or refuse it."""
    if len(address) > MAX_ADDRESS_CHARACTERS:
        raise UrlNotAllowed(f"The address is longer than {MAX_ADDRESS_CHARACTERS} characters.")
    if _CONTROL.search(address):
        raise UrlNotAllowed("The address holds control characters.")
    try:
        read, stated = URL(address), URL(address, encoded=True)
        if read.scheme not in {"https", "http"} or not read.raw_host:
            raise UrlNotAllowed("The address is not one that begins with https:// and a host.")
        if "@" in stated.raw_authority:
            raise UrlNotAllowed("The address holds a user name or a password, which are not sent.")
        if not _HOST.fullmatch(read.raw_host.lower()):
            raise UrlNotAllowed("The address has a host that cannot be read.")
        return URL.build(
            scheme=read.scheme,
            authority=read.raw_authority.lower(),
            path=quote(stated.raw_path, safe=_SENT_AS_STATED),
            query_string=quote(stated.raw_query_string, safe=_SENT_AS_STATED),
            encoded=True,
        )
    except ValueError as error:
        raise UrlNotAllowed("The address cannot be read.") from error


def _joined(came_from: URL, location: str) -> str:
    try:
        return urljoin(str(came_from), location)
    except ValueError as error:
        raise UrlNotAllowed(f"{came_from.raw_host} redirects to an address that cannot be read.") from error


def _can_be_public(host: str) -> bool:
    """Whether the host is a public number, or a name with a dot in it that no resolver takes for a number."""
    try:
        return is_public(str(ip_address(host)))
    except ValueError:
        return _PUBLIC_NAME.fullmatch(host) is not None and _NUMERIC_END.search(host) is None


def _matches(host: str, pattern: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern
