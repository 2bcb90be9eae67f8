"""Half-cycles of real files against sums over their raw rows, made here without the project.

The raw rows are parsed with ``csv``, calamine or Polars as the file has them, and summed
in a plain loop. Nothing of ``cycling`` is used but its result.

Tolerances. Both sides are trapezium sums over the same records, so they differ where they
must guess: in the stretch between the last record of a step and the first of the next.
That is at most one recording interval for each step, 0.5 % of a half-cycle of a few
hundred records; instruments integrate between records, so their counters may be 1 % away
(the limit from which a difference is a finding). Voltages are copied, so 1 mV is for rounding.
"""

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from python_calamine import CalamineWorkbook

from cycling.formats import ReadContext, read
from cycling.half_cycles import summarise

SAME = 0.005
COUNTED = 0.01
MILLIVOLT = 0.001
# A current below this share of the file's largest is a rest.
REST = 1e-3


@dataclass
class Raw:
    """Seconds, volts, amperes (positive charges), numbers of cycle and step, per record."""

    time: np.ndarray
    volt: np.ndarray
    ampere: np.ndarray
    cycle: np.ndarray
    step: np.ndarray

    @classmethod
    def of(cls, records: Iterable[tuple]) -> "Raw":
        return cls(*(np.array(column, dtype=float) for column in zip(*records, strict=True)))


@dataclass
class Sums:
    """What flowed one way in a stretch of records."""

    ampere_hour: float = 0.0
    watt_hour: float = 0.0
    second: float = 0.0
    end_volt: float = 0.0
    end_ampere: float = 0.0
    unknown_second: float = 0.0  # before the first record of each step, which nobody measured


def sums_of(raw: Raw, first: int, last: int, sign: int) -> Sums:
    """Record by record, from ``first`` to ``last``, of currents of this sign."""
    found = Sums()
    rest = REST * np.abs(raw.ampere).max()
    for now in range(first, last + 1):
        ampere = sign * raw.ampere[now]
        if ampere <= rest:
            continue
        found.end_volt, found.end_ampere = raw.volt[now], ampere
        second = max(raw.time[now] - raw.time[now - 1], 0.0) if now else 0.0
        before = sign * raw.ampere[now - 1] if now else 0.0
        begins = now == 0 or raw.step[now - 1] != raw.step[now]
        if begins or before <= rest:
            found.unknown_second += second
        else:
            charge = (ampere + before) / 2 * second / 3600
            found.ampere_hour += charge
            found.watt_hour += charge * (raw.volt[now] + raw.volt[now - 1]) / 2
            found.second += second
    return found


def clock_seconds(text: str) -> float:
    """``h:m:s``, ``h:m:s.ms`` or ``  0d 00:00:05``."""
    days, _, clock = text.strip().rpartition("d")
    hours, minutes, seconds = clock.strip().split(":")
    return int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def neware_nested(path: Path) -> Raw:
    def records():
        cycle, step = 0, 0
        with path.open(encoding="latin-1", newline="") as file:
            for row in csv.reader(file):
                if row[0].isdigit():
                    cycle = int(row[0])
                    step += 1  # a cycle line has its first step beside it
                elif row[1].isdigit():
                    step += 1
                elif row[2].isdigit():
                    yield clock_seconds(row[4]), float(row[6]), float(row[5]), cycle, step

    return Raw.of(records())


def btsda_export(path: Path) -> Raw:
    table = pl.read_parquet(path)
    return Raw(
        table["Total Time"].to_numpy(),
        table["Voltage(mV)"].cast(pl.Float64).to_numpy() / 1000,
        table["Current(uA)"].cast(pl.Float64).to_numpy() / 1e6,
        table["Cycle Index"].cast(pl.Int64).to_numpy(),
        table["Step Count"].cast(pl.Int64).to_numpy(),
    )


def ec_lab(path: Path) -> Raw:
    lines = path.read_text(encoding="latin-1").splitlines()
    names = lines[int(lines[1].split(":")[1]) - 1].split("\t")
    wanted = [names.index(n) for n in ("time/s", "Ewe/V", "<I>/mA", "cycle number", "Ns")]
    rows = ([float(row.split("\t")[i]) for i in wanted] for row in lines[len_header(lines) :])
    return Raw.of((t, v, i / 1000, cycle, step) for t, v, i, cycle, step in rows)


def len_header(lines: list[str]) -> int:
    return int(lines[1].split(":")[1])


def arbin_csv(path: Path) -> Raw:
    table = pl.read_csv(path)
    names = ("Test_Time", "Voltage", "Current", "Cycle_Index", "Step_Index")
    return Raw(*(table[name].cast(pl.Float64).to_numpy() for name in names))


