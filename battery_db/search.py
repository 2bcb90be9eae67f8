"""The search box of every page: one text, asked of cells, boxes, files, recipes, datasets."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.urls import reverse

from battery_db.lib.errors import LabError
from cells.models import (
    Dataset,
    DryCell,
    DryCellLot,
    Electrolyte,
    FileMetadata,
    Molecule,
    RawFile,
    WetCell,
)
from cells.search import BoxText, CellQuery, read_box

SHOWN = 12
LARGEST_CELL_ID = 2_147_483_647


@dataclass(frozen=True, slots=True)
class Hit:
    title: str
    url: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Hits of one kind; ``more_url`` is the list where all of them are, if there is one."""

    title: str
    icon: str
    hits: list[Hit]
    has_more: bool
    more_url: str = ""


def only_cell(text: str) -> str | None:
    """The address of the cell whose number is the whole text, if that cell is known."""
    if not text.isascii() or not text.isdecimal() or int(text) > LARGEST_CELL_ID:
        return None
    number = int(text)
    if DryCellLot.objects.filter(box_id__iexact=text).exists():
        return None  # a box has that number too: show both
    known = (
        WetCell.objects.filter(cell_id=number).exists()
        or FileMetadata.objects.filter(cell_id=number).exists()
    )
    return reverse("cells:cell", args=[number]) if known else None


def sections(text: str) -> list[Section]:
    """What ``text`` finds, kind by kind, without empty kinds: about nine queries."""
    words = text.split()
    found = [
        _cells(text),
        _section("Files", "files", _files(words), _file, _more("cells:files", q=text)),
        _section("Datasets", "dataset", _datasets(words), _linked),
        _section("Electrolytes", "flask", _electrolytes(words), _linked),
        _section("Molecules", "flask", _all_words(Molecule.objects, words, "name"), _linked),
        _section("Dry cells", "battery", _all_words(DryCell.objects, words, "name"), _linked),
        _section("Boxes", "battery", _boxes(words), _box),
    ]
    return [section for section in found if section.hits]


def _cells(text: str) -> Section:
    molecules = {name.casefold(): name for name in Molecule.objects.values_list("name", flat=True)}
    try:
        box = read_box(text, molecules)
    except LabError:  # the list of cells says what is wrong with it
        box = BoxText((), (), (), (text,))
    query = CellQuery(box.id_ranges, box.contains, box.without, words=box.words)
    cells = WetCell.objects.matching(query).select_related("electrolyte", "dry_cell")
    return _section("Cells", "battery", cells, _cell, _more("cells:cells", q=text))


def _section(
    title: str, icon: str, rows: QuerySet[Any], hit: Callable[[Any], Hit], more_url: str = ""
) -> Section:
    first = list(rows[: SHOWN + 1])
    return Section(title, icon, [hit(row) for row in first[:SHOWN]], len(first) > SHOWN, more_url)


def _files(words: Iterable[str]) -> QuerySet[RawFile]:
    return _all_words(RawFile.objects.select_related("folder"), words, "path")


def _datasets(words: Iterable[str]) -> QuerySet[Dataset]:
    return _all_words(Dataset.objects, words, "name", "description")


def _electrolytes(words: Iterable[str]) -> QuerySet[Electrolyte]:
    return _all_words(Electrolyte.objects, words, "name", "notes")


def _all_words(rows: Any, words: Iterable[str], *fields: str) -> QuerySet[Any]:
    """Rows where each word occurs in one of ``fields``, in any case."""
    matching: QuerySet[Any] = rows.all()
    for word in words:
        somewhere = Q()
        for field in fields:
            somewhere |= Q(**{f"{field}__icontains": word})
        matching = matching.filter(somewhere)
    return matching


def _cell(cell: WetCell) -> Hit:
    parts = [str(part) for part in (cell.electrolyte, cell.dry_cell) if part is not None]
    return Hit(str(cell), cell.get_absolute_url(), " · ".join(parts))


def _boxes(words: Iterable[str]) -> QuerySet[DryCellLot]:
    boxes = DryCellLot.objects.select_related("blueprint")
    return _all_words(boxes, words, "box_id", "notes").order_by("box_id")


def _box(row: DryCellLot) -> Hit:
    """A box leads to the cells that were built from it."""
    url = f"{reverse('cells:search-tree')}?{urlencode({'find': 'cells', 'box1': row.box_id})}"
    return Hit(row.box_id, url, row.blueprint.name)


def _file(row: RawFile) -> Hit:
    return Hit(row.name, row.get_absolute_url(), row.folder.name)


def _linked(row: Any) -> Hit:
    return Hit(str(row), row.get_absolute_url())


def _more(name: str, **query: str) -> str:
    return f"{reverse(name)}?{urlencode(query)}"
