"""
Prices and currencies, read exactly or refused: never a guess at what a separator means.

    15.00 USD · 15,00 € · EUR 1.234,50 · 1,234.50 · 1 234,50 · 1'234.50
"""

import re
from decimal import Decimal

from indexer.sources.records import Refusal, Refused, shown

CURRENCY_OF_SIGN = {"€": "EUR", "£": "GBP", "₹": "INR", "₺": "TRY", "₴": "UAH", "₪": "ILS", "₫": "VND"}
"""Signs that stand for one currency only."""
SHARED_SIGNS = ("$", "¥")
"""Signs of several currencies: accepted where another column, or a code, says which one."""

_WITH_THREE_DECIMALS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})  # ISO 4217
_PRICE = re.compile(r"([^0-9]*)([0-9](?:[0-9.,'’\s]*[0-9])?)([^0-9]*)")  # noqa: RUF001  # Swiss thousands
_SPACES = re.compile(r"['’\s]")  # noqa: RUF001
_NEGATIVE = re.compile(r"[-\N{MINUS SIGN}(]")
_GROUPED = re.compile(r"[0-9]{1,3}(?:([.,'])[0-9]{3})(?:\1[0-9]{3})*")
_EITHER_WAY = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
_CODE = re.compile(r"[A-Z]{3}")


def currency_of(text: str) -> str:
    """Return the three-letter code of a currency stated as one, or as a sign that only one currency has."""
    code = CURRENCY_OF_SIGN.get(text, text.upper())
    if not _CODE.fullmatch(code):
        raise Refused(
            Refusal.INVALID_CURRENCY,
            f"The currency {shown(text)} is not a code of three letters (ISO 4217), such as EUR.",
        )
    return code


def price_of(value: object, currency: str | None) -> tuple[Decimal, str | None]:
    """Return amount and currency of a price, which may name its currency; `currency` is what another column says."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        amount = Decimal(str(value))  # of a float, the shortest number that reads as it: what the feed said
        if amount < 0:
            raise _negative(value)
        return amount, currency
    if not isinstance(value, str):
        raise Refused(Refusal.INVALID_PRICE, f"The price {shown(value)} is no number.")
    parts = _PRICE.fullmatch(value.strip())
    if parts is None:
        raise _unreadable(value)
    before, number, after = (part.strip() for part in parts.groups())
    if _NEGATIVE.search(before):
        raise _negative(value)
    for unit in filter(None, (before, after)):
        currency = _agreed(unit, currency, value)
    return _amount(number, currency, value), currency


def _negative(value: object) -> Refused:
    return Refused(Refusal.INVALID_PRICE, f"The price {shown(value)} is negative.")


def _unreadable(value: object) -> Refused:
    return Refused(Refusal.INVALID_PRICE, f"The price {shown(value)} cannot be read; write it as “1234.50 EUR”.")


def _agreed(unit: str, currency: str | None, value: str) -> str:
    """Return the currency that the price's own sign or code and the other column agree on."""
    if unit in SHARED_SIGNS:
        if currency is None:
            raise Refused(
                Refusal.INVALID_CURRENCY, f"The price {shown(value)} does not say which currency “{unit}” stands for."
            )
        return currency
    if unit not in CURRENCY_OF_SIGN and not any(char.isalpha() for char in unit):
        raise _unreadable(value)
    stated = currency_of(unit)
    if currency not in {None, stated}:
        raise Refused(
            Refusal.INVALID_CURRENCY,
            f"The price {shown(value)} is in {stated}, but its currency is said to be {currency}.",
        )
    return stated


def _amount(number: str, currency: str | None, value: str) -> Decimal:
    number = _SPACES.sub("'", number)
    separators = [char for char in number if char in ".,"]
    decimal = separators[-1] if separators else ""
    if len(set(separators)) == 1 and len(separators) > 1:
        decimal = ""  # 1.234.567: a separator that comes twice parts thousands
    elif len(separators) == 1 and _EITHER_WAY.fullmatch(number) and not _has_three_decimals(currency, decimal):
        raise Refused(
            Refusal.INVALID_PRICE,
            f"The price {shown(value)} may have thousands or three decimals; write it without a thousands separator "
            "and with two decimals.",
        )
    whole, _, fraction = number.rpartition(decimal) if decimal else (number, "", "")
    grouped = _GROUPED.fullmatch(whole)
    if not (whole.isdecimal() or (grouped is not None and grouped[1] != decimal)) or not f"0{fraction}".isdecimal():
        raise _unreadable(value)
    digits = re.sub(r"[^0-9]", "", whole)
    return Decimal(f"{digits}.{fraction}" if fraction else digits)


def _has_three_decimals(currency: str | None, decimal: str) -> bool:
    return decimal == "." and currency in _WITH_THREE_DECIMALS
