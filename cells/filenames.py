"""The grammar of file names: what a name says a file is about, and names to give.

``<initials>_<KIND>_[electrode]_<cell id>_[cycler]_c<start cycle>_<V>V_<T>C_<rates>_<date>.txt``,
such as ``Sb_CYC_10001_NW_c2_41V_30C_1C1C_170201.txt``; words are parted by ``_ - .``
or blanks, their order is loose, and any field may be spelled out as ``key=value``.
The experiments and the fields each needs are in ``cells.experiments``.
"""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from battery_db.lib.errors import AmbiguousName
from cells import experiments as lab
from cells.experiments import DEFAULT_GRAMMAR, Grammar, Metadata
from cells.filename_tokens import (
    KEYS,
    Word,
    read_cycle,
    read_date,
    read_field,
    read_profile,
    read_single_rate,
    read_temperature,
    read_voltage,
    split_name,
)

# Raise it with every change of meaning: names read by an older version are read again.
GRAMMAR_VERSION = 1

HEAD = 5  # the kind of experiment and the Cell ID are looked for in the first words
_CYCLED = {"cycling", "formation", "rpt", "impedance", "symmetric", "gas_insitu"}


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a name. ``field`` is empty when it was not used; then ``meaning`` says why."""

    text: str
    field: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a name was understood as: fields, word by word reasons, and what is wrong."""

    fields: Metadata
    tokens: tuple[Token, ...]
    problems: tuple[str, ...]

    @property
    def is_valid(self) -> bool:
        return not self.problems


def parse(name: str, folder: str = "", grammar: Grammar = DEFAULT_GRAMMAR) -> Parsed:
    """Understand a file name. Never raises: what is wrong is said in ``problems``.

    ``name`` may be the text form of ``lib.names``; ``folder`` is used to guess the
    cycler when the name does not say it.
    """
    words, extension = split_name(name)
    reading = _Reading(words, grammar)
    for read in _READERS:
        read(reading)
    _read_extension(reading, name, extension)
    _guess_cycler(reading, extension, folder)
    fields = Metadata(**reading.values)
    problems = (*reading.problems, *lab.find_problems(fields, grammar))
    return Parsed(fields, reading.explanation(), problems)


@dataclass
class _Reading:
    words: list[Word]
    grammar: Grammar = DEFAULT_GRAMMAR
    values: dict[str, Any] = field(default_factory=dict)
    tokens: dict[int, Token] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    extra: list[Token] = field(default_factory=list)

    def free(self, limit: int | None = None) -> list[int]:
        return [i for i in range(len(self.words))[:limit] if i not in self.tokens]

    def take(self, index: int, name: str, value: Any, meaning: str) -> None:
        self.values[name] = value
        self.tokens[index] = Token(self.words[index].text, name, meaning)

    def refuse(self, index: int, problem: str) -> None:
        self.problems.append(problem)
        self.tokens[index] = Token(self.words[index].text, "", f"refused: {problem}")

    def explanation(self) -> tuple[Token, ...]:
        unused = "not part of the grammar; ignored"
        named = [self.tokens.get(i, Token(w.text, "", unused)) for i, w in enumerate(self.words)]
        return (*named, *self.extra)


def _read_keys(reading: _Reading) -> None:
    for index in reading.free():
        key, equals, value = reading.words[index].text.partition("=")
        name = KEYS.get(key.lower(), "")
        if not equals:
            continue
        if not name:
            meaning = f"ignored: '{key}' is not a field; known are {', '.join(KEYS)}"
            reading.tokens[index] = Token(reading.words[index].text, "", meaning)
        elif name in reading.values:
            reading.refuse(index, f"The {lab.FIELD_WORDS[name][0]} is given twice.")
        else:
            understood = read_field(name, value, reading.grammar)
            if understood is None:
                word, example = lab.FIELD_WORDS[name]
                reading.refuse(index, f"'{value}' is not a {word}: expected {example}.")
            else:
                reading.take(index, name, understood, f"{lab.FIELD_WORDS[name][0]} {understood}")


