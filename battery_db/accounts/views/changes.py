"""Who changed what in the lab's data."""

from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from battery_db.lib.history import changes_at, recent_keys, tracked_models
from battery_db.lib.permissions import Permission, requires

PAGE_SIZE = 50


@requires(Permission.CURATE)
def changes(request: HttpRequest) -> HttpResponse:
    known = tracked_models()
    label = request.GET.get("model", "")
    person = request.GET.get("person", "")
    keys = recent_keys(
        [label] if label in known else known,
        person_id=int(person) if person.isdecimal() else None,
    )
    page = Paginator(keys, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "changes": changes_at(list(page.object_list)),
        "models": [(name, model._meta.verbose_name) for name, model in known.items()],
        "people": User.objects.order_by("username").values_list("pk", "username"),
        "label": label,
        "person": person,
    }
    return render(request, "accounts/changes.html", context)
