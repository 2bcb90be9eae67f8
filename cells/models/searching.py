"""How the nodes of the search tree are found: one QuerySet for each (thesis 5.4.2).

"Must not be there" is asked by NOT EXISTS, which databases answer as an anti-join: it
stays fast when many rows qualify, and unknown parts (NULL) can not make it answer
nothing, as they would in NOT IN.
"""

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models
from django.db.models import Exists, OuterRef, Q

from cells.search_tree import (
    SCALARS,
    Conditions,
    DryCellSearch,
    ElectrolyteSearch,
    MoleculeRow,
    Need,
    PartChoices,
    ScalarLimit,
    Span,
)

if TYPE_CHECKING:  # these modules import this one
    from cells.models.designs import DryCell, DryCellLot, Electrolyte  # noqa: F401
    from cells.models.files import FileMetadata  # noqa: F401

# Numbers of files are read from text such as 4.35; this is below their last digit.
LAST_DIGIT = 1e-6


class ElectrolyteQuerySet(models.QuerySet["Electrolyte"]):
    def matching(self, search: ElectrolyteSearch) -> "ElectrolyteQuerySet":
        """Electrolytes whose components, notes and disclosure are as asked (Table 5)."""
        found = self
        for row in search.rows:
            if row.need == Need.MANDATORY:
                found = found.filter(Exists(_components(row, search)))
            elif row.need == Need.PROHIBITED:
                found = found.filter(~Exists(_components(row, search)))
        for role in search.complete:
            found = found.filter(~Exists(_others(role, search)))
        for words in search.notes:
            found = found.filter(notes__icontains=words)
        if search.proprietary is not None:
            found = found.filter(proprietary=search.proprietary)
        return found


def _components(row: MoleculeRow, search: ElectrolyteSearch) -> models.QuerySet[Any]:
    """Components of an electrolyte that are what ``row`` speaks of."""
    model = apps.get_model("cells", "ElectrolyteComponent")
    found = model.objects.filter(_is(row), electrolyte=OuterRef("pk"))
    limits = row.limits(search.tolerance_percent)
    return found if limits is None else found.filter(amount__range=limits)


def _others(role: str, search: ElectrolyteSearch) -> models.QuerySet[Any]:
    """Components in ``role`` that no mandatory or allowed row speaks of."""
    model = apps.get_model("cells", "ElectrolyteComponent")
    others = model.objects.filter(electrolyte=OuterRef("pk"), role=role)
    named = Q()
    for row in search.rows:
        if row.need != Need.PROHIBITED:
            named |= _is(row)
    return others.exclude(named) if named else others


def _is(row: MoleculeRow) -> Q:
    """The component's molecule (or lot of it), role and unit are those of ``row``."""
    molecule = row.molecule
    if molecule.lot is not None:
        condition = Q(lot=molecule.lot)
    elif molecule.key is not None:
        condition = Q(molecule=molecule.key)
    else:
        condition = Q(molecule__name=molecule.name)
    if row.role:
        condition &= Q(role=row.role)
    return condition & Q(unit=row.unit) if row.unit else condition


class DryCellQuerySet(models.QuerySet["DryCell"]):
    def matching(self, search: DryCellSearch) -> "DryCellQuerySet":
        """Dry cells of this structure that have one of the boxes, where boxes are asked."""
        found = self.built_as(search)
        if search.boxes:
            boxes = apps.get_model("cells", "DryCellLot").objects.numbered(search.boxes)
            found = found.filter(Exists(boxes.filter(blueprint=OuterRef("pk"))))
        return found

    def built_as(self, search: DryCellSearch) -> "DryCellQuerySet":
        """Dry cells of this structure. What is unknown passes where it may be unknown."""
        found = self
        if search.notes:
            found = found.filter(notes__icontains=search.notes)
        if search.proprietary is not None:
            found = found.filter(proprietary=search.proprietary)
        if search.categories or search.category_must_be_known:
            found = found.filter(_category(search))
        for part in ("cathode", "anode", "separator"):
            chosen: PartChoices = getattr(search, part)
            if not chosen.is_trivial:
                found = found.filter(_part(part, chosen))
        for limit in search.scalars:
            found = found.filter(_scalar(limit, search))
        return found


def _category(search: DryCellSearch) -> Q:
    unknown = Q(geometry=None) | Q(geometry__category="")
    if not search.categories:
        return ~unknown
    chosen = Q(geometry__category__in=search.categories)
    return chosen if search.category_must_be_known else chosen | unknown


