"""Neware's binary files, .nda and .ndax, through the library fastnda (BSD).

fastnda knows the record layouts; here are the bounds on what is unpacked, the clock, and
what can be saved of a file that was cut off. Cycle and step numbers are those in the file,
which BTSDA may count differently on screen (its "cycle mode").
"""

import errno
import logging
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fastnda
import polars as pl

from battery_db.lib.errors import LabError, UnreadableFile
from cycling.formats.base import Finding, Format, ReadContext, Reading
from cycling.formats.clocks import to_unix_seconds
from cycling.formats.step_types import normalise_column, number_steps
from cycling.formats.zip_recovery import leading_members

LARGEST_UNPACKED = 4 * 1024**3
MOST_MEMBERS = 2_000
# Layouts that store the local wall clock as calendar fields (or only the start as text);
# all others store Unix time. From fastnda's struct definitions.
LOCAL_CLOCK_NDA = {1, 3, 4, 26, 28, 29}
LOCAL_CLOCK_NDC = {1, 2, 3, 4, 5, 7}
MILLI = 1e-3
COLUMNS: Mapping[str, tuple[str, float]] = {
    "index": ("record_index", 1),
    "voltage_V": ("voltage_volt", 1),
    "current_mA": ("current_ampere", MILLI),
    "unix_time_s": ("unix_time_second", 1),
    "step_time_s": ("step_time_second", 1),
    "total_time_s": ("test_time_second", 1),
    "cycle_count": ("cycle_count", 1),
    "step_index": ("step_id", 1),
    "capacity_mAh": ("step_cumulative_capacity_ah", MILLI),
    "energy_mWh": ("step_cumulative_energy_wh", MILLI),
}
METADATA = {
    "creator", "remark", "remarks", "sn", "barcode", "batch", "stepname", "step_name",
    "test_name", "starttime", "start_time", "stop_time", "devtype", "devid", "unitid", "chlid",
    "testid", "nda_version", "bts_version", "server_version", "client_version", "svrver",
    "currclientver", "num_datapoints", "active_mass_mg", "scq", "scq_f", "pn", "zwjversion",
}  # fmt: skip
NEWER_EXPORT = "Copy it again from the cycler's computer, or export it as text with BTSDA."


def sniff_nda(head: bytes, name: str) -> bool:
    return head.startswith(b"NEWARE")


def sniff_ndax(head: bytes, name: str) -> bool:
    return head.startswith(b"PK\x03\x04") and (b".ndc" in head or name.lower().endswith(".ndax"))


def read_nda(path: Path, context: ReadContext) -> Reading:
    """One binary file; its leading records are read when the end is missing."""
    with path.open("rb") as file:
        head = file.read(128)
    version = head[14] if len(head) > 14 else 0
    frame, findings = _read(path, ".nda")
    metadata = _metadata(path, ".nda")
    cut = _nda_is_cut(path, head, version, frame, metadata)
    if cut:
        text = f"The file ends before its last record; the first {frame.height} were read."
        findings.append(Finding("cut_off", text))
    return _standard(frame, version in LOCAL_CLOCK_NDA, context, (metadata, findings, cut))