def arbin_workbook(path: Path) -> Raw:
    rows = CalamineWorkbook.from_path(path).get_sheet_by_name("Channel_11_1").to_python()
    names = ("Test_Time(s)", "Voltage(V)", "Current(A)", "Cycle_Index", "Step_Index")
    wanted = [rows[0].index(name) for name in names]
    return Raw.of([row[i] for i in wanted] for row in rows[1:])


def neware_workbook(path: Path) -> Raw:
    rows = CalamineWorkbook.from_path(path).get_sheet_by_name("Detail_14_1_3").to_python()
    names = ("Absolute Time", "Voltage(V)", "Cur(mA)", "Cycle", "Step")
    wanted = [rows[0].index(name) for name in names]
    picked = ([row[i] for i in wanted] for row in rows[1:])
    return Raw.of((t.timestamp(), v, i / 1000, c, s) for t, v, i, c, s in picked)


def maccor(path: Path) -> Raw:
    def records():
        with path.open(encoding="latin-1", newline="") as file:
            for row in csv.reader(file, delimiter="\t"):
                if row and row[0].isdigit():
                    sign = -1 if row[9].strip() == "D" else 1
                    yield clock_seconds(row[3]), float(row[8]), sign * float(row[7]), row[1], row[2]

    return Raw.of((t, v, i, float(c), float(s)) for t, v, i, c, s in records())


def novonix(path: Path) -> Raw:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    lines = lines[next(i for i, line in enumerate(lines) if line.startswith("[Data]")) + 1 :]
    rows = list(csv.DictReader(lines))
    return Raw.of(
        (
            float(row["Run Time (h)"]) * 3600,
            float(row["Potential (V)"]),
            float(row["Current (A)"]),
            float(row["Cycle Number"]),
            float(row["Step Number"]),
        )
        for row in rows
    )


def basytec(path: Path) -> Raw:
    lines = path.read_text(encoding="latin-1").splitlines()
    head = next(i for i, line in enumerate(lines) if line.startswith("~Time"))
    names = lines[head].lstrip("~").split("\t")
    wanted = [names.index(n) for n in ("Time[s]", "U[V]", "I[A]", "Cyc-Count", "Line")]
    rows = (line.split("\t") for line in lines[head + 1 :] if line)
    return Raw.of([float(row[i]) for i in wanted] for row in rows)


def battery_archive(path: Path) -> Raw:
    table = pl.read_csv(path)
    names = ("Test_Time (s)", "Voltage (V)", "Current (A)", "Cycle_Index", "Cycle_Index")
    return Raw(*(table[name].cast(pl.Float64).to_numpy() for name in names))


def bdf(path: Path) -> Raw:
    table = pl.read_csv(path)
    names = ("test_time_second", "voltage_volt", "current_ampere", "cycle_count", "step_index")
    raw = Raw(*(table[name].cast(pl.Float64).to_numpy() for name in names))
    raw.time = np.maximum.accumulate(raw.time)  # its known bug: time falls back
    return raw


def units_in_names(path: Path) -> Raw:
    table = pl.read_parquet(path)
    names = ("Test_Time_s", "Voltage_V", "Current_A", "Cycle_Index", "Step_Index")
    return Raw(*(table[name].cast(pl.Float64).to_numpy() for name in names))


NEWARE = "cycling-neware/jepegit__cellpy/testdata/data"
NDA = "cycling-neware/d-cogswell__NewareNDA/tests"
YADG = "cycling-biologic/dgbowl__yadg/tests/test_x_eclab"
BDF = "battery-data-alliance__battery-data-format"
PYPROBE = "ImperialCollegeLondon__PyProBE/tests/sample_data"
ROVI = "ROVI-org__battery-data-toolkit/tests/files"
Parse = Callable[[Path], Raw]
# Format -> the file, where its raw rows are if not in itself, how they are parsed.
CASES: dict[str, tuple[str, str, Parse]] = {
    "neware_nested_text": (f"{NEWARE}/nw_regular_export_ife_example.csv", "", neware_nested),
    "neware_ndax": (
        f"{NDA}/nda/github/Issue5/test_2.ndax",
        f"{NDA}/reference_btsda/test_2.parquet",
        btsda_export,
    ),
    "neware_nda": (
        f"{NDA}/nda/github/Issue72/TestFile.nda",
        f"{NDA}/reference_btsda/TestFile.parquet",
        btsda_export,
    ),
    "biologic_mpt": (f"{YADG}/gcpl.pr_182.1.mpt", "", ec_lab),
    "biologic_mpr": (f"{YADG}/gcpl.pr_182.1.mpr", f"{YADG}/gcpl.pr_182.1.mpt", ec_lab),
    "arbin_text": (f"cycling-arbin/{ROVI}/arbin_example.csv", "", arbin_csv),
    "excel": (
        (
            "cycling-arbin/be-smith__navani/Example_data/"
            "bs542_004_gr_li_50ua_50mv_1v_191020_Channel_11.xlsx"
        ),
        "",
        arbin_workbook,
    ),
    "excel (Neware)": (f"{NEWARE}/custom_data_003.xls", "", neware_workbook),
    "maccor_text": ("cycling-maccor/jepegit__cellpy/examples/data/maccor_one.txt", "", maccor),
    "novonix": (f"cycling-other/{BDF}/tests/data/novonix/sample_data_novonix.csv", "", novonix),
    "basytec": (f"cycling-other/{PYPROBE}/basytec/sample_data_basytec.txt", "", basytec),
    "battery_archive": (
        (
            f"cycling-other/{ROVI}/batteryarchive/"
            "CALCE_CX2-33_prism_LCO_25C_0-100_0.5-0.5C_d_timeseries.csv"
        ),
        "",
        battery_archive,
    ),
    "bdf_csv": (
        (
            f"cycling-neware/{BDF}/docs/examples/reference/"
            "SINTEF__SLPBA842124HV__2024-10-23__Rate_25degC__Neware__Time_Bug.bdf.csv"
        ),
        "",
        bdf,
    ),
    "labelled_parquet": (
        "cycling-other/Battery-Intelligence-Lab__BatEst/Data/Examples/Raj2020_Cycling.parquet",
        "",
        units_in_names,
    ),
}


