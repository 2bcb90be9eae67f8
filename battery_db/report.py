"""What a night did, read from its job and the jobs of its parts."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone

from battery_db.lib.runs.models import Job
from battery_db.outcomes import OUTCOMES
from battery_db.tasks import NIGHT
from cells.models import FileMetadata, Folder, RawFile, WetCell
from cycling.models import CyclingTest

FAILURES_SHOWN = 50
NAMED = 4  # files that a page names beside a reason
# How the report words a count: for one, and for several.
WORDS = {
    "new": ("new file", "new files"),
    "changed": ("file grown or changed", "files grown or changed"),
    "returned": ("file came back", "files came back"),
    "missing": ("file gone from its folder", "files gone from their folder"),
    "growing": ("file still being written", "files still being written"),
    "duplicates": ("copy of a known file", "copies of known files"),
    "identified": ("name understood", "names understood"),
    "invalid": ("not understood", "not understood"),
    "imported": ("file imported", "files imported"),
    "partial": ("in part", "in part"),
    "failed": ("failed", "failed"),
    "waiting": ("changed meanwhile and waits", "changed meanwhile and wait"),
    "rows": ("record", "records"),
    "cells": ("cell", "cells"),
    "groups": ("group", "groups"),
    "half_cycles": ("half-cycle", "half-cycles"),
    "files": ("CSV file", "CSV files"),
    "estimated": ("spectrum judged", "spectra judged"),
    "spectra": ("spectrum", "spectra"),
    "fits_fitted": ("spectrum fitted", "spectra fitted"),
    "fits_poor": ("poor fit to review", "poor fits to review"),
    "fits_failed": ("spectrum without a fit", "spectra without a fit"),
    "out_of_calibration": ("out of calibration or with a concern",) * 2,
    "damaged": ("stored series damaged, to be imported again",) * 2,
    "removed": ("left-over series removed",) * 2,
}
# Kinds of part whose numbers stand apart from those of the same name of another technique.
STEPS = {
    "eis.import_files": "impedance",
    "eis.fit_spectra": "fit_impedance",
    "ftir.import_files": "infrared",
}
READINGS = ("imported", "partial", "failed")
NEWS = {
    "scan": ("new", "changed", "missing", "returned"),
    "import": READINGS,
    "impedance": READINGS,
    "infrared": READINGS,
    "export": ("files",),
}
PHRASES = (
    ("scan", "Folders", ("new", "changed", "returned", "missing", "growing", "duplicates")),
    ("identify", "Names", ("identified", "invalid")),
    ("import", "Cycling", (*READINGS, "waiting", "rows")),
    ("impedance", "Impedance", (*READINGS, "waiting", "spectra")),
    ("fit_impedance", "Fits", ("fits_fitted", "fits_poor", "fits_failed")),
    ("infrared", "Infrared", (*READINGS, "waiting")),
    ("estimate", "Compositions", ("estimated", "out_of_calibration")),
    ("group", "Groups", ("cells", "groups", "half_cycles")),
    ("export", "Exports", ("files",)),
    ("check", "Storage", ("damaged", "removed")),
)


@dataclass(slots=True)
class NightReport:
    """One night: totals by step, and each thing that failed, with why and what to do.

    ``files`` says how many files came to which outcome, see ``battery_db.outcomes``.
    """

    job: Job
    totals: dict[str, Counter[str]]
    failures: list[dict[str, Any]]
    partials: list[dict[str, Any]]
    failed_parts: list[Job]
    more_failures: int = 0
    exports: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, Any] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        return not self.failures and not self.failed_parts

    @property
    def was_quiet(self) -> bool:
        """Nothing new came in."""
        return self.is_clean and not any(
            self.totals.get(step, Counter())[name] for step, names in NEWS.items() for name in names
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "id": str(self.job.pk),
            "state": self.job.state,
            "started_at": self.job.created_at,
            "finished_at": self.job.finished_at,
            "totals": {step: dict(numbers) for step, numbers in self.totals.items()},
            "failures": self.failures,
            "more_failures": self.more_failures,
            "partials": self.partials,
            "failed_jobs": [
                {"id": str(part.pk), "title": part.title, "error": part.error, "fix": part.fix}
                for part in self.failed_parts
            ],
            "exports": self.exports,
            "files": {name: self.files.get(name) for name in ("all", "new", "unchanged")},
        }


def report_of(job: Job) -> NightReport:
    """Gather the results of a night's parts (two queries)."""
    parts = list(job.children.order_by("created_at"))
    totals: dict[str, Counter[str]] = {}
    failures: list[dict[str, Any]] = []
    partials: list[dict[str, Any]] = []
    for part in parts:
        step = STEPS.get(part.kind) or part.kind.partition(".")[2].split("_")[0]
        numbers = totals.setdefault(step, Counter())
        for name, value in part.result.items():
            if isinstance(value, int) and not isinstance(value, bool):
                numbers[name] += value
        failures += part.result.get("failures", [])
        partials += part.result.get("partials", [])
        failures += [{"name": e["folder"], **e} for e in part.result.get("errors", [])]
    return NightReport(
        job=job,
        totals=totals,
        failures=failures[:FAILURES_SHOWN],
        partials=partials[:FAILURES_SHOWN],
        more_failures=max(0, len(failures) - FAILURES_SHOWN),
        failed_parts=[part for part in parts if part.state == Job.State.FAILED],
        exports=[
            {"title": part.title, "url": part.result_url}
            for part in parts
            if part.kind == "cycling.export_dataset" and part.state == Job.State.SUCCEEDED
        ],
        files=job.result.get("files", {}),
    )


