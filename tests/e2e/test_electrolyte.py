"""From known mixtures to a refused sample, as a lab member does it in a browser."""

import numpy as np
import pytest

from battery_db.lib.runs.engine import drain
from cells.services.materials import define_molecule
from ftir import demonstration
from ftir.bands import BANDS
from ftir.models import Calibration
from tests.e2e.waiting import wait_until
from tests.ftir.conftest import as_csv

pytestmark = pytest.mark.django_db(transaction=True)
GRID = np.arange(640.0, 2100.0, 4.0)
MIXTURE = np.array([0.10, 0.30, 0.35, 0.25, 0.0])


@pytest.fixture
def files(tmp_path):
    """A table of ratios, the spectra it names, a good sample and one with 8 % VC."""
    rng = np.random.default_rng(4)
    known = demonstration.known_mass_ratios()
    lines = ["file," + ",".join(demonstration.COMPONENTS)]
    spectra = []
    for number, row in enumerate(known, 1):
        path = tmp_path / f"mixture-{number:02d}.csv"
        path.write_bytes(as_csv(GRID, demonstration.measured(row, rng, GRID)))
        spectra.append(path)
        lines.append(path.name + "," + ",".join(f"{value:.4f}" for value in row))
    table = tmp_path / "ratios.csv"
    table.write_text("\n".join(lines))
    good = demonstration.measured(MIXTURE, rng, GRID)
    strange = good.copy()
    for band in BANDS["VC"]:
        distance = (GRID - band.wavenumber_per_cm) / band.half_width_per_cm
        strange += 0.4 * 0.08 * band.strength / (1 + distance**2)
    samples = []
    for name, absorbance in (("good.csv", good), ("contaminated.csv", strange)):
        samples.append(tmp_path / name)
        samples[-1].write_bytes(as_csv(GRID, absorbance))
    return table, spectra, samples


def test_a_calibration_judges_a_good_and_a_contaminated_sample(page, sign_in, files):
    table, spectra, (good, contaminated) = files
    for name in demonstration.COMPONENTS:
        define_molecule(name, default_role="salt" if name == "LiPF6" else "solvent")
    sign_in("curator")

    page.goto("/ftir/calibrations/new/")
    page.locator("input[name=name]").fill("Ours")
    page.locator("input[name=table]").set_input_files(table)
    page.locator("input[name=spectra]").set_input_files(spectra)
    page.get_by_role("button", name="Upload").click()
    page.get_by_text("has 48 samples").wait_for()
    page.get_by_role("button", name="Fit").click()
    page.wait_for_url("**/jobs/**")
    drain()
    assert Calibration.objects.get().in_use

    page.goto(Calibration.objects.get().get_absolute_url())
    page.locator(".plot.js-plotly-plot").first.wait_for()
    assert page.get_by_text("Errors of mixtures while they were held out").is_visible()

    page.goto("/ftir/spectra/")
    page.locator("input[name=spectra]").set_input_files(good)
    page.get_by_role("button", name="Add and judge").click()
    page.get_by_text("In calibration:").wait_for()

    page.goto("/ftir/spectra/")
    page.locator("input[name=spectra]").set_input_files(contaminated)
    page.get_by_role("button", name="Add and judge").click()
    verdict = page.get_by_text("Out of calibration: not explained near")
    verdict.wait_for()
    numbers = [
        int(word.strip(",")) for word in verdict.inner_text().split() if word.strip(",").isdigit()
    ]
    assert any(abs(number - 1831) < 25 for number in numbers)
    page.locator(".plot.js-plotly-plot").nth(2).wait_for()
    wait_until(page, "!document.querySelector('.plot[data-plot-state=loading]')")
