r"""File paths as text that every database stores and every page shows.

A path on disk is any run of bytes but NUL; a text column takes neither lone
surrogates nor NUL, and a page must not break at a newline. The text form keeps what
is readable (emoji too) and escapes the rest, without losing a byte:

========================================  ==========
backslash                                 ``\\``
newline, carriage return, tab             ``\n`` ``\r`` ``\t``
other ASCII control characters            ``\x1b``
bytes that are not UTF-8                  ``\xff``
other control and text-direction marks    ``\u202e``
========================================  ==========
"""

import os
import re
from pathlib import PurePath

_SHORT = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_LONG = {escape: character for character, escape in _SHORT.items()}
# C0 and C1 controls, line separators, marks that reverse text on screen, and the
# surrogates by which Python carries bytes that are not UTF-8.
_ESCAPED = re.compile("[\\\\\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\udc80-\udcff]")
_ESCAPE = re.compile(r"\\(?:[\\nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|.|$)", re.DOTALL)


def to_text(path: str | bytes | PurePath) -> str:
    """The text form of ``path``; ``to_path`` gives the path back, byte for byte."""
    raw = os.fsencode(path)
    return _ESCAPED.sub(_escape, raw.decode("utf-8", "surrogateescape"))


def to_path(text: str) -> str:
    """The path that ``text`` stands for, as ``os`` functions take it.

    ValueError when ``text`` holds an escape that ``to_text`` never writes.
    """
    raw = _ESCAPE.sub(_unescape, text).encode("utf-8", "surrogateescape")
    return os.fsdecode(raw)


def without_escapes(text: str) -> str:
    """The readable part of a text form: each escape becomes a space."""
    return _ESCAPE.sub(" ", text)


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"


def _unescape(match: re.Match[str]) -> str:
    escape = match.group()
    if escape in _LONG:
        return _LONG[escape]
    if len(escape) < 4:
        raise ValueError(f"{escape!r} is not an escape of a path's text form.")
    code = int(escape[2:], 16)
    if escape[1] == "x" and code >= 0x80:
        return chr(0xDC00 + code)
    return chr(code)
