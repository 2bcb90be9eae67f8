"""Which encoding a text file of an instrument is in, and its beginning as text."""

import codecs
import re

HEAD_BYTES = 64 * 1024
BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def detect_encoding(sample: bytes) -> str:
    """One of utf-8, utf-16-le, utf-16-be, gb18030, cp1252.

    The last two are told apart by pairs: Chinese characters are two high bytes, so
    that high bytes come in even runs, while µ and ° of western exports stand alone.
    """
    for bom, name in BOMS:
        if sample.startswith(bom):
            return name
    start = sample[:2048]
    if start[1::2].count(0) > 0.4 * len(start) / 2 > start[0::2].count(0):
        return "utf-16-le"
    if start[0::2].count(0) > 0.4 * len(start) / 2 > start[1::2].count(0):
        return "utf-16-be"
    try:
        # A character that the end of the sample cuts is no mistake.
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        runs = re.findall(rb"[\x80-\xff]+", sample)
        return "gb18030" if all(len(run) % 2 == 0 for run in runs) else "cp1252"
    return "utf-8"


def decode_head(head: bytes) -> str:
    """The beginning of a file as text for sniffing, never failing."""
    text = head.decode(detect_encoding(head), "replace")
    return text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
