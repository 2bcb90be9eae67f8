"""The grammar of file names: the reference's example, its defects, and round trips."""

import datetime as dt

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from battery_db.lib.errors import AmbiguousName
from battery_db.lib.names import to_text
from cells.experiments import (
    BEHAVIOURS,
    CYCLERS,
    EXPERIMENT_TYPES,
    METADATA_FIELDS,
    OTHER,
    ExperimentType,
    Grammar,
    Metadata,
    find_problems,
)
from cells.filenames import EXAMPLE, generate, parse

REFERENCE = "Sb_CYC_10001_NW_c2_41V_30C_1C1C_170201.txt"


def test_the_example_of_the_reference_is_understood():
    parsed = parse(REFERENCE)

    assert parsed.fields == EXAMPLE
    assert parsed.problems == ()


def test_every_word_is_explained():
    parsed = parse("Sb_CYC_10001_NW_c2_41V_30C_stitched_170201.txt")

    assert [t.field for t in parsed.tokens] == [
        "operator", "experiment", "cell_id", "cycler", "start_cycle",
        "upper_cutoff_voltage", "temperature_celsius", "", "date", "",
    ]  # fmt: skip
    assert "ignored" in parsed.tokens[7].meaning


@pytest.mark.parametrize(
    "name",
    [
        "sb-cyc-10001-nw-c2-41V-30C-1C1C-170201.txt",
        "sb cyc 10001 nw c2 41v 30c 1c1c 170201.ndax",
        "Sb.CYC.10001.NW.c2.41V.30C.1C1C.170201.nda",
        "Sb_CYC_10001_NW_c2_4.1V_30C_1C1C_2017-02-01.csv",
        "Sb_CYC_cell=10001_NW_start=2_V=4.1_T=30_profile=1C1C_date=20170201.bdf.csv",
        "1C1C_Sb_CYC_10001_170201_NW_41V_c2_30C.txt",
    ],
)
def test_separators_order_and_spelling_are_loose(name):
    assert parse(name).fields == EXAMPLE
    assert parse(name).problems == ()


@pytest.mark.parametrize(
    ("name", "experiment", "cycler"),
    [
        ("Sb_FM_10001_NW_41V_30C_170201.txt", "formation", "neware"),
        ("Sb_RPT_10001_NW_c2_41V_30C_170201.txt", "rpt", "neware"),
        ("Sb_EIS_10001_c2_41V_30C_170201.txt", "impedance", ""),
        ("Sb_FRA_10001_NW_c2_41V_30C_170201.txt", "impedance", "neware"),
        ("Sb_SYM_A12_10001_c2_41V_30C_170201.txt", "symmetric", ""),
        ("Sb_FTIR_10001_170201.spa", "ftir", ""),
        ("Sb_GasInSitu_10001_c2_41V_30C_170201.txt", "gas_insitu", ""),
        ("Sb_ARC_10001_c2_41V_30C_170201.txt", "arc", ""),
        ("Sb_TAM_10001_c2_41V_30C_170201.txt", "tam", ""),
        ("Sb_STOSmart_10001_c2_41V_30C_170201.txt", "storage_smart", ""),
        ("Sb_STODumb_10001_c2_41V_30C_170201.txt", "storage_dumb", ""),
        ("Sb_GCMS_10001_c2_170201.txt", "gcms", ""),
        ("Sb_LDTA_10001_c2_41V_30C_170201.txt", "ldta", ""),
        ("Sb_XPS_C_10001_c2_170201.txt", "xps", ""),
        ("Sb_CYC_10001_c2_170201.txt", "cycling", ""),
        ("Sb_CYC_10001_Mo_c2_41V_30C_170201.txt", "cycling", "moli"),
    ],
)
def test_each_kind_of_experiment_has_a_valid_name(name, experiment, cycler):
    parsed = parse(name)

    assert (parsed.fields.experiment, parsed.fields.cycler) == (experiment, cycler)
    assert parsed.problems == ()


def test_the_electrode_of_a_symmetric_cathode_is_not_its_start_cycle():
    fields = parse("Sb_SYM_C12_10001_c2_41V_30C_170201.txt").fields

    assert (fields.electrode, fields.start_cycle) == ("c12", 2)


