"""The nightly look for potential problems; what is dismissed stays so while it lasts."""

from django.db import transaction

from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Done
from cycling.jobs.problem_searches import SEARCHES
from cycling.models import Problem
from cycling.problems import Found

BATCH = 500
# A kind with more than this is one problem, not thousands; the rest is counted only.
MOST_PER_KIND = 2000
FIELDS = ("text", "fix", "url")


def find_problems(context: JobContext) -> Done:
    """Job: search for every kind of problem and bring the list up to date."""
    totals = {}
    for index, (kind, search) in enumerate(SEARCHES.items()):
        context.progress(index, len(SEARCHES), kind)
        found: dict[str, Found] = {}
        for each in search():
            found.setdefault(each.key[:100], each)
            if len(found) >= MOST_PER_KIND:
                context.log(f"More than {MOST_PER_KIND} of {kind}; the rest waits.", "warning")
                break
        with context.fenced():
            totals[kind] = replace(kind, found)
    return Done({kind: count for kind, count in totals.items() if count}, url="/problems/")


def replace(kind: str, found: dict[str, Found]) -> int:
    """Make the rows of ``kind`` say what was found; how many there are."""
    with transaction.atomic():
        known = {row.key: row for row in Problem.objects.filter(kind=kind)}
        gone = [row.pk for key, row in known.items() if key not in found]
        for start in range(0, len(gone), BATCH):
            Problem.objects.filter(pk__in=gone[start : start + BATCH]).delete()
        new = [
            Problem(kind=kind, key=key, text=each.text, fix=each.fix, url=each.url)
            for key, each in found.items()
            if key not in known
        ]
        Problem.objects.bulk_create(new, batch_size=BATCH)
        changed = [row for key, row in known.items() if key in found and _update(row, found[key])]
        Problem.objects.bulk_update(changed, FIELDS, batch_size=BATCH)
    return len(found)


def _update(row: Problem, found: Found) -> bool:
    before = [getattr(row, name) for name in FIELDS]
    row.text, row.fix, row.url = found.text, found.fix, found.url
    return before != [getattr(row, name) for name in FIELDS]
