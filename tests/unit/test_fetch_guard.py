"""Which addresses are fetched: every trick that leads inside is refused before a connection is tried."""

import socket
from ipaddress import ip_network

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidSetting, UpstreamUnreachable, UrlNotAllowed
from app.core.fetching.addresses import is_public
from app.core.fetching.blocking import fetching
from app.core.fetching.guard import Guard
from app.core.fetching.limits import FetchLimits
from app.core.settings import Settings
from tests.support.bad_server import BadServer, file, redirect, web

__all__ = ["web"]

PUBLIC = "93.184.215.14"
ONCE = FetchLimits(attempts=1, connect_timeout_s=1)


class Names(AbstractResolver):
    """A name server that gives each name its answers in turn, then the last one for ever."""

    def __init__(self, records: dict[str, list[list[str]]]) -> None:
        self._records = records
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the next answer."""
        self.asked.append(host)
        answers = self._records[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that a connection was tried to; none but those of this machine comes about."""
    tried: list[str] = []
    connect = socket.socket.connect

    def spy(self: socket.socket, address: tuple[str, int]) -> None:
        tried.append(address[0])
        if address[0] != "127.0.0.1":
            raise ConnectionRefusedError(111, "Connection refused")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", spy)
    return tried


INSIDE = [
    "127.0.0.1",
    "0",
    "0.0.0.0",  # noqa: S104  # an address to fetch, not one to listen on
    "127.1",
    "2130706433",
    "0x7f.1",
    "017700000001",
    "localhost.",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "[2002:7f00:1::]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::a00:1]",
    "[2001:0:7f00:1::]",
    "[fe80::1%25eth0]",
    "[fd00::1]",
    "[ff02::1]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "224.0.0.1",
]
U1_TO_U25 = {f"U{number} {host}": f"https://{host}/picture.jpg" for number, host in enumerate(INSIDE, start=1)}
U26_TO_U35 = {
    "U26 user and host": "http://good@evil/",
    "U27 fragment that looks like a host": "http://good.example#@evil/",
    "U28 file": "file:///etc/passwd",
    "U29 gopher": "gopher://good.example/",
    "U30 data": "data:image/png;base64,iVBORw0KGgo=",
    "U34 another host that begins like an allowed one": "https://good.example.evil.com/",
    "U35 another port": "https://good.example:22/",
}
MORE = {
    "user and password over https": "https://good.example:secret@evil.example/",
    "user without a name": "https://@good.example/",
    "http": "http://good.example/",
    "localhost": "https://localhost/",
    "name without a dot": "https://intranet/",
    "full-width digits": "https://\uff11\uff12\uff17.0.0.1/",
    "ideographic full stops": "https://127\u30020\u30020\u30021/",
    "letters in circles": "https://\u24dbocalhost/",
    "number with a dot at its end": "https://127.0.0.1./",
    "octal parts": "https://0177.0.0.1/",
    "public zone": "https://[2606:4700::1111%25eth0]/",
    "mapped private in numbers": "https://[::ffff:a00:1]/",
    "Azure's host": "https://168.63.129.16/",
    "Oracle's metadata": "https://192.0.0.192/",
    "two hosts": "https://good.example\\@evil.example/",
    "line break in the host": "https://good.example\n.evil.example/",
    "no host": "https:///picture.jpg",
    "no scheme": "good.example/picture.jpg",
    "no port": "https://good.example:99999/",
    "half a bracket": "https://[::1/",
    "label too long": f"https://{'a' * 64}.example/",
    "too long": f"https://good.example/{'a' * 5000}",
    "nothing": "",
}
REFUSED = U1_TO_U25 | U26_TO_U35 | MORE


@pytest.mark.parametrize(
    "address", REFUSED.values(), ids=[name.encode("ascii", "replace").decode() for name in REFUSED]
)
def test_an_address_that_leads_inside_is_refused_without_a_connection(connected: list[str], address: str) -> None:
    """The text is enough; no name is looked up and no socket connects."""
    names = Names({"good.example": [[PUBLIC]]})
    guard = Guard(hosts=("good.example",))
    with fetching(guard, ONCE, resolver=names) as fetcher, pytest.raises(UrlNotAllowed):
        fetcher.fetch(address)
    assert (connected, names.asked) == ([], [])


