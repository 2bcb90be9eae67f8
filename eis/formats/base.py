"""What a reader of impedance files is and what it returns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from battery_db.lib.spectra import Spectrum


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a user should know about the data; ``code`` is stable, ``text`` is for people."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """The spectra of one file, in the order measured.

    ``Spectrum.metadata`` holds what the file says of each, where it does: ``cycle`` (the
    instrument's number), ``voltage_volt``, ``current_ampere``, ``temperature_celsius``,
    ``time_second`` (since the start of the file), ``label``. ``refused`` are the parts that
    are no spectrum, each named with the reason. ``is_partial`` says that the file ends early.
    """

    spectra: tuple[Spectrum, ...]
    metadata: dict[str, str] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Format:
    """One file format: ``sniff(first 64 KiB, file name)`` and ``read(path)``."""

    name: str
    version: int
    title: str
    extensions: tuple[str, ...]
    sniff: Callable[[bytes, str], bool]
    read: Callable[[Path], Reading]
