"""What can be said of a file that no reader takes."""

from cycling.formats.text import decode_head, separator_of

KNOWN = (
    (b"\x89HDF\r\n", "it is an HDF5 file, whose layout every program chooses for itself"),
    (b"ARROW1", "it is an Arrow (Feather) table, which is read only as .bdf.parquet or .parquet"),
    (b"MATLAB 5.0", "it is a MATLAB file, whose layout every program chooses for itself"),
    (b"EC-Lab LOG FILE", "it is a log of settings, which holds no measurement"),
    (b"BT-Lab LOG FILE", "it is a log of settings, which holds no measurement"),
    (b"%PDF", "it is a PDF document"),
)
LISTED = 12


def describe(head: bytes) -> str:
    """What kind of file it is, its column names, or how it begins."""
    for magic, what in KNOWN:
        if head.startswith(magic):
            return what
    text = decode_head(head)
    if text.lstrip("\ufeff \r\n\t").startswith(("{", "[{")):
        return "it is a JSON document, whose layout every program chooses for itself"
    line = next((line for line in text.split("\n")[:40] if line.strip()), "")
    cells = [cell.strip().strip('"') for cell in line.split(separator_of(line))]
    if len(cells) > 2 and line.isprintable():
        listed = ", ".join(f"'{cell[:30]}'" for cell in cells[:LISTED])
        more = f" and {len(cells) - LISTED} more" if len(cells) > LISTED else ""
        return (
            f"its columns are {listed}{more}, of which time, voltage and current of every record "
            "can not be had"
        )
    return f"it begins with '{repr(head[:24])[2:-1]}'"