def _read_experiment(reading: _Reading) -> None:
    if "experiment" in reading.values:
        return
    found = [i for i in reading.free() if reading.words[i].lower in reading.grammar.words]
    if len(found) > 1 and found[0] == 0 and "operator" not in reading.values:
        found = found[1:]  # initials may spell a kind of experiment: arc, sym
    found = [i for i in found if i < HEAD] or found
    kinds = {reading.grammar.words[reading.words[i].lower] for i in found}
    if kinds == {"impedance", "symmetric"}:
        kinds = {"symmetric"}
        found = [i for i in found if reading.words[i].lower.startswith("sym")]
    if len(kinds) > 1:
        words = " and ".join(reading.words[i].text for i in found)
        reading.problems.append(f"Two kinds of experiment: {words}. Keep one of them.")
        return
    for index in found[:1]:
        kind = kinds.pop()
        reading.take(index, "experiment", kind, f"experiment: {reading.grammar.titles[kind]}")


def _read_electrode(reading: _Reading) -> None:
    shape = _electrode_shape(reading.values.get("experiment", ""), reading.grammar)
    kind = next((i for i, t in reading.tokens.items() if t.field == "experiment"), None)
    if shape is None or kind is None or "electrode" in reading.values:
        return
    index = kind + 1
    if index in reading.free() and re.fullmatch(shape, reading.words[index].lower, re.ASCII):
        word = reading.words[index].lower
        side = "anode" if word[0] == "a" else "cathode"
        reading.take(index, "electrode", word, f"electrode: {side} {word[1:]}".strip())


def _electrode_shape(experiment: str, grammar: Grammar) -> str | None:
    if grammar.is_own(experiment) and grammar.needs_electrode(experiment):
        return r"[ac]\d{0,3}"
    return {"symmetric": r"[ac]\d{1,3}", "xps": "[ac]"}.get(experiment)


def _read_operator(reading: _Reading) -> None:
    """Initials come first; a word that could also be a cycler is initials at the front."""
    if "operator" in reading.values:
        return
    letters = [i for i in reading.free(3) if re.fullmatch("[a-z]{2,5}", reading.words[i].lower)]
    plain = [i for i in letters if reading.words[i].lower not in lab.CYCLER_WORDS]
    if not plain and letters and letters[0] != 0 and _cycler_words(reading) == letters:
        return  # the only such word, behind the kind of experiment: it is the cycler
    for index in (plain or letters)[:1]:
        word = reading.words[index].lower
        reading.take(index, "operator", word, f"initials {word}")


def _cycler_words(reading: _Reading) -> list[int]:
    return [i for i in reading.free() if reading.words[i].lower in lab.CYCLER_WORDS]


def _read_cycler(reading: _Reading) -> None:
    if "cycler" in reading.values:
        return
    found = _cycler_words(reading)
    cyclers = {lab.CYCLER_WORDS[reading.words[i].lower] for i in found}
    if len(cyclers) > 1:
        words = " and ".join(reading.words[i].text for i in found)
        reading.problems.append(f"Two cyclers: {words}. Keep one of them.")
    for index in found[:1] if len(cyclers) == 1 else ():
        cycler = cyclers.pop()
        reading.take(index, "cycler", cycler, f"cycler: {lab.CYCLER_TITLES[cycler]}")


def _read_numbers(reading: _Reading) -> None:
    """Cell ID and date, which both may be six digits: 120305 is a cell or 5 March 2012."""
    texts = {i: reading.words[i].text for i in reading.free()}
    dates = [i for i, t in texts.items() if read_date(t) and len(t) > 6]
    either = [i for i, t in texts.items() if read_date(t) and len(t) == 6]
    ids = [i for i, t in texts.items() if _is_cell_id(t) and i not in either]
    ids = [i for i in ids if i < HEAD] or ids
    has_cell, has_date = "cell_id" in reading.values, "date" in reading.values
    if not (ids or has_cell) and (len(either) > 1 or (either and (dates or has_date))):
        ids = [either.pop(0)]
    if not (has_date or dates) and (ids or has_cell):
        dates = either[:1]
    _take_cell_id(reading, ids)
    if dates and not has_date:
        date = read_date(texts[dates[0]])
        reading.take(dates[0], "date", date, f"date {date}")
    elif either and not (ids or has_cell or has_date):
        _refuse_either(reading, either[0])


