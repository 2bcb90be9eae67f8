from django.http import HttpRequest, HttpResponse

from battery_db.lib.permissions import Permission, requires


@requires(Permission.VIEW, POST=Permission.EDIT)
def cells(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def add_to_dataset(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def cell_new(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def register_csv(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def cell(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def cell_edit(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def cell_delete(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")
