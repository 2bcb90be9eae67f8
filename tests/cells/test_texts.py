"""Script tags and formulas in names, labels and notes: stored as typed, run nowhere."""

import csv

import pytest
from django.urls import reverse

from cells.kinds import KINDS
from cells.models import BLUEPRINTS, LOTS, DryCell, DryCellLot, WetCell
from cells.services.nodes import save_lot, save_node
from cells.services.registry import register_cell

TEXTS = ["<script>alert(1)</script>", "=cmd|' /C calc'!A0"]
NAMED = [key for key, kind in KINDS.items() if kind.head]


def needed(key):
    choices = {"molecule": {"default_role": "salt"}, "inactive-material": {"role": "binder"}}
    return choices.get(key, {})


def read(answer):
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return body.decode()


def runs(table):
    """Cells of a table that a spreadsheet would take for a formula."""
    rows = csv.reader(table.lstrip("\ufeff").splitlines())
    return [cell for row in rows for cell in row if cell.startswith(("=", "@", "+"))]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("key", NAMED)
def test_a_short_name_or_label_is_only_text(client_as, key, text):
    row = save_node(BLUEPRINTS[key](**{KINDS[key].head: text}, **needed(key)))
    client = client_as("curator")

    pages = [
        client.get(reverse("cells:nodes", args=[key])),
        client.get(row.get_absolute_url()),
        client.get(reverse("cells:node-edit", args=[key, row.pk])),
    ]
    table = read(client.get(reverse("cells:nodes", args=[key]), {"format": "csv"}))

    assert getattr(type(row).objects.get(pk=row.pk), KINDS[key].head) == text
    assert not any("<script>alert" in read(page) for page in pages)
    assert text[1:] in table
    assert not runs(table)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("key", ["coating", "dry-cell"])
def test_the_fields_of_a_lot_or_box_are_only_text(client_as, key, text):
    blueprint = save_node(BLUEPRINTS[key](**{KINDS[key].head: "A"}, **needed(key)))
    model = LOTS[key]
    fields = {model.label_field: text, "vendor": text, "creator": text, "notes": text}
    lot = save_lot(model(blueprint=blueprint, shown=["vendor", "creator", "notes"], **fields))
    client = client_as("curator")

    pages = [
        client.get(blueprint.get_absolute_url()),
        client.get(reverse("cells:lot-edit", args=[key, lot.pk])),
        client.get(reverse("cells:lot-delete", args=[key, lot.pk])),
    ]

    stored = model.objects.get(pk=lot.pk)
    assert {name: getattr(stored, name) for name in fields} == fields
    assert not any("<script>alert" in read(page) for page in pages)


@pytest.mark.parametrize("text", TEXTS)
def test_a_box_id_and_the_notes_of_a_cell_are_only_text(client_as, text):
    dry = save_node(DryCell(label=text))
    box = save_lot(DryCellLot(box_id=text, blueprint=dry))
    cell = register_cell(10001, None, box, notes=text)
    client = client_as("curator")

    pages = [
        client.get(reverse("cells:cells")),
        client.get(cell.get_absolute_url()),
        client.get(reverse("cells:cell-edit", args=[10001])),
        client.get(reverse("cells:search-tree"), {"find": "cells"}),
        client.get(reverse("cells:register")),
    ]
    table = read(client.get(reverse("cells:search-csv"), {"find": "cells"}))

    assert WetCell.objects.get().notes == text
    assert not any("<script>alert" in read(page) for page in pages)
    assert "10001" in table
    assert not runs(table)
