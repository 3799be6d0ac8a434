"""What was in use of late, by key."""

from app.search.recent import Recent


class Clock:
    """A clock that a test turns."""

    now_s = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def test_a_value_is_forgotten_when_it_was_not_used_for_its_lifetime() -> None:
    """Each use prolongs it."""
    clock = Clock()
    recent: Recent[str] = Recent(100, lifetime_s=60, clock=clock)
    recent.add("key", "value", 10)
    for clock.now_s in (59, 118):
        assert recent.get("key") == "value"
    clock.now_s = 178
    assert recent.get("key") is None
    assert len(recent) == 0
    assert recent.get("another") is None


def test_what_was_used_longest_ago_makes_room() -> None:
    """Memory is bounded by what the values take, however many they are."""
    recent: Recent[str] = Recent(100, lifetime_s=60)
    recent.add("first", "small", 10)
    recent.add("second", "larger", 60)
    recent.get("first")
    recent.add("third", "larger", 60)
    assert [recent.get(key) for key in ("first", "second", "third")] == ["small", None, "larger"]


def test_what_is_larger_than_all_room_is_not_kept() -> None:
    """And takes nothing of it afterwards."""
    recent: Recent[str] = Recent(100, lifetime_s=60)
    recent.add("huge", "value", 101)
    recent.add("small", "value", 100)
    assert (recent.get("huge"), recent.get("small")) == (None, "value")
