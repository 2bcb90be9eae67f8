from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battery_db.lib.errors import LabError
from cells.models import FileMetadata, Folder, RawFile, WetCell
from cells.search import CellQuery, Term, in_words, read_box, read_ids, read_terms
from cells.services.datasets import add_cells, create_dataset
from cells.services.registry import (
    define_dry_cell,
    define_electrolyte,
    define_molecule,
    register_cell,
)

KNOWN = {name.casefold(): name for name in ("EC", "DMC", "VC", "LiPF6", "1,3-PS")}


@pytest.mark.parametrize(
    ("text", "ids", "contains", "without", "words"),
    [
        ("10001", ((10001, 10001),), [], [], []),
        ("10001-10010, 10020", ((10001, 10010), (10020, 10020)), [], [], []),
        ("10001 - 10010,10020", ((10001, 10010), (10020, 10020)), [], [], []),
        ("ec dmc -vc", (), ["EC", "DMC"], ["VC"], []),
        ("EC,DMC, 1,3-ps", (), ["EC", "DMC", "1,3-PS"], [], []),
        ("2%VC±0.5 1.2mLiPF6", (), ["2%VC±0.5", "1.2mLiPF6"], [], []),
        ("ratemap 10001 EC", ((10001, 10001),), ["EC"], [], ["ratemap"]),
        ('"10001" "EC"', (), ["EC"], [], ["10001"]),
        ("", (), [], [], []),
    ],
)
def test_the_search_box_understands_ids_molecules_and_words(text, ids, contains, without, words):
    box = read_box(text, KNOWN)

    assert box.id_ranges == ids
    assert [str(term) for term in box.contains] == contains
    assert list(box.without) == without
    assert list(box.words) == words


@given(st.text(max_size=80))
def test_any_text_in_the_search_box_is_understood_or_refused(text):
    try:
        read_box(text, KNOWN)
    except LabError:
        return


def test_a_molecule_nobody_registered_is_refused_by_name():
    with pytest.raises(LabError, match="XYZ"):
        read_terms("EC, XYZ", KNOWN)


@pytest.mark.parametrize("text", ["12-", "20-10", "abc", ",".join("1-2" for _ in range(201))])
def test_what_is_no_list_of_cell_ids_is_refused(text):
    with pytest.raises(LabError):
        read_ids(text)


def test_a_tolerance_is_its_own_or_a_share_of_the_amount():
    assert Term("VC", Decimal(2), "wt%").limits(Decimal(5)) == (Decimal("1.9"), Decimal("2.1"))
    assert Term("VC", Decimal(2), "wt%", Decimal(1)).limits(Decimal(5)) == (1, 3)


def test_a_query_is_told_in_words():
    query = CellQuery(
        id_ranges=((1, 5),), contains=(Term("VC", Decimal(2), "wt%"),), without=("EC",)
    )

    assert in_words(query) == ["Cell ID 1–5", "contains VC, 1.9 to 2.1 wt%", "without EC"]


@pytest.fixture
def lab(db):
    """1: EC, DMC, VC 2 %; 2: EC, VC 2.4 %; 3: no electrolyte; 4: nothing but a number."""
    for name, role in [("EC", "solvent"), ("DMC", "solvent"), ("VC", "additive")]:
        define_molecule(name, "", role)
    pouch = define_dry_cell(name="Pouch A")
    register_cell(1, define_electrolyte("30%EC+70%DMC + ADDITIVES:(2%VC)"), pouch)
    register_cell(2, define_electrolyte("EC + ADDITIVES:(2.4%VC)"), pouch)
    register_cell(3, None, pouch, "spare")
    register_cell(4)
    folder = Folder.objects.create(name="cyclers", path="/data")
    for cell_id, name in [(1, "ab_CYC_1_NW_ratemap.txt"), (2, "ab_CYC_2_long.txt"), (9, "x_9.txt")]:
        file = RawFile.objects.create(
            folder=folder,
            path=name,
            name=name,
            size=1,
            modified_at=datetime(2026, 1, 1, tzinfo=UTC),
            changed_at=datetime(2026, 1, 1, tzinfo=UTC),
            mtime_ns=0,
            state=RawFile.State.STABLE,
        )
        FileMetadata.objects.create(file=file, cell_id=cell_id)
    add_cells(create_dataset("Additives"), [1, 4])
    return pouch


def found(query):
    return list(WetCell.objects.matching(query).values_list("cell_id", flat=True))


VC = Term("VC", Decimal(2), "wt%")


@pytest.mark.parametrize(
    ("query", "cell_ids"),
    [
        (CellQuery(), [1, 2, 3, 4]),
        (CellQuery(id_ranges=((2, 3), (4, 4))), [2, 3, 4]),
        (CellQuery(contains=(Term("EC"),)), [1, 2]),
        (CellQuery(contains=(Term("EC"), Term("DMC"))), [1]),
        (CellQuery(contains=(VC,)), [1]),
        (CellQuery(contains=(VC,), tolerance_percent=Decimal(20)), [1, 2]),
        (CellQuery(contains=(Term("VC", Decimal(2), "wt%", Decimal("0.4")),)), [1, 2]),
        (CellQuery(contains=(Term("VC", Decimal(2), "mol/kg"),)), []),
        (CellQuery(without=("DMC",)), [2]),
        (CellQuery(file_words=("ratemap",)), [1]),
        (CellQuery(file_words=("cyc", "LONG")), [2]),
        (CellQuery(words=("spare",)), [3]),
        (CellQuery(words=("pouch",)), [1, 2, 3]),
        (CellQuery(words=("additiv",)), [1, 4]),
        (CellQuery(dataset="additives"), [1, 4]),
        (CellQuery(has_files=True), [1, 2]),
        (CellQuery(has_files=False), [3, 4]),
        (CellQuery(id_ranges=((1, 9),), has_files=False, dataset="additives"), [4]),
    ],
)
def test_cells_are_found_by_what_they_have(lab, query, cell_ids):
    assert found(query) == cell_ids


def test_a_cell_with_unknown_parts_is_found_by_its_id(lab):
    assert found(CellQuery(id_ranges=((4, 4),))) == [4]


def test_a_search_by_dry_cell_finds_cells_without_electrolyte(lab):
    assert found(CellQuery(dry_cell=lab.pk)) == [1, 2, 3]


def test_an_unknown_dataset_finds_nothing_instead_of_everything(lab):
    assert found(CellQuery(dataset="no-such")) == []
