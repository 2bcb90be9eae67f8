"""Every reader: made-up files with known truth, real files, damage, and other techniques' files."""

import struct

import numpy as np
import pytest

from battery_db.lib.errors import LabError
from battery_db.lib.spectra import InfraredSpectrum
from ftir import formats
from ftir.formats import jcamp_dx

AXIS = np.linspace(650.0, 4000.0, 1798)
VALUE = 0.4 / (1 + ((AXIS - 1740) / 12) ** 2) + 0.01


def asp(count: int, first: float, last: float, values) -> str:
    return "\r\n".join(
        [str(count), str(first), str(last), "1", "2", "4", *map(repr, map(float, values)), ""]
    )


def table(separator: str, decimal: str = ".", header: str = "", order: int = 1) -> str:
    rows = [f"{x:.4f}{separator}{y:.8f}" for x, y in zip(AXIS, VALUE, strict=True)][::order]
    body = "\n".join(rows) + "\n"
    return header + (body.replace(".", ",") if decimal == "," else body)


def spa() -> bytes:
    points = len(AXIS)
    head = bytearray(0x300)
    head[:18] = b"Spectral Data File"
    head[30:36] = b"sample"
    struct.pack_into("<H", head, 294, 2)
    struct.pack_into("<HII", head, 304, 2, 0x200, 0x60)
    struct.pack_into("<HII", head, 320, 3, 0x300, 4 * points)
    struct.pack_into("<III2f", head, 0x204, points, 1, 17, AXIS[-1], AXIS[0])
    return bytes(head) + VALUE[::-1].astype("<f4").tobytes()


GOOD = {
    "descending.asp": asp(1798, 4000.0, 650.0, VALUE[::-1]),
    "ascending.asp": asp(1798, 650.0, 4000.0, VALUE),
    "counted.asp": asp(0, 650.0, 4000.0, VALUE),
    "comma.csv": table(","),
    "reversed.csv": table(",", order=-1),
    "header.csv": table(",", header="cm-1,Absorbance\n"),
    "semicolon.csv": table(";", ",", "Wellenzahl;Absorbance\n"),
    "tab.txt": table("\t", header="# made by\nWavenumber (cm-1)\tAbsorbance\n"),
    "blank.dpt": table("   "),
    "jcamp.jdx": jcamp_dx.write(InfraredSpectrum(AXIS, VALUE), "a sample"),
    "omnic.spa": spa(),
}


@pytest.mark.parametrize("name", GOOD)
def test_every_format_gives_the_same_spectrum(tmp_path, name):
    content = GOOD[name]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    reading = formats.read(path)

    # 1e-4 1/cm: of the printed axis; 1e-6: of 32-bit floats and printed values.
    assert reading.spectrum.wavenumber_per_cm == pytest.approx(AXIS, abs=2e-3)
    assert reading.spectrum.absorbance == pytest.approx(VALUE, abs=2e-6)


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.5, 0.97])
def test_cut_off_files_end_in_a_clear_error_or_a_shorter_spectrum(tmp_path, name, share):
    content = GOOD[name]
    content = content if isinstance(content, bytes) else content.encode()
    path = tmp_path / name
    path.write_bytes(content[: int(share * len(content))])

    found = formats.try_read(path)

    if isinstance(found, LabError):
        assert found.message
        assert found.fix
    else:
        assert len(found.spectrum) <= len(AXIS)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\x00\x01\x02" * 100, "No reader"),
        (
            b"Cycle Index,Step Index,Voltage(V),Current(A)\n1,1,3.1,0.2\n1,1,3.2,0.2\n1,1,3.3,0.2\n",
            "cycling file",
        ),
        (b"Cycle,Voltage\n-,V\n" + b"1,3.1\n2,3.2\n" * 40, "cycling file"),
        (
            b"freq/Hz\tohm\tsigma/S cm-1\n1000\t0.1\t1\n100\t0.2\t1\n10\t0.3\t1\n",
            "impedance file",
        ),
        (b"freq/Hz\tRe(Z)/Ohm\n1000\t0.1\n100\t0.2\n10\t0.3\n", "impedance file"),
        (
            b"##TITLE=x\n##DATA TYPE=NMR SPECTRUM\n##FIRSTX=1\n##LASTX=3\n##NPOINTS=3\n##XFACTOR=1\n##YFACTOR=1\n##XYDATA=(X++(Y..Y))\n1 2 3 4\n##END=\n",
            "infrared",
        ),
        (b"##TITLE=x\n##DATA TYPE=IR\n##PEAK TABLE=(XY..XY)\n1,2\n##END=\n", "table of peaks"),
    ],
)
def test_other_files_are_refused_in_words(tmp_path, content, words):
    path = tmp_path / "file.csv"
    path.write_bytes(content)

    with pytest.raises(LabError, match=words):
        formats.read(path)


