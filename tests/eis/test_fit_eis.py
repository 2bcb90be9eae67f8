"""``fit_eis`` on files of disk: a row per spectrum, with success or a reason; no database."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from django.core.management import CommandError, call_command

from eis.folders import Options, fit_folder
from eis.results import METHOD_VERSION
from eis.services.circuits import circuit_of
from tests.eis.lab import CIRCUIT, FREQUENCY, eis_text

# What is no impedance, has three points, or five frequencies for 17 parameters.
NOT_FITTED = {
    "le_name_mapping.json", "PEIS.mpl", "freq_eis_zhang2020.csv", "ref.txt", "sample_info.txt",
    "chronoa_de_data.dta", "ocp_data.dta", "ocvcurve_data.dta", "zir.mpr", "zir.mpt",
    "20240401_B_GM0016_HL03_E01_EIS_OCVCURVE.csv", "COLUMBIA_TXT_example.txt",
    "eispot_data_curveaborted.dta",
}  # fmt: skip


@pytest.fixture
def files(tmp_path):
    source = tmp_path / "in"
    (source / "deeper").mkdir(parents=True)
    (source / "good.csv").write_bytes(eis_text(1, 2))
    (source / "deeper" / "short.txt").write_bytes(b"Frequency/Hz,Z',Z''\n9,1,-1\n3,2,-1\n1,3,-1\n")
    (source / "notes.txt").write_bytes(b"cell 5 was warm")
    return source


def fit(source, target, *options) -> pl.DataFrame:
    call_command("fit_eis", str(source), "--to", str(target), "--circuit", CIRCUIT, *options)
    return pl.read_csv(target / "parameters.csv")


def test_every_spectrum_and_every_bad_file_has_a_row(files, tmp_path):
    table = fit(files, tmp_path / "out", "--no-pictures")

    assert dict(table.select("spectrum", "status").iter_rows()) == {
        "good #1": "fitted",
        "good #2": "fitted",
        "short": "failed",
        "notes.txt": "not read",
    }
    assert table.filter(pl.col("status") != "fitted")["reason"].str.len_chars().min() > 10


def test_refined_is_inverse_plus_difference(files, tmp_path):
    table = fit(files, tmp_path / "out", "--no-pictures").filter(pl.col("status") == "fitted")

    inverse, refined, difference = (
        table[f"ZARC1_R {word} / Ω"].to_numpy() for word in ("inverse", "refined", "difference")
    )
    assert refined == pytest.approx([0.05, 0.1], rel=1e-2)
    assert inverse + difference == pytest.approx(refined)


def test_frequencies_come_in_radians_when_asked(files, tmp_path):
    table = fit(files / "good.csv", tmp_path / "out", "--no-pictures", "--radians")

    assert table["ZARC1_fc refined / rad/s"].to_list() == pytest.approx([62.83] * 2, rel=1e-2)


def test_each_spectrum_has_its_points_and_its_picture(files, tmp_path):
    table = fit(files / "good.csv", tmp_path / "out")

    for stem in table["output"]:
        points = pl.read_csv(tmp_path / "out" / "spectra" / f"{stem}.csv")
        assert points.height == len(FREQUENCY)
        assert (tmp_path / "out" / "spectra" / f"{stem}.png").read_bytes()[:4] == b"\x89PNG"


def test_a_folder_without_spectra_fails_and_says_why(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing here")

    with pytest.raises(CommandError, match="holds a spectrum"):
        call_command("fit_eis", str(tmp_path), "--to", str(tmp_path / "out"))
    with pytest.raises(CommandError, match="There is no"):
        call_command("fit_eis", str(tmp_path / "nowhere"), "--to", str(tmp_path / "out"))


def test_a_row_says_how_far_its_fit_can_be_trusted(tmp_path):
    lines = eis_text().decode().splitlines()
    lines = [f"{line},7,3.7,24.5" for line in lines[1:]]
    cells = lines[20].split(",")
    lines[20] = ",".join([cells[0], str(1.15 * float(cells[1])), *cells[2:]])
    head = "Frequency/Hz,Z'/Ohm,Z''/Ohm,cycle number,Voltage/V,Temperature/degC"
    (tmp_path / "one.csv").write_text("\n".join([head, *lines, "1,0,0,7,3.7,24.5", ""]))

    row = fit(tmp_path / "one.csv", tmp_path / "out", "--no-pictures").row(0, named=True)

    about = (row["cycle"], row["voltage_volt"], row["temperature_celsius"])
    assert about == (7, pytest.approx(3.7), pytest.approx(24.5))
    assert (row["kramers_kronig"], row["outliers"]) == ("valid", 21)
    assert row["ZARC1_R identifiable"] is True
    assert row["ZARC1_R error / Ω"] > 0
    assert (row["circuit"], row["method_version"]) == (CIRCUIT, int(METHOD_VERSION))
    assert "left out" in row["findings"]


def test_results_go_into_a_folder_beside_the_work_when_none_is_named(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    for _ in range(2):  # its own results are no spectra of the second run
        call_command("fit_eis", ".", "--no-pictures", "--circuit", CIRCUIT)

    table = pl.read_csv(tmp_path / "eis-fits" / "parameters.csv")
    assert table.sort("spectrum")["spectrum"].to_list() == [
        "good #1",
        "good #2",
        "notes.txt",
        "short",
    ]


def test_tables_without_a_header_are_read_as_is_said(tmp_path):
    lines = eis_text().decode().splitlines()[1:]
    (tmp_path / "bare.txt").write_text("\n".join([*lines, ""]))

    table = fit(tmp_path / "bare.txt", tmp_path / "out", "--no-pictures", "--frequency", "rad/s",
                "--imaginary", "plus")  # fmt: skip

    assert table["highest_hertz"].to_list() == pytest.approx([FREQUENCY[0] / (2 * np.pi)])
    assert table["ZARC1_fc refined / Hz"].to_list() == pytest.approx([10 / (2 * np.pi)], rel=1e-2)
    assert "rad/s" in table["findings"][0]


def test_json_is_alone_on_stdout(files, tmp_path, capsys):
    call_command("fit_eis", str(files / "good.csv"), "--to", str(tmp_path / "out"), "--json",
                 "--no-pictures", "--circuit", CIRCUIT)  # fmt: skip

    assert json.loads(capsys.readouterr().out)["spectra"] == 2


@pytest.mark.slow  # every spectrum of every file there is, with the circuit of the thesis
def test_every_real_spectrum_has_a_row_with_a_fit_or_a_reason(real_data, tmp_path):
    if not (real_data / "eis").exists():
        pytest.skip("absent: eis")
    circuit = circuit_of("thesis")

    counts = fit_folder([real_data / "eis"], circuit, tmp_path, Options(pictures=False))
    table = pl.read_csv(tmp_path / "parameters.csv", infer_schema_length=None)

    assert (counts["files"], counts["spectra"]) == (96, 3379)
    assert table.height == 3379 + counts["not read"]
    without = table.filter(pl.col("status").is_in(["not read", "failed"]))
    assert {Path(file).name for file in without["file"]} == NOT_FITTED
    assert without["reason"].str.len_chars().min() > 20
    assert table.filter(pl.col("status") == "poor").height <= 70