def _is_cell_id(text: str) -> bool:
    return re.fullmatch(r"\d{5,6}", text, re.ASCII) is not None and int(text) > 0


def _take_cell_id(reading: _Reading, candidates: list[int]) -> None:
    if not candidates or "cell_id" in reading.values:
        return
    if len({reading.words[i].text for i in candidates}) > 1:
        texts = " or ".join(reading.words[i].text for i in candidates)
        reading.problems.append(f"The Cell ID may be {texts}. Write the right one as cell=….")
        return
    number = int(reading.words[candidates[0]].text)
    reading.take(candidates[0], "cell_id", number, f"Cell ID {number}")


def _refuse_either(reading: _Reading, index: int) -> None:
    text = reading.words[index].text
    reading.refuse(
        index,
        f"{text} may be a Cell ID or the date {read_date(text)}. "
        f"Add the missing one, or write cell={text} or date={text}.",
    )


def _read_voltage(reading: _Reading) -> None:
    found = [(i, read_voltage(reading.words[i].text)) for i in reading.free()]
    for index, volts in [(i, v) for i, v in found if v is not None]:
        if "upper_cutoff_voltage" not in reading.values:
            reading.take(index, "upper_cutoff_voltage", volts, f"voltage {volts:g} V")


def _read_cycle(reading: _Reading) -> None:
    """``c2``. A formation starts at c0 or c1, so there ``C20`` can only be its rate."""
    is_formation = reading.values.get("experiment") == "formation"
    for index in reading.free():
        cycle = read_cycle(reading.words[index].text)
        if is_formation and cycle is not None and cycle > 1:
            continue
        if cycle is not None and "start_cycle" not in reading.values:
            reading.take(index, "start_cycle", cycle, f"{cycle} cycles done before this file")


def _read_profile(reading: _Reading) -> None:
    for index in reading.free():
        profile = read_profile(reading.words[index].text)
        if profile and "drive_profile" not in reading.values:
            reading.take(index, "drive_profile", profile[0], profile[1])


def _read_temperature(reading: _Reading) -> None:
    """``30C``. Beside it, a single digit such as ``2C`` is a rate."""
    found = [i for i in reading.free() if read_temperature(reading.words[i].text) is not None]
    if "temperature_celsius" in reading.values:
        return
    sure = [i for i in found if not re.fullmatch(r"\dc", reading.words[i].lower)] or found
    if len({reading.words[i].lower for i in sure}) > 1:
        texts = " and ".join(reading.words[i].text for i in sure)
        reading.problems.append(f"Two temperatures: {texts}. Write the right one as T=….")
        return
    for index in sure[:1]:
        word = reading.words[index]
        celsius = read_temperature(word.text) or 0.0
        if word.glued:
            reading.refuse(index, f"-{word.text} may be {celsius:g} or {-celsius:g} °C: use _.")
        elif not lab.TEMPERATURE_RANGE[0] <= celsius <= lab.TEMPERATURE_RANGE[1]:
            reading.refuse(index, f"{word.text} is no temperature a cell sees.")
        else:
            reading.take(index, "temperature_celsius", celsius, f"temperature {celsius:g} °C")


def _read_single_rate(reading: _Reading) -> None:
    for index in reading.free():
        rate = read_single_rate(reading.words[index].text)
        if rate and "drive_profile" not in reading.values and not reading.words[index].glued:
            reading.take(index, "drive_profile", rate[0], rate[1])


_READERS: tuple[Callable[[_Reading], None], ...] = (
    _read_keys,
    _read_experiment,
    _read_electrode,
    _read_operator,
    _read_cycler,
    _read_numbers,
    _read_voltage,
    _read_cycle,
    _read_profile,
    _read_temperature,
    _read_single_rate,
)