@pytest.mark.parametrize("host", [host for host in INSIDE if ":" in host or host.count(".") == 3])
def test_what_the_text_lets_through_is_stopped_at_the_connection(
    connected: list[str], monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """The second check holds without the first one."""
    monkeypatch.setattr("app.core.fetching.guard._can_be_public", lambda _: True)
    with fetching(Guard(), ONCE) as fetcher, pytest.raises(UrlNotAllowed):
        fetcher.fetch(f"https://{host}/")
    assert connected == []


@pytest.mark.parametrize("to", ["http://169.254.169.254/latest/meta-data/", "https://169.254.169.254/", "//10.0.0.1/"])
def test_u31_a_redirect_inside_is_refused(connected: list[str], web: BadServer, to: str) -> None:
    """A server that may be asked cannot send us where we would not have gone."""
    guard = Guard(trusted={web.origin})
    with fetching(guard, ONCE) as fetcher, pytest.raises(UrlNotAllowed):
        fetcher.fetch(web.at("/picture.jpg", redirect(to)))
    assert connected == ["127.0.0.1"]
    assert web.requests == {"/picture.jpg": 1}


@pytest.mark.parametrize("records", [[PUBLIC, "10.0.0.1"], ["fd00::1", PUBLIC], ["127.0.0.1"]])
def test_u32_a_name_with_a_private_record_is_refused(connected: list[str], records: list[str]) -> None:
    """One address inside is enough, whatever the others are."""
    names = Names({"mixed.example": [records]})
    with fetching(Guard(), ONCE, resolver=names) as fetcher, pytest.raises(UrlNotAllowed):
        fetcher.fetch("https://mixed.example/picture.jpg")
    assert connected == []


def test_u33_a_name_that_changes_between_check_and_connection_leads_nowhere(connected: list[str]) -> None:
    """What was checked is what is connected to; the next answer of the name server is checked too."""
    names = Names({"rebinding.example": [[PUBLIC], ["169.254.169.254"]]})
    with fetching(Guard(), ONCE, resolver=names) as fetcher:
        with pytest.raises(UpstreamUnreachable):
            fetcher.fetch("https://rebinding.example/picture.jpg")
        assert (connected, names.asked) == ([PUBLIC], ["rebinding.example"])
        fetcher._fetcher._public.connector.clear_dns_cache()  # type: ignore[union-attr]
        with pytest.raises(UrlNotAllowed):
            fetcher.fetch("https://rebinding.example/picture.jpg")
    assert connected == [PUBLIC]


def test_a_message_holds_neither_credentials_nor_numbers_of_the_network_inside() -> None:
    """What is told may be shown to strangers."""
    with pytest.raises(UrlNotAllowed) as refused:
        Guard().check("https://anna:secret@good.example/picture.jpg?token=hidden")
    assert not {"anna", "secret", "hidden"} & set(str(refused.value).replace(":", " ").split())
    names = Names({"inside.example": [["10.1.2.3"]]})
    with fetching(Guard(), ONCE, resolver=names) as fetcher, pytest.raises(UrlNotAllowed) as refused:
        fetcher.fetch("https://inside.example/picture.jpg?token=hidden")
    assert "inside.example" in str(refused.value)
    assert "10.1.2.3" not in str(refused.value)
    assert "hidden" not in str(refused.value)


# IANA's registries of special-purpose addresses, and multicast; each block is tried at both ends.
SPECIAL_BLOCKS = [
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
    *("192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24"),
    *("198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32"),
    *("::/128", "::1/128", "::/96", "::ffff:127.0.0.0/104", "::ffff:10.0.0.0/104", "64:ff9b::10.0.0.0/104"),
    *("64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001::/32", "2001:2::/48", "2001:10::/28"),
    *("2001:20::/28", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", "5f00::/16", "fc00::/7"),
    *("fe80::/10", "fec0::/10", "ff00::/8"),
]


@pytest.mark.parametrize("block", SPECIAL_BLOCKS)
def test_no_special_purpose_address_is_public(block: str) -> None:
    """From the first to the last one of the block."""
    network = ip_network(block)
    assert not is_public(str(network[0]))
    assert not is_public(str(network[-1]))


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0"),
        *("169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255"),
        *("192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "168.63.129.15"),
        *("2001:200::1", "2001:4860:4860::8888", "2003::1", "2606:4700::1111", "3ffd::1"),
        *("::ffff:1.1.1.1", "64:ff9b::1.1.1.1"),
    ],
)
def test_the_neighbours_of_special_blocks_are_public(address: str) -> None:
    """Not one address too many is refused; those that stand for a public IPv4 address are public."""
    assert is_public(address)


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("https://cdn.example/a%2Fb.jpg?sig=%2Fx%3D%2B&e=1+2", "https://cdn.example/a%2Fb.jpg?sig=%2Fx%3D%2B&e=1+2"),
        ("  https://CDN.example/A b/é.jpg \n", "https://cdn.example/A%20b/%C3%A9.jpg"),
        ("https://bücher.example/x.jpg#top", "https://xn--bcher-kva.example/x.jpg"),
        ("https://cdn.example:443/100%.jpg", "https://cdn.example/100%.jpg"),
        ("https://cdn.example/a/../b//c.jpg?", "https://cdn.example/a/../b//c.jpg"),
        ("https://93.184.215.14/x.jpg", "https://93.184.215.14/x.jpg"),
        ("https://[2606:4700::1111]/x.jpg", "https://[2606:4700::1111]/x.jpg"),
    ],
)
def test_an_address_is_sent_as_it_was_stated(address: str, sent: str) -> None:
    """Signed addresses stay valid; only what no address may hold is encoded."""
    assert str(Guard().check(address)) == sent


