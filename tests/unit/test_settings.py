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


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PORT", "eighty", "LOOKALIKE_PORT is 'eighty'; it must be a whole number from 0 to 65535."),
        ("METRICS_PORT", "0", "LOOKALIKE_METRICS_PORT is '0'; it must be a whole number from 1 to 65535."),
        ("QUEUE_SIZE", "1.5", "LOOKALIKE_QUEUE_SIZE is '1.5'; it must be a whole number, 1 or more."),
        ("DECODE_TIMEOUT_S", "-1", "LOOKALIKE_DECODE_TIMEOUT_S is '-1'; it must be a number above 0."),
        ("DECODE_TIMEOUT_S", "inf", "LOOKALIKE_DECODE_TIMEOUT_S is 'inf'; it must be a number above 0."),
        ("ADMIN_KEY", "short", "LOOKALIKE_ADMIN_KEY must be a text of 16 characters or more."),
        ("FETCH_HOSTS", "a b", "LOOKALIKE_FETCH_HOSTS: 'a' is not a host such as cdn.shop.example or *.shop.example."),
        ("SOURCE_MAP", "sku=id", 'LOOKALIKE_SOURCE_MAP: it is no JSON object of texts, such as {"sku": "id"}.'),
        ("SOURCE_MAP", '{"sku": 1}', 'LOOKALIKE_SOURCE_MAP: it is no JSON object of texts, such as {"sku": "id"}.'),
        (
            "RUNTIME",
            "cuda",
            (
                "LOOKALIKE_RUNTIME is 'cuda'; it must be one of auto, torch-float32, torch-bfloat16, openvino-float32, "
                "openvino-bfloat16, openvino-int8."
            ),
        ),
        ("THREADS", "9" * 100, f"LOOKALIKE_THREADS is '{'9' * 79}…; it must be a whole number from 0 to 512."),
    ],
)
def test_a_wrong_value_is_told_with_what_is_wanted(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    """The setting, the value and its limits, in our words and not in those of a library."""
    monkeypatch.setenv(f"LOOKALIKE_{name}", value)

    with pytest.raises(InvalidSetting) as caught:
        Settings.load()

    assert caught.value.message == message


@pytest.mark.parametrize("name", Settings.model_fields)
def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As the descriptions of the settings say; compose files pass on empty ones."""
    monkeypatch.setenv(f"LOOKALIKE_{name.upper()}", "")

    assert Settings.load() == Settings()


def test_metrics_have_a_port_of_their_own() -> None:
    """Both ports are told, before anything listens."""
    with pytest.raises(InvalidSetting, match=r"LOOKALIKE_METRICS_PORT is 8000, .*LOOKALIKE_PORT"):
        Settings.load(metrics_port=8000)
