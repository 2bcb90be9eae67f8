"""How half-cycles were driven: every kind is kept and labelled, on generated and real files."""

import numpy as np
import polars as pl
import pytest

from cells.models import FileMetadata
from cycling.formats import read
from cycling.half_cycles import summarise
from cycling.jobs import grouping, importing
from cycling.models import HalfCycle
from cycling.modes import TITLES
from cycling.services import cells
from tests.cycling.conftest import cccv_cycles
from tests.cycling.test_half_cycles import CC_CHARGE, CC_DISCHARGE, HOLD, REST, Part, series

YADG = "cycling-biologic/dgbowl__yadg/tests/test_x_eclab"
PULSE = Part(-2.0, 0.05, 3.7, 3.6)


def power(watt: float = 4.0, rows: int = 300) -> pl.DataFrame:
    """A discharge at constant power from 4.2 to 3.0 V, in one step."""
    volt = np.linspace(4.2, 3.0, rows)
    return one_step(-watt / volt, volt)


def drive_cycle(rows: int = 3000) -> pl.DataFrame:
    """Ten repeats of an urban pattern: accelerate, cruise, brake with regeneration, stand."""
    pattern = np.concatenate([[-3.0] * 80, [-1.0] * 140, [1.2] * 30, [0.0] * 50])
    ampere = np.tile(pattern, rows // 300) * (1 + 0.2 * np.sin(np.arange(rows) / 7))
    return one_step(ampere, np.linspace(4.1, 3.2, rows) + 0.02 * ampere)


def one_step(ampere: np.ndarray, volt: np.ndarray) -> pl.DataFrame:
    rows = len(ampere)
    return pl.DataFrame(
        {
            "test_time_second": np.arange(rows) * 5.0,
            "voltage_volt": volt,
            "current_ampere": ampere,
            "cycle_count": np.ones(rows, dtype=int),
            "step_count": np.ones(rows, dtype=int),
        }
    )


GENERATED = {
    "cc": (series([[CC_CHARGE]]), ["cc"]),
    "cccv": (series([[CC_CHARGE, HOLD, REST, CC_DISCHARGE]]), ["cccv", "cc"]),
    "cccv in one step": (
        series([[CC_CHARGE, HOLD]]).with_columns(step_count=pl.lit(1)),
        ["cccv"],
    ),
    "cv alone": (series([[HOLD, REST]]), ["cv"]),
    "several currents": (
        series([[Part(2.0, 0.3, 3.0, 3.8), Part(1.0, 0.3, 3.8, 4.0)]]),
        ["steps"],
    ),
    "constant power": (power(), ["cp"]),
    "pulses with rests (GITT)": (series([[PULSE, REST] * 12]), ["pulses"]),
    "drive cycle": (drive_cycle(), ["profile"]),
    "formation of one charge": (series([[Part(0.05, 10.0, 2.5, 4.2), REST]]), ["cc"]),
}


@pytest.mark.parametrize("name", GENERATED)
def test_every_kind_of_half_cycle_is_kept_and_labelled(name):
    frame, modes = GENERATED[name]

    halves = summarise(frame)

    main = halves.sort("capacity_ah", descending=True).head(len(modes)).sort("ordinal")
    assert main["mode"].to_list() == modes
    assert set(halves["mode"]) <= set(TITLES)


@pytest.mark.parametrize(
    ("words", "mode"),
    [
        (["cp_discharge"], "cp"),
        (["cr_discharge"], "cr"),
        (["pulse"], "pulses"),
        (["simulation"], "profile"),
        (["cccv_discharge"], "cccv"),
        (["cp_discharge", "cv_discharge"], "cpcv"),
        (["discharge"], "cc"),  # the instrument does not say; the current does
        (["other"], "cc"),
    ],
)
def test_what_the_instrument_calls_a_step_is_believed(words, mode):
    parts = [CC_DISCHARGE] * len(words)
    frame = series([parts])
    step_type = [word for word in words for _ in range(CC_DISCHARGE.rows)]

    halves = summarise(frame.with_columns(step_type=pl.Series(step_type, dtype=pl.Categorical)))

    assert halves["mode"].to_list() == [mode]


def test_a_short_conditioning_pulse_does_not_name_a_charge():
    halves = summarise(series([[Part(2.0, 0.005, 3.0, 3.1), CC_CHARGE, HOLD]]))

    assert halves["mode"].to_list() == ["cccv"]


def test_labels_do_not_depend_on_what_else_is_in_the_file():
    alone = summarise(series([[CC_CHARGE, HOLD, CC_DISCHARGE]]))["mode"].to_list()

    among = summarise(series([[Part(-20.0, 0.01)], [CC_CHARGE, HOLD, CC_DISCHARGE]]))

    assert among.tail(2)["mode"].to_list() == alone


@pytest.mark.parametrize(
    ("name", "polarity", "mode"),
    [
        (f"{YADG}/gcpl.pr_182.1.mpr", "discharge", "cccv"),
        (f"{YADG}/gcpl.issue_149.mpr", "charge", "cc"),
        (f"{YADG}/ca.issue_149.mpr", "charge", "cv"),
        (f"{YADG}/lsv.mpr", "discharge", "profile"),
        ("cycling-maccor/jepegit__cellpy/examples/data/maccor_one.txt", "charge", "cccv"),
        ("cycling-other/LukasRier__GalvAnalyze/Test cases/CCCV/3.9V_10cyc.txt", "charge", "cccv"),
    ],
)
def test_kinds_of_real_files_are_known(real_data, name, polarity, mode):
    path = real_data / name
    if not path.exists():
        pytest.skip(f"absent: {name}")

    halves = summarise(read(path)[1].frame).filter(pl.col("polarity") == polarity)

    assert halves["mode"].mode().to_list() == [mode]


@pytest.mark.django_db
def test_the_page_of_a_cell_shows_how_it_was_driven(lab_file, client_as):
    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(12)))
    grouping.group_cell(10001)

    page = client_as("viewer").get("/cycling/cells/10001/panel/")

    assert TITLES["cccv"] in page.text
    assert TITLES["cc"] in page.text
    assert set(HalfCycle.objects.values_list("polarity", "mode")) == {
        ("charge", "cccv"),
        ("discharge", "cc"),
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("parts", "experiment", "words"),
    [
        ([[CC_CHARGE, REST]], FileMetadata.Experiment.FORMATION, "Only its formation is there."),
        ([[CC_CHARGE, REST]], FileMetadata.Experiment.CYCLING, "This cell has no discharge."),
        ([[CC_DISCHARGE]], FileMetadata.Experiment.CYCLING, "This cell has no charge."),
        (
            [[CC_DISCHARGE], [CC_CHARGE, CC_DISCHARGE]],
            FileMetadata.Experiment.CYCLING,
            "1 cycle has no charge: 1.",
        ),
        ([[REST]], FileMetadata.Experiment.CYCLING, "The files of this cell hold rests only."),
    ],
)
def test_what_is_half_only_is_said_and_not_dropped(lab_file, client_as, parts, experiment, words):
    file = lab_file("a.bdf.csv", series(parts), experiment=experiment)
    importing.import_file(file)
    grouping.group_cell(10001)

    page = client_as("viewer").get("/cycling/cells/10001/panel/")

    assert words in page.text
    flows = [part for cycle in parts for part in cycle if part.ampere]
    assert HalfCycle.objects.in_use().count() == len(flows)


@pytest.mark.django_db
def test_half_cycles_are_found_by_mode_over_rest(lab_file, client_as):
    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(3)))

    answer = client_as("viewer").get("/api/v1/cycling/half-cycles/?mode=cccv").json()

    assert {row["polarity"] for row in answer["results"]} == {"charge"}
    assert len(answer["results"]) == 3


@pytest.mark.django_db
def test_a_cell_that_was_only_charged_shows_the_curves_of_its_charges(lab_file):
    importing.import_file(lab_file("a.bdf.csv", series([[CC_CHARGE, REST]] * 3)))
    grouping.group_cell(10001)

    assert cells.suggested_cycles(10001) == "1-3"
    assert cells.key_numbers(10001).cycles == 3
