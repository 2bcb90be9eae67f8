"""Exact amounts: how they are written, and how they share 100 %."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_FLOOR, Decimal

DECIMAL_PLACES = 6


def shares_of_100(amounts: Sequence[Decimal]) -> list[Decimal]:
    """``amounts`` scaled to 100 exactly, two decimals finer than entered.

    >>> [str(share) for share in shares_of_100([Decimal(30), Decimal(70), Decimal(5)])]
    ['28.57', '66.67', '4.76']
    """
    places = min(DECIMAL_PLACES, places_of(amounts) + 2)
    return _shares(amounts, Decimal(1).scaleb(-places))


def rounding_of(amounts: Sequence[Decimal]) -> Decimal:
    """How far a sum of rounded thirds may lie from 100: 33.33 three times is as good as 100."""
    places = places_of(amounts)
    return min(Decimal("0.1"), Decimal(len(amounts)).scaleb(-places) / 2) if places else Decimal(0)


def places_of(amounts: Iterable[Decimal]) -> int:
    """The most decimals that any of them has."""
    return max((len(plain(amount).partition(".")[2]) for amount in amounts), default=0)


def _shares(amounts: Sequence[Decimal], step: Decimal) -> list[Decimal]:
    """``amounts`` scaled to 100 in multiples of ``step``; the largest remainders get the rest."""
    total = sum(amounts, Decimal(0))
    exact = [amount * 100 / total for amount in amounts]
    floors = [share.quantize(step, ROUND_FLOOR) for share in exact]
    missing = int((100 - sum(floors, Decimal(0))) / step)
    by_remainder = sorted(range(len(exact)), key=lambda i: floors[i] - exact[i])
    for i in by_remainder[:missing]:
        floors[i] += step
    return floors


def plain(amount: Decimal | None) -> str:
    """Every digit and no other: 10, 10.4, never 1E+1; ``?`` for an unknown amount."""
    if amount is None:
        return "?"
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