# Charges and discharges. Turns of the current that move less than 5 % of the largest are
# pulses; four half-cycles of the .ndax file hold such turns, at 30 times the first rate.
COUNTS = {
    "neware_nested_text": (20, 20),
    "neware_ndax": (51, 51),
    "neware_nda": (2, 2),
    "biologic_mpt": (4, 4),
    "biologic_mpr": (4, 4),
    "arbin_text": (2, 2),
    "excel": (2, 2),
    "excel (Neware)": (13, 14),
    "maccor_text": (3, 3),
    "novonix": (1, 0),
    "basytec": (1, 0),
    "battery_archive": (1, 0),
    "bdf_csv": (5, 5),
    "labelled_parquet": (5, 3),
}
# Instruments that kept one number over several cycles; these are counted anew from it.
UNCOUNTED = {"neware_ndax", "excel", "bdf_csv", "maccor_text"}


@pytest.fixture(scope="module")
def compared(real_data):
    """``compared(format)``: our half-cycles and the raw rows, once per file."""
    known: dict[str, tuple[pl.DataFrame, Raw]] = {}

    def of(name: str) -> tuple[pl.DataFrame, Raw]:
        if name not in known:
            file, rows, parse = CASES[name]
            paths = [real_data / file, real_data / (rows or file)]
            for path in paths:
                if not path.exists():
                    pytest.skip(f"absent: {path}")
            format_, reading = read(paths[0], ReadContext(time_zone="UTC"))
            assert format_.name == name.split(" ")[0]
            raw = parse(paths[1])
            assert reading.frame.height == len(raw.time)
            known[name] = summarise(reading.frame), raw
        return known[name]

    return of


@pytest.mark.parametrize("name", CASES)
def test_half_cycles_are_what_the_raw_rows_say(compared, name):
    halves, raw = compared(name)
    several = sum(holds_turns(raw, half) for half in halves.iter_rows(named=True))

    assert several == (4 if name == "neware_ndax" else 0)
    counts = [halves.filter(polarity=p).height for p in ("charge", "discharge")]
    assert tuple(counts) == COUNTS[name]
    for half in halves.iter_rows(named=True):
        sign = 1 if half["polarity"] == "charge" else -1
        sums = sums_of(raw, half["first_row"], half["last_row"], sign)
        unknown = sums.unknown_second * half["constant_current_ampere"] / 3600
        where = f"{name}, {half['polarity']} {half['ordinal']}"
        assert half["capacity_ah"] == pytest.approx(
            sums.ampere_hour, rel=SAME, abs=unknown * 1.05
        ), where
        assert half["energy_wh"] == pytest.approx(
            sums.watt_hour, rel=SAME, abs=unknown * 1.05 * np.abs(raw.volt).max()
        ), where
        assert half["duration_second"] == pytest.approx(
            sums.second, rel=SAME, abs=sums.unknown_second + 0.1
        ), where
        if name == "neware_ndax" and holds_turns(raw, half):
            continue  # it ended where the last of its larger turns did
        assert half["end_voltage_volt"] == pytest.approx(sums.end_volt, abs=MILLIVOLT), where
        # Ours is the mean of the last records that agree, so that noise does not decide.
        assert half["end_current_ampere"] == pytest.approx(
            sums.end_ampere, rel=0.05, abs=0.02 * half["constant_current_ampere"]
        ), where