def _read_extension(reading: _Reading, name: str, extension: str) -> None:
    last = name.rpartition(".")[2].lower()
    if last in lab.NOT_DATA:
        reading.problems.append(f"A .{last} file is a picture, document or program, not data.")
    elif extension:
        reading.extra.append(Token(f".{extension}", "", "the file's format; its reader decides"))


def _guess_cycler(reading: _Reading, extension: str, folder: str) -> None:
    experiment = reading.values.get("experiment", "")
    if "cycler" in reading.values or reading.grammar.kept_as(experiment) not in _CYCLED:
        return
    if guess := lab.EXTENSION_CYCLERS.get(extension):
        source = f".{extension}"
    else:
        guess = next((c for c in lab.CYCLERS if c in folder.lower()), None)
        source = folder
    if guess and reading.grammar.find(experiment, guess):
        reading.values["cycler"] = guess
        meaning = f"cycler: {lab.CYCLER_TITLES[guess]}, as no word of the name says it"
        reading.extra.append(Token(source, "cycler", meaning))


def generate(fields: Metadata, extension: str = "txt", grammar: Grammar = DEFAULT_GRAMMAR) -> str:
    """A file name that ``parse`` understands as exactly ``fields``.

    Fields whose short form could be taken for something else are spelled out
    (``cell=120305``). AmbiguousName when no name can say them.
    """
    spelled: frozenset[str] = frozenset()
    for _ in range(3):
        name = _render(fields, spelled, extension, grammar)
        understood = parse(name, grammar=grammar).fields
        if understood == fields:
            return name
        wrong = {f for f in lab.METADATA_FIELDS if getattr(understood, f) != getattr(fields, f)}
        spelled = frozenset(lab.METADATA_FIELDS) if wrong <= spelled else spelled | wrong
    raise AmbiguousName(
        f"No file name can say {fields}.",
        fix="Use letters for initials, and no blanks or underscores in the drive profile.",
    )


def _render(fields: Metadata, spelled: frozenset[str], extension: str, grammar: Grammar) -> str:
    words = []
    for name, short in _SHORT_FORMS.items():
        value = getattr(fields, name)
        if name == "experiment":
            value = grammar.codes.get(value, value)
        if value not in (None, ""):
            words.append(f"{_KEY[name]}={_spell(name, value)}" if name in spelled else short(value))
    return ("_".join(words) or "unnamed") + f".{extension}"


def _spell(name: str, value: Any) -> str:
    if name in ("experiment", "cycler"):
        return _SHORT_FORMS[name](value)
    return repr(value) if isinstance(value, float) else str(value)


def _short_voltage(volts: float) -> str:
    """``41V``; through decimal text, as 4.1 * 100 is not 410 in binary."""
    whole, _, rest = repr(float(volts)).partition(".")
    if len(whole) == 1 and len(rest) <= 2:
        return f"{whole}{'' if rest == '0' else rest}V"
    return f"{volts!r}V"


def _short_temperature(celsius: float) -> str:
    return f"{celsius:.0f}C" if float(celsius).is_integer() else f"{celsius!r}C"


def _short_date(date: dt.date) -> str:
    return f"{date:%y%m%d}" if date.year // 100 == 20 else date.isoformat()


_SHORT_FORMS: dict[str, Callable[[Any], str]] = {
    "operator": str.capitalize,
    "experiment": str,
    "electrode": str.upper,
    "cell_id": str,
    "cycler": lambda value: lab.CYCLERS[value][0].upper() if value in lab.CYCLERS else value,
    "start_cycle": "c{}".format,
    "upper_cutoff_voltage": _short_voltage,
    "temperature_celsius": _short_temperature,
    "drive_profile": str,
    "date": _short_date,
}
_KEY = {name: key for key, name in reversed(KEYS.items())}
EXAMPLE = Metadata(
    "cycling", "neware", 10001, 2, 4.1, 30.0, "sb", dt.date(2017, 2, 1), "1C1C"
)  # fmt: skip
