"""Tables of no known vendor whose header names the unit of each column: text and Parquet."""

import io
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from battery_db.lib.errors import UnreadableFile
from cycling.formats.base import Format, ReadContext, Reading
from cycling.formats.columns import key_of, read_columns
from cycling.formats.text import decode_head
from cycling.formats.text_tables import header_line, read_text_table
from cycling.formats.vendors import LABELLED

HEADER_LINES = 40


def sniff_text(head: bytes, name: str) -> bool:
    if b"\0\0\0" in head[:1024]:
        return False
    lines = decode_head(head).split("\n")[:HEADER_LINES]
    return header_line(lines, LABELLED) is not None


def sniff_parquet(head: bytes, name: str) -> bool:
    return head.startswith(b"PAR1")


def read_text(path: Path, context: ReadContext) -> Reading:
    return read_text_table(path, LABELLED, context)


def read_parquet(path: Path, context: ReadContext) -> Reading:
    """Only the columns that have a meaning are read."""
    try:
        with pq.ParquetFile(io.BytesIO(path.read_bytes())) as file:
            if file.metadata.num_rows > context.max_rows:
                raise UnreadableFile(
                    f"The file has {file.metadata.num_rows} rows; at most {context.max_rows} "
                    "are read.",
                    fix="Split the file, or raise the row limit in the settings.",
                )
            header = list(file.schema_arrow.names)
            known = [name for name in header if key_of(name)[0] in LABELLED.words]
            table = pl.DataFrame(pl.from_arrow(file.read(columns=known)))
    except (pa.ArrowException, OSError, pl.exceptions.PolarsError, ValueError) as error:
        raise UnreadableFile(
            f"The Parquet file is damaged: {str(error).splitlines()[0]}",
            fix="Copy it again from where it was made.",
        ) from error
    cells = [table[name].cast(pl.String, strict=False) for name in known]
    return read_columns(cells, known or header, LABELLED, context)


FORMATS = (
    Format(
        "labelled_text", 1, "Text with units in its header", (".csv", ".txt"), sniff_text, read_text
    ),
    Format(
        "labelled_parquet",
        1,
        "Parquet with units in its column names",
        (".parquet",),
        sniff_parquet,
        read_parquet,
    ),
)
