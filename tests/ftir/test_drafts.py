"""Drafts of calibrations: samples come and go, and a draft can be deleted."""

import io
import zipfile

import numpy as np
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from battery_db.lib.errors import LabError, NotAllowed
from battery_db.lib.runs.models import Job
from ftir import ratio_tables, uploads
from ftir.jobs import demonstrating
from ftir.models import Calibration, InfraredSpectrum
from ftir.services import calibrations, drafts, plans
from tests.ftir.conftest import as_csv

HEADER = "file,LiPF6,EC,EMC,DMC,DEC\n"


@pytest.fixture
def draft(molecules, upload):
    """Three known mixtures and one unknown."""
    table, files = upload
    short = "".join(f"{line}\n" for line in table.splitlines()[:4])
    return calibrations.create("Ours", short, [*files[:3], files[-1]])


@pytest.fixture
def more(upload):
    """Files of spectra that the draft lacks."""
    return upload[1][10:14]


def zipped(*files) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files:
            archive.writestr(name, content)
    return target.getvalue()


def ratio_of(draft, name):
    return draft.samples.get(spectrum__name=name).mass_ratio


@pytest.mark.django_db
def test_spectra_and_a_table_in_any_order_of_columns_come_to_a_draft(draft, more):
    known = ratio_of(draft, "mixture-01.csv")
    table = f"file,EC,LiPF6,EMC\n{more[0][0]},30,10,60\nunknown-19.csv,0,0,1\n"

    added = drafts.add_spectra(draft, table, more)

    assert added == 4
    assert draft.samples.count() == 8
    assert ratio_of(draft, more[0][0]) == [0.1, 0.3, 0.6, 0, 0]
    assert ratio_of(draft, more[1][0]) is None
    assert ratio_of(draft, "unknown-19.csv") == [0, 0, 1, 0, 0]
    assert ratio_of(draft, "mixture-01.csv") == known
    assert drafts.add_spectra(draft, "", more) == 0  # again: nothing changes
    assert ratio_of(draft, more[0][0]) == [0.1, 0.3, 0.6, 0, 0]


@pytest.mark.django_db
def test_what_can_not_be_added_changes_nothing(draft, more, calibration, upload):
    other = ("mixture-01.csv", more[0][1])
    for table, files, words in (
        (f"{HEADER}{more[0][0]},0.1,0.3,0.6,0,0\nlost,0,1,0,0,0\n", more, "lost"),
        (f"file,EC,FOO\n{more[0][0]},0.3,0.7\n", more, "FOO"),
        ("", [*more, other], "other content"),
        ("", [*more, ("bad.csv", b"nothing")], r"bad\.csv"),
    ):
        with pytest.raises(LabError, match=words):
            drafts.add_spectra(draft, table, files)
    assert draft.samples.count() == 4
    assert InfraredSpectrum.objects.count() == 4
    with pytest.raises(NotAllowed, match="does not change"):
        drafts.add_spectra(calibration, "", more)


@pytest.mark.django_db
def test_removed_samples_take_along_what_no_other_calibration_holds(draft):
    draft.state = Calibration.State.READY
    second = calibrations.new_version(draft, None)
    ids = list(second.samples.values_list("pk", flat=True))

    drafts.remove_samples(second, ids[:1])
    assert (second.samples.count(), InfraredSpectrum.objects.count()) == (3, 4)
    with pytest.raises(NotAllowed, match="does not change"):
        drafts.delete(draft)
    drafts.delete(second)
    assert InfraredSpectrum.objects.count() == 4
    draft.state = Calibration.State.DRAFT
    drafts.delete(draft)

    assert not InfraredSpectrum.objects.exists()
    assert not Calibration.objects.exists()


@pytest.mark.django_db
def test_a_draft_grows_shrinks_and_goes_on_its_page(draft, more, client_as):
    client = client_as("member")
    address = draft.get_absolute_url()
    assert "Add spectra" in client.get(address).content.decode()
    given = {
        "table": SimpleUploadedFile("t.csv", f"{HEADER}{more[0][0]},0.1,0.3,0.6,0,0\n".encode()),
        "spectra": [SimpleUploadedFile("all.zip", zipped(*more))],
    }

    told = client.post(f"{address}spectra/", given, follow=True)
    assert "4 samples were added" in told.content.decode()
    first, second = draft.samples.all()[:2]
    grid = {f"ratio-{first.pk}-1": "bad", f"ratio-{second.pk}-1": "1", "remove": [first.pk]}
    told = client.post(f"{address}ratios/", grid, follow=True)
    assert "3 mixtures are known" in told.content.decode()
    assert not draft.samples.filter(pk=first.pk).exists()
    told = client.post(f"{address}spectra/", {}, follow=True)
    assert "Choose spectra, a table" in told.content.decode()

    told = client.post(f"{address}delete/", follow=True)
    assert "was deleted" in told.content.decode()
    assert not Calibration.objects.exists()


@pytest.mark.django_db
def test_a_draft_starts_from_components_alone(molecules, client_as):
    client = client_as("member")
    given = {"name": "Ours", "kind": "linear"}

    refused = client.post("/ftir/calibrations/new/", given)
    page = client.post(
        "/ftir/calibrations/new/", {**given, "components": "lipf6, EC, EMC"}, follow=True
    )

    assert "or name the components" in refused.content.decode()
    assert Calibration.objects.get().component_names == ("LiPF6", "EC", "EMC")
    assert "No samples yet" in page.content.decode()