@pytest.mark.parametrize(
    ("word", "profile"),
    [
        ("1C1C", "1C1C"), ("C3C2", "C3C2"), ("1CC3", "1CC3"), ("C3D2", "C3D2"),
        ("1c2crc", "1C2Crc"), ("C3C3c", "C3C3c"), ("C2s43", "C2s43"), ("3C", "3C"),
    ],
)  # fmt: skip
def test_rates_of_both_polarities_are_kept_as_the_name_says_them(word, profile):
    fields = parse(f"Sb_CYC_10001_NW_c2_41V_30C_{word}_170201.txt").fields

    assert (fields.drive_profile, fields.start_cycle) == (profile, 2)
    assert fields.temperature_celsius == 30


# Defects of the reference, each impossible here ---------------------------------


def test_minus_ten_degrees_is_not_plus_ten():
    assert parse(REFERENCE.replace("30C", "-10C")).fields.temperature_celsius == -10
    assert parse(REFERENCE.replace("30C", "−10C")).fields.temperature_celsius == -10


def test_a_dash_that_parts_words_is_not_a_minus():
    assert parse("sb-CYC-10001-NW-c2-41V-10C-170201.txt").fields.temperature_celsius == 10
    assert parse("sb-CYC-10001-NW-c2-41V--10C-170201.txt").fields.temperature_celsius == -10


def test_a_dash_that_may_be_either_is_a_problem():
    parsed = parse("Sb_CYC_10001_NW_c2_41V-10C_170201.txt")

    assert parsed.fields.temperature_celsius is None
    assert any("10 or -10" in problem for problem in parsed.problems)


@pytest.mark.parametrize(
    ("word", "celsius"), [("5C", 5), ("100C", 100), ("0C", 0), ("25.5C", 25.5)]
)
def test_one_and_three_digit_temperatures_can_be_said(word, celsius):
    assert parse(REFERENCE.replace("30C", word)).fields.temperature_celsius == celsius


@pytest.mark.parametrize(
    "initials", ["mo", "marc", "simon", "nw", "arc", "tam", "xps", "rpt", "fm"]
)
def test_initials_that_hold_a_word_of_the_grammar_are_initials(initials):
    parsed = parse(REFERENCE.replace("Sb", initials))

    assert parsed.fields.operator == initials
    assert (parsed.fields.experiment, parsed.fields.cycler) == ("cycling", "neware")
    assert parsed.problems == ()


def test_initials_may_be_a_cycler_when_the_cycler_stands_elsewhere():
    fields = parse("CYC_mo_10001_NW_c2_41V_30C_170201.txt").fields

    assert (fields.operator, fields.cycler) == ("mo", "neware")


def test_a_cell_id_like_a_date_is_the_cell_when_another_date_is_there():
    for date in ("170201", "20170201", "2017-02-01"):
        fields = parse(f"Sb_CYC_120305_NW_c2_41V_30C_{date}.txt").fields

        assert (fields.cell_id, fields.date) == (120305, dt.date(2017, 2, 1))


def test_a_cell_id_like_a_date_without_another_date_is_a_problem():
    parsed = parse("Sb_CYC_120305_NW_c2_41V_30C.txt")

    assert (parsed.fields.cell_id, parsed.fields.date) == (None, None)
    assert any("120305 may be a Cell ID or the date 2012-03-05" in p for p in parsed.problems)


def test_a_cell_id_like_a_date_can_be_spelled_out():
    fields = parse("Sb_CYC_cell=120305_NW_c2_41V_30C_170201.txt").fields

    assert (fields.cell_id, fields.date) == (120305, dt.date(2017, 2, 1))


def test_the_start_cycle_is_not_read_as_a_rate():
    fields = parse(REFERENCE).fields

    assert (fields.start_cycle, fields.drive_profile) == (2, "1C1C")


def test_1c1c_is_not_a_start_cycle():
    parsed = parse("Sb_CYC_10001_NW_41V_30C_1C1C_170201.txt")

    assert parsed.fields.start_cycle is None
    assert any("start cycle" in problem for problem in parsed.problems)


def test_an_rpt_without_a_cycler_is_a_problem_and_no_exception():
    parsed = parse("Sb_RPT_10001_c2_41V_30C_170201.txt")

    assert any("known from Neware" in problem for problem in parsed.problems)


