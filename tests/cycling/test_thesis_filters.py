"""The filters of the thesis (Tables 6, 7 and 8), and the reference's defects that none may have.

A frame here is a life as the thesis tells it: everyday cycles in a restricted window, and
check-ups, or rate maps, between them.
"""

import polars as pl
import pytest

from cycling.exports.csv_folder import Range, matches

# Rate of charge, where it ends, rate of discharge, where it ends.
Cycle = tuple[float, float, float, float]
CHECK_UP_HIGH: Cycle = (0.05, 4.2, 0.05, 3.2)
CHECK_UP_LOW: Cycle = (0.05, 3.9, 0.05, 2.8)
EVERY_DAY_HIGH: Cycle = (0.5, 3.95, 0.5, 3.2)  # between 3.2 V and less than 4 V
EVERY_DAY_LOW: Cycle = (0.5, 3.9, 0.5, 3.0)  # between more than 2.9 V and 3.9 V

TABLE_6 = {
    "Check-up High V": [
        Range("charge", "constant_rate", 0.03, 0.07),
        Range("discharge", "constant_rate", 0.03, 0.07),
        Range("charge", "end_voltage", 4.18, 4.22),
        Range("charge", "previous_end_voltage", 3.18, 3.22),
        Range("discharge", "previous_end_voltage", 4.18, 4.22),
        Range("discharge", "end_voltage", 3.18, 3.22),
    ],
    "Check-up Low V": [
        Range("charge", "constant_rate", 0.03, 0.07),
        Range("discharge", "constant_rate", 0.03, 0.07),
        Range("charge", "end_voltage", 3.88, 3.92),
        Range("charge", "previous_end_voltage", 2.78, 2.82),
        Range("discharge", "previous_end_voltage", 3.88, 3.92),
        Range("discharge", "end_voltage", 2.78, 2.82),
    ],
}
TABLE_7 = {
    "No Check-up High V": [
        Range("charge", "end_voltage", None, 4.0),
        Range("charge", "previous_end_voltage", 3.18, 3.22),
    ],
    "No Check-up Low V": [
        Range("charge", "end_voltage", 3.88, 3.92),
        Range("charge", "previous_end_voltage", 2.9, None),
    ],
}
TABLE_8 = {
    "1C C/20": [
        Range("charge", "constant_rate", 0.85, 1.5),
        Range("discharge", "constant_rate", 0.03, 0.1),
    ],
    "C/20 C/20": [
        Range("charge", "constant_rate", 0.03, 0.1),
        Range("discharge", "constant_rate", 0.03, 0.1),
    ],
    "C/2": [Range("discharge", "constant_rate", 0.3, 0.7)],
    "1C (Check-up)": [
        Range("discharge", "constant_rate", 0.85, 1.5),
        Range("charge", "previous_constant_rate", 0.3, 0.7),
    ],
    "2C": [Range("discharge", "constant_rate", 1.5, 2.4)],
    "3C": [Range("discharge", "constant_rate", 2.4, 4.0)],
}


def life(cycles: list[Cycle], capacity_ah: float = 0.2) -> pl.DataFrame:
    """Half-cycles with what came before; the cell starts as if the first cycle had been."""
    rows = []
    _, top, before_rate, before_volt = cycles[0]
    for number, (charge, top, discharge, bottom) in enumerate(cycles):
        rows += [
            (number, "charge", charge, top, before_rate, before_volt),
            (number, "discharge", discharge, bottom, charge, top),
        ]
        before_rate, before_volt = discharge, bottom
    names = ("cycle", "polarity", "rate", "end", "previous_rate", "previous_end")
    return pl.DataFrame(rows, schema=names, orient="row").select(
        "cycle",
        "polarity",
        constant_current_ampere=pl.col("rate") * capacity_ah,
        end_current_ampere=pl.col("rate") * capacity_ah,
        previous_constant_current_ampere=pl.col("previous_rate") * capacity_ah,
        previous_end_current_ampere=pl.col("previous_rate") * capacity_ah,
        end_voltage_volt="end",
        previous_end_voltage_volt="previous_end",
    )


def caught(ranges: list[Range], frame: pl.DataFrame) -> list[int]:
    return sorted(set(matches(frame, ranges, 0.2)["cycle"].to_list()))


HIGH = [EVERY_DAY_HIGH] * 5 + [CHECK_UP_HIGH] + [EVERY_DAY_HIGH] * 5 + [CHECK_UP_HIGH]
LOW = [EVERY_DAY_LOW] * 5 + [CHECK_UP_LOW] + [EVERY_DAY_LOW] * 5 + [CHECK_UP_LOW]


@pytest.mark.parametrize(
    ("name", "cycles", "expected"),
    [
        ("Check-up High V", HIGH, [5, 11]),
        ("Check-up High V", LOW, []),
        # Its charge must start at 2.8 V: the first check-up of a stretch starts at 3.0 V.
        ("Check-up Low V", LOW, []),
        ("Check-up Low V", [CHECK_UP_LOW, CHECK_UP_LOW, *LOW], [0, 1]),
        ("Check-up Low V", HIGH, []),
    ],
)
def test_table_6_isolates_check_up_cycles(name, cycles, expected):
    assert caught(TABLE_6[name], life(cycles)) == expected


@pytest.mark.parametrize(
    ("name", "cycles", "expected"),
    [
        ("No Check-up High V", HIGH, [*range(5), *range(6, 11)]),
        # The cycle after a check-up starts from 2.8 V, and is left out with it.
        ("No Check-up Low V", LOW, [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 11]),
        ("No Check-up High V", LOW, []),
    ],
)
def test_table_7_has_the_other_cycles_with_one_sided_ranges(name, cycles, expected):
    """Defect A7.1 of the reference: one-sided filters were saved and crashed the export."""
    assert caught(TABLE_7[name], life(cycles)) == expected


def rate_map(everyday: float) -> list[Cycle]:
    map_ = [(1.0, 0.05), (0.05, 0.05), (1.0, 0.5), (1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]
    return [
        *[(everyday, 4.2, everyday, 3.0)] * 10,
        *[(charge, 4.2, discharge, 3.0) for charge, discharge in map_],
        *[(everyday, 4.2, everyday, 3.0)] * 10,
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1C C/20", [10]),
        ("C/20 C/20", [11]),
        ("C/2", [12]),
        ("1C (Check-up)", [13]),
        ("2C", [14]),
        ("3C", [15]),
    ],
)
def test_table_8_tells_the_cycles_of_a_rate_map_apart(name, expected):
    """Defect A1.7: "Previous Constant Rate" was no attribute, so "1C (Check-up)" had all 1C."""
    assert caught(TABLE_8[name], life(rate_map(1.0))) == expected


@pytest.mark.parametrize("name", ["1C C/20", "C/20 C/20", "2C", "3C"])
def test_table_8_leaves_everyday_cycles_at_a_third_of_c_out(name):
    everyday = life(rate_map(1 / 3))

    assert all(10 <= cycle < 16 for cycle in caught(TABLE_8[name], everyday))
