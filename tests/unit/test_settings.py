"""Settings: what they accept, and what they never tell."""

import traceback

import pytest

from app.core.errors import InvalidSetting
from app.core.settings import Settings

HIDDEN = "Vq8-never-shown"


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log line or a traceback with the settings in it tells no password and no key."""
    monkeypatch.setenv("LOOKALIKE_DATABASE_URL", f"postgresql+psycopg://shop:{HIDDEN}@db/shop")
    monkeypatch.setenv("LOOKALIKE_ADMIN_KEY", f"{HIDDEN}-of-the-admin")

    settings = Settings.load()

    assert HIDDEN not in f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"
    assert settings.resolved_database_url == f"postgresql+psycopg://shop:{HIDDEN}@db/shop"


@pytest.mark.parametrize(
    "values",
    [{"admin_key": HIDDEN}, {"admin_key": [HIDDEN]}, {"database_url": {"address": HIDDEN}}],
    ids=["too-short", "no-text", "no-address"],
)
def test_a_secret_that_is_refused_is_not_shown(values: dict[str, object]) -> None:
    """Neither in the message nor in the traceback that goes to the log."""
    with pytest.raises(InvalidSetting, match="LOOKALIKE_") as caught:
        Settings.load(**values)

    assert HIDDEN not in "".join(traceback.format_exception(caught.value))