def read_ndax(path: Path, context: ReadContext) -> Reading:
    """A zip archive of binary tables."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_size(archive.infolist())
            version = _ndc_version(archive)
    except (LabError, MemoryError):
        raise
    except Exception as error:
        # Foreign bytes make zipfile fail in every way there is.
        if _is_of_the_machine(error):
            raise
        return _read_cut_ndax(path, context, error)
    frame, findings = _read(path, ".ndax")
    partial = any(finding.code == "auxiliary_unreadable" for finding in findings)
    known = (_metadata(path, ".ndax"), findings, partial)
    return _standard(frame, version in LOCAL_CLOCK_NDC, context, known)


def _check_size(members: list[zipfile.ZipInfo]) -> None:
    total = sum(member.file_size for member in members)
    if total > LARGEST_UNPACKED or len(members) > MOST_MEMBERS:
        raise UnreadableFile(
            f"The archive would unpack to {total / 1e9:.1f} GB in {len(members)} files; at most "
            f"{LARGEST_UNPACKED / 1e9:.1f} GB in {MOST_MEMBERS} are read.",
            fix="Check where the file comes from.",
        )


def _ndc_version(archive: zipfile.ZipFile) -> int:
    if "data.ndc" not in archive.namelist():
        raise UnreadableFile(
            f"The archive holds no data.ndc; found: {', '.join(archive.namelist()[:8])}.",
            fix=NEWER_EXPORT,
        )
    with archive.open("data.ndc") as member:
        head = member.read(3)
    return head[2] if len(head) == 3 else 0


def _read_cut_ndax(path: Path, context: ReadContext, error: Exception) -> Reading:
    """What the front of an archive without its table of contents still tells."""
    members = leading_members(path.read_bytes(), LARGEST_UNPACKED)
    tables = {name: _whole_blocks(data) for name, data in members.items() if name.endswith(".ndc")}
    main = tables.get("data.ndc", b"")
    version = main[2] if len(main) > 2 else 0
    # From version 8 on, times and capacities lie in a table of their own.
    complete = main and (version < 8 or {"data_runInfo.ndc", "data_step.ndc"} <= set(tables))
    if not complete:
        found = ", ".join(members) or "nothing readable"
        raise UnreadableFile(
            f"The file is damaged or was cut off ({error}); found: {found}.", fix=NEWER_EXPORT
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder) / "saved.ndax"
        with zipfile.ZipFile(saved, "w") as archive:
            for name, data in tables.items():
                archive.writestr(name, data)
        frame, findings = _read(saved, ".ndax")
    frame = _until_last_run_info(frame, tables.get("data_runInfo.ndc"))
    text = f"The file was cut off; {frame.height} records were read from what is left."
    findings.append(Finding("cut_off", text))
    return _standard(frame, version in LOCAL_CLOCK_NDC, context, ({}, findings, True))


def _whole_blocks(data: bytes) -> bytes:
    block = 4096 if len(data) > 2 and data[2] > 4 else 512
    return data[: len(data) // block * block]


def _until_last_run_info(frame: pl.DataFrame, table: bytes | None) -> pl.DataFrame:
    """Without the rows after the last known time, which fastnda would extrapolate."""
    if not table or frame.is_empty():
        return frame
    from fastnda._ndc import read_ndc

    last = read_ndc(table)["index"].max()
    return frame.clear() if last is None else frame.filter(pl.col("index") <= last)


def _read(path: Path, suffix: str) -> tuple[pl.DataFrame, list[Finding]]:
    """fastnda's table in its own columns; everything it says becomes a finding."""
    with _overheard() as said, _named(path, suffix) as named:
        try:
            frame = fastnda.read(named, cycle_mode="raw")
        except MemoryError:
            raise
        except (Exception, pl.exceptions.PanicException) as error:
            if _is_of_the_machine(error):
                raise
            raise _unreadable(error) from error
    findings = _findings(said)
    if frame.is_empty():
        raise UnreadableFile(
            "The file is well formed but holds no record.",
            fix="Check on the cycler that the test has started.",
        )
    return frame, findings


def _is_of_the_machine(error: BaseException) -> bool:
    """A disk or share that fails, rather than bad offsets in a damaged file."""
    return isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)


def _unreadable(error: BaseException) -> UnreadableFile:
    return UnreadableFile(
        f"The file can not be read as Neware data: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
        fix=NEWER_EXPORT,
    )


def _findings(said: list[str]) -> list[Finding]:
    findings = []
    for message in dict.fromkeys(said):
        if "aux" in message.lower():
            text = "Auxiliary channels (temperatures) are in the file but can not be told apart."
            findings.append(Finding("auxiliary_unreadable", text))
        elif "not been verified" in message:
            text = "This version of the format was never compared with Neware's own export."
            findings.append(Finding("unverified_version", text))
        elif "Raw cycle column missing" in message:
            text = "The file holds no cycle numbers; they were counted from charge and discharge."
            findings.append(Finding("cycles_counted", text))
    return list(dict.fromkeys(findings))


