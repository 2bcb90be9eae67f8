"""The rules of file names as rows, which administrators edit in the browser."""

from django.core.exceptions import ValidationError
from django.db import models
from django.urls import reverse
from simple_history.models import HistoricalRecords

from cells.experiments import (
    BEHAVIOURS,
    DEFAULT_GRAMMAR,
    EXPERIMENT_TITLES,
    OTHER,
    ExperimentType,
    Grammar,
)
from cells.models.files import FileMetadata

NEEDABLE = (
    "cell_id",
    "start_cycle",
    "upper_cutoff_voltage",
    "temperature_celsius",
    "drive_profile",
    "electrode",
)


class NameRuleQuerySet(models.QuerySet["NameRule"]):
    def grammar(self) -> Grammar:
        """The grammar of the lab (one query): its own rules, or the built-in ones."""
        rows = [rule.as_type() for rule in self]
        return Grammar(rows) if rows else DEFAULT_GRAMMAR


class NameRule(models.Model):
    """What a file name of one kind of experiment and some cyclers is to say.

    While there is no row the built-in rules of ``cells.experiments`` hold; the first
    change copies them here. No two rows are about the same experiment and cycler.
    """

    class Behaviour(models.TextChoices):
        CYCLING = "cycling", BEHAVIOURS["cycling"][1]
        IMPEDANCE = "impedance", BEHAVIOURS["impedance"][1]
        SPECTRA = "spectra", BEHAVIOURS["spectra"][1]
        NONE = "none", BEHAVIOURS["none"][1]

    experiment = models.CharField(
        max_length=40, help_text="A built-in kind, or the name of one that the lab adds."
    )
    behaviour = models.CharField(
        max_length=10,
        choices=Behaviour,
        blank=True,
        help_text="What is done with the files of a kind that the lab added.",
    )
    code = models.CharField(max_length=20, help_text="How a generated name says it, such as CYC.")
    words = models.JSONField(
        default=list, blank=True, help_text="Words that stand for it, in lower case."
    )
    cyclers = models.JSONField(default=list, help_text="Cyclers it is known from; '' is none.")
    needs = models.JSONField(
        default=list, blank=True, help_text="Fields without which a name is not valid."
    )
    position = models.PositiveSmallIntegerField(default=0)
    history = HistoricalRecords()

    objects = NameRuleQuerySet.as_manager()

    class Meta:
        ordering = ["position", "pk"]

    def __str__(self) -> str:
        return f"{self.title}: {self.code}"

    def get_absolute_url(self) -> str:
        return reverse("cells:name-rule", args=[self.pk])

    @property
    def title(self) -> str:
        return EXPERIMENT_TITLES.get(self.experiment, self.experiment)

    @property
    def is_own(self) -> bool:
        """Whether its kind is one that the lab added."""
        return self.experiment not in EXPERIMENT_TITLES

    def clean(self) -> None:
        """A rule without a word of its own, or for no cycler, could never apply."""
        self._clean_kind()
        words = [str(word).lower() for word in [*self.words, self.code]]
        bad = [word for word in words if not word.isascii() or not word.isalnum() or len(word) > 20]
        if bad:
            raise ValidationError(f"{bad[0]!r} is no word of letters and digits.")
        if not self.cyclers:
            raise ValidationError("Choose at least one cycler, or 'none named'.")
        unknown = set(self.needs) - set(NEEDABLE)
        if unknown:
            raise ValidationError(f"{unknown.pop()!r} is no field that a name can need.")
        known = {"", *FileMetadata.Cycler.values}
        if set(self.cyclers) - known:
            raise ValidationError("One of the cyclers is not known.")
        self.words = list(dict.fromkeys(words))
        # Without a cell a file could be found by nobody.
        self.needs = list(dict.fromkeys(["cell_id", *self.needs]))

    def _clean_kind(self) -> None:
        self.experiment = " ".join(self.experiment.split())
        built_in = {text.lower() for pair in EXPERIMENT_TITLES.items() for text in pair}
        if self.is_own and self.experiment.lower() in {*built_in, OTHER}:
            raise ValidationError(f"{self.experiment} is a built-in kind: choose it in the list.")
        if self.is_own and not self.experiment.isprintable():
            raise ValidationError("The name of a kind has characters that can not be seen.")
        known = NameRule.objects.filter(experiment__iexact=self.experiment).first()
        self.experiment = known.experiment if known else self.experiment
        if self.is_own and not self.behaviour:
            raise ValidationError(f"Say what is done with the files of {self.experiment}.")
        if not self.is_own:
            self.behaviour = ""

    def as_type(self) -> ExperimentType:
        return ExperimentType(
            self.experiment,
            self.title,
            self.code,
            tuple(self.words),
            tuple(self.cyclers),
            tuple(self.needs),
            self.behaviour,
        )