@pytest.mark.parametrize("name", CASES)
def test_no_charge_is_lost_between_half_cycles(compared, name):
    halves, raw = compared(name)

    for polarity, sign in (("charge", 1), ("discharge", -1)):
        mine = halves.filter(polarity=polarity)["capacity_ah"].sum()
        sums = sums_of(raw, 0, len(raw.time) - 1, sign)
        unknown = sums.unknown_second * np.abs(raw.ampere).max() / 3600
        assert mine == pytest.approx(sums.ampere_hour, rel=SAME, abs=unknown), polarity


@pytest.mark.parametrize("name", CASES)
def test_cycle_numbers_are_those_of_the_file(compared, name):
    halves, raw = compared(name)

    for half in halves.iter_rows(named=True):
        numbers = set(raw.cycle[half["first_row"] : half["last_row"] + 1])
        if name not in UNCOUNTED:
            assert numbers == {half["cycle_count"]}
        elif not holds_turns(raw, half):
            assert len(numbers) == 1


def holds_turns(raw: Raw, half: dict) -> bool:
    return len(set(raw.cycle[half["first_row"] : half["last_row"] + 1])) > 1


@pytest.mark.parametrize("name", CASES)
def test_the_constant_current_is_that_of_most_of_a_half_cycle(compared, name):
    """The C-rate is this over the cell's capacity."""
    halves, raw = compared(name)

    for half in halves.iter_rows(named=True):
        rows = slice(half["first_row"], half["last_row"] + 1)
        sign = 1 if half["polarity"] == "charge" else -1
        flowing = sign * raw.ampere[rows]
        flowing = flowing[flowing > REST * np.abs(raw.ampere).max()]
        level = half["constant_current_ampere"]
        assert flowing.min() * 0.99 <= level <= flowing.max() * 1.01
        held = flowing[np.abs(flowing - level) < 0.1 * level]
        assert len(held) >= 1


def test_a_voltage_hold_ends_at_the_current_that_the_program_says(compared):
    """M50 cells of the Maccor file: charged to 4.2 V, held there until 50 mA."""
    halves, _ = compared("maccor_text")

    charges = halves.filter(polarity="charge").head(2)
    assert charges["end_current_ampere"].to_list() == pytest.approx([0.050, 0.050], rel=0.02)
    assert charges["constant_current_ampere"].to_list() == pytest.approx([1.5, 1.5], rel=0.01)
    assert charges["end_voltage_volt"].to_list() == pytest.approx([4.2, 4.2], abs=MILLIVOLT)


def test_btsda_counted_the_same_capacities_by_itself(compared, real_data):
    """The cycle lines of the nested export: what Neware's own program makes of the records."""
    halves, _ = compared("neware_nested_text")
    path = real_data / CASES["neware_nested_text"][0]
    with path.open(encoding="latin-1", newline="") as file:
        cycles = [row for row in csv.reader(file) if row[0].isdigit()]

    for place, polarity in ((1, "charge"), (2, "discharge")):
        counted = [float(row[place]) for row in cycles]
        energy = [float(row[place + 3]) for row in cycles]
        mine = halves.filter(polarity=polarity)
        assert mine["capacity_ah"].to_list() == pytest.approx(counted, rel=COUNTED)
        assert mine["energy_wh"].to_list() == pytest.approx(energy, rel=COUNTED)


def test_neware_counted_the_same_capacities_in_its_old_workbook(compared, real_data):
    halves, _ = compared("excel (Neware)")
    book = CalamineWorkbook.from_path(real_data / CASES["excel (Neware)"][0])
    cycles = book.get_sheet_by_name("Cycle_14_1_3").to_python()[1:]

    for place, polarity in ((2, "charge"), (3, "discharge")):
        counted = [row[place] / 1000 for row in cycles if row[place]]
        mine = halves.filter(polarity=polarity)["capacity_ah"].to_list()
        assert mine == pytest.approx(counted, rel=COUNTED)


@pytest.mark.parametrize("name", ["NMC_C_21_B_6*.xlsx", "LMO_C_25_B_155*.xlsx"])
def test_step_sheets_that_write_discharges_as_negative_charge_have_discharges(real_data, name):
    path = next(real_data.glob(f"cycling-neware/terencetaothucb__*/**/{name}"), None)
    if path is None:
        pytest.skip(f"absent: {name}")
    rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
    wanted = {"charge": rows[0].index("充电容量(Ah)"), "discharge": rows[0].index("放电容量(Ah)")}

    halves = summarise(read(path)[1].frame)

    for polarity, column in wanted.items():
        counted = sum(abs(row[column] or 0) for row in rows[1:])
        mine = halves.filter(polarity=polarity)["capacity_ah"].sum()
        assert counted > 1
        assert mine == pytest.approx(counted, rel=COUNTED), polarity
