"""The batch review: worst fits first, one after the other, with the keyboard."""

from dataclasses import replace

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from battery_db.lib.permissions import Permission, requires
from eis.models import ImpedanceSpectrum, ImpedanceSpectrumQuerySet
from eis.services.spectra import last_review
from eis.views.filters import Filters, choices, filters_of
from eis.views.spectra import page_of

SHOWN_BESIDE = 12  # rows of the queue on each side of the one shown


@requires(Permission.VIEW)
def review(request: HttpRequest) -> HttpResponse:
    """Spectra that nobody has reviewed, failed fits first and then by falling scaled error.

    ``?at=`` is the place in that order, from 0. One that is accepted or rejected leaves the
    queue, so the next one moves to its place. ``?spectrum=`` stays with one that is fitted
    again, wherever its new error puts it.
    """
    filters = filters_of(request.GET, review=ImpedanceSpectrum.Review.OPEN)
    queue = filters.spectra().worst_first()
    total = queue.count()
    at = _place(request, queue, total)
    first = max(0, at - SHOWN_BESIDE)
    rows = list(queue[first : at + SHOWN_BESIDE + 1])
    query = request.GET.copy()
    for name in ("at", "spectrum"):
        query.pop(name, None)
    words = query.urlencode()
    context = {
        "rows": list(enumerate(rows, first)),
        "at": at,
        "total": total,
        "before": at - 1 if at else None,
        "after": at + 1 if at + 1 < total else None,
        "query": words,
        "here": f"{request.path}?{words}&at={at}",
        "filters": filters,
        "last": last_review(request.user),
        **choices(),
    }
    if rows:
        shown = rows[at - first]
        context |= page_of(shown) | {"percentile": _percentile(shown, filters)}
        context["stay"] = f"{request.path}?{words}&spectrum={shown.pk}"
    return render(request, "eis/review.html", context)


def _percentile(shown: ImpedanceSpectrum, filters: Filters) -> float:
    """The part of all fits under the same filters, reviewed or not, that is no worse.

    Over what waits alone it would change with each verdict.
    """
    everything = replace(filters, review="").spectra().worst_first()
    total = everything.count()
    at = _place_of(shown.pk, everything)
    return 100 * (total - at) / total if at is not None else 0.0


def _place(request: HttpRequest, queue: ImpedanceSpectrumQuerySet, total: int) -> int:
    """Where in the queue the page stands."""
    wanted, sent = request.GET.get("spectrum", ""), request.GET.get("at", "0")
    if wanted.isdecimal() and len(wanted) < 18:
        found = _place_of(int(wanted), queue)
        if found is not None:
            return found
    return min(int(sent) if sent.isdecimal() else 0, max(total - 1, 0))


def _place_of(spectrum_id: int, queue: ImpedanceSpectrumQuerySet) -> int | None:
    row = queue.filter(pk=spectrum_id).first()
    if row is None:
        return None
    error, failed = row.scaled_error, Q(scaled_error=None)  # type: ignore[attr-defined]
    if error is None:
        return queue.filter(failed, pk__lt=spectrum_id).count()
    worse = Q(scaled_error__gt=error) | Q(scaled_error=error, pk__lt=spectrum_id)
    return queue.filter(failed | worse).count()
