"""Plain text: headers of many programs, units, signs, sweeps, and what is no spectrum."""

import numpy as np
import pytest

from battery_db.lib.errors import LabError, MissingColumn, UnknownFormat, UnreadableFile
from eis import formats
from eis.formats.columns import column_of

FREQUENCY = np.logspace(4, -1, 26)
# 1 ohm in series with 2 ohm parallel to 10 mF: capacitive, so Z'' is negative throughout.
IMPEDANCE = 1 + 2 / (1 + 2j * np.pi * FREQUENCY * 2 * 0.01)


def text(header: str = "freq/Hz\tRe(Z)/Ohm\t-Im(Z)/Ohm", *, scale: float = 1, sign: float = -1,
         frequency=FREQUENCY, impedance=IMPEDANCE, separator: str = "\t") -> str:  # fmt: skip
    rows = [
        separator.join(f"{value!r}" for value in map(float, row))
        for row in zip(
            frequency, scale * impedance.real, sign * scale * impedance.imag, strict=True
        )
    ]
    return "\n".join([*([header] if header else []), *rows, ""])


@pytest.mark.parametrize(
    ("header", "scale", "sign"),
    [
        ("Frequency\tZ'\t-Z''", 1, -1),
        ("Frequency (Hz)\tZre (ohms)\tZim (ohms)", 1, 1),
        ("f/Hz\tZ'/mΩ\t-Z''/mΩ", 1e3, -1),
        ("Freq [Hz]\tZreal [kOhm]\tZimag [kOhm]", 1e-3, 1),
        ("frequency_hertz\treal_impedance_ohm\timaginary_impedance_ohm", 1, 1),
        ("Frequency / Hz\tReal Impedance / mohm\tImaginary Impedance / mohm", 1e3, 1),
        ("freq/Hz\tRe(Z)/Ohm\t#NAME?", 1, -1),
    ],
)
def test_headers_of_many_programs_mean_the_same(read_bytes, header, scale, sign):
    _, reading = read_bytes(text(header, scale=scale, sign=sign))

    (spectrum,) = reading.spectra
    np.testing.assert_allclose(spectrum.frequency_hz, FREQUENCY)
    np.testing.assert_allclose(spectrum.impedance_ohm, IMPEDANCE, rtol=1e-12)


@pytest.mark.parametrize("separator", ["\t", ",", ";", "  "])
def test_without_a_header_the_sign_is_seen_and_told(read_bytes, separator):
    _, as_measured = read_bytes(text("", sign=1, separator=separator))
    _, turned = read_bytes(text("", sign=-1, separator=separator))

    np.testing.assert_allclose(
        turned.spectra[0].impedance_ohm, as_measured.spectra[0].impedance_ohm
    )
    assert [finding.code for finding in as_measured.findings] == ["no_header"]
    assert [finding.code for finding in turned.findings] == ["no_header", "sign_reversed"]


def test_without_a_header_unit_and_sign_are_taken_as_a_person_says(tmp_path):
    path = tmp_path / "bare.txt"
    omega = 2 * np.pi * FREQUENCY
    for sign, word in ((1, "Z''"), (-1, "-Z''")):
        # Inductive throughout, so that what the data seem to say of the sign is wrong.
        path.write_text(text("", sign=sign, frequency=omega, impedance=IMPEDANCE.conj()))

        _, reading = formats.read(path, formats.Told("rad/s", word))

        (spectrum,) = reading.spectra
        np.testing.assert_allclose(spectrum.frequency_hz, FREQUENCY)
        np.testing.assert_allclose(spectrum.impedance_ohm, IMPEDANCE.conj())
        assert [finding.code for finding in reading.findings] == ["no_header"]
        assert f"in rad/s, the second as Z', the third as {word}, as" in reading.findings[0].text


def test_with_a_header_the_header_decides(tmp_path):
    path = tmp_path / "headed.txt"
    path.write_text(text())

    _, reading = formats.read(path, formats.Told("rad/s", "Z''"))

    np.testing.assert_allclose(reading.spectra[0].frequency_hz, FREQUENCY)
    np.testing.assert_allclose(reading.spectra[0].impedance_ohm, IMPEDANCE)
    assert reading.findings == ()


def test_angular_frequencies_become_hertz_and_it_is_told(read_bytes):
    _, reading = read_bytes(text("ω (rad/s),Z',Z''", sign=1, frequency=2 * np.pi * FREQUENCY,
                                 separator=","))  # fmt: skip

    np.testing.assert_allclose(reading.spectra[0].frequency_hz, FREQUENCY)
    assert [finding.code for finding in reading.findings] == ["angular"]


def test_modulus_and_phase_are_impedance_too(read_bytes):
    rows = zip(FREQUENCY, abs(IMPEDANCE), -np.angle(IMPEDANCE, deg=True), strict=True)
    lines = [f"{f!r};{m!r};{p!r}".replace(".", ",") for f, m, p in np.array(list(rows)).tolist()]

    _, reading = read_bytes("\n".join(["frequency;|Z|;-phase", *lines]))

    np.testing.assert_allclose(reading.spectra[0].impedance_ohm, IMPEDANCE, rtol=1e-12)