def test_an_fra_on_moli_is_a_problem_and_no_exception():
    parsed = parse("Sb_FRA_10001_Mo_c2_41V_30C_170201.txt")

    assert any("says Moli" in problem for problem in parsed.problems)


@pytest.mark.parametrize(
    ("volts", "word"), [(4.1, "41V"), (4.35, "435V"), (4.0, "4V"), (0.01, "001V")]
)
def test_generated_voltages_are_not_cut_off(volts, word):
    name = generate(Metadata(upper_cutoff_voltage=volts))

    assert name == f"{word}.txt"
    assert parse(name).fields.upper_cutoff_voltage == volts


# Guesses, doubts, foreign names -------------------------------------------------


def test_the_extension_says_the_cycler():
    assert parse("Sb_CYC_10001_c2_41V_30C_170201.ndax").fields.cycler == "neware"
    assert parse("Sb_CYC_10001_c2_41V_30C_170201.txt").fields.cycler == ""


def test_the_folder_says_the_cycler():
    parsed = parse("Sb_CYC_10001_c2_41V_30C_170201.txt", "/mnt/NEWARE/2017")

    assert parsed.fields.cycler == "neware"
    assert parsed.tokens[-1].field == "cycler"


def test_two_cell_ids_are_a_problem():
    parsed = parse("Sb_CYC_10001_10002_NW_c2_41V_30C_170201.txt")

    assert parsed.fields.cell_id is None
    assert "10001 or 10002" in parsed.problems[0]


def test_two_temperatures_are_a_problem():
    parsed = parse("Sb_CYC_10001_NW_c2_41V_30C_40C_170201.txt")

    assert parsed.fields.temperature_celsius is None
    assert "30C and 40C" in parsed.problems[0]


def test_a_picture_beside_the_data_is_not_valid():
    assert not parse(REFERENCE.replace(".txt", ".png")).is_valid


def test_a_bdf_name_of_another_convention_waits_for_a_person():
    parsed = parse("Empa__CELL7__20240101_001.bdf.csv")

    assert parsed.fields.cell_id is None
    assert not parsed.is_valid


def test_an_unknown_key_is_ignored_and_the_known_ones_named():
    parsed = parse(REFERENCE.replace("NW", "NW_SOC=50"))

    assert parsed.is_valid
    assert any("'SOC' is not a field; known are type" in token.meaning for token in parsed.tokens)


def test_a_known_key_with_a_wrong_value_is_a_problem():
    parsed = parse(REFERENCE.replace("41V", "V=hot"))

    assert any("'hot' is not a voltage" in problem for problem in parsed.problems)


@given(st.binary())
@example("Sb_CYC_🔋\n10001_NW_c2.txt".encode())
@example(b"cell=99999999999999_V=1e999_T=_date=20171301_=")
@example("²_³C_Sb_CYC_١٢٣٤٥".encode())
def test_no_name_raises(raw):
    parsed = parse(to_text(raw), to_text(raw))

    assert parsed.problems
    assert len(parsed.fields.drive_profile) <= 40
    assert len(parsed.fields.operator) <= 10


WORDS = ["Sb", "mo", "CYC", "FM", "SYM", "NW", "10001", "120305", "170201", "c2", "C12", "41V", "30C",
         "-10C", "1C", "1C1C", "cell=5", "T=3", "-", "_", ".", "x", "ndax", "2017-02-01"]  # fmt: skip


@given(st.lists(st.sampled_from(WORDS)).map("_".join))
def test_every_mixture_of_words_is_explained_and_never_raises(name):
    parsed = parse(name)

    assert parsed.is_valid == (not find_problems(parsed.fields) and not parsed.problems)
    for token in parsed.tokens:
        assert token.meaning


# Round trips ----------------------------------------------------------------------

numbers = st.integers(1, 2_147_483_647) | st.integers(10000, 999999)
dates = st.dates(dt.date(1900, 1, 1), dt.date(2099, 12, 31))
letters = "abcdefghijklmnopqrstuvwxyz"
initials = st.text(letters, min_size=2, max_size=5) | st.sampled_from(["mo", "nw", "arc", "cyc"])
profiles = st.sampled_from(["1C1C", "C3C2", "C3D2", "1CC3", "1C2Crc", "C2s43", "3C", "C20", "CCCV"])