class _Listener(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.said = said

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """Collect what fastnda logs and warns, so that nothing of it reaches the console."""
    said: list[str] = []
    logger, listener = logging.getLogger("fastnda"), _Listener(said)
    propagate = logger.propagate
    logger.addHandler(listener)
    logger.propagate = False
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield said
        said.extend(str(warning.message) for warning in caught)
    finally:
        logger.removeHandler(listener)
        logger.propagate = propagate


@contextmanager
def _named(path: Path, suffix: str) -> Iterator[Path]:
    """``path`` under a name that ends as fastnda wants; it looks at nothing else."""
    if path.suffix.lower() == suffix:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"file{suffix}"
        link.symlink_to(path.resolve())
        yield link


def _metadata(path: Path, suffix: str) -> dict[str, str]:
    """What the header says of the test; {} when it can not be read."""
    with _overheard(), _named(path, suffix) as named:
        try:
            found = fastnda.read_metadata(named)
        except Exception:  # noqa: BLE001 - the records are what counts
            return {}
    return dict(list(_flat(found))[:60])


def _flat(tree: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            inner = value.get("Value")
            if key.lower() in METADATA and isinstance(inner, str) and inner:
                yield key, inner[:200]
            yield from _flat(value)
        elif key.lower() in METADATA and value not in (None, ""):
            yield key, str(value)[:200]


def _nda_is_cut(
    path: Path, head: bytes, version: int, frame: pl.DataFrame, metadata: Mapping[str, str]
) -> bool:
    """Whether the header promises more than there is; the oldest versions promise nothing."""
    place, width = (64, 4) if version <= 29 else (82, 8)
    begin, length = (int.from_bytes(head[i : i + width], "little") for i in (place, place + width))
    promised = metadata.get("num_datapoints", "")
    return begin + length > path.stat().st_size or (
        promised.isdigit() and int(promised) > frame.height
    )


def _standard(
    frame: pl.DataFrame,
    clock_is_local: bool,
    context: ReadContext,
    known: tuple[dict[str, str], list[Finding], bool],
) -> Reading:
    metadata, findings, is_partial = known
    if frame.height > context.max_rows:
        raise UnreadableFile(
            f"The file has {frame.height} records; at most {context.max_rows} are read.",
            fix="Split the test, or raise the row limit in the settings.",
        )
    columns = [
        (pl.col(name) if scale == 1 else pl.col(name).cast(pl.Float64) * scale).alias(standard)
        for name, (standard, scale) in COLUMNS.items()
        if name in frame.columns
    ]
    series = frame.select(*columns, *_temperatures(frame)).with_columns(
        # fastnda gives the net charge; the standard column is what the step has moved.
        pl.col("^step_cumulative_.*$").abs(),
        normalise_column(frame["step_type"]).alias("step_type"),
    )
    if "step_count" in frame.columns:
        series = series.with_columns(frame["step_count"].rle_id().cast(pl.Int32) + 1)
    elif (numbers := number_steps(series)) is not None:
        series = series.with_columns(numbers)
    if clock_is_local and "unix_time_second" in series.columns:
        naive = (series["unix_time_second"] * 1e6).round().cast(pl.Int64).cast(pl.Datetime("us"))
        unix, more = to_unix_seconds(naive, context.time_zone)
        findings = [*findings, *more]
        series = series.with_columns(unix.alias("unix_time_second"))
    return Reading(series, metadata, tuple(findings), is_partial)


def _temperatures(frame: pl.DataFrame) -> list[pl.Expr]:
    """The first three temperature channels, in the file's order."""
    names = [name for name in frame.columns if name.endswith("temperature_degC")]
    return [
        pl.col(name).alias(f"temperature_t{number}_celsius")
        for number, name in enumerate(names[:3], start=1)
    ]


FORMATS = (
    Format("neware_ndax", 2, "Neware .ndax", (".ndax",), sniff_ndax, read_ndax),
    Format("neware_nda", 2, "Neware .nda", (".nda",), sniff_nda, read_nda),
)
