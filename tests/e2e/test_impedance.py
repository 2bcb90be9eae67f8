"""Impedance in a browser: upload, see the fit, mask two points, see the new fit, export."""

import io

import numpy as np
import polars as pl
import pytest

from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from cells.models import Folder
from eis.models import CircuitFit, ImpedanceSpectrum
from tests.e2e.waiting import wait_until
from tests.eis.lab import CIRCUIT, FREQUENCY, add_file, eis_text, impedance

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def ec_lab_text() -> bytes:
    """A spectrum of known truth as EC-Lab exports a PEIS: its preamble, units and numbers."""
    preamble = [
        "Potentio Electrochemical Impedance Spectroscopy",
        "",
        "Run on channel : 6 (SN 13414)",
        "Technique started on : 01/01/2025 19:44:18",
        "Device : VMP3 (SN 0153)",
        "Electrode surface area : 0.001 cm\u00b2",
        "Mode                Single sine         ",
        "",
    ]
    columns = (
        "freq/Hz", "Re(Z)/Ohm", "-Im(Z)/Ohm", "|Z|/Ohm", "Phase(Z)/deg", "time/s", "<Ewe>/V",
        "<I>/mA", "cycle number", "I Range",
    )  # fmt: skip
    rows = []
    for second, (hertz, z) in enumerate(zip(FREQUENCY, impedance(), strict=True)):
        phase = np.degrees(np.angle(z))
        values = [hertz, z.real, -z.imag, abs(z), phase, second, 4.2, 0.01, 1.0, 9.0]
        rows.append("\t".join(f"{value:.7E}" for value in values))
    head = ["EC-Lab ASCII FILE", f"Nb header lines : {len(preamble) + 3}", *preamble]
    return "\r\n".join([*head, "\t".join(columns), *rows, ""]).encode("latin-1")


def test_a_spectrum_goes_from_upload_to_export(page, sign_in, settings, tmp_path):
    settings.EIS_CIRCUIT = CIRCUIT
    path = tmp_path / "Sb_EIS_10001_c12_42V_30C_250101.mpt"
    path.write_bytes(ec_lab_text())
    sign_in("curator")

    page.goto("/eis/upload/")
    page.locator("input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Upload and fit").click()
    page.wait_for_url("**/jobs/**")
    engine.drain()
    spectrum = ImpedanceSpectrum.objects.get()
    page.goto(spectrum.get_absolute_url())
    page.locator("#parameters").get_by_text("ZARC1_R").wait_for()
    wait_until(
        page, "document.querySelectorAll('.plot-select[data-plot-state=drawn]').length === 2"
    )
    page.evaluate(
        "[3, 4].forEach(place => document.querySelector('.plot-select')"
        ".emit('plotly_click', {points: [{customdata: place}]}))"
    )
    assert page.locator("#mask-count").inner_text() == "2 points are chosen."
    page.locator("#mask-reason").fill("cable")
    page.get_by_role("button", name="Mask and fit again").click()
    page.wait_for_url("**/jobs/**")
    engine.drain()
    page.goto(spectrum.get_absolute_url())
    page.get_by_text("points masked: 2 masked").wait_for()
    answer = page.request.get(f"{spectrum.get_absolute_url()}points.csv")

    spectrum.refresh_from_db()
    assert spectrum.source.format_name == "biologic_mpt"
    assert spectrum.voltage_volt == pytest.approx(4.2)
    assert spectrum.masked_points == [3, 4]
    assert spectrum.source.file.metadata.cell_id == 10001
    assert CircuitFit.objects.get().status == "fitted"
    assert pl.read_csv(io.BytesIO(answer.body()))["masked"].sum() == 2


def test_a_circuit_is_drawn_while_it_is_typed_and_the_review_works_by_keys(
    page, sign_in, settings, tmp_path
):
    settings.EIS_CIRCUIT = CIRCUIT
    (tmp_path / "eis").mkdir()
    folder = Folder.objects.create(name="Potentiostat", path=str(tmp_path / "eis"))
    file = add_file(folder, "three.csv", eis_text(1, 2, 4))
    engine.enqueue("eis.take_in", {"file_ids": [file.pk]}, trigger=Job.Trigger.COMMAND)
    engine.drain()
    sign_in("curator")

    page.goto("/eis/circuits/")
    page.locator("#circuit").fill("R0-p(R1,")
    page.locator("#circuit-preview .alert").wait_for()
    page.locator("#circuit").fill("R0")
    page.get_by_role("button", name="p(R,CPE)").click()
    page.locator("#circuit-preview").get_by_text("4 parameters").wait_for()
    assert page.locator("#circuit").input_value() == "R0-p(R1,CPE0)"
    page.locator("#circuit-name").fill("one-arc")
    page.get_by_role("button", name="Save").click()
    page.locator("#one-arc").wait_for()

    page.goto("/eis/review/")
    page.get_by_text("1 of 3").wait_for()
    page.keyboard.press("a")
    page.get_by_text("1 of 2").wait_for()
    page.keyboard.press("u")
    page.get_by_text("1 of 3").wait_for()
    page.keyboard.press("x")
    page.get_by_text("1 of 2").wait_for()
    page.keyboard.press("c")
    page.keyboard.type("one-arc")
    page.keyboard.press("Enter")
    page.get_by_text("It is being fitted again").wait_for()
    here = page.url
    page.goto("about:blank")  # the database of tests in memory bears no reader beside the job
    engine.drain()
    page.goto(here)
    page.get_by_role("heading", name="Fit one-arc").wait_for()

    assert ImpedanceSpectrum.objects.filter(review="rejected").count() == 1
    assert CircuitFit.objects.filter(is_chosen=True, circuit="R0-p(R1,CPE0)").count() == 1
