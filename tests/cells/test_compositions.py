from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from battery_db.lib.errors import LabError
from cells.compositions import (
    ADDITIVE,
    MOLAL,
    MOLAR,
    SALT,
    SOLVENT,
    WEIGHT_PERCENT,
    Component,
    Recipe,
    normalised,
    parse_electrolyte,
    problems_of,
    tidy,
)
from cells.projections import electrolyte_digest, electrolyte_name, wet_cell_label

THESIS = "70%DMC+30%EC + 1.2mLiPF6 + ADDITIVES:(2%VC+1%DTD)"

names = st.text(min_size=1, max_size=12).map(tidy).filter(bool)
separators = st.sampled_from(
    ["a+b", "EC (dry)", "2%VC", "ol/LX", "LiN(SO2)2", ")", '"', "\\", "[proprietary]", "?", "1.2m"]
)
molecules = st.one_of(
    st.sampled_from(["EC", "DMC", "LiPF6", "1,3-PS", "2MeTHF"]), separators, names
)
amounts = st.none() | st.decimals(min_value=Decimal("0.000001"), max_value=999, places=6)
units = st.sampled_from(
    [(SOLVENT, WEIGHT_PERCENT), (SALT, MOLAL), (SALT, MOLAR), (ADDITIVE, WEIGHT_PERCENT)]
)


@st.composite
def recipes(draw):
    chosen = draw(st.lists(molecules, max_size=6, unique=True))
    parts = []
    for molecule in chosen:
        role, unit = draw(units)
        parts.append(Component(molecule, role, draw(amounts), unit))
    notes = draw(st.one_of(st.just(""), separators, names))
    return Recipe(tuple(parts), notes, draw(st.booleans()))


def content(recipe):
    return (frozenset(recipe.components), recipe.notes, recipe.proprietary)


@given(recipes())
def test_every_name_reads_back_as_the_recipe_it_was_made_from(recipe):
    assert content(parse_electrolyte(electrolyte_name(recipe))) == content(recipe)


@given(recipes(), recipes())
def test_names_and_digests_are_equal_exactly_when_the_recipes_are(first, second):
    same = content(first) == content(second)

    assert (electrolyte_name(first) == electrolyte_name(second)) is same
    assert (electrolyte_digest(first) == electrolyte_digest(second)) is same


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_but_never_crashes(text):
    try:
        recipe = parse_electrolyte(text)
    except LabError:
        return
    problems_of(recipe)


@given(
    st.lists(
        st.decimals(min_value=Decimal("0.01"), max_value=500, places=2), min_size=1, max_size=6
    )
)
def test_normalised_solvents_sum_to_exactly_100(shares):
    parts = [Component(f"S{i}", SOLVENT, share, WEIGHT_PERCENT) for i, share in enumerate(shares)]

    assert sum(part.amount for part in normalised(parts)) == 100


def test_the_notation_of_the_thesis_is_read_exactly():
    recipe = parse_electrolyte(THESIS)

    assert recipe.components == (
        Component("DMC", SOLVENT, Decimal(70), WEIGHT_PERCENT),
        Component("EC", SOLVENT, Decimal(30), WEIGHT_PERCENT),
        Component("LiPF6", SALT, Decimal("1.2"), MOLAL),
        Component("VC", ADDITIVE, Decimal(2), WEIGHT_PERCENT),
        Component("DTD", ADDITIVE, Decimal(1), WEIGHT_PERCENT),
    )
    assert electrolyte_name(recipe) == THESIS


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("30 % EC + 70 wt% DMC + 1 mol/L LiPF6", "70%DMC+30%EC + 1MLiPF6"),
        ("EC + 1.20 mol/kg LiPF6", "EC + 1.2mLiPF6"),
        ("?%EC+?%DMC + ?mLiPF6", "?%DMC+?%EC + ?mLiPF6"),
        (
            "15%C+85%D+0.5mPepper+additives: (1%B + 2%A)",
            "85%D+15%C + 0.5mPepper + ADDITIVES:(2%A+1%B)",
        ),
        ("1mLiN(SO2CF3)2", "1mLiN(SO2CF3)2"),
        ("(Blend A) [Proprietary]", "(Blend A) [proprietary]"),
        ("100%EC (dried (twice))", "EC (dried (twice))"),
    ],
)
def test_compositions_are_rendered_as_in_the_thesis_figures(text, name):
    assert electrolyte_name(parse_electrolyte(text)) == name


def test_10_and_10_point_4_percent_have_different_names():
    ten, more = (parse_electrolyte(f"EC + ADDITIVES:({amount}%VC)") for amount in ("10", "10.4"))

    assert electrolyte_name(ten) != electrolyte_name(more)


def test_10_and_10_point_0_are_one_electrolyte():
    first, second = (parse_electrolyte(f"EC+{amount}mLiPF6") for amount in ("1", "1.000"))

    assert electrolyte_digest(first) == electrolyte_digest(second)


def test_solvents_beyond_100_are_asked_about_and_never_rescaled():
    recipe = parse_electrolyte("30%EC+70%DMC+5%MA")

    (problem,) = problems_of(recipe)

    assert "30/70/5" in problem.message
    assert "105" in problem.message
    assert "28.57/66.67/4.76" in problem.fix
    assert sum(part.amount for part in problem.suggestion) == 100
    assert recipe.components[2].amount == 5


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("100%EC + ADDITIVES:(60%A+40%B)", "additives"),
        ("50%EC+50%ec", "twice"),
        ("0%EC+100%DMC", "amount"),
        ("33%A+33%B+33%C", "99"),
        ("100%A+?%B", "unknown"),
        ("EC+1.2345678mLiPF6", "decimals"),
        ("", "no component"),
    ],
)
def test_what_can_not_be_weighed_is_a_problem(text, word):
    assert any(word in problem.message for problem in problems_of(parse_electrolyte(text)))


@pytest.mark.parametrize("text", ["33.33%A+33.33%B+33.33%C", THESIS, "30%EC+?%DMC", "(Blend A)"])
def test_rounded_thirds_unknowns_and_bare_notes_are_taken_as_they_are(text):
    assert problems_of(parse_electrolyte(text)) == []


@pytest.mark.parametrize(
    "text", ["EC+DMC", "30%EC+", "ADDITIVES:(VC)", "30%EC (a) b", '1%"EC', "1%EC)", "70%"]
)
def test_what_can_not_be_read_is_refused(text):
    with pytest.raises(LabError) as error:
        parse_electrolyte(text)

    assert error.value.fix


def test_a_wet_cell_with_unknown_parts_has_a_label():
    assert wet_cell_label(10001, None, "NMC622") == "Cell 10001: NMC622 with ?"
