"""Pages that belong to no app: the report of the last night, search, health."""

from django.http import HttpRequest, HttpResponse

from battery_db.lib.permissions import Permission, requires


@requires(Permission.VIEW)
def last_night(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW)
def search(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.PUBLIC)
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.PUBLIC)
def readyz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")
