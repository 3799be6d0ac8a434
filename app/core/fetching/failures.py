"""Turns what aiohttp raises into our errors; nothing else of it gets out of here."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import ClientConnectorError, ClientError, ClientSSLError, ConnectionTimeoutError, InvalidURL

from app.core.errors import UpstreamBroken, UpstreamTimedOut, UpstreamUnreachable, UrlNotAllowed
from app.core.fetching.guard import AddressNotPublic, not_public


@contextmanager
def translated(host: str) -> Iterator[None]:
    """
    Translate what is raised while the host is asked.

    Raises:
        UrlNotAllowed: The host is not on the public internet.
        UpstreamTimedOut: No connection in time, silence, or more time in all than the limits allow.
        UpstreamUnreachable: The name is unknown, or there is no connection.
        UpstreamBroken: The connection broke off, or what came is not HTTP.
    """
    try:
        yield
    except ClientConnectorError as error:
        if isinstance(error.os_error, AddressNotPublic):
            raise not_public(host) from error
        raise UpstreamUnreachable(f"{host} could not be reached ({_reason(error)}).") from error
    except InvalidURL as error:
        raise UrlNotAllowed("The address cannot be read.") from error
    except ConnectionTimeoutError as error:
        raise UpstreamTimedOut(f"{host} could not be connected to in time.") from error
    except TimeoutError as error:
        raise UpstreamTimedOut(f"{host} did not send everything in time.") from error
    except ClientError as error:
        raise UpstreamBroken(f"{host} broke the connection off or sent what is not HTTP.") from error


def _reason(error: ClientConnectorError) -> str:
    """Return why there is no connection, without the numbers of addresses, which may be those of a network inside."""
    if isinstance(error, ClientSSLError):
        return "its certificate is not valid for it, or it does not speak TLS"
    if isinstance(error.os_error, socket.gaierror):
        return str(error.os_error.strerror)
    return os.strerror(error.errno) if error.errno else "no address answered"
