"""Names that people chose, as names of files and folders on every system.

Windows forbids some characters and words, spreadsheets and shells give others a
meaning, and two names that differ only in what was replaced must not share a folder.
"""

import hashlib
import re
import unicodedata
from collections.abc import Sequence

_SPELLED = {
    "/": "OVER",
    "\\": "BACKSLASH",
    ".": "DOT",
    ":": "COLON",
    "*": "STAR",
    "?": "QUESTION",
    '"': "QUOTE",
    "'": "APOSTROPHE",
    "<": "LESS",
    ">": "GREATER",
    "|": "PIPE",
    ",": "COMMA",
    ";": "SEMICOLON",
    "=": "EQUALS",
    "+": "PLUS",
    "&": "AND",
    "#": "HASH",
    "!": "BANG",
    "^": "CARET",
    "~": "TILDE",
    "$": "DOLLAR",
    "@": "AT",
    "`": "TICK",
    "{": "OPEN",
    "}": "CLOSE",
}
_MEANING = {word: sign for sign, word in _SPELLED.items()} | {"MINUS": "-", "SPACE": " "}
_TOKEN = re.compile(rf"_(?:({'|'.join(_MEANING)})|U([0-9A-F]+))_")
# Controls, marks that turn text around, private and unassigned characters, surrogates.
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs")
# The plain space is harmless, and emoji are joined and coloured by the other two.
_SHOWN = {" ", "\u200d", "\ufe0f"}
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])")
# File systems allow 255 bytes; an ending such as .csv has to fit as well.
_LONGEST = 200
_HEAD, _TAIL = 140, 40


def folder_name(text: str) -> str:
    """``text`` as one part of a path; different texts give different parts.

    About twenty-five characters are spelled out, the rest (spaces, percent signs,
    brackets, letters of every script, emoji) stays. A short digest is added where
    spelling alone could make two texts alike, or where a long text was cut.

    >>> folder_name("C/20 at 4.2 V (CELL ID 10001)")
    'C_OVER_20 at 4_DOT_2 V (CELL ID 10001)'
    """
    normal = unicodedata.normalize("NFC", text)
    name = "".join(_spelled(character) for character in normal)
    if name.startswith("-"):
        name = "_MINUS_" + name[1:]
    if name.startswith(" "):
        name = "_SPACE_" + name[1:]
    if name.endswith(" "):
        name = name[:-1] + "_SPACE_"
    # What reads back as another text could be that text's name as well.
    ambiguous = _TOKEN.sub(_meant, name) != text or not name or _RESERVED.fullmatch(name)
    if len(name.encode()) > _LONGEST:
        return f"{_cut(name, _HEAD)}_{_digest(text)}_{_cut(name[::-1], _TAIL)[::-1]}"
    return f"{name}_{_digest(text)}" if ambiguous else name


def distinct(parts: Sequence[str], used: dict[str, str]) -> tuple[str, ...]:
    """``parts``, each changed where it would fall together with another of its folder.

    Windows and macOS take "Fast" and "fast" for one folder, or one file. ``used`` says what
    each path so far was made from, and is added to.

    >>> used = {}
    >>> [distinct(parts, used) for parts in (["Fast", "1.csv"], ["fast", "1.csv"])]
    [('Fast', '1.csv'), ('fast (2)', '1.csv')]
    """
    path: tuple[str, ...] = ()
    for depth, part in enumerate(parts, 1):
        is_file = depth == len(parts)
        stem, dot, ending = part.partition(".") if is_file else (part, "", "")
        name, number = part, 1
        while (key := "/".join((*path, name)).casefold()) in used:
            if not is_file and used[key] == part:
                break
            number += 1
            name = f"{stem} ({number}){dot}{ending}"
        used[key] = part
        path = (*path, name)
    return path


def _spelled(character: str) -> str:
    if character in _SPELLED:
        return f"_{_SPELLED[character]}_"
    if unicodedata.category(character) in _HIDDEN and character not in _SHOWN:
        return f"_U{ord(character):X}_"
    return character


def _meant(token: re.Match[str]) -> str:
    return _MEANING[token[1]] if token[1] else chr(min(int(token[2], 16), 0x10FFFF))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _cut(text: str, size: int) -> str:
    """The start of ``text`` in at most ``size`` bytes of UTF-8, never half a character."""
    return text.encode()[:size].decode(errors="ignore")
