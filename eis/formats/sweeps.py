"""From the columns of a table to spectra: sweeps told apart, signs settled, rows checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from battery_db.lib.errors import MissingColumn, UnreadableFile
from battery_db.lib.spectra import ComplexArray, FloatArray, Spectrum
from eis.formats.base import Finding, Reading
from eis.formats.columns import Column, is_impedance

IntArray = NDArray[np.int64]
FEWEST_POINTS = 3
MOST_POINTS = 10_000
BELOW = "it is positive at low frequencies"
ABSOLUTE_ZERO = -273.15  # what lies below it is what an absent sensor writes
MEANS = {
    "voltage": "voltage_volt",
    "current": "current_ampere",
    "temperature": "temperature_celsius",
    "soc": "state_of_charge",
}


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by role as numbers (n,), already in hertz, ohm, volt, ampere, radian.

    ``blocks`` (n,) numbers the runs of lines that the file itself sets apart. ``is_certain``
    says that the format fixes the sign of the imaginary part; else it is looked at.
    ``findings`` is what was noticed before.
    """

    columns: Mapping[str, FloatArray]
    headers: Mapping[str, Column] = field(default_factory=dict)
    blocks: IntArray | None = None
    is_certain: bool = False
    findings: tuple[Finding, ...] = ()


def scaled(values: Mapping[str, FloatArray], headers: Mapping[str, Column]) -> Table:
    """A table in standard units, from columns as they stand in the file."""
    return Table({role: values[role] * headers[role].factor for role in values}, headers)


def reading_of(
    table: Table, name: str, metadata: Mapping[str, str] | None = None, *, is_partial: bool = False
) -> Reading:
    """All sweeps of a table as spectra named ``name``, ``name #2`` and so on.

    Raises MissingColumn when the table is none of impedance, UnreadableFile when no part of
    it is a spectrum.
    """
    frequency, impedance, findings = _impedance(table)
    spectra: list[Spectrum] = []
    refused: list[tuple[str, str]] = []
    groups = split(frequency, _groups(table))
    for number, rows in enumerate(groups, 1):
        title = name if len(groups) == 1 else f"{name} #{number}"
        made = checked(frequency[rows], impedance[rows], title, _about(table, rows))
        if isinstance(made, Spectrum):
            spectra.append(made)
        else:
            refused.append((title, made))
    if not spectra:
        raise UnreadableFile(
            f"No part of the file is a spectrum: {refused[0][1] if refused else 'no row has a frequency above zero'}.",
            fix="Choose a file with at least three frequencies and their impedance.",
        )
    return Reading(
        tuple(spectra), dict(metadata or {}), tuple(findings), tuple(refused), is_partial
    )


def checked(
    frequency: FloatArray, impedance: ComplexArray, name: str, about: Mapping[str, Any]
) -> Spectrum | str:
    """The points (n,) that count as a spectrum, with what was noticed; else why they are none."""
    good = np.isfinite(frequency) & np.isfinite(impedance) & (frequency > 0) & (impedance != 0)
    reason = _refusal(frequency[good], len(frequency))
    if reason:
        return reason
    noticed = {"findings": _noticed(frequency, good)}
    return Spectrum(frequency[good], impedance[good], name=name, metadata={**about, **noticed})


def split(frequency: FloatArray, groups: Sequence[FloatArray]) -> list[IntArray]:
    """Row numbers of each sweep, without the rows of zero frequency.

    A sweep ends where a group changes (cycle, step, block of lines), where rows without a
    frequency lie between and the next does not go on from the last, and where the frequency
    leaps back against its direction by more than half of the decades it has covered.
    """
    rows = np.flatnonzero(np.isfinite(frequency) & (frequency > 0))
    if not rows.size:
        return []
    steps = np.diff(np.log10(frequency[rows]))
    onward = steps * np.sign(np.median(steps)) if steps.size else steps
    goes_on = (onward > 0) & (onward <= 3 * _usual(steps))
    breaks = (np.diff(rows) > 1) & ~goes_on
    for group in groups:
        changes = np.diff(group[rows]) != 0
        if changes.sum() * FEWEST_POINTS <= rows.size:  # else it numbers rows, not sweeps
            breaks |= changes
    parts = np.split(rows, np.flatnonzero(breaks) + 1)
    return [sweep for part in parts for sweep in _turns(frequency, part)]


def _usual(steps: FloatArray) -> float:
    return float(np.median(np.abs(steps))) if steps.size else 0.0


def _turns(frequency: FloatArray, rows: IntArray) -> list[IntArray]:
    if rows.size > MOST_POINTS * 100:
        return [rows]
    log = np.log10(frequency[rows])
    found, start = [], 0
    steps = np.diff(log)
    direction = np.sign(np.median(steps)) if steps.size else 0.0
    # A sweep that turns goes on in small steps; a new one leaps back to where the first began.
    leap = 3 * _usual(steps)
    lowest = highest = log[0]
    for place, step in enumerate(steps, 1):
        covered = highest - lowest
        if place - start >= FEWEST_POINTS and -step * direction > max(0.5 * covered, leap):
            found.append(rows[start:place])
            start = place
            lowest = highest = log[place]
        lowest, highest = min(lowest, log[place]), max(highest, log[place])
    found.append(rows[start:])
    # Frequencies in no order at all leap back everywhere: that is one unsorted spectrum.
    return found if len(found) * 4 <= rows.size or len(found) == 1 else [rows]


