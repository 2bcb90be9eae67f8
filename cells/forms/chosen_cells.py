"""What a person does with the results of a search."""

from collections.abc import Callable

from django import forms
from django.http import QueryDict

from battery_db.lib.errors import LabError
from cells.forms.registry import CellSearchForm
from cells.forms.search import SearchTreeForm
from cells.models import WetCell
from cells.services.searching import all_cell_ids, bounded


def found_by_tree(address: QueryDict) -> list[int]:
    """What the search tree finds."""
    form = SearchTreeForm(address)
    if not form.is_valid():
        raise LabError("The search can not be repeated.", fix="Search again, then choose.")
    return all_cell_ids(form.tree)


def found_by_text(address: QueryDict) -> list[int]:
    """What the search box of the list of cells finds."""
    form = CellSearchForm(address)
    if not form.is_valid():
        raise LabError("The search can not be repeated.", fix="Search again, then choose.")
    found = WetCell.objects.matching(form.query).order_by("cell_id")
    return bounded(found.values_list("cell_id", flat=True))


class SaveSearchForm(forms.Form):
    """Keep the search that is shown under a name; ``query`` is its address."""

    name = forms.CharField(max_length=100)
    is_shared = forms.BooleanField(label="share with the lab", required=False)
    query = forms.CharField(
        max_length=8000, required=False, widget=forms.HiddenInput, empty_value=""
    )


class ChosenCells:
    """Cells ticked in results, or all that the search finds, also on other pages.

    ``find`` gives the Cell IDs that a search's address finds, and raises LabError where
    there are too many or where the address asks nothing.
    """

    def __init__(
        self, data: QueryDict, find: Callable[[QueryDict], list[int]] = found_by_tree
    ) -> None:
        self.search = data.get("search", "") or ""
        self.ticked = data.getlist("cell")
        self.wants_all = "all" in data
        self._find = find

    def cell_ids(self) -> list[int]:
        """LabError where nothing is chosen, or too much."""
        if self.wants_all:
            return self._find(QueryDict(self.search))
        ticked = [int(text) for text in self.ticked if text.isdecimal() and len(text) < 11]
        if not ticked:
            raise LabError("No cell is ticked.", fix="Tick cells, or take all results.")
        return ticked
