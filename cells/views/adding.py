"""Put cells that were chosen in a list or a search into a dataset."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect

from battery_db.lib.errors import LabError
from cells.forms.chosen_cells import ChosenCells
from cells.forms.registry import AddToDatasetForm
from cells.services import datasets


def add_chosen(request: HttpRequest, chosen: ChosenCells, back: str) -> HttpResponse:
    """Add them to the chosen or the new dataset and go there; ``back`` where that is refused."""
    form = AddToDatasetForm(request.POST)
    try:
        cell_ids = chosen.cell_ids()
        if not form.is_valid():
            raise LabError(
                " ".join(map(str, form.non_field_errors())) or "Choose a dataset from the list."
            )
        dataset, added = datasets.add_to(
            form.cleaned_data["dataset"], form.cleaned_data["name"], cell_ids, by=request.user
        )
    except LabError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(back)
    known = len(cell_ids) - added
    messages.success(
        request,
        f"{added} cell{'' if added == 1 else 's'} added to {dataset}."
        + (f" {known} were there already." if known else ""),
    )
    return redirect(dataset)
