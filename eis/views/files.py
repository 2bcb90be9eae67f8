"""Uploads, what impedance made of a file, and files that could not be read."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, requires
from eis import formats
from eis.forms import UploadForm
from eis.models import ImpedanceFile
from eis.services import uploads

SPECTRA_LISTED = 30


@requires(Permission.VIEW, POST=Permission.EDIT)
def upload(request: HttpRequest) -> HttpResponse:
    """Bring files from the own computer; a job imports and fits them at once."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            job = uploads.upload(
                form.cleaned_data["documents"],
                cell_id=form.cleaned_data["cell_id"],
                start_cycle=form.cleaned_data["start_cycle"],
                by=request.user,
            )
        except LabError as error:
            messages.error(request, str(error))
        else:
            return redirect(job)
    return render(request, "eis/upload.html", {"form": form, "formats": formats.FORMATS})


@requires(Permission.VIEW)
def file_panel(request: HttpRequest, file_id: int) -> HttpResponse:
    """Fragment for a file's page: spectra and their fits, or why there are none."""
    source = ImpedanceFile.objects.filter(file_id=file_id).first()
    spectra = list(source.spectra.with_fit()[:SPECTRA_LISTED]) if source else []
    count = source.spectra.count() if source else 0
    context = {"source": source, "file_id": file_id, "spectra": spectra, "count": count}
    return render(request, "eis/file_panel.html", context)


@requires(Permission.VIEW)
def problems_panel(request: HttpRequest) -> HttpResponse:
    """Fragment for the work list: impedance files that could not be read, or only in part."""
    troubled = (
        ImpedanceFile.objects.exclude(status=ImpedanceFile.Status.IMPORTED)
        .filter(file__deprecated=False)
        .select_related("file__folder")
        .order_by("-imported_at")
    )
    page = Paginator(troubled, 25).get_page(request.GET.get("page"))
    return render(request, "eis/problems_panel.html", {"page": page})
