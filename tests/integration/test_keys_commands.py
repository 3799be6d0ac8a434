"""`lookalike keys`."""

import json
import re
from contextlib import closing

import pytest

from app.core.keys import digest_of
from app.db.database import Database
from tests.support.command_line import Run, built_shop, run, shop
from tests.support.shop import Shop

__all__ = ["built_shop", "run", "shop"]


def test_a_key_is_printed_once_and_alone(run: Run, shop: Shop) -> None:
    """So that a script can take it from standard output; what it is about goes to standard error."""
    outcome = run("keys", "create", "--scope", "catalogue", "--name", "nightly feed")
    key = outcome.out.removesuffix("\n")
    assert outcome.code == 0
    assert re.fullmatch(r"lks_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", key)
    assert f"lookalike keys revoke {key[4:16]}" in outcome.error
    with closing(Database(shop.settings.resolved_database_url)) as database, database.reading_keys() as keys:
        (record,) = keys.list()
    assert (record.digest, record.scope, record.name) == (digest_of(key.encode()), "catalogue", "nightly feed")
    for words in (("list",), ("list", "--json"), ("revoke", record.id), ("revoke", record.id, "--json")):
        shown = run("keys", *words)
        assert key[17:] not in shown.out + shown.error
        assert record.digest not in shown.out + shown.error


def test_a_publishable_key_says_so(run: Run, shop: Shop) -> None:  # noqa: ARG001  # names the data folder
    """In its first letters; its origins are those that browsers send."""
    asked = ("--scope", "search", "--origin", "https://Shop.example/", "--origin", "http://localhost:9000")
    created = json.loads(run("keys", "create", *asked, "--expires", "30", "--per-minute", "120", "--json").out)
    assert created["key"].startswith(f"lkp_{created['id']}_")
    assert created["origins"] == ["https://shop.example", "http://localhost:9000"]
    assert (created["per_minute"], created["state"], created["last_used_on"]) == (120, "active", None)
    (listed,) = json.loads(run("keys", "list", "--json").out)
    assert {**listed, "key": created["key"]} == created


def test_keys_are_listed_as_a_table(run: Run, shop: Shop) -> None:  # noqa: ARG001  # the same
    """With what each allows, and what became of it."""
    assert "There is no key yet" in run("keys", "list").out
    ids = [run("keys", "create", "--scope", scope).out[4:16] for scope in ("search", "catalogue", "admin")]
    run("keys", "create", "--scope", "search", "--expires", "10", "--origin", "https://shop.example")
    assert run("keys", "revoke", ids[0]).out == f"Key {ids[0]} is revoked.\n"
    table = run("keys", "list").out
    for key_id, scope, state in zip(
        ids, ("search", "catalogue", "admin"), ("revoked", "active", "active"), strict=True
    ):
        assert re.search(rf"{key_id} +│ {scope} +│ {state} ", table)
    assert re.search(r"search +│ (9|10) days left +│ +│ https://shop\.example", table)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "--scope"),
        (("--scope", "everything"), "everything"),
        (("--scope", "admin", "--origin", "https://shop.example"), "Only a search key"),
        (("--scope", "search", "--origin", "*"), "An origin is"),
        (("--scope", "search", "--origin", "https://shop.example/page"), "An origin is"),
        (("--scope", "search", "--expires", "0"), "--expires"),
        (("--scope", "search", "--per-minute", "-1"), "--per-minute"),
        (("--scope", "search", "--name", "a\nb"), "can be seen"),
    ],
)
def test_a_key_that_makes_no_sense_is_wrong_usage(run: Run, shop: Shop, words: tuple[str, ...], message: str) -> None:  # noqa: ARG001  # the same
    """And nothing is created."""
    outcome = run("keys", "create", *words)
    assert outcome.code == 2
    assert message in " ".join(outcome.error.replace("│", "").split())
    assert json.loads(run("keys", "list", "--json").out) == []


@pytest.mark.parametrize("key_id", ["0" * 12, "no-id", "lks_"])
def test_a_key_that_is_not_there_cannot_be_revoked(run: Run, shop: Shop, key_id: str) -> None:  # noqa: ARG001  # the same
    """One sentence, exit code 1."""
    outcome = run("keys", "revoke", key_id)
    assert (outcome.code, outcome.error) == (1, "Error: There is no key of this id.\n")


def test_without_a_catalogue_there_are_no_keys(run: Run, tmp_path: object) -> None:
    """A mistyped folder is not made."""
    outcome = run("keys", "create", "--scope", "search", "--data-dir", f"{tmp_path}/nothing")
    assert outcome.code == 1
    assert outcome.error.startswith("Error: There is no catalogue yet.")
