"""Names of nodes: one text for one projection, and one projection for one text."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cells.compositions import tidy
from cells.kinds import KINDS, LOT_FLAGGED, Attribute, Kind
from cells.naming import (
    Child,
    Lot,
    Node,
    Part,
    lot_name,
    name_projection,
    node_name,
    object_digest,
    telling_apart,
)

# Short texts over the characters that structure a name, so that clashes are likely.
hostile = st.text(alphabet='aB1 ()[]{}"\\+,%=?:é€', min_size=1, max_size=6).map(tidy).filter(bool)
tricky = st.sampled_from(
    [
        "A",
        "B",
        "A (n)",
        "n",
        "(n)",
        "[n]",
        '"A"',
        "A+B",
        "50%A",
        "INACTIVES:(2%A)",
        "[PROPRIETARY]",
        "A(n)",
        "NOTES=n",
        "natural",
        "cathode",
        "TYPE=?",
        "?",
        "10",
        "10.4",
        "A [n]",
        "\\",
        "A[n]",
        "{A}",
        "{A (n)}",
    ]
)
texts = st.one_of(tricky, hostile)
numbers = st.none() | st.sampled_from([Decimal(n) for n in ("1", "10", "10.4", "100", "0.5")])
CHOICES = {
    "origin": ["", "natural", "artificial", "both"],
    "crystal": ["", "single", "poly", "mixed"],
    "polarity": ["", "cathode", "anode"],
    "role": ["", "binder", "conductive"],
    "category": ["", "pouch", "coin"],
}


def atoms_of_one(draw: st.DrawFn) -> tuple[Part, ...]:
    chosen = draw(st.lists(st.sampled_from(["Ni", "Mn", "Co", "O"]), max_size=3, unique=True))
    return tuple(Part("atoms", atom, atom, draw(numbers)) for atom in chosen)


@st.composite
def nodes(draw: st.DrawFn, kind: Kind) -> Node:
    """A node of ``kind`` whose children are named as such nodes are."""
    parts: list[Part] = []
    for group, part_kind in kind.parts:
        if part_kind == "atom":
            parts += atoms_of_one(draw)
            continue
        for child in draw(st.lists(nodes(KINDS[part_kind]), max_size=2)):
            name = node_name(child) or "x"
            if all(part.name != name for part in parts):
                parts.append(Part(group, name, name, draw(numbers)))
    return Node(
        kind,
        head=draw(texts) if kind.head else "",
        parts=tuple(parts),
        notes=draw(st.just("") | texts),
        proprietary=draw(st.booleans()),
        values={found.field: draw(values(found)) for found in kind.attributes},
        shown=draw(st.frozensets(st.sampled_from(kind.flagged))),
    )


def values(attribute: Attribute) -> st.SearchStrategy:
    if attribute.refers_to:
        return st.none() | nodes(KINDS[attribute.refers_to]).map(as_child)
    if attribute.type == "choice":
        return st.sampled_from(CHOICES[attribute.field])
    return numbers if attribute.type == "number" else st.just("") | texts


def as_child(node: Node) -> Child:
    name = node_name(node) or "x"
    return Child(name, name)


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.key != "electrolyte"])
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_names_are_equal_exactly_when_the_name_projections_are(kind, data):
    first = data.draw(nodes(kind))
    # A neighbour of the first, as two random nodes are hardly ever alike.
    second = data.draw(nodes(kind))
    second = replace(
        second,
        **{
            name: getattr(first, name)
            for name in data.draw(
                st.sets(st.sampled_from(["head", "parts", "notes", "values", "shown"]))
            )
        },
    )

    same = name_projection(first) == name_projection(second)

    assert (node_name(first) == node_name(second)) is same


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_lot_is_never_taken_for_another_lot_or_for_a_blueprint(data):
    def lot() -> Lot:
        blueprint = data.draw(nodes(KINDS["molecule"]))
        return Lot(
            data.draw(texts),
            as_child(blueprint),
            data.draw(st.just("") | texts),
            {"vendor": data.draw(st.just("") | texts)},
            data.draw(st.frozensets(st.sampled_from(LOT_FLAGGED))),
        )

    def visible(lot: Lot) -> tuple:
        vendor = lot.values["vendor"] if "vendor" in lot.shown else None
        hidden = lot.shown - {"vendor", "notes"}
        return (lot.label, lot.blueprint.key, "notes" in lot.shown and lot.notes, vendor, hidden)

    first, second = lot(), lot()
    blueprint = data.draw(nodes(KINDS["molecule"]))

    assert (lot_name(first) == lot_name(second)) is (visible(first) == visible(second))
    assert lot_name(first) != node_name(blueprint)


def part(group: str, name: str, amount: str | None) -> Part:
    return Part(group, name, name, None if amount is None else Decimal(amount))


def active(shown: set[str], atoms: dict[str, str], **fields: object) -> Node:
    parts = tuple(part("atoms", *atom) for atom in atoms.items())
    kind = KINDS["active-material"]
    blank = dict.fromkeys(found.field for found in kind.attributes)
    return Node(kind, parts=parts, values=blank | fields, shown=frozenset(shown))


def test_active_materials_read_as_in_the_thesis_figures():
    lmo = active({"material_type"}, {"D": "5", "E": "4", "F": "1"}, material_type="LMO")
    stone = active({"material_type", "origin"}, {}, material_type="Stone", origin="artificial")

    assert node_name(lmo) == "D5 E4 F[LMO]"
    assert node_name(stone) == "[Stone,artificial]"


def test_electrodes_and_dry_cells_and_boxes_read_as_in_the_thesis_figures():
    electrode = KINDS["electrode"]
    cathode = Node(electrode, parts=(part("actives", "D5 E4 F[LMO]", "100"),))
    anode = Node(electrode, parts=(part("actives", "[Stone,ART]", "100"),))
    mixed = Node(electrode, parts=(part("actives", "A[LMO]", "100"), part("inactives", "B", "1")))
    cell = Node(
        KINDS["dry-cell"],
        values={"cathode": as_child(cathode), "anode": as_child(anode)},
        shown=frozenset({"cathode", "anode"}),
    )

    assert node_name(mixed) == "A[LMO] + INACTIVES:(1%B)"
    assert node_name(cell) == "[CATH=D5 E4 F[LMO],ANOD=[Stone,ART]]"
    assert lot_name(Lot("50000", as_child(cell))) == "50000([CATH=D5 E4 F[LMO],ANOD=[Stone,ART]])"


def test_an_anode_free_cell_has_an_anode_of_notes_alone():
    anode = Node(KINDS["electrode"], notes="anode-free", shown=frozenset({"notes"}))

    assert node_name(anode) == "(anode-free)"


def test_a_clash_says_which_flags_would_tell_the_two_apart():
    kind = KINDS["molecule"]
    first = Node(kind, "EC", values={"smiles": "C1COC(=O)O1", "description": ""})
    second = Node(kind, "EC", notes="dry", values={"smiles": "O=C1OCCO1", "description": ""})

    assert node_name(first) == node_name(second)
    assert telling_apart(second, first) == ["notes", "smiles"]
    assert object_digest(first) != object_digest(second)
