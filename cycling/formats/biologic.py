"""BioLogic's .mpr and .mpt as standard series; ``battery_db.lib.biologic`` knows the bytes.

EC-Lab counts a current positive that oxidises the working electrode. With the positive
electrode as working electrode, as cells are connected, that charges the cell. The voltage
is that of the working electrode (``Ecell`` or ``Ewe``) which the instrument controls, also
where the counter electrode was measured beside it. ``time/s`` counts from the start of the
acquisition, in the instrument's local time.
"""

from datetime import datetime
from pathlib import Path

import polars as pl

from battery_db.lib import biologic
from battery_db.lib.errors import MissingColumn
from cycling.formats.base import Finding, Format, ReadContext, Reading
from cycling.formats.clocks import to_unix_seconds
from cycling.formats.columns import finish

VOLTAGES = ("Ecell/V", "Ewe/V", "<Ewe>/V")
CURRENTS = ("I/mA", "<I>/mA")
CHARGES = ("dq/mA.h", "dQ/mA.h", "dQ/C")
MILLI = 1e-3
SECONDS_PER_HOUR = 3600.0
COULOMB_TO_MAH = 1 / 3.6
# EC-Lab's control modes: 1 galvanostatic, 2 potentiostatic, 3 open circuit.
MODES = {1.0: "cc_", 2.0: "cv_", 3.0: "rest"}
SWEEPS = ("Voltammetry",)
OTHERS: tuple[tuple[str, str, float], ...] = (
    ("Temperature/°C", "temperature_t1_celsius", 1.0),
    ("Q charge/mA.h", "charging_capacity_ah", MILLI),
    ("Q discharge/mA.h", "discharging_capacity_ah", MILLI),
    ("Energy charge/W.h", "charging_energy_wh", 1.0),
    ("Energy discharge/W.h", "discharging_energy_wh", 1.0),
    ("freq/Hz", "frequency_hertz", 1.0),
    ("Re(Z)/Ohm", "real_impedance_ohm", 1.0),
    ("-Im(Z)/Ohm", "imaginary_impedance_ohm", -1.0),
)


def sniff_mpr(head: bytes, name: str) -> bool:
    return biologic.is_mpr(head)


def sniff_mpt(head: bytes, name: str) -> bool:
    return biologic.is_mpt(head)


def read(path: Path, context: ReadContext) -> Reading:
    """Raises MissingColumn for a measurement without current, unless it is at open circuit."""
    table = biologic.read(path, context.max_rows)
    frame = table.frame
    findings: list[Finding] = []
    columns = {
        "test_time_second": _time(frame),
        "voltage_volt": _voltage(frame),
        "current_ampere": _current(frame, table.technique, findings),
        **_counts(frame),
        **_modes(frame, table.technique),
        **{ours: frame[theirs] * by for theirs, ours, by in OTHERS if theirs in frame.columns},
    }
    if table.started_at is not None:
        unix, more = _clock(columns["test_time_second"], table.started_at, context)
        columns["unix_time_second"] = unix
        findings.extend(more)
    _tell(table, findings)
    series = finish(pl.DataFrame([values.alias(name) for name, values in columns.items()]))
    return Reading(series, table.metadata, tuple(findings), table.is_partial)


def _time(frame: pl.DataFrame) -> pl.Series:
    if "time/s" not in frame.columns:
        raise MissingColumn("The table has no column 'time/s'.", fix="Export it with the time.")
    return frame["time/s"]


def _voltage(frame: pl.DataFrame) -> pl.Series:
    for name in VOLTAGES:
        if name in frame.columns:
            return frame[name]
    raise MissingColumn(
        f"The table has no voltage ({', '.join(VOLTAGES)}); found: {', '.join(frame.columns[:12])}.",
        fix="Export it again with Ewe or Ecell.",
    )


def _current(frame: pl.DataFrame, technique: str, findings: list[Finding]) -> pl.Series:
    """As measured, or the mean between two records from the charge that moved."""
    for name in CURRENTS:
        if name in frame.columns:
            return frame[name] * MILLI
    for name in CHARGES:
        if name in frame.columns:
            findings.append(
                Finding(
                    "current_from_charge",
                    f"The file stores no current; it is the charge '{name}' over the time between "
                    "records, as EC-Lab shows it.",
                )
            )
            scale = COULOMB_TO_MAH if name.endswith("/C") else 1.0
            moved = frame[name] * scale
            seconds = frame["time/s"].diff()
            current = pl.select(
                pl.when(seconds > 0).then(moved / seconds * SECONDS_PER_HOUR * MILLI)
            ).to_series()
            return current.fill_null(0.0)
    if not set(frame.columns) & {"control/mA"} and "Wait" not in technique and _rests(frame):
        return pl.Series("current_ampere", [0.0] * frame.height)
    raise MissingColumn(
        f"The table has no current ({', '.join(CURRENTS)}); found: {', '.join(frame.columns[:12])}.",
        fix="Export it again with I or <I>.",
    )


def _rests(frame: pl.DataFrame) -> bool:
    """At open circuit no current flows, and EC-Lab stores none."""
    return "mode" not in frame.columns or bool((frame["mode"] == 3).all())


def _counts(frame: pl.DataFrame) -> dict[str, pl.Series]:
    found = {}
    if "cycle number" in frame.columns:
        found["cycle_count"] = frame["cycle number"].round().cast(pl.Int32, strict=False)
    elif "half cycle" in frame.columns:
        found["cycle_count"] = (frame["half cycle"] // 2).cast(pl.Int32, strict=False)
    if "Ns" in frame.columns:
        found["step_id"] = frame["Ns"].round().cast(pl.Int32, strict=False)
    return found


def _modes(frame: pl.DataFrame, technique: str) -> dict[str, pl.Series]:
    if "mode" not in frame.columns:
        return {}
    words = frame["mode"].replace_strict(MODES, default="other", return_dtype=pl.String)
    if any(word in technique for word in SWEEPS):
        words = words.replace({"cv_": "other"})
    return {"step_type": words}


def _clock(
    time: pl.Series, started_at: datetime, context: ReadContext
) -> tuple[pl.Series, list[Finding]]:
    # Only the start is a wall clock; what follows is elapsed time, which no summer shifts.
    naive = pl.Series([started_at], dtype=pl.Datetime("us"))
    unix, findings = to_unix_seconds(naive, context.time_zone)
    return time + float(unix[0]), findings


def _tell(table: biologic.Table, findings: list[Finding]) -> None:
    names = set(table.frame.columns)
    if {"Ece/V", "<Ece>/V"} & names:
        text = (
            "The counter electrode was measured too (Ece). The voltage is that of the working "
            "electrode against the reference (Ewe)."
        )
        findings.append(Finding("third_electrode", text))
    if table.unknown:
        numbers = ", ".join(str(number) for number in table.unknown)
        text = f"Columns that were left out: the file's numbers {numbers}, which are not known."
        findings.append(Finding("column_left_out", text))
    if table.is_partial:
        text = f"The file was cut off; its first {table.frame.height} records were read."
        findings.append(Finding("cut_off", text))


FORMATS = (
    Format("biologic_mpr", 1, "BioLogic .mpr", (".mpr",), sniff_mpr, read),
    Format("biologic_mpt", 1, "BioLogic .mpt", (".mpt", ".txt"), sniff_mpt, read),
)
