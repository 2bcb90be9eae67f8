"""The truth table of the search tree, with hand-made cells (thesis 5.3.4 and 5.4.2)."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from battery_db.lib.errors import LabError
from cells.models import (
    DryCellLot,
    FileMetadata,
    Folder,
    Molecule,
    MoleculeLot,
    RawFile,
)
from cells.search_tree import (
    Among,
    Choice,
    Conditions,
    DryCellSearch,
    ElectrolyteSearch,
    MoleculeRow,
    Need,
    Node,
    PartChoices,
    ScalarLimit,
    SearchTree,
    Span,
    title_of,
    tree_in_words,
)
from cells.services.datasets import add_cells, create_dataset
from cells.services.nodes import save_lot
from cells.services.registry import (
    define_dry_cell,
    define_electrolyte,
    define_molecule,
    register_cell,
)
from cells.services.searching import all_cell_ids, count_of, find, page_of

SHOWN = ["notes"]
ROLES = {"D": "solvent", "E": "solvent", "F": "solvent", "G": "salt", "H": "salt"}
RECIPES = {
    "A and B": ("85%D+15%C + 0.5mG + ADDITIVES:(2%A+1%B)", "", False),
    "A, B and C": ("50%D+50%E + 0.1mG + ADDITIVES:(2%A+1%B+1%C)", "", False),
    "A and D": ("E + 0.1mG + ADDITIVES:(3%A+1%D)", "", False),
    "D alone": ("E + 0.1mG + ADDITIVES:(1%D)", "", False),
    "E and F": ("30%F+70%E + 2.3mG", "", False),
    "H": ("60%E+40%F + 2.2mH", "from company 5", False),
    "H in D": ("50%E+50%D + 2.3mH", "", False),
    "secret": ("E + 1mG", "1% H + 10%E", True),
    "unknown A": ("D + ADDITIVES:(?%A)", "", False),
}


@pytest.fixture
def recipes(db):
    """Electrolytes by the keys of RECIPES."""
    for name in "ABCDEFGH":
        define_molecule(name, "", ROLES.get(name, "additive"))
    made = {}
    for key, (text, notes, secret) in RECIPES.items():
        said = f"{text} ({notes})" if notes else text
        made[key] = define_electrolyte(f"{said} [proprietary]" if secret else said)
    return made


def row(name, need="mandatory", amount=None, tolerance=None, role="", unit=""):
    number = None if amount is None else Decimal(str(amount))
    width = None if tolerance is None else Decimal(str(tolerance))
    return MoleculeRow(Choice(name), Need(need), number, width, role, unit)


def electrolytes(recipes, *rows, **inputs):
    search = ElectrolyteSearch(rows, **inputs)
    names = {electrolyte.pk: key for key, electrolyte in recipes.items()}
    tree = SearchTree(Node.ELECTROLYTES, electrolyte=search)
    return {names[found.pk] for found in find(tree)}


TABLE_5 = [
    # 2 percent additive A, 1 percent additive B
    ([row("A", amount=2), row("B", amount=1)], {}, {"A and B", "A, B and C"}),
    # with C
    ([row("C")], {}, {"A and B", "A, B and C"}),
    # with only D as an additive
    ([row("D", role="additive")], {"complete": ("additive",)}, {"D alone"}),
    # with D as an additive, potentially A, but no other additives
    (
        [row("D", role="additive"), row("A", "allowed")],
        {"complete": ("additive",)},
        {"D alone", "A and D"},
    ),
    # without any C
    ([row("C", "prohibited")], {}, set(RECIPES) - {"A and B", "A, B and C"}),
    # with 30 percent solvent F, and salt G
    ([row("F", amount=30), row("G")], {}, {"E and F"}),
    # with 2.3 (+/- 0.2) molal of salt H, only E and F as solvents
    (
        [row("H", amount=2.3, tolerance=0.2), row("F", "allowed"), row("E", "allowed")],
        {"complete": ("solvent",)},
        {"H"},
    ),
    # proprietary
    ([], {"proprietary": True}, {"secret"}),
    # with "company 5" in the notes
    ([], {"notes": ("Company 5",)}, {"H"}),
    # with "1% H + 10%E" in the notes
    ([], {"notes": ("1% H + 10%E",)}, {"secret"}),
]


@pytest.mark.parametrize(("rows", "inputs", "expected"), TABLE_5)
def test_each_row_of_table_5_finds_its_electrolytes(recipes, rows, inputs, expected):
    assert electrolytes(recipes, *rows, **inputs) == expected


def test_nothing_asked_finds_every_electrolyte(recipes):
    assert electrolytes(recipes) == set(RECIPES)


def test_the_thesis_asks_for_d_without_a_role_and_then_a_solvent_counts_too(recipes):
    """Table 5 as printed: D may also be the solvent, and no additive but D may be there."""
    found = electrolytes(recipes, row("D"), complete=("additive",))

    assert found == {"D alone", "H in D"}


@pytest.mark.parametrize(
    ("amount", "relative", "absolute", "is_found"),
    [
        (2.2, 5, None, False),
        (2.2, 10, None, True),
        (2.1, 5, None, True),
        (2.1, 0, None, False),
        (2.5, 5, 0.5, True),
        (2.5, 50, 0.4, False),
    ],
)
def test_a_tolerance_is_relative_unless_the_row_has_its_own(
    recipes, amount, relative, absolute, is_found
):
    asked = row("A", amount=amount, tolerance=absolute)
    found = electrolytes(recipes, asked, tolerance_percent=Decimal(relative))

    assert ("A and B" in found) is is_found


def test_an_unknown_amount_is_present_and_lies_within_no_limits(recipes):
    assert "unknown A" in electrolytes(recipes, row("A"))
    assert "unknown A" not in electrolytes(recipes, row("A", amount=2, tolerance=100))


def test_a_unit_tells_molal_from_molar(recipes):
    assert electrolytes(recipes, row("H", amount=2.2, unit="mol/kg")) == {"H", "H in D"}
    assert electrolytes(recipes, row("H", amount=2.2, unit="mol/L")) == set()


def test_three_completes_at_once(recipes):
    asked = [row("E"), row("F"), row("G", "allowed"), row("H", "allowed")]
    complete = ("salt", "solvent", "additive")

    assert electrolytes(recipes, *asked, complete=complete) == {"E and F", "H"}
    assert electrolytes(recipes, row("E"), complete=complete) == set()


def test_complete_without_a_row_means_none_in_that_role(recipes):
    assert electrolytes(recipes, complete=("additive",)) == {"E and F", "H", "H in D", "secret"}
    assert electrolytes(recipes, complete=("salt",)) == {"unknown A"}


def test_a_molecule_is_prohibited_in_one_role_and_may_be_there_in_another(recipes):
    found = electrolytes(recipes, row("D", "prohibited", role="additive"))

    assert {"A and D", "D alone"}.isdisjoint(found)
    assert {"A and B", "H in D"} <= found


def test_notes_must_all_be_there(recipes):
    assert electrolytes(recipes, notes=("company", "5")) == {"H"}
    assert electrolytes(recipes, notes=("company", "6")) == set()


@pytest.fixture
def lots(recipes):
    """Two electrolytes that differ in the lot of E, and one with E of an unknown lot."""
    lot = MoleculeLot(blueprint=Molecule.objects.get(short_name="E"), label="E-17")
    save_lot(lot)
    made = {
        "lot": define_electrolyte(
            f'50%D+50%"{lot.name}"' if "+" in lot.name else f"50%D+50%{lot.name}"
        ),
        "blueprint": define_electrolyte("50%D+50%E"),
    }
    return lot, made


def test_a_molecule_stands_for_its_lots_and_a_lot_for_itself(lots):
    lot, made = lots
    molecule = lot.blueprint
    by_lot = MoleculeRow(Choice(lot.name, molecule.pk, lot.pk))
    by_molecule = MoleculeRow(Choice("E", molecule.pk))

    assert electrolytes(made | {}, by_lot) == {"lot"}
    found = find(SearchTree(Node.ELECTROLYTES, electrolyte=ElectrolyteSearch((by_molecule,))))
    assert {made["lot"].pk, made["blueprint"].pk} <= {each.pk for each in found}


def test_a_prohibited_lot_leaves_other_lots_alone(lots):
    lot, made = lots
    prohibited = MoleculeRow(Choice(lot.name, lot.blueprint_id, lot.pk), Need.PROHIBITED)
    found = find(SearchTree(Node.ELECTROLYTES, electrolyte=ElectrolyteSearch((prohibited,))))
    keys = {each.pk for each in found}

    assert made["lot"].pk not in keys
    assert made["blueprint"].pk in keys


# Wet cells, boxes, cycling data -------------------------------------------------------


@pytest.fixture
def lab(recipes):
    """Cells 1 to 8; the comment says what each has."""
    pouch = define_dry_cell(name="Pouch", cathode="NMC", anode="Stone", geometry="pouch")
    coin = define_dry_cell(name="Coin", cathode="LFP", anode="Stone", geometry="coin")
    bare = define_dry_cell(name="Bare")
    box = save_lot(DryCellLot(blueprint=pouch, box_id="50000"))
    other = save_lot(DryCellLot(blueprint=coin, box_id="B-150000"))
    save_lot(DryCellLot(blueprint=bare, box_id="Empty"))
    a, h = recipes["A and B"], recipes["H"]
    register_cell(1, a, box)  # everything
    register_cell(2, a, pouch)  # no box: the default box
    register_cell(3, h, other)
    register_cell(4, None, box)  # no electrolyte
    register_cell(5, a, None)  # no dry cell
    register_cell(6)  # neither
    register_cell(7, recipes["secret"], coin)  # never cycled
    register_cell(8, a, bare)
    add_cells(create_dataset("Testing"), [1, 3, 6])
    folder = Folder.objects.create(name="rack", path="/data/rack7")
    for cell_id, voltage, temperature, name, valid in (
        (1, 4.1, 30, "sb_CYC_1_NW_c0_41V_30C_170201.txt", True),
        (1, 4.3, 40, "sb_CYC_1_NW_c9_43V_40C_170401.txt", True),
        (3, 4.3, 30, "qw_CYC_3_NW_c0_43V_30C_180201.txt", True),
        (4, 4.3, 55, "qw_CYC_4_NW_c0_43V_55C_180301.txt", True),
        (5, 4.3, 30, "qw_CYC_5_NW_broken.txt", False),
        (6, 4.2, 20, "qw_CYC_6_NW_c0_42V_20C_190201.txt", True),
        (9, 4.1, 30, "sb_CYC_9_NW_c0_41V_30C_170301.txt", True),  # never registered
    ):
        _file(folder, cell_id, voltage, temperature, name, valid)
    return {"pouch": pouch, "coin": coin, "bare": bare}


def _file(folder, cell_id, voltage, temperature, name, valid):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    file = RawFile.objects.create(
        folder=folder,
        path=f"bay{cell_id}/{name}",
        name=name,
        size=1,
        modified_at=now,
        changed_at=now,
        mtime_ns=0,
        state=RawFile.State.STABLE,
    )
    stamp = name[-10:-4]
    FileMetadata.objects.create(
        file=file,
        experiment="cycling",
        cell_id=cell_id,
        upper_cutoff_voltage=voltage,
        temperature_celsius=temperature,
        operator=name[:2],
        date=date(2000 + int(stamp[:2]), int(stamp[2:4]), int(stamp[4:])) if valid else None,
        is_valid=valid,
    )
    return file


def cells(**inputs):
    node = inputs.pop("node", Node.CELLS)
    return all_cell_ids(SearchTree(node, **inputs))


def has(*rows, **inputs):
    return ElectrolyteSearch(rows, **inputs)


SIMPLE = [
    ({}, [1, 2, 3, 4, 5, 6, 7, 8]),
    ({"electrolyte": has(row("A"))}, [1, 2, 5, 8]),
    ({"electrolyte": has(row("A", "prohibited"))}, [3, 7]),
    ({"electrolyte": has(complete=("additive",))}, [3, 7]),
    ({"electrolyte": has(proprietary=True)}, [7]),
    ({"dry_cell": DryCellSearch(boxes=("50000",))}, [1, 4]),
    ({"dry_cell": DryCellSearch(boxes=("50000", "b-150000"))}, [1, 3, 4]),
    ({"dry_cell": DryCellSearch(boxes=("*50000",))}, [1, 3, 4]),
    ({"dry_cell": DryCellSearch(categories=("pouch",))}, [1, 2, 4, 8]),
    (
        {"dry_cell": DryCellSearch(categories=("pouch",), category_must_be_known=True)},
        [1, 2, 4],
    ),
    ({"electrolyte": has(row("A")), "dry_cell": DryCellSearch(boxes=("50000",))}, [1]),
    ({"id_ranges": ((1, 3), (6, 6), (99, 99))}, [1, 2, 3, 6]),
    ({"datasets": ("testing",)}, [1, 3, 6]),
    ({"datasets": ("testing",), "electrolyte": has(row("A"))}, [1]),
]


@pytest.mark.parametrize(("inputs", "expected"), SIMPLE)
def test_wet_cells_are_found_by_what_they_have(lab, inputs, expected):
    assert cells(**inputs) == expected


def test_a_cell_without_a_box_is_found_by_the_structure_of_its_dry_cell(lab):
    """The default box counts (thesis 5.4.2); cell 2 was never given one."""
    assert 2 in cells(dry_cell=DryCellSearch(categories=("pouch",), category_must_be_known=True))


CYCLING = [
    ({}, [1, 3, 4, 6, 9]),
    ({"conditions": Conditions(operator="SB", temperature_celsius=Span(30.0, 30.0))}, [1, 9]),
    ({"conditions": Conditions(upper_cutoff_voltage=Span(4.2, None))}, [1, 3, 4, 6]),
    ({"conditions": Conditions(upper_cutoff_voltage=Span(4.2, 4.2))}, [6]),
    ({"conditions": Conditions(date=Span(date(2017, 3, 1), date(2018, 2, 1)))}, [1, 3, 9]),
    ({"conditions": Conditions(file_words=("nw_c9", "43v"))}, [1]),
    ({"conditions": Conditions(folder_words=("bay3",))}, [3]),
    ({"conditions": Conditions(folder_words=("RACK7",))}, [1, 3, 4, 6, 9]),
    ({"conditions": Conditions(folder_words=("CYC",))}, []),
    ({"id_ranges": ((5, 9),)}, [6, 9]),
    ({"electrolyte": has(row("A"))}, [1]),
    ({"datasets": ("testing",)}, [1, 3, 6]),
    ({"dry_cell": DryCellSearch(boxes=("50000",))}, [1, 4]),
]


@pytest.mark.parametrize(("inputs", "expected"), CYCLING)
def test_cycling_data_are_found_by_their_files_and_cells(lab, inputs, expected):
    assert cells(node=Node.CYCLING, **inputs) == expected


def test_conditions_must_hold_in_one_file(lab):
    """Cell 1 has a file at 4.1 V and another one at 40 °C, but none with both."""
    both = Conditions(upper_cutoff_voltage=Span(4.1, 4.1), temperature_celsius=Span(40.0, 40.0))

    assert cells(node=Node.CYCLING, conditions=both) == []


def test_data_of_a_cell_nobody_registered_are_found_by_cell_id(lab):
    assert cells(node=Node.CYCLING, id_ranges=((9, 9),)) == [9]
    assert cells(id_ranges=((9, 9),)) == []


def test_registered_cells_are_found_by_cell_id_without_data(lab):
    assert cells(id_ranges=((7, 7),)) == [7]
    assert cells(node=Node.CYCLING, id_ranges=((7, 7),)) == []


def test_deprecated_files_are_no_cycling_data(lab):
    RawFile.objects.filter(metadata__cell_id=3).update(deprecated=True)

    assert 3 not in cells(node=Node.CYCLING)


def test_limit_other_searches_projects_cycling_data_onto_wet_cells(lab):
    hot = Conditions(temperature_celsius=Span(40.0, None))

    assert cells(among=Among.CYCLING) == [1, 3, 4, 6]
    assert cells(among=Among.CYCLING, conditions=hot) == [1, 4]
    assert cells(conditions=hot) == [1, 2, 3, 4, 5, 6, 7, 8]


HOT = Conditions(temperature_celsius=Span(25.0, 35.0))
# (what is searched for, only those of wet cells, limit other searches): Table 9, and the
# fourth combination of the two boxes, in which the second one changes nothing.
TABLE_9 = [
    (Node.ELECTROLYTES, Among.ALL, {"A and B", "A, B and C", "A and D", "unknown A"}),
    (Node.ELECTROLYTES, Among.CELLS, {"A and B"}),
    (Node.ELECTROLYTES, Among.CYCLING, {"A and B"}),
    (Node.DRY_CELLS, Among.ALL, {"pouch", "coin", "bare"}),
    (Node.DRY_CELLS, Among.CELLS, {"pouch", "bare"}),
    (Node.DRY_CELLS, Among.CYCLING, {"pouch"}),
    (Node.BOXES, Among.ALL, {"50000", "B-150000", "Empty"}),
    (Node.BOXES, Among.CELLS, {"50000"}),
    (Node.BOXES, Among.CYCLING, {"50000"}),
]


@pytest.mark.parametrize(("node", "among", "expected"), TABLE_9)
def test_each_combination_of_table_9(recipes, lab, node, among, expected):
    tree = SearchTree(node, among, electrolyte=has(row("A")), conditions=HOT)
    known = recipes if node == Node.ELECTROLYTES else lab
    labels = {found.pk: key for key, found in known.items()}

    found = list(find(tree))

    assert {each.box_id if node == Node.BOXES else labels[each.pk] for each in found} == expected
    assert len(found) == len(expected)


def test_the_three_searches_for_electrolytes_of_the_thesis(recipes, lab):
    """By additive; also by box; also by temperature: each depends on more that must exist."""
    asked = {
        "electrolyte": has(row("E")),
        "dry_cell": DryCellSearch(boxes=("B-150000",)),
        "conditions": HOT,
    }
    counts = [count_of(SearchTree(Node.ELECTROLYTES, among, **asked)) for among in Among]

    assert counts == [7, 1, 1]


def test_corresponding_searches_differ_by_what_is_not_cycled(recipes, lab):
    """Cell 7 is registered and has no data: its electrolyte is in two searches of three."""
    secret = has(proprietary=True)
    found = [count_of(SearchTree(Node.ELECTROLYTES, among, electrolyte=secret)) for among in Among]

    assert found == [1, 1, 0]


def test_dry_cells_are_found_by_box(lab):
    """Figure 5.13: a box leads to its dry cell, also without any wet cell."""
    tree = SearchTree(Node.DRY_CELLS, dry_cell=DryCellSearch(boxes=("Empty",)))

    assert [found.pk for found in find(tree)] == [lab["bare"].pk]


def test_what_does_not_count_is_said(lab):
    tree = SearchTree(
        Node.ELECTROLYTES,
        electrolyte=has(row("A")),
        dry_cell=DryCellSearch(boxes=("50000",)),
        id_ranges=((1, 2),),
        datasets=("testing",),
        conditions=HOT,
    )

    assert tree.unused() == [
        "the dry cell",
        "Cell IDs",
        "datasets",
        "conditions and names of files",
    ]
    assert SearchTree(Node.ELECTROLYTES, Among.CYCLING, conditions=HOT).unused() == []


# Dry cells ------------------------------------------------------------------------------


@pytest.fixture
def designs(db):
    from cells.models import Electrode, ElectrodeLot, Separator
    from cells.services.nodes import save_node

    loaded = Electrode(polarity="cathode", notes="loaded", loading_mg_cm2=Decimal(20), shown=SHOWN)
    light = Electrode(polarity="cathode", notes="light", shown=SHOWN)
    film = Separator(notes="film", thickness_um=Decimal(16), shown=SHOWN)
    for node in (loaded, light, film):
        save_node(node)
    lot = save_lot(ElectrodeLot(blueprint=loaded, label="C-1"))
    named = {"loaded": loaded, "light": light, "film": film, "lot": lot}
    dry_cells = {
        "one": define_dry_cell(label="one", cathode=loaded, separator=film),
        "two": define_dry_cell(label="two", cathode=light, notes="spare"),
        "three": define_dry_cell(label="three", nominal_capacity_ah=0.5, proprietary=True),
        "lot": define_dry_cell(label="lot", cathode=loaded, cathode_lot=lot),
    }
    return named, dry_cells


def dry_cells(designs, **inputs):
    labels = {row.pk: key for key, row in designs[1].items()}
    tree = SearchTree(Node.DRY_CELLS, dry_cell=DryCellSearch(**inputs))
    return {labels[found.pk] for found in find(tree)}


def limit(name, value=None, tolerance=None, known=False):
    number = None if value is None else Decimal(str(value))
    return ScalarLimit(name, number, None if tolerance is None else Decimal(str(tolerance)), known)


LOADING = "cathode_loading_mg_cm2"


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({}, {"one", "two", "three", "lot"}),
        ({"notes": "SPARE"}, {"two"}),
        ({"proprietary": True}, {"three"}),
        ({"proprietary": False}, {"one", "two", "lot"}),
        ({"scalars": (limit(LOADING, 20),)}, {"one", "two", "three", "lot"}),
        ({"scalars": (limit(LOADING, 20, known=True),)}, {"one", "lot"}),
        ({"scalars": (limit(LOADING, 22),)}, {"two", "three"}),
        ({"scalars": (limit(LOADING, 22, 2, known=True),)}, {"one", "lot"}),
        ({"scalars": (limit(LOADING, known=True),)}, {"one", "lot"}),
        ({"scalars": (limit("nominal_capacity_ah", 0.51, known=True),)}, {"three"}),
        ({"scalars": (limit("separator_thickness_um", 16, 0, known=True),)}, {"one"}),
    ],
)
def test_scalars_and_notes_of_dry_cells(designs, inputs, expected):
    assert dry_cells(designs, **inputs) == expected


def test_a_cathode_stands_for_its_lots_and_what_is_missing_passes_unless_excluded(designs):
    named, _ = designs
    loaded, lot = named["loaded"], named["lot"]
    blueprint = (Choice(loaded.name, loaded.pk),)
    batch = (Choice(lot.name, loaded.pk, lot.pk),)

    assert dry_cells(designs, cathode=PartChoices(blueprint)) == {"one", "lot", "three"}
    assert dry_cells(designs, cathode=PartChoices(blueprint, must_be_known=True)) == {"one", "lot"}
    assert dry_cells(designs, cathode=PartChoices(batch, must_be_known=True)) == {"lot"}
    assert dry_cells(designs, cathode=PartChoices((), must_be_known=True)) == {"one", "two", "lot"}


# Words, pages, limits -----------------------------------------------------------------------


def test_a_tree_is_told_in_words():
    tree = SearchTree(
        Node.ELECTROLYTES,
        Among.CYCLING,
        electrolyte=has(row("A", amount=2), row("B", "prohibited"), complete=("additive",)),
        dry_cell=DryCellSearch(boxes=("50000",), categories=("coin",)),
        conditions=Conditions(operator="sb", temperature_celsius=Span(30.0, 30.0)),
    )

    assert title_of(tree) == "Electrolytes of wet cells with valid cycling data"
    assert tree_in_words(tree) == [
        "with A, 1.9 to 2.1",
        "without B",
        "no other additive",
        "box 50000",
        "geometry coin or unknown",
        "char ID sb",
        "temperature 30.0 °C",
    ]


def test_pages_count_and_clamp(db):
    for number in range(1, 46):
        register_cell(number)

    first, last = page_of(SearchTree()), page_of(SearchTree(), number=99)

    assert (len(first.rows), first.has_next, first.count, first.is_exact) == (20, True, 45, True)
    assert (last.number, len(last.rows), last.has_next) == (3, 5, False)
    assert (last.first, last.last) == (41, 45)


def test_a_page_is_answered_in_a_constant_number_of_queries(lab, django_assert_num_queries):
    for node, count in ((Node.CELLS, 4), (Node.CYCLING, 4), (Node.ELECTROLYTES, 3)):
        with django_assert_num_queries(count):
            page_of(SearchTree(node))
    for number in range(100, 120):
        register_cell(number)
    with django_assert_num_queries(4):
        page_of(SearchTree())


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: row("A", amount=-1),
        lambda: row("A", amount=2, tolerance=-0.1),
        lambda: row("A", tolerance=0.1),
        lambda: row("A", "allowed", amount=2),
        lambda: ElectrolyteSearch(tolerance_percent=Decimal(-5)),
        lambda: DryCellSearch(tolerance_percent=Decimal(-5)),
        lambda: limit(LOADING, 20, -1),
        lambda: limit(LOADING, None, 1),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_reason(wrong):
    with pytest.raises(LabError):
        wrong()