def _groups(table: Table) -> list[FloatArray]:
    given = [table.columns[role] for role in ("cycle", "group") if role in table.columns]
    if table.blocks is not None:
        given.append(table.blocks.astype(np.float64))
    return given


def _impedance(table: Table) -> tuple[FloatArray, NDArray[np.complex128], list[Finding]]:
    columns = table.columns
    if not is_impedance(columns):
        found = ", ".join(columns) or "none"
        if "time" in columns and "voltage" in columns:
            raise MissingColumn(
                f"This is a time series, not impedance: it has {found}, and no frequency.",
                fix="If it is cycling data, correct the kind of experiment on the file's page.",
            )
        raise MissingColumn(
            "A frequency and both parts of the impedance (or modulus and phase) were expected; "
            f"found: {found}. A column whose unit is not known does not count.",
            fix="Export it again with these columns and a line of headers.",
        )
    findings = list(table.findings)
    role = "frequency" if "frequency" in columns else "angular"
    unit = table.headers[role].unit if role in table.headers else "Hz"
    if role == "angular" or "rad" in unit:
        findings.append(Finding("angular", "Angular frequencies (rad/s) were converted to hertz."))
    if {"real", "imaginary"} <= set(columns):
        impedance = columns["real"] + 1j * columns["imaginary"]
        impedance = _settled_sign(table, columns[role], impedance, findings)
    else:
        impedance = columns["modulus"] * np.exp(1j * columns["phase"])
    return columns[role], impedance, findings


def _settled_sign(
    table: Table, frequency: FloatArray, impedance: NDArray[np.complex128], findings: list[Finding]
) -> NDArray[np.complex128]:
    """Capacitive negative. The header decides, then the phase, then the low frequencies."""
    header = table.headers.get("imaginary")
    if table.is_certain or (header is not None and header.is_signed):
        return impedance
    phase = table.columns.get("phase")
    if phase is not None:
        told = np.nansum(np.sign(impedance.imag) * np.sign(np.sin(phase)))
        is_minus, why = told < 0, "its sign disagrees with the phase"
    else:
        is_minus, why = is_positive_below(frequency, impedance.imag), BELOW
    if not is_minus:
        return impedance
    findings.append(reversed_sign(why))
    return impedance.conj()


def reversed_sign(why: str = BELOW) -> Finding:
    return Finding("sign_reversed", f"The imaginary part was read as -Z'': {why}.")


def is_positive_below(frequency: FloatArray, imaginary: FloatArray) -> bool:
    """Whether nine in ten points of the lower half of the decades are above zero."""
    good = np.isfinite(frequency) & (frequency > 0) & np.isfinite(imaginary) & (imaginary != 0)
    if not good.any():
        return False
    log = np.log10(frequency[good])
    low = imaginary[good][log <= (log.min() + log.max()) / 2]
    return bool(np.mean(low > 0) >= 0.9)


def _refusal(frequency: FloatArray, given: int) -> str:
    """Why these rows are no spectrum, or nothing."""
    if len(frequency) < FEWEST_POINTS:
        return (
            f"it has {len(frequency)} usable points of {given}, at least {FEWEST_POINTS} are needed"
        )
    if len(frequency) > MOST_POINTS:
        return f"it has {len(frequency)} points, at most {MOST_POINTS} are read as one spectrum"
    if len(np.unique(frequency)) < FEWEST_POINTS:
        return f"it has {len(np.unique(frequency))} different frequencies: a measurement at one point in time?"
    return ""


def _noticed(frequency: FloatArray, good: NDArray[np.bool_]) -> list[dict[str, str]]:
    findings = []
    dropped = int((~good).sum())
    if dropped:
        findings.append(
            Finding("points_dropped", f"{dropped} points with zeros or no number were left out.")
        )
    kept = frequency[good]
    twice = len(kept) - len(np.unique(kept))
    if twice:
        findings.append(Finding("repeated", f"{twice} points repeat a frequency; all are kept."))
    steps = np.sign(np.diff(kept))
    if np.any(steps > 0) and np.any(steps < 0):
        findings.append(Finding("unsorted", "The frequencies do not go one way only."))
    return [{"code": finding.code, "text": finding.text} for finding in findings]


def _about(table: Table, rows: IntArray) -> dict[str, Any]:
    about: dict[str, Any] = {}
    for role, name in MEANS.items():
        if role in table.columns:
            values = table.columns[role][rows]
            values = values[np.isfinite(values) & (values > ABSOLUTE_ZERO)]
            if values.size:
                about[name] = float(np.mean(values))
    cycle = table.columns.get("cycle")
    if cycle is not None and np.isfinite(cycle[rows[0]]):
        about["cycle"] = int(cycle[rows[0]])
    time = table.columns.get("time")
    if time is not None and np.isfinite(time[rows[0]]):
        about["time_second"] = float(time[rows[0]])
    return about
