"""Which names and addresses mean the machine that the service runs on."""

import ipaddress


def is_this_machine(host: str) -> bool:
    """
    Whether a host means this machine wherever it is asked: a loopback address, or a name that never means another one.

    `host` has no port, and an IPv6 address no brackets. Sources: RFC 1122, 3.2.1.3; RFC 4291, 2.5.3; RFC 6761, 6.3.
    """
    name = host.lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