def test_a_phase_that_disagrees_settles_the_sign(read_bytes):
    rows = zip(
        FREQUENCY, IMPEDANCE.real, -IMPEDANCE.imag, np.angle(IMPEDANCE, deg=True), strict=True
    )
    lines = [",".join(map(repr, row)) for row in np.array(list(rows)).tolist()]

    _, reading = read_bytes("\n".join(["freq / Hz,Z' / Ohm,Z'' / Ohm,Phase / °", *lines]))

    assert reading.spectra[0].impedance_ohm[10].imag < 0
    assert [finding.code for finding in reading.findings] == ["sign_reversed"]


def test_sweeps_of_one_file_become_spectra_of_their_own(read_bytes):
    one = text("")

    _, reading = read_bytes(one + one + one, "three.txt")

    assert [len(spectrum) for spectrum in reading.spectra] == [26, 26, 26]
    assert [spectrum.name for spectrum in reading.spectra] == ["three #1", "three #2", "three #3"]


def test_a_sweep_that_goes_up_and_down_is_one_spectrum(read_bytes):
    there_and_back = np.concatenate([FREQUENCY[::-1][-6:], FREQUENCY])
    impedance = np.concatenate([IMPEDANCE[::-1][-6:], IMPEDANCE])

    _, reading = read_bytes(text(frequency=there_and_back, impedance=impedance))

    (spectrum,) = reading.spectra
    assert {f["code"] for f in spectrum.metadata["findings"]} == {"repeated", "unsorted"}


def test_frequencies_in_no_order_are_one_spectrum(read_bytes):
    order = np.random.default_rng(3).permutation(26)

    _, reading = read_bytes(text(frequency=FREQUENCY[order], impedance=IMPEDANCE[order]))

    assert [len(spectrum) for spectrum in reading.spectra] == [26]


def test_zeros_and_words_between_the_points_are_left_out_and_told(read_bytes):
    lines = text().split("\n")
    lines[5] = "0.0\t0.0\t0.0"
    lines[9] = f"{float(FREQUENCY[8])!r}\t0.0\t0.0"

    _, reading = read_bytes("\n".join([lines[0], *lines[1:5], *lines[6:]]))

    (spectrum,) = reading.spectra
    assert len(spectrum) == 24
    assert "points_dropped" in {f["code"] for f in spectrum.metadata["findings"]}


def test_a_time_series_is_not_taken_for_impedance(read_bytes):
    rows = "\n".join(f"{t},{3.7 + t / 1e4},{0.1}" for t in range(50))

    with pytest.raises(MissingColumn, match="time series"):
        read_bytes("Time/s,Voltage/V,Current/A\n" + rows)
    with pytest.raises(MissingColumn, match="even steps"):
        read_bytes(rows)


def test_two_points_are_refused_with_their_number(read_bytes):
    content = "Frequency/Hz,Z',Z''\n100,1,-1\n0,0,0\n10,2,-1\n"

    with pytest.raises(UnreadableFile, match="usable"):
        read_bytes(content)


def test_a_unit_that_is_not_known_is_not_guessed(read_bytes):
    with pytest.raises(MissingColumn):
        read_bytes(text("Frequency/Hz,Z'/Ohm cm2,Z''/Ohm cm2", separator=","))


@pytest.mark.parametrize("content", [b"\x00\x01\x02" * 300, b"only words here", b"{}"])
def test_other_content_is_named_as_not_recognised(read_bytes, content):
    with pytest.raises(UnknownFormat, match="recognises"):
        read_bytes(content)


def test_an_empty_file_says_so(read_bytes):
    with pytest.raises(UnreadableFile, match="0 bytes"):
        read_bytes(b"")


def test_utf_16_and_windows_line_ends_are_read(read_bytes):
    _, reading = read_bytes(text().replace("\n", "\r\n").encode("utf-16"))

    assert len(reading.spectra[0]) == 26


@pytest.mark.parametrize("header", ["|Y|/Ohm-1", "Re(Y)/Ohm-1", "Cs / F", "I Range", "E2 Real"])
def test_other_columns_have_no_meaning_here(header):
    assert column_of(header) is None


def outcome_of(path) -> str:
    """The number of spectra, or what a person is told; anything else propagates."""
    try:
        return str(len(formats.read(path)[1].spectra))
    except LabError as error:
        return error.message if error.fix else ""


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(
    "ending", [".ism", ".dta", ".z", ".idf", ".mpr", ".pssession", ".dfr", ".par"]
)
def test_a_file_cut_short_is_read_in_part_or_refused_in_words(real_data, tmp_path, cut, ending):
    found = [p for p in sorted((real_data / "eis").rglob("*")) if p.suffix.lower() == ending]
    if not found:
        pytest.skip(f"absent: a file ending in {ending}")
    content = found[0].read_bytes()
    path = tmp_path / found[0].name
    path.write_bytes(content[: round(len(content) * cut)])

    outcome = outcome_of(path)

    assert outcome
