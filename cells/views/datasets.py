from django.http import HttpRequest, HttpResponse

from battery_db.lib.permissions import Permission, requires


@requires(Permission.VIEW, POST=Permission.EDIT)
def datasets(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def dataset(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def dataset_edit(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def dataset_delete(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def add_cells(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def remove_cells(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def cell_name(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def filter_new(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def filter_edit(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def filter_copy(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def filter_delete(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")
