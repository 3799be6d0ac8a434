"""How many searches one address may ask for."""

import pytest

from app.api.limits import MAX_ADDRESSES, RateLimiter
from app.core.errors import RateLimited


class Clock:
    """A clock that a test turns."""

    now_s = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def test_the_request_after_the_limit_is_refused_until_the_first_is_a_minute_old() -> None:
    """The answer says in how many whole seconds that is; refused requests do not count."""
    clock = Clock()
    limiter = RateLimiter(3, clock)
    for _ in range(3):
        limiter.check("203.0.113.7")
        clock.now_s += 10
    for _ in range(5):
        with pytest.raises(RateLimited, match="LOOKALIKE_RATE_PER_MINUTE") as refused:
            limiter.check("203.0.113.7")
        assert refused.value.retry_after_s == 30
    clock.now_s += 30
    limiter.check("203.0.113.7")
    with pytest.raises(RateLimited):
        limiter.check("203.0.113.7")


def test_one_address_does_not_use_up_anothers_requests() -> None:
    """Each has its own."""
    limiter = RateLimiter(1)
    limiter.check("203.0.113.7")
    limiter.check("203.0.113.8")


def test_the_addresses_of_one_ipv6_network_count_as_one() -> None:
    """Everybody with IPv6 has 2**64 addresses to come from."""
    limiter = RateLimiter(1)
    limiter.check("2001:db8:1:2::1")
    limiter.check("2001:db8:1:3::1")
    with pytest.raises(RateLimited):
        limiter.check("2001:db8:1:2:ffff::9")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_this_machine_has_no_limit(host: str) -> None:
    """A shop's own programs search as often as they like."""
    limiter = RateLimiter(1)
    for _ in range(5):
        limiter.check(host)


def test_zero_means_no_limit() -> None:
    """LOOKALIKE_RATE_PER_MINUTE=0 switches the limit off."""
    limiter = RateLimiter(0)
    for _ in range(5):
        limiter.check("203.0.113.7")


def test_many_addresses_do_not_fill_the_memory() -> None:
    """The ones seen longest ago are forgotten."""
    limiter = RateLimiter(1)
    for number in range(MAX_ADDRESSES + 100):
        limiter.check(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(limiter._window) == MAX_ADDRESSES