def test_files_of_one_name_are_not_taken_for_each_other():
    with pytest.raises(LabError, match=r"Two files are called a\.csv"):
        uploads.by_name([("one/a.csv", b"1"), ("two\\a.csv", b"2")], 9)
    with pytest.raises(LabError, match=r"Two files are called a\.csv"):
        uploads.by_name([("a.csv", b"1"), ("b.zip", zipped(("in/a.csv", "2")))], 9)
    with pytest.raises(LabError, match=r"rows a and a\.csv both name the file a\.csv"):
        ratio_tables.pair({"a": None, "a.csv": [1.0]}, ["a.csv", "b.csv"])
    with pytest.raises(LabError, match=r"row a fits several files: a\.asp, a\.csv"):
        ratio_tables.pair({"a": None}, ["a.csv", "a.asp"])


def test_a_zip_is_its_files_or_says_why_not(monkeypatch):
    content = zipped(("in/a.csv", "1"), ("__MACOSX/a.csv", "x"), ("in/.DS_Store", "x"))

    assert uploads.by_name([("all.zip", content)], 9) == {"a.csv": b"1"}

    with pytest.raises(LabError, match=r"all\.zip can not be unpacked"):
        uploads.by_name([("all.zip", b"nothing")], 9)
    with pytest.raises(LabError, match="More than 1 files"):
        uploads.by_name([("a.csv", b""), ("b.csv", b"")], 1)
    monkeypatch.setattr(uploads, "LARGEST_UNPACKED", 0)
    with pytest.raises(LabError, match="more than 0 MiB"):
        uploads.by_name([("all.zip", content)], 9)


@pytest.mark.django_db
def test_a_plan_without_known_mixtures_keeps_salt_within_what_dissolves(molecules):
    made = calibrations.start("Ours", ("LiPF6", "EC", "EMC"))

    assert plans.limits_of(made) == [0.25, 1, 1]
    planned = plans.plan(made, 6).design.mass_ratio
    assert planned[:, 0].max() == pytest.approx(0.25, abs=0.001)
    narrow = plans.plan(made, 6, [0.1, 0.6, 0.8]).design.mass_ratio
    assert (narrow.max(axis=0) <= np.array([0.101, 0.601, 0.801])).all()
    without = plans.plan(made, 4, [0, 1, 1]).design.mass_ratio
    assert (without[:, 0] == 0).all()
    with pytest.raises(LabError, match="sum to less than 1"):
        plans.plan(made, 4, [0.1, 0.2, 0.3])


@pytest.mark.django_db
def test_the_limits_of_known_mixtures_are_what_they_hold(draft):
    largest = np.max([ratio_of(draft, f"mixture-0{n}.csv") for n in (1, 2, 3)], axis=0)
    usual = np.array([0.25, 1, 1, 1, 1])

    assert plans.limits_of(draft) == pytest.approx(np.where(largest > 0, largest, usual))


@pytest.mark.django_db
def test_a_plan_is_downloaded_filled_in_and_uploaded_again(draft, more, client_as):
    client = client_as("member")
    address = draft.get_absolute_url()
    query = {"count": 3, "most-0": "12"}

    page = client.get(address, query)
    table = client.get(f"{address}plan.csv", query).content.decode()

    assert f"{address}plan.csv?count=3&amp;most-0=12" in page.content.decode()
    names, known = ratio_tables.parse_ratios(table)
    assert names == draft.component_names
    assert list(known) == ["mixture-04", "mixture-05", "mixture-06"]  # 1 to 3 are there
    assert max(row[0] for row in known.values()) <= 0.121
    assert client.get(f"{address}plan.csv").status_code == 302
    files = [(f"{name}.csv", content) for name, (_, content) in zip(known, more, strict=False)]
    assert drafts.add_spectra(draft, table, files) == 3
    assert ratio_of(draft, "mixture-05.csv") == pytest.approx(known["mixture-05"], abs=1e-4)


@pytest.mark.django_db
def test_a_spectrum_that_cuts_the_range_is_named(molecules, upload, mixture, client_as):
    draft = calibrations.create("Ours", *upload)
    axis, absorbance = mixture([0.1, 0.3, 0.6, 0, 0])
    kept = axis > 900
    drafts.add_spectra(draft, "", [("short.csv", as_csv(axis[kept], absorbance[kept]))])

    shared = calibrations.shared_range(draft)
    page = client_as("viewer").get(draft.get_absolute_url()).content.decode()

    assert shared.why == "short.csv begins at 900 1/cm."
    assert calibrations.load_samples(draft).wavenumber_per_cm[0] == pytest.approx(shared.first)
    assert "cover only 900 to 2078: short.csv begins at 900 1/cm." in page


class Context:
    """A job's context, as far as the demonstration asks for one."""

    requested_by_id = None

    def progress(self, done, total, text) -> None:
        pass


@pytest.mark.django_db
def test_a_lab_without_a_calibration_gets_the_demonstration_by_a_button(client_as, monkeypatch):
    assert "Make the demonstration" not in (
        client_as("member").get("/ftir/calibrations/").content.decode()
    )
    client = client_as("curator")
    assert "Make the demonstration" in client.get("/ftir/calibrations/").content.decode()
    client.post("/ftir/calibrations/demonstration/")
    assert Job.objects.get().kind == "ftir.make_demonstration"
    made = calibrations.create_demonstration()

    done = demonstrating.make_demonstration(Context())

    assert done.url == made.get_absolute_url()
    assert Job.objects.filter(kind="ftir.fit_calibration").count() == 1
    assert Calibration.objects.get() == made
