"""Give every molecule, electrolyte and dry cell the names and digests of the ontology.

The words that dry cells had for their electrodes, separator and shape become nodes whose
notes are those words; what was said is kept, to be described further by a person.
"""

from decimal import Decimal

from django.db import migrations

from cells.compositions import Component, Recipe
from cells.kinds import KINDS
from cells.naming import Child, Node, name_digest, node_name, object_digest
from cells.projections import electrolyte_digest, electrolyte_name

NAMED = ["notes", "proprietary"]


def molecules(apps):
    for row in apps.get_model("cells", "Molecule").objects.all():
        row.short_name = row.name
        values = {"smiles": row.smiles, "description": row.description}
        _name(row, Node(KINDS["molecule"], row.short_name, values=values))
        row.save()


def electrolytes(apps):
    rows = apps.get_model("cells", "Electrolyte").objects
    for row in rows.prefetch_related("components__molecule").all():
        components = list(row.components.all())
        recipe = Recipe(
            tuple(
                Component(part.molecule.name, part.role, part.amount, part.unit)
                for part in components
            ),
            row.notes,
            row.proprietary,
        )
        keys = {part.molecule.name.casefold(): str(part.molecule.pk) for part in components}
        row.shown = NAMED
        row.name = electrolyte_name(recipe)
        row.digest = electrolyte_digest(recipe, keys)
        row.name_digest = name_digest(row.name)
        row.save()


def dry_cells(apps):
    for row in apps.get_model("cells", "DryCell").objects.all():
        row.label = row.name
        row.geometry = _geometry(apps, row.geometry_text)
        row.cathode = _electrode(apps, "cathode", row.cathode_text)
        row.anode = _electrode(apps, "anode", row.anode_text)
        row.separator = _of_notes(apps, "Separator", "separator", row.separator_text, {})
        values = {
            found.field: _value(getattr(row, found.field))
            for found in KINDS["dry-cell"].attributes
        }
        node = Node(
            KINDS["dry-cell"],
            row.label,
            notes=row.notes,
            proprietary=row.proprietary,
            values=values,
        )
        _name(row, node)
        row.save()


def _geometry(apps, category):
    if not category:
        return None
    kind = KINDS["cell-geometry"]
    values = {found.field: None for found in kind.attributes} | {"category": category}
    node = Node(kind, values=values, shown=frozenset(["category"]))
    return _stored(apps, "CellGeometry", node, {"category": category, "shown": ["category"]})


def _electrode(apps, polarity, text):
    return _of_notes(apps, "Electrode", "electrode", text, {"polarity": polarity})


def _of_notes(apps, model, key, text, fields):
    if not text:
        return None
    kind = KINDS[key]
    values = {found.field: None for found in kind.attributes} | fields
    # The same words for a cathode and an anode are told apart by showing which it is.
    for shown in (NAMED, [*NAMED, *fields]):
        node = Node(kind, notes=text, values=values, shown=frozenset(shown))
        taken = apps.get_model("cells", model).objects.filter(
            name_digest=name_digest(node_name(node))
        )
        if not taken.exclude(digest=object_digest(node)).exists():
            break
    return _stored(apps, model, node, {"notes": text, "shown": shown, **fields})


def _stored(apps, model, node, fields):
    rows = apps.get_model("cells", model).objects
    found = rows.filter(digest=object_digest(node)).first()
    if found is None:
        found = rows.model(**fields)
        _name(found, node)
        found.save()
    return found


def _name(row, node):
    row.name = node_name(node)
    row.digest = object_digest(node)
    row.name_digest = name_digest(row.name.casefold() if node.head else row.name)


def _value(value):
    if hasattr(value, "name"):
        return Child(value.name, str(value.pk))
    return Decimal(repr(value)) if isinstance(value, float) else value


def forwards(apps, schema_editor):
    molecules(apps)
    electrolytes(apps)
    dry_cells(apps)


class Migration(migrations.Migration):
    dependencies = [("cells", "0003_nodes")]

    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
