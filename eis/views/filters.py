"""Which spectra the address of a page names: the list and the review share it."""

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from cells.models import Dataset
from eis.models import CircuitFit, ImpedanceSpectrum, ImpedanceSpectrumQuerySet
from eis.services.circuits import all_titles, fitted_circuits

MOST_DATASETS = 200
FIELDS = {
    "cell": "source__file__metadata__cell_id",
    "file": "source__file_id",
}


@dataclass(frozen=True, slots=True)
class Filters:
    """``?cell= ?file= ?dataset= ?circuit= ?fit= ?review=``; what makes no sense is left out."""

    cell: str = ""
    file: str = ""
    dataset: str = ""
    circuit: str = ""
    fit: str = ""
    review: str = ""

    def spectra(self) -> ImpedanceSpectrumQuerySet:
        found = ImpedanceSpectrum.objects.in_use().with_cycle().with_fit()
        found = found.select_related("source__file__metadata")
        for name, path in FIELDS.items():
            if value := getattr(self, name):
                found = found.filter(**{path: int(value)})
        if self.dataset:
            cells = Dataset.objects.filter(slug=self.dataset).values(
                "memberships__wet_cell__cell_id"
            )
            found = found.filter(source__file__metadata__cell_id__in=cells)
        if self.circuit:
            found = found.filter(fits__is_chosen=True, fits__circuit=self.circuit)
        if self.review:
            found = found.filter(review=self.review)
        return found.fitted_as(self.fit) if self.fit else found


def filters_of(sent: QueryDict, *, review: str = "") -> Filters:
    """``review`` is what counts where the address says nothing of it."""
    values = {name: sent.get(name, "").strip() for name in ("dataset", "circuit")}
    for name in FIELDS:
        number = sent.get(name, "").strip()
        values[name] = number if number.isdecimal() and len(number) < 10 else ""
    for name, known in (
        ("fit", CircuitFit.Status.values),
        ("review", ImpedanceSpectrum.Review.values),
    ):
        values[name] = sent.get(name, "") if sent.get(name) in known else ""
    if "review" not in sent:
        values["review"] = review
    return Filters(**values)


def choices() -> dict[str, Any]:
    """What the filters may be set to (three queries)."""
    titles = all_titles()
    return {
        "datasets": list(
            Dataset.objects.order_by("name").values_list("slug", "name")[:MOST_DATASETS]
        ),
        "circuits": [(text, titles.get(text, text)) for text in fitted_circuits()],
        "reviews": ImpedanceSpectrum.Review.choices,
        "statuses": CircuitFit.Status.choices,
    }