def nights(limit: int = 14) -> list[Job]:
    return list(Job.objects.filter(kind=NIGHT).select_related("requested_by")[:limit])


def lab_now() -> dict[str, int]:
    """What the lab holds, and what needs a person (a fixed number of queries)."""
    files = RawFile.objects.filter(deprecated=False).aggregate(
        files=Count("pk"),
        unnamed=Count("pk", filter=Q(metadata__is_valid=False)),
        unreadable=Count("pk", filter=Q(state=RawFile.State.UNREADABLE)),
        growing=Count("pk", filter=Q(state=RawFile.State.GROWING)),
        missing=Count("pk", filter=Q(state=RawFile.State.MISSING)),
        duplicates=Count("pk", filter=Q(duplicate_of__isnull=False)),
    )
    tests = CyclingTest.objects.filter(file__deprecated=False).aggregate(
        tests=Count("pk", filter=~Q(series_name="")),
        failed=Count("pk", filter=Q(status=CyclingTest.Status.FAILED)),
        partial=Count("pk", filter=Q(status=CyclingTest.Status.PARTIAL)),
    )
    registered = WetCell.objects.values("cell_id")
    strangers = (
        FileMetadata.objects.filter(is_valid=True, file__deprecated=False)
        .exclude(cell_id__in=registered)
        .values("cell_id")
        .distinct()
        .count()
    )
    return {
        **files,
        **tests,
        "unregistered": strangers,
        "cells": WetCell.objects.count(),
        "folders_in_trouble": Folder.objects.filter(is_active=True).exclude(error="").count(),
    }


def needs_person(lab: dict[str, int]) -> list[dict[str, Any]]:
    """The work list behind ``lab_now``: each kind of trouble, how often, and where to go."""
    problems = reverse("cells:problems")
    entries = (
        ("unnamed", "files whose name says too little"),
        ("unregistered", "Cell IDs that are not registered"),
        ("failed", "files that could not be imported"),
        ("partial", "files imported in part"),
        ("unreadable", "files that may not be read"),
        ("folders_in_trouble", "folders out of reach"),
    )
    return [{"title": title, "count": lab[name], "url": problems} for name, title in entries]


def lines_of(report: NightReport) -> list[dict[str, str]]:
    """What came in, step by step, in words."""
    lines = []
    for step, title, names in PHRASES:
        numbers = report.totals.get(step, Counter())
        said = [
            f"{numbers[name]:,} {WORDS[name][numbers[name] != 1]}"
            for name in names
            if numbers[name]
        ]
        if said:
            lines.append({"title": title, "text": ", ".join(said)})
    return lines


def reasons_of(report: NightReport) -> list[dict[str, Any]]:
    """Failures by what was said of them, so that one trouble of many files is one entry."""
    alike: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for failure in report.failures:
        alike.setdefault((failure["error"], failure.get("fix", "")), []).append(failure)
    return [
        {"error": error, "fix": fix, "files": files[:NAMED], "more": max(0, len(files) - NAMED)}
        for (error, fix), files in sorted(alike.items(), key=lambda each: -len(each[1]))
    ]


def outcomes_of(report: NightReport) -> list[dict[str, Any]]:
    """How many files came to which outcome: in this night, and of all that are not imported."""
    new, every = (report.files.get(name) or {} for name in ("new", "all"))
    return [
        {"outcome": name, "title": title, "new": new.get(name, 0), "all": every[name]}
        for name, title in OUTCOMES.items()
        if name in every
    ]


def night_is_late() -> bool:
    """No night has finished for a day and a half, though some ran before."""
    last = Job.objects.filter(kind=NIGHT, state=Job.State.SUCCEEDED).first()
    return last is not None and (last.finished_at or last.created_at) < timezone.now() - timedelta(
        hours=36
    )
