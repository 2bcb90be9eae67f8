"""Lists of whole numbers as people type them: ``1, 50, 100-102``."""

import re
from collections.abc import Iterable, Iterator

from battery_db.lib.errors import LabError

_PART = re.compile(r"(-?\d{1,9})(?:\s*(?:-|–|\.\.)\s*(-?\d{1,9}))?")


def parse_ranges(text: str, *, limit: int = 100_000) -> list[int]:
    """The numbers that ``text`` names, in order and once each.

    Raises LabError for a part that is no number or range, or for more than ``limit``.

    >>> parse_ranges("3, 1-2; 2")
    [3, 1, 2]
    """
    numbers: dict[int, None] = {}
    for part in re.split(r"[,;\s]+(?![-–.])(?<![-–.]\s)", text.strip()):
        if part:
            for number in _expand(part, limit):
                numbers[number] = None
                if len(numbers) > limit:
                    raise LabError(
                        f"More than {limit:,} numbers are asked for at once.",
                        fix="Ask for a smaller range.",
                    )
    return list(numbers)


def format_ranges(numbers: Iterable[int]) -> str:
    """The shortest text that ``parse_ranges`` reads back as the sorted ``numbers``.

    >>> format_ranges([7, 1, 2, 3])
    '1-3, 7'
    """
    return ", ".join(
        str(first) if first == last else f"{first}-{last}" for first, last in _runs(numbers)
    )


def _expand(part: str, limit: int) -> range:
    match = _PART.fullmatch(part)
    if match is None:
        raise LabError(
            f"{part!r} is neither a number nor a range.", fix="Write for example 1, 50, 100-102."
        )
    first = int(match[1])
    last = int(match[2]) if match[2] else first
    if last < first:
        raise LabError(f"The range {part} runs backwards.", fix=f"Write {last}-{first}.")
    return range(first, min(last, first + limit) + 1)


def _runs(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    first = last = None
    for number in sorted(set(numbers)):
        if last is not None and number == last + 1:
            last = number
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = number
    if first is not None and last is not None:
        yield first, last