@st.composite
def metadata(draw, types=EXPERIMENT_TYPES):
    row = draw(st.sampled_from(types))
    maybe = lambda strategy, empty=None: draw(st.just(empty) | strategy)  # noqa: E731
    electrode = {"symmetric": ["a12", "c3"], "xps": ["a", "c"]}.get(row.experiment, [])
    if row.behaviour and "electrode" in row.needs:
        electrode = ["a", "c12"]
    return Metadata(
        experiment=maybe(st.just(row.experiment), ""),
        cycler=draw(st.sampled_from(["", *CYCLERS])),
        cell_id=maybe(numbers),
        start_cycle=maybe(st.integers(0, 1_000_000)),
        upper_cutoff_voltage=maybe(st.floats(0, 9.99) | st.integers(0, 999).map(lambda v: v / 100)),
        temperature_celsius=maybe(st.floats(-99, 299) | st.integers(-99, 299).map(float)),
        operator=maybe(initials, ""),
        date=maybe(dates),
        drive_profile=maybe(profiles, ""),
        electrode=maybe(st.sampled_from(electrode or [""]), ""),
    )


@settings(max_examples=400)
@given(metadata())
@example(EXAMPLE)
@example(Metadata("cycling", "neware", 120305, operator="mo"))
@example(Metadata(operator="cyc", temperature_celsius=2.0, drive_profile="3C"))
def test_a_generated_name_is_understood_as_what_it_was_made_from(fields):
    assert parse(generate(fields)).fields == fields


@st.composite
def own_kinds(draw):
    """The built-in rules and up to three kinds that a lab added, and what a file of one says."""
    taken = {word for row in EXPERIMENT_TYPES for word in row.aliases}
    words = st.text(letters + "0123456789", min_size=1, max_size=12)
    own = []
    for number in range(draw(st.integers(1, 3))):
        word = draw(words.filter(lambda text: text not in taken))
        taken.add(word)
        needs = draw(st.sets(st.sampled_from(["start_cycle", "temperature_celsius", "electrode"])))
        own.append(
            ExperimentType(
                f"kind {number}",
                f"kind {number}",
                word.upper(),
                (word,),
                tuple(draw(st.sets(st.sampled_from(["", *CYCLERS]), min_size=1))),
                ("cell_id", *sorted(needs)),
                draw(st.sampled_from(sorted(BEHAVIOURS))),
            )
        )
    return Grammar([*EXPERIMENT_TYPES, *own]), draw(metadata(own))


@settings(max_examples=300)
@given(own_kinds())
def test_names_of_kinds_that_a_lab_added_are_made_and_understood(drawn):
    grammar, fields = drawn

    understood = parse(generate(fields, grammar=grammar), grammar=grammar)

    assert understood.fields == fields
    assert understood.is_valid == (find_problems(fields, grammar) == ())


def test_ordinary_fields_give_the_ordinary_name():
    assert generate(EXAMPLE) == REFERENCE


def test_what_no_name_can_say_is_refused():
    with pytest.raises(AmbiguousName):
        generate(Metadata(drive_profile="CCCV C/3"))


@given(metadata())
def test_a_name_is_valid_exactly_when_its_fields_are(fields):
    assert parse(generate(fields)).is_valid == (find_problems(fields) == ())


def test_fields_are_those_of_the_model():
    from cells.models import FileMetadata

    own = {"id", "file", "is_valid", "problems", "manual_fields", "grammar_version", "own_kind"}
    assert {f.name for f in FileMetadata._meta.get_fields()} - own == set(METADATA_FIELDS)


def test_kinds_and_cyclers_are_those_of_the_model():
    from cells.models import FileMetadata

    kinds = {row.experiment for row in EXPERIMENT_TYPES}
    assert kinds | {OTHER} == set(FileMetadata.Experiment.values)
    assert {kept_as for kept_as, _ in BEHAVIOURS.values()} <= kinds | {OTHER}
    assert set(CYCLERS) == set(FileMetadata.Cycler.values)


def test_the_rate_of_a_formation_is_not_its_start_cycle():
    fields = parse("Sb_FM_10001_NW_42V_40C_C20_250113.txt").fields

    assert (fields.start_cycle, fields.drive_profile) == (None, "C20")


def test_a_formation_may_say_that_it_starts_at_zero():
    assert parse("Sb_FM_10001_NW_c0_42V_40C_C20_250113.txt").fields.start_cycle == 0
