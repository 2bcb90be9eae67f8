"""BioLogic's files, .mpr (binary) and .mpt (text), as tables with EC-Lab's own column names.

Both hold every kind of measurement (cycling, voltammetry, impedance); what the columns mean
is for their reader to say. No description of .mpr is published: offsets and column numbers
here are those that make pairs of .mpr and .mpt files of one measurement agree. The one
library that reads .mpr alone, galvani, has a licence that this project can not take on.

An .mpr file is a line of modules, each with a header that names it and gives its length.
``VMP data`` lists its columns by number, then holds fixed-length records. A number that is
not in ``COLUMNS`` hides how long its value is; what lies before it and after it is still
read, because the length of a record is known.
"""

import io
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from battery_db.lib.biologic_columns import COLUMNS, FLAGS, TECHNIQUES
from battery_db.lib.errors import UnreadableFile

MAGIC = b"BIO-LOGIC MODULAR FILE"
TEXT_TITLES = ("EC-Lab ASCII FILE", "BT-Lab ASCII FILE")
# Where records begin in the data module, by the module's version.
RECORDS_AT = {2: 405, 3: 406}
RECORDS_AT_NEW = 1007
# Where the log module keeps the moment at which the acquisition began, in days of 1899-12-30.
STARTED_AT = 585
FIRST_DAY = datetime(1899, 12, 30)  # noqa: DTZ001 - the instrument's wall clock has no zone
EARLIEST, LATEST = 30_000.0, 80_000.0
DAMAGED = "Copy it again from the cycler's computer, or export it as text with EC-Lab."


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by EC-Lab's names with their units, as Float64 (text cells that are no number
    are null), and ``started_at``, the wall clock without zone at which ``time/s`` is zero.

    ``unknown`` are column numbers that could not be read; ``is_partial`` says that the file
    ends before its last record.
    """

    frame: pl.DataFrame
    technique: str = ""
    started_at: datetime | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    unknown: tuple[int, ...] = ()
    is_partial: bool = False


def is_mpr(head: bytes) -> bool:
    return head.startswith(MAGIC)


def is_mpt(head: bytes) -> bool:
    """Text that begins with EC-Lab's title, or with EC-Lab's header line alone."""
    line = _decode(head[:4096]).split("\n", 1)[0]
    return line.strip() in TEXT_TITLES or (
        "\t" in line and line.startswith(("mode\t", "freq/Hz\t", "Ns changes\t"))
    )


def read(path: Path, max_rows: int = 200_000_000) -> Table:
    """An .mpr or .mpt file, told apart by content.

    Raises UnreadableFile when it is damaged, holds no record or more than ``max_rows``.
    """
    data = path.read_bytes()
    table = read_mpr(data, max_rows) if is_mpr(data) else read_mpt(data, max_rows)
    if table.frame.is_empty():
        raise UnreadableFile(
            "The file is well formed but holds no record.",
            fix="Check in EC-Lab that the technique has run.",
        )
    return table


@dataclass(frozen=True, slots=True)
class _Module:
    name: str
    version: int
    promised: int
    body: bytes


def read_mpr(data: bytes, max_rows: int = 200_000_000) -> Table:
    """The records of a binary file. See ``read``."""
    modules = {module.name: module for module in _modules(data)}
    found = modules.get("VMP data")
    if found is None:
        names = ", ".join(modules) or "none"
        raise UnreadableFile(f"The file has no 'VMP data' module; found: {names}.", fix=DAMAGED)
    settings = modules.get("VMP Set")
    technique = TECHNIQUES.get(settings.body[0], "") if settings and settings.body else ""
    frame, unknown, cut = _records(found, max_rows)
    log = modules.get("VMP LOG")
    metadata = {"technique": technique} if technique else {}
    return Table(frame, technique, _started_at(log), metadata, unknown, cut)


def _modules(data: bytes) -> Iterator[_Module]:
    """Header: MODULE, short name (10), long name (25), then version and length, old or new."""
    place = data.find(b"MODULE")
    while place >= 0 and data[place : place + 6] == b"MODULE" and place + 65 <= len(data):
        name = data[place + 6 : place + 16].decode("ascii", "replace").strip()
        first, second = struct.unpack_from("<II", data, place + 41)
        is_new = first == 0xFFFFFFFF
        length = second if is_new else first
        version = struct.unpack_from("<I", data, place + 53)[0] if is_new else second
        begin = place + (65 if is_new else 57)
        yield _Module(name, version, length, data[begin : begin + length])
        place = begin + length


def _records(module: _Module, max_rows: int) -> tuple[pl.DataFrame, tuple[int, ...], bool]:
    body, version = module.body, module.version
    is_new = version not in RECORDS_AT
    begin = RECORDS_AT.get(version, RECORDS_AT_NEW)
    if version not in {2, 3, 10, 11} or len(body) < begin:
        raise UnreadableFile(
            f"The data module of version {version} with {len(body)} bytes can not be read; "
            "known are versions 2, 3, 10 and 11.",
            fix=DAMAGED,
        )
    count, width = struct.unpack_from("<IH" if is_new else "<IB", body)
    numbers = np.frombuffer(body, "<u2", min(width, 200), 6 if is_new else 5).tolist()
    if count > max_rows:
        raise UnreadableFile(
            f"The file promises {count} records; at most {max_rows} are read.",
            fix="Split the test, or raise the row limit in the settings.",
        )
    size = (module.promised - begin) // count if count else 0
    if not count:
        return pl.DataFrame(), (), False
    kind, unknown = _layout(numbers, size)
    whole = min(count, (len(body) - begin) // kind.itemsize)
    records = np.frombuffer(body, kind, whole, begin)
    return _frame(records, numbers), unknown, whole < count


def _layout(numbers: Sequence[int], size: int) -> tuple[np.dtype[np.void], tuple[int, ...]]:
    """Where each column lies in a record of ``size`` bytes.

    From the front up to the first unknown number, and from the back down to the last one.
    """
    unknown = tuple(n for n in numbers if n not in COLUMNS and n not in FLAGS)
    places: dict[str, tuple[str, int]] = {}
    at, has_flags = 0, False
    for number in numbers:
        if number in FLAGS:
            if not has_flags:
                places["flags"], has_flags = ("u1", at), True
                at += 1
            continue
        if number not in COLUMNS:
            break
        name, kind = COLUMNS[number]
        places.setdefault(name, (kind, at))
        at += np.dtype(kind).itemsize
    if unknown:
        _from_the_back(numbers, size, places)
    elif size != at:
        raise UnreadableFile(
            f"Records of {size} bytes were expected to have {at} by their columns.", fix=DAMAGED
        )
    names = [name for name, (kind, at) in places.items() if at + np.dtype(kind).itemsize <= size]
    if not names:
        raise UnreadableFile("No column of the records is known.", fix=DAMAGED)
    return np.dtype(
        {
            "names": names,
            "formats": [places[name][0] for name in names],
            "offsets": [places[name][1] for name in names],
            "itemsize": size,
        }
    ), unknown


def _from_the_back(numbers: Sequence[int], size: int, places: dict[str, tuple[str, int]]) -> None:
    at = size
    for number in reversed(numbers):
        if number not in COLUMNS:
            return
        name, kind = COLUMNS[number]
        at -= np.dtype(kind).itemsize
        if at < 0:
            return
        places.setdefault(name, (kind, at))


def _frame(records: np.ndarray, numbers: Sequence[int]) -> pl.DataFrame:
    names = list(records.dtype.names or ())
    columns: dict[str, np.ndarray] = {}
    for number in numbers:
        if number in FLAGS and "flags" in names:
            name, mask = FLAGS[number]
            columns[name] = (records["flags"] & mask) // (mask & -mask)
    columns |= {name: records[name] for name in names if name != "flags"}
    # Damaged bytes may be signalling NaNs, which numpy warns of.
    with np.errstate(invalid="ignore"):
        return pl.DataFrame({name: values.astype(np.float64) for name, values in columns.items()})


def _started_at(log: _Module | None) -> datetime | None:
    if log is None or len(log.body) < STARTED_AT + 8:
        return None
    days = struct.unpack_from("<d", log.body, STARTED_AT)[0]
    if not EARLIEST < days < LATEST:
        return None
    moment = FIRST_DAY + timedelta(days=days)
    # Days are doubles, good to some microseconds; the clock counts milliseconds.
    return moment.replace(microsecond=0) + timedelta(milliseconds=round(moment.microsecond / 1000))


def read_mpt(data: bytes, max_rows: int = 200_000_000) -> Table:
    """The table of a text file, whatever its decimal mark and however its header was cut.

    Cells of moments in ``time/s`` become seconds after ``started_at``. See ``read``.
    """
    text = _decode(data)
    lines = text.split("\n", 600)
    place = _header_line(lines)
    preamble = lines[:place]
    names = _unique(_clean(cell) for cell in lines[place].rstrip("\t \n").split("\t"))
    body = text.split("\n", place + 1)[place + 1] if text.count("\n") > place else ""
    if body.count("\n") > max_rows:
        raise UnreadableFile(
            f"The file has more than {max_rows} lines.",
            fix="Split the export, or raise the row limit in the settings.",
        )
    body, cut = _whole(body, len(names))
    if "," in body[:4096]:
        body = body.replace(",", ".")
    cells = _cells(body, names)
    metadata = dict(_said(preamble))
    started_at = _moment(metadata.get("Acquisition started on", ""))
    frame, started_at = _numbers(cells, started_at)
    technique = preamble[3].strip() if len(preamble) > 3 else ""
    if technique:
        metadata["technique"] = technique
    return Table(frame, technique, started_at, metadata, (), cut)


def _decode(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _header_line(lines: Sequence[str]) -> int:
    """The line that ``Nb header lines`` counts up to, or the first that looks like columns."""
    for line in lines[:5]:
        found = re.search(r"[Nn]b header lines\s*:\s*(\d{1,3})", line)
        if found and 0 < int(found[1]) <= len(lines) and "\t" in lines[int(found[1]) - 1]:
            return int(found[1]) - 1
    for place, line in enumerate(lines):
        if line.count("\t") > 1 and re.search(r"(^|\t)(time/s|freq/Hz)(\t|$)", line):
            return place
    raise UnreadableFile(
        "The text has no line of column names with 'time/s' or 'freq/Hz'.",
        fix="Export it again from EC-Lab with its header.",
    )


def _clean(name: str) -> str:
    """Names whose degree or micro sign a wrong code page lost get it back."""
    name = name.strip().replace("<Ewe/V>", "<Ewe>/V")
    name = re.sub(r"^Temperature/[^A-Za-z]*.*C$", "Temperature/°C", name)
    return re.sub(r"^(C[sp][\d-]*|Capacitance \w+)/.*F$", r"\1/µF", name)


def _unique(names: Iterator[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        found.append(name if name and name not in found else f"{name} [{len(found) + 1}]")
    return found


def _whole(body: str, width: int) -> tuple[str, bool]:
    """Without a last line that was cut off: no line end, and fewer cells than the header."""
    if not body or body.endswith("\n"):
        return body, False
    front, mark, last = body.rpartition("\n")
    before = front.rpartition("\n")[2].rstrip("\t")
    is_cut = len(last.rstrip("\t").split("\t")) < min(width, len(before.split("\t")))
    is_cut |= bool(before) and len(last.split("\t")[-1]) < len(before.split("\t")[-1])
    return (front + mark, True) if is_cut else (body + "\n", False)


def _cells(body: str, names: Sequence[str]) -> pl.DataFrame:
    if not body.strip():
        return pl.DataFrame(schema=dict.fromkeys(names, pl.String()))
    header = "\t".join(str(i) for i in range(len(names))) + "\n"
    try:
        cells = pl.read_csv(
            io.BytesIO((header + body).encode()),
            separator="\t",
            infer_schema=False,
            quote_char=None,
            truncate_ragged_lines=True,
        )
    except pl.exceptions.PolarsError as error:
        raise UnreadableFile(
            f"The lines can not be split into cells: {str(error).splitlines()[0]}",
            fix="Export the file again from EC-Lab.",
        ) from error
    cells.columns = list(names)
    return cells.filter(~pl.all_horizontal(pl.all().is_null()))


def _numbers(
    cells: pl.DataFrame, started_at: datetime | None
) -> tuple[pl.DataFrame, datetime | None]:
    numbers = cells.select(pl.all().str.strip_chars(" ").cast(pl.Float64, strict=False))
    if "time/s" not in cells.columns or numbers["time/s"].null_count() < numbers.height:
        return numbers, started_at
    moments = cells["time/s"].str.to_datetime("%m/%d/%Y %H:%M:%S%.f", time_unit="us", strict=False)
    first = moments.drop_nulls().first()
    if not isinstance(first, datetime):
        return numbers, started_at
    started_at = started_at or first
    seconds = (moments - started_at).dt.total_microseconds() * 1e-6
    return numbers.with_columns(seconds.alias("time/s")), started_at


def _said(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """``Name : value`` lines of the preamble."""
    for line in lines:
        key, mark, value = line.strip().partition(" : ")
        if mark and value.strip() and len(key) < 60:
            yield key.strip(), value.strip()[:200]


def _moment(text: str) -> datetime | None:
    for format_ in ("%m/%d/%Y %H:%M:%S.%f", "%m/%d/%Y %H:%M:%S"):
        try:
            return datetime.strptime(text, format_)  # noqa: DTZ007 - a wall clock without zone
        except ValueError:
            continue
    return None
