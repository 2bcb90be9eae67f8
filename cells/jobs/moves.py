"""Files that were moved or renamed: known by their content, so that they stay the same row."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from django.db.models import Q, QuerySet
from simple_history.utils import bulk_update_with_history

from cells.models import FileMetadata, RawFile

IDS_PER_QUERY = 1000
PLACE = ["folder", "path", "name", "size", "mtime_ns", "modified_at", "state", "error"]
MOVED = "found at a new place by its content"


Pair = tuple[RawFile, RawFile]  # a row, and the row of its new place


def follow_moves(
    new: Iterable[int], gone: Iterable[int], seen_before: datetime | None
) -> list[tuple[int, int]]:
    """Give rows that are missing the place where their content has turned up.

    ``new`` are rows that this scan made, ``gone`` those it no longer found, and
    ``seen_before`` is when it last did. A copy that lay beside the original before is
    no move. What people set, the import and all links stay with the row; the row of
    the new place is removed. Returns the ids of both. Call it in a transaction.
    """
    pairs: list[tuple[RawFile, int]] = []
    for ids in _parts(new):
        pairs += _join(RawFile.objects.filter(pk__in=ids), _missing())
    for ids in _parts(gone) if seen_before else ():
        since = RawFile.objects.filter(first_seen_at__gt=seen_before)
        pairs += _join(since, _missing().filter(pk__in=ids))
    return [(row.pk, place_id) for row, place_id in pairs]


def _missing() -> QuerySet[RawFile]:
    return RawFile.objects.filter(state=RawFile.State.MISSING, size__gt=0).exclude(sha256="")


def _join(found: QuerySet[RawFile], missing: QuerySet[RawFile]) -> list[tuple[RawFile, int]]:
    """Pair each content that is missing with a file that holds it, first with first."""
    fresh = found.filter(state=RawFile.State.STABLE, size__gt=0).filter(_untouched())
    wanting = list(missing.filter(sha256__in=fresh.values("sha256")))
    places: dict[str, list[RawFile]] = defaultdict(list)
    for place in fresh.filter(sha256__in=missing.values("sha256")).order_by("pk"):
        places[place.sha256].append(place)
    # The original of several comes before its duplicates.
    wanting.sort(key=lambda row: (row.duplicate_of_id is not None, row.pk))
    pairs = [(row, places[row.sha256].pop(0)) for row in wanting if places[row.sha256]]
    ids = [place.pk for _, place in pairs]
    _move(pairs)
    return [(row, pk) for (row, _), pk in zip(pairs, ids, strict=True)]


def _untouched() -> Q:
    """Rows with which nobody has done anything yet."""
    return Q(metadata__isnull=True) | Q(metadata__manual_fields=[], deprecated=False)


def _move(pairs: Sequence[Pair]) -> None:
    rows = []
    for row, place in pairs:
        row.folder_id = place.folder_id
        for name in PLACE[1:]:
            setattr(row, name, getattr(place, name))
        row.duplicate_of = None
        row.changed_at = place.changed_at
        rows.append(row)
    if not rows:
        return
    RawFile.objects.filter(pk__in=[place.pk for _, place in pairs]).delete()
    bulk_update_with_history(
        rows,
        RawFile,
        [*PLACE, "duplicate_of", "changed_at"],
        batch_size=200,
        default_change_reason=MOVED,
    )
    # The new name may say something else; what a person set is kept over it.
    FileMetadata.objects.filter(file__in=rows).update(grammar_version=0)


def _parts(ids: Iterable[int]) -> Iterator[list[int]]:
    iterator = iter(ids)
    while part := list(islice(iterator, IDS_PER_QUERY)):
        yield part