@given(st.text() | st.builds("https://{}/{}".format, st.text(), st.text()))
def test_any_text_is_an_address_or_is_refused_by_name(text: str) -> None:
    """Nothing that a feed may hold raises anything else."""
    try:
        url = Guard().check(text)
    except UrlNotAllowed:
        return
    assert (url.scheme, url.port, url.user) == ("https", 443, None)


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [
        ("cdn.example", True),
        ("CDN.example.", True),
        ("a.shop.example", True),
        ("a.b.shop.example", True),
        ("shop.example", False),
        ("evilshop.example", False),
        ("a.cdn.example", False),
        ("cdn.example.evil.com", False),
    ],
)
def test_only_the_named_hosts_are_asked_where_some_are_named(host: str, *, is_allowed: bool) -> None:
    """A name stands for itself, one with a star for all below it."""
    guard = Guard.from_settings(Settings(fetch_hosts=("cdn.example", "*.shop.example")))
    if is_allowed:
        guard.check(f"https://{host}/x.jpg")
    else:
        with pytest.raises(UrlNotAllowed, match="LOOKALIKE_FETCH_HOSTS"):
            guard.check(f"https://{host}/x.jpg")


@pytest.mark.parametrize(
    "address",
    ["http://images.lan:8081/x", "https://images.lan:8080/x", "http://images.lan/x", "http://x.images.lan:8080/x"],
)
def test_a_trusted_server_opens_no_other(address: str) -> None:
    """Scheme, host and port are those that were named, or it is another server."""
    guard = Guard.from_settings(Settings(fetch_trusted=("http://images.lan:8080",)))
    assert str(guard.check("http://images.lan:8080/x")) == "http://images.lan:8080/x"
    with pytest.raises(UrlNotAllowed):
        guard.check(address)


@pytest.mark.parametrize(
    ("came_from", "to", "is_followed"),
    [
        ("https://cdn.example/a", "https://other.example/b", True),
        ("https://cdn.example/a/b", "../c?d", True),
        ("https://cdn.example/a", "http://cdn.example/a", False),
        ("https://cdn.example/a", "http://images.lan:8080/b", False),
        ("https://cdn.example/a", "https://safe.lan/b", False),
        ("https://cdn.example/a", "ftp://cdn.example/a", False),
        ("https://cdn.example/a", "https://[", False),
        ("https://cdn.example/a", "https://u@other.example/", False),
        ("http://images.lan:8080/a", "/b", True),
        ("http://images.lan:8080/a", "https://safe.lan/b", True),
        ("http://images.lan:8080/a", "https://cdn.example/b", True),
        ("http://images.lan:8080/a", "http://images.lan:9090/b", False),
        ("https://safe.lan/a", "http://images.lan:8080/b", False),
    ],
)
def test_a_redirect_is_followed_where_we_would_have_gone_ourselves(
    came_from: str, to: str, *, is_followed: bool
) -> None:
    """Never from https to http, and never from the public internet inside."""
    guard = Guard(trusted={"http://images.lan:8080", "https://safe.lan"})
    url = guard.check(came_from)
    if is_followed:
        guard.check_redirect(url, to)
    else:
        with pytest.raises(UrlNotAllowed):
            guard.check_redirect(url, to)


def test_a_trusted_server_on_this_machine_is_asked(connected: list[str], web: BadServer) -> None:
    """What is refused otherwise is fetched once the operator names it."""
    address = web.at("/picture.jpg", file(b"picture"))
    with fetching(Guard(), ONCE) as fetcher, pytest.raises(UrlNotAllowed):
        fetcher.fetch(address)
    assert connected == []
    guard = Guard.from_settings(Settings.load(fetch_trusted=f"{web.origin}, https://images.lan"))
    with fetching(guard, ONCE) as fetcher:
        fetcher.fetch(address)
    assert web.requests == {"/picture.jpg": 1}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("fetch_hosts", "https://cdn.example"),
        ("fetch_hosts", "cdn.example/pictures"),
        ("fetch_hosts", "*"),
        ("fetch_trusted", "images.lan:8080"),
        ("fetch_trusted", "http://images.lan:8080/"),
        ("fetch_trusted", "http://*.lan"),
        ("fetch_trusted", "ftp://images.lan"),
    ],
)
def test_a_setting_that_names_no_server_is_refused(setting: str, value: str) -> None:
    """The message names the setting and shows what one looks like."""
    with pytest.raises(InvalidSetting, match=rf"LOOKALIKE_{setting.upper()}: .* such as"):
        Settings.load(**{setting: value})