def _part(part: str, chosen: PartChoices) -> Q:
    if not chosen.choices:
        return Q(**{f"{part}__isnull": False})
    keys = [choice.key for choice in chosen.choices if choice.lot is None]
    lots = [choice.lot for choice in chosen.choices if choice.lot is not None]
    condition = Q(**{f"{part}__in": keys}) | Q(**{f"{part}_lot__in": lots})
    return condition if chosen.must_be_known else condition | Q(**{f"{part}__isnull": True})


def _scalar(limit: ScalarLimit, search: DryCellSearch) -> Q:
    scalar = SCALARS[limit.name]
    path = f"{scalar.part}__{scalar.field}" if scalar.part else scalar.field
    limits = limit.limits(search.tolerance_percent)
    if limits is None:
        return Q(**{f"{path}__isnull": False})
    within = Q(**{f"{path}__range": limits})
    return within if limit.must_be_known else within | Q(**{f"{path}__isnull": True})


class BoxQuerySet(models.QuerySet["DryCellLot"]):
    def matching(self, search: DryCellSearch) -> "BoxQuerySet":
        """Boxes under one of the Box IDs, of dry cells of this structure."""
        found = self.numbered(search.boxes) if search.boxes else self
        if search.structure_is_trivial:
            return found
        cells = apps.get_model("cells", "DryCell").objects.built_as(search)
        return found.filter(blueprint__in=cells.values("pk"))

    def numbered(self, box_ids: tuple[str, ...]) -> "BoxQuerySet":
        """Boxes under any of ``box_ids``, whatever the capitals; ``*`` stands for anything."""
        condition = Q()
        for box_id in box_ids:
            if "*" not in box_id:
                condition |= Q(box_id__iexact=box_id)
                continue
            pieces = (_literal(piece) for piece in box_id.split("*"))
            condition |= Q(box_id__iregex=f"^{'.*'.join(pieces)}$")
        return self.filter(condition)


class FileMetadataQuerySet(models.QuerySet["FileMetadata"]):
    def valid_cycling(self) -> "FileMetadataQuerySet":
        """Valid metadata of files in use that speak of the cycling of some cell."""
        kinds = self.model.Experiment
        files = apps.get_model("cells", "RawFile").objects
        # Few files are deprecated: to leave those out is cheaper than to look at each.
        return self.filter(
            ~Exists(files.filter(pk=OuterRef("file"), deprecated=True)),
            is_valid=True,
            experiment__in=[kinds.CYCLING, kinds.FORMATION, kinds.RPT],
        )

    def under(self, conditions: Conditions) -> "FileMetadataQuerySet":
        """Files for which each condition holds, all in the same file."""
        found = self
        if conditions.operator:
            found = found.filter(operator__iexact=conditions.operator)
        for name in ("upper_cutoff_voltage", "temperature_celsius", "date"):
            found = found.filter(_within(name, getattr(conditions, name)))
        for word in conditions.file_words:
            found = found.filter(file__name__icontains=word)
        for word in conditions.folder_words:
            found = found.filter(_in_folder(word))
        return found


def _within(name: str, span: Span) -> Q:
    """Inclusive limits; numbers may differ by less than their last digit."""
    condition = Q()
    for lookup, end, sign in (("gte", span.minimum, -1), ("lte", span.maximum, 1)):
        if end is not None:
            exact = end + sign * LAST_DIGIT if isinstance(end, float) else end
            condition &= Q(**{f"{name}__{lookup}": exact})
    return condition


def _in_folder(word: str) -> Q:
    """``word`` is in the path of the watched folder, or on the way from there to the file.

    ``path`` ends with the name of the file, so what is in the name alone does not count.
    Watched folders are few. Their keys are read first: only with those at hand can
    PostgreSQL join the indexes on folders, paths and names before it reads a file.
    """
    folders = apps.get_model("cells", "Folder").objects.filter(path__icontains=word)
    keys = list(folders.order_by().values_list("pk", flat=True))
    return Q(file__folder__in=keys) | Q(
        file__path__icontains=word, file__path__iregex=f"{_literal(word)}.*/"
    )


def _literal(text: str) -> str:
    """``text`` for a regular expression of PostgreSQL as well as of Python."""
    return "".join(char if char.isalnum() or char in " _-/" else f"\\{char}" for char in text)