@pytest.mark.parametrize(
    "header",
    [
        "# cell 10001 cycle 100, voltage 4.2 V\ncm-1,Absorbance\n",
        "Frequency (cm-1),Absorbance\n",
        "Step scan, freq. range 650-4000\nWavenumber,A\n",
        "cm⁻¹,Absorbance\n",
    ],
)
def test_words_of_other_techniques_above_an_infrared_table_do_not_refuse_it(tmp_path, header):
    path = tmp_path / "good.csv"
    path.write_text(table(",", header=header))

    assert formats.read(path).spectrum.absorbance == pytest.approx(VALUE, abs=2e-6)


PERCENT = 100 * 10**-VALUE
PERCENT_UNSAID = {
    "plain.csv": "cm-1,Transmittance\n"
    + "\n".join(f"{x},{y}" for x, y in zip(AXIS, PERCENT, strict=True)),
    "short.csv": "cm-1,T\n" + "\n".join(f"{x},{y}" for x, y in zip(AXIS, PERCENT, strict=True)),
    "reflected.csv": "cm-1,Reflectance\n"
    + "\n".join(f"{x},{y}" for x, y in zip(AXIS, PERCENT, strict=True)),
    "type128.asp": asp(1798, 650.0, 4000.0, PERCENT).replace("\r\n2\r\n4", "\r\n128\r\n4", 1),
    "said.jdx": jcamp_dx.write(InfraredSpectrum(AXIS, PERCENT), "x").replace(
        "ABSORBANCE", "TRANSMITTANCE"
    ),
}


@pytest.mark.parametrize("name", PERCENT_UNSAID)
def test_percent_is_told_from_the_values_and_said(tmp_path, name):
    path = tmp_path / name
    path.write_text(PERCENT_UNSAID[name])

    reading = formats.read(path)

    assert reading.spectrum.absorbance == pytest.approx(VALUE, abs=1e-4)
    assert "percent_unsaid" in {notice.code for notice in reading.notices}


def test_fractions_of_transmittance_stay_what_they_are(tmp_path):
    path = tmp_path / "t.csv"
    rows = "\n".join(f"{x},{y}" for x, y in zip(AXIS, PERCENT / 100, strict=True))
    path.write_text(f"cm-1,Transmittance\n{rows}\n")

    reading = formats.read(path)

    assert reading.spectrum.absorbance == pytest.approx(VALUE, abs=1e-4)
    assert not reading.notices


REFUSED = {  # no infrared spectra, or no spectra at all
    "transmittance_percent.jdx": "table of peaks",
    "sqzdec1.jdx": "NMR",
    "TESTSPEC.DX": "no data",
    "sp1.spc": "Raman",
}


def test_all_real_files_are_read_or_refused_with_their_reason(real_data):
    folder = real_data / "ftir"
    files = [
        p for p in folder.rglob("*") if p.is_file() and p.suffix != ".zip" and "LICEN" not in p.name
    ]
    assert len(files) >= 25
    for path in files:
        if path.name in REFUSED:
            with pytest.raises(LabError, match=REFUSED[path.name]):
                formats.read(path)
        else:
            reading = formats.read(path)
            assert len(reading.spectrum) > 500, path.name


def test_spc_agrees_with_its_text_dump(real_data):
    folder = real_data / "ftir" / "rohanisaac__spc" / "test_data"

    binary = formats.read(folder / "Ft-ir.spc").spectrum
    text = formats.read(folder / "txt2" / "Ft-ir.spc.txt").spectrum

    assert binary.wavenumber_per_cm == pytest.approx(text.wavenumber_per_cm, abs=0.05)
    assert binary.absorbance == pytest.approx(text.absorbance, abs=1e-6)


@pytest.mark.parametrize("even", [True, False])
def test_our_jcamp_reads_back(tmp_path, even):
    axis = AXIS if even else np.sort(np.random.default_rng(0).uniform(650, 4000, 500))
    value = np.sin(axis / 50) * 0.2
    path = tmp_path / "ours.jdx"

    path.write_text(jcamp_dx.write(InfraredSpectrum(axis, value), "ours"))

    back = formats.read(path).spectrum
    assert back.wavenumber_per_cm == pytest.approx(axis, abs=1e-3)
    assert back.absorbance == pytest.approx(value, abs=1e-6)
