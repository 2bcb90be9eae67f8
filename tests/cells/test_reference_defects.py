"""Defects of the Universal Battery Database in files and their names, each made impossible.

Tests are named after the defect: ``a3`` is of its file database, ``a7_4`` number 4 of its
known weaknesses.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cells.experiments import Metadata
from cells.filenames import generate, parse
from cells.forms.files import MetadataForm
from cells.jobs import files as jobs
from cells.models import FileMetadata, NameRule, RawFile
from cells.services import files as services
from tests.cells.test_file_jobs import NAME, scan, write

FULL = {"experiment": "cycling", "cycler": "neware", "cell_id": 10001, "start_cycle": 0}


@pytest.mark.django_db
def test_a3_a_vanished_file_is_marked_and_kept(folder):
    path = write(Path(folder.path) / NAME)
    scan(folder)
    path.unlink()

    scan(folder)

    assert RawFile.objects.get().state == RawFile.State.MISSING


@pytest.mark.django_db
@pytest.mark.parametrize("zone", ["America/Halifax", "Asia/Tokyo"])
def test_a3_the_time_of_a_file_is_that_of_the_disk_in_every_zone(folder, zone):
    """The original took every disk to be in Halifax."""
    folder.time_zone = zone
    folder.save()
    path = write(Path(folder.path) / NAME)
    os.utime(path, (1.6e9, 1.6e9))

    scan(folder)

    assert RawFile.objects.get().modified_at == datetime.fromtimestamp(1.6e9, UTC)


@pytest.mark.django_db
def test_a3_a_file_that_nobody_can_read_enters_the_database_all_the_same(folder):
    for name in (NAME, "report.pdf", "nonsense", "Sb_XPS_10001_c0_a_250101.dat"):
        write(Path(folder.path) / name, name.encode())

    scan(folder)

    assert RawFile.objects.count() == 4


@pytest.mark.django_db
def test_a3_metadata_with_gaps_is_read_again_by_a_newer_grammar(folder):
    """The original saved it with gaps and never looked at the name again."""
    write(Path(folder.path) / NAME)
    scan(folder)
    file = RawFile.objects.get()
    FileMetadata.objects.create(file=file, experiment="cycling", grammar_version=0)

    jobs.identify_files()

    metadata = FileMetadata.objects.get()
    assert (metadata.cell_id, metadata.start_cycle, metadata.is_valid) == (10001, 2, True)


@pytest.mark.django_db
def test_a3_no_file_is_deprecated_by_the_machine(folder):
    """The original kept the file that was newest and largest, and dropped the others."""
    root = Path(folder.path)
    write(root / NAME, b"long and old", age=9000)
    write(root / NAME.replace("170201", "170301"), b"new", age=4000)

    scan(folder)
    jobs.identify_files()

    assert FileMetadata.objects.filter(cell_id=10001, start_cycle=2, is_valid=True).count() == 2
    assert not RawFile.objects.filter(deprecated=True).exists()


def test_a7_2_the_start_cycle_is_not_read_as_a_rate():
    assert parse(NAME).fields.drive_profile == "1C1C"
    assert parse(NAME.replace("1C1C", "2C3C")).fields.drive_profile == "2C3C"


@pytest.mark.parametrize(
    ("volts", "word"), [(4.1, "41V"), (4.35, "435V"), (4.0, "4V"), (2.999, "2.999V")]
)
def test_a7_3_generated_names_say_voltage_and_profile_and_read_back(volts, word):
    fields = Metadata(
        **FULL, operator="sb", upper_cutoff_voltage=volts, temperature_celsius=30.0,
        drive_profile="1C1C", date=datetime(2017, 2, 1, tzinfo=UTC).date(),
    )  # fmt: skip

    name = generate(fields)

    assert word in name
    assert "1C1C" in name
    assert name.endswith(".txt")
    assert parse(name).fields == fields


@pytest.mark.parametrize(
    ("word", "celsius"), [("-10C", -10.0), ("5C", 5.0), ("100C", 100.0), ("30C", 30.0)]
)
def test_a7_4_every_temperature_can_be_said(word, celsius):
    name = f"Sb_CYC_10001_NW_c2_41V_{word}_1C1C_170201.txt"

    assert parse(name).fields.temperature_celsius == celsius


@pytest.mark.parametrize("initials", ["mo", "marc", "simon"])
def test_a7_4_initials_may_hold_words_of_the_grammar(initials):
    parsed = parse(f"{initials}_CYC_10001_NW_c2_41V_30C_1C1C_170201.txt")

    assert parsed.is_valid
    assert parsed.fields.operator == initials


def test_a7_4_a_cell_id_like_a_date_stays_the_cell():
    parsed = parse("Sb_CYC_120305_NW_c2_41V_30C_1C1C_170201.txt")

    assert parsed.is_valid
    assert parsed.fields.cell_id == 120305
    assert str(parsed.fields.date) == "2017-02-01"


@pytest.mark.django_db
def test_a7_5_a_name_of_no_known_kind_does_not_stop_the_others(folder):
    """``RPT`` without Neware and ``FRA`` with Moli stopped the whole run of the original."""
    root = Path(folder.path)
    for name in ("Sb_RPT_10001_c2_170201.txt", "Sb_FRA_10001_Mo_c2_41V_30C_170201.txt", NAME):
        write(root / name, name.encode())
    scan(folder)

    result = jobs.identify_files()

    assert (result["identified"], result["invalid"]) == (1, 2)
    for metadata in FileMetadata.objects.filter(is_valid=False):
        assert metadata.problems


@pytest.mark.django_db
def test_a7_13_a_formation_is_completed_in_the_form_without_a_start_cycle(found, client_as):
    file = found("Sb_FM_10001_NW_41V_170201.txt")
    assert not file.metadata.is_valid
    form = MetadataForm(instance=file.metadata, grammar=NameRule.objects.grammar())
    sent = {name: form[name].value() or "" for name in form.fields}

    answer = client_as("member").post(
        file.get_absolute_url(), {**sent, "temperature_celsius": "40"}
    )

    assert answer.status_code == 302
    metadata = FileMetadata.objects.get()
    assert (metadata.start_cycle, metadata.is_valid) == (None, True)


@pytest.mark.django_db
def test_a7_14_reading_a_name_again_changes_the_start_cycle(found):
    file = found(NAME)
    FileMetadata.objects.update(start_cycle=7)

    metadata = services.reparse(file)

    assert metadata.start_cycle == 2
