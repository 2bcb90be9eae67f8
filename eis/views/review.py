"""The batch review: worst fits first, one after the other, with the keyboard."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from battery_db.lib.permissions import Permission, requires
from eis.models import ImpedanceSpectrum
from eis.views.spectra import chosen, page_of

SHOWN_BESIDE = 12  # rows of the queue on each side of the one shown


@requires(Permission.VIEW)
def review(request: HttpRequest) -> HttpResponse:
    """Spectra that nobody has reviewed, failed fits first and then by falling scaled error.

    ``?at=`` is the place in that order, from 0. One that is accepted or rejected leaves the
    queue, so the next one moves to its place.
    """
    query = request.GET.copy()
    query.setdefault("review", ImpedanceSpectrum.Review.OPEN)
    request.GET = query  # type: ignore[assignment]
    queue = chosen(request).worst_first()
    total = queue.count()
    sent = request.GET.get("at", "0")
    at = min(int(sent) if sent.isdecimal() else 0, max(total - 1, 0))
    first = max(0, at - SHOWN_BESIDE)
    rows = list(queue[first : at + SHOWN_BESIDE + 1])
    query.pop("at", None)
    context = {
        "rows": list(enumerate(rows, first)),
        "at": at,
        "total": total,
        "before": at - 1 if at else None,
        "after": at + 1 if at + 1 < total else None,
        "query": query.urlencode(),
        "here": request.get_full_path(),
    }
    if rows:
        context |= page_of(rows[at - first]) | {"percentile": 100 * (total - at) / total}
    return render(request, "eis/review.html", context)
