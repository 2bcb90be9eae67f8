"""Files of real instruments: one measurement reads alike from every format."""

from pathlib import Path

import numpy as np
import pytest

from battery_db.lib.errors import LabError
from eis import formats

PYIMPSPEC = "eis/vyrjana__pyimpspec/tests"
YADG = "eis/dgbowl__yadg/tests/test_x_eclab"
GAMRY = "eis/maxtenenbaum__GamryParser/data"
HYBRID = "eis/jdhuang-csm__hybrid-drt/tutorials/data/PEIS_LPSCl_IonBlocking_-25C"
# (file, relative tolerance): the digits that the format prints.
ALIKE = [
    ("data.z", 1e-6),
    ("data.mpt", 1e-6),
    ("data.dta", 1e-6),
    ("data.dfr", 1e-12),
    ("data.i2b", 1e-12),
    ("data.idf", 5e-6),
    ("data.P00", 3e-3),
    ("data.pssession", 1e-12),
    ("data.xlsx", 1e-12),
    ("data.ods", 1e-12),
    ("data-tab.csv", 1e-12),
    ("data-semicolon.csv", 1e-12),
    ("data-comma-decimal-separator.csv", 1e-12),
    ("case-multiple-spectra.csv", 1e-12),
    ("case-multiple-spectra.mpt", 1e-6),
]
PAIRS = [
    (f"{YADG}/peis.issue_149.mpr", f"{YADG}/peis.issue_149.mpt", 1e-6),
    (f"{YADG}/geis.issue_149.mpr", f"{YADG}/geis.issue_149.mpt", 1e-6),
    (f"{HYBRID}.mpr", f"{HYBRID}.txt", 1e-6),
    (f"{HYBRID}_RelaxIS.txt", f"{HYBRID}.mpr", 1e-6),
    (
        f"{GAMRY}/raw/20240401_B_GM0016_HL03_E01_EIS.DTA",
        f"{GAMRY}/processed/20240401_B_GM0016_HL03_E01_EIS_ZCURVE.csv",
        1e-6,
    ),
]
NOT_IMPEDANCE = {
    "le_name_mapping.json", "PEIS.mpl", "freq_eis_zhang2020.csv", "ref.txt", "sample_info.txt",
    "chronoa_de_data.dta", "ocp_data.dta", "ocvcurve_data.dta", "zir.mpr", "zir.mpt",
    "20240401_B_GM0016_HL03_E01_EIS_OCVCURVE.csv",
}  # fmt: skip
COUNTS = {
    "data_eis_zhang2020.csv": 1343,
    "test_data_filtered.csv": 1761,
    "battery_data.npy": 130,
    "18650_LG_3500_MJ1_EIS_anode_discharge.parquet": 36,
    "peis.issue_149.mpr": 4,
    "PEIS.mpr": 4,
    "exampleDataParstat.txt": 1,
    "rc-data.ism": 1,
}


def spectra(real_data: Path, name: str):
    path = real_data / name
    if not path.exists():
        pytest.skip(f"absent: {name}")
    return formats.read(path)[1].spectra


@pytest.mark.parametrize(("name", "tolerance"), ALIKE)
def test_one_spectrum_reads_alike_from_every_format(real_data, name, tolerance):
    (expected,) = spectra(real_data, f"{PYIMPSPEC}/data-comma.csv")

    for spectrum in spectra(real_data, f"{PYIMPSPEC}/{name}"):
        np.testing.assert_allclose(spectrum.frequency_hz, expected.frequency_hz, rtol=tolerance)
        np.testing.assert_allclose(spectrum.impedance_ohm, expected.impedance_ohm, rtol=tolerance)


@pytest.mark.parametrize(("one", "other", "tolerance"), PAIRS)
def test_two_exports_of_one_measurement_agree(real_data, one, other, tolerance):
    pairs = zip(spectra(real_data, one), spectra(real_data, other), strict=True)

    for a, b in pairs:
        in_order, as_other = np.argsort(a.frequency_hz), np.argsort(b.frequency_hz)
        np.testing.assert_allclose(
            a.frequency_hz[in_order], b.frequency_hz[as_other], rtol=tolerance
        )
        np.testing.assert_allclose(
            a.impedance_ohm[in_order], b.impedance_ohm[as_other], rtol=tolerance
        )


def test_every_file_is_read_or_refused_in_words(real_data):
    refused, counts = set(), {}
    for path in sorted((real_data / "eis").rglob("*")):
        if not path.is_file():
            continue
        try:
            _, reading = formats.read(path)
        except LabError as error:
            refused.add(path.name if error.message and error.fix else f"{path.name}: no words")
        else:
            counts[path.name] = len(reading.spectra)

    assert refused <= NOT_IMPEDANCE
    assert {name: counts[name] for name in COUNTS if name in counts} == {
        name: n for name, n in COUNTS.items() if name in counts
    }


@pytest.mark.parametrize(
    ("name", "first_imaginary", "last_imaginary"),
    [
        ("COLUMBIA_TXT_example.txt", -0.001118111736007475, -5.228502889348092e-4),
        ("DAHN_TXT_example.txt", -0.172, -0.4816),
        ("MPT_example.mpt", -1.628, -12.06),
    ],
)
def test_the_formats_of_the_original_keep_their_sign(
    real_data, name, first_imaginary, last_imaginary
):
    (spectrum,) = spectra(real_data, f"eis/Samuel-Buteau__EISFitting/{name}")

    assert spectrum.impedance_ohm[0].imag == pytest.approx(first_imaginary, rel=1e-2)
    assert spectrum.impedance_ohm[-1].imag == pytest.approx(last_imaginary, rel=1e-2)


def test_spectra_of_one_file_carry_cycle_and_voltage(real_data):
    found = spectra(real_data, f"{YADG}/peis.issue_149.mpr")

    assert [spectrum.metadata["cycle"] for spectrum in found] == [1, 2, 3, 4]
    assert all(3 < spectrum.metadata["voltage_volt"] < 4 for spectrum in found)


def test_a_table_with_the_other_sign_is_turned_and_says_so(real_data):
    path = next((real_data / "eis").rglob("data_eis_zhang2020.csv"), None)
    if path is None:
        pytest.skip("absent: data_eis_zhang2020.csv")

    _, reading = formats.read(path)

    # Cells of LCO and graphite: an arc and a tail, capacitive below 1 kHz.
    low = [s.impedance_ohm.imag[s.frequency_hz < 1000].max() < 0 for s in reading.spectra]
    assert sum(low) > 0.99 * len(low)
    assert {finding.code for finding in reading.findings} == {"rounded", "sign_reversed"}
