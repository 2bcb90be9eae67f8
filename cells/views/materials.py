from django.http import HttpRequest, HttpResponse

from battery_db.lib.permissions import Permission, requires


@requires(Permission.VIEW, POST=Permission.EDIT)
def electrolytes(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def electrolyte_new(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def preview(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def electrolyte(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def electrolyte_edit(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def electrolyte_delete(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def molecules(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def molecule_new(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def molecule_edit(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def molecule_delete(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def dry_cells(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def dry_cell_new(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def dry_cell(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def dry_cell_edit(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")


@requires(Permission.VIEW, POST=Permission.EDIT)
def dry_cell_delete(request: HttpRequest, **named: object) -> HttpResponse:
    return HttpResponse("ok")
