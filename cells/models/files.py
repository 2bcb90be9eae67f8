"""Files as found under the watched folders, and what they are about."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Count, F, Q
from django.urls import reverse
from simple_history.models import HistoricalRecords

from battery_db.lib.errors import LabError
from cells.experiments import METADATA_FIELDS, Grammar, Metadata, find_problems, keep_manual
from cells.filenames import GRAMMAR_VERSION, Parsed, parse
from cells.models.searching import FileMetadataQuerySet
from cells.scanning import Wanted


class Folder(models.Model):
    """A root that cyclers write to. battery_db only ever reads it."""

    name = models.CharField(max_length=100, unique=True)
    path = models.CharField(max_length=1000, unique=True, help_text="Absolute path on the server.")
    time_zone = models.CharField(
        max_length=60,
        default="UTC",
        help_text="Zone of the clocks that write here, such as Europe/Berlin.",
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Whom to ask about these files.",
    )
    include = models.TextField(
        blank=True,
        help_text="Patterns as in .gitignore, one per line, such as *.ndax; empty: every file.",
    )
    exclude = models.TextField(
        blank=True, help_text="Patterns of files and folders to leave out, such as /old/ or *.bak."
    )
    settle_seconds = models.PositiveIntegerField(
        "settling time / s",
        null=True,
        blank=True,
        help_text="A file that changed this recently waits; empty: as the server is set.",
    )
    is_active = models.BooleanField(default=True, help_text="Switched off: kept, but not scanned.")
    scanned_at = models.DateTimeField(null=True, editable=False)
    error = models.TextField(blank=True, editable=False, help_text="Why the last scan failed.")
    history = HistoricalRecords(excluded_fields=["scanned_at", "error"])

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        try:
            self.wanted()
        except LabError as error:
            raise ValidationError(str(error)) from None

    def wanted(self) -> Wanted:
        return Wanted.by(self.include, self.exclude)

    def settling_time(self) -> int:
        """Seconds that a file must have been left alone before it is read."""
        own = self.settle_seconds
        return settings.FILE_SETTLE_SECONDS if own is None else own


class RawFileQuerySet(models.QuerySet["RawFile"]):
    def present(self) -> "RawFileQuerySet":
        return self.exclude(state=RawFile.State.MISSING)

    def settled(self) -> "RawFileQuerySet":
        """Content that is known by its hash and not being written to."""
        return self.filter(state=RawFile.State.STABLE, duplicate_of=None, deprecated=False)

    def with_shared_content(self) -> models.QuerySet["RawFile", str]:
        """Contents (SHA-256) that more than one file holds without saying so.

        Empty files share nothing but their emptiness.
        """
        shared = self.settled().filter(size__gt=0).order_by().values("sha256")
        return shared.annotate(n=Count("pk")).filter(n__gt=1).values_list("sha256", flat=True)

    def mark_duplicates(self) -> int:
        """Let all but the earliest file of a content point to it; how many were marked.

        Marks whose original is gone, has changed or was deprecated are taken back first.
        """
        original = Q(
            duplicate_of__sha256=F("sha256"),
            duplicate_of__state=RawFile.State.STABLE,
            duplicate_of__deprecated=False,
            duplicate_of__duplicate_of=None,
        )
        self.filter(duplicate_of__isnull=False).exclude(original).update(duplicate_of=None)
        marked = 0
        for sha256 in list(self.with_shared_content()):
            first, *others = self.settled().filter(sha256=sha256).order_by("pk")
            marked += self.filter(pk__in=[file.pk for file in others]).update(duplicate_of=first)
        return marked

    def identified(self) -> "RawFileQuerySet":
        """Files whose metadata has every field that their experiment type needs."""
        return self.filter(metadata__is_valid=True)


class RawFile(models.Model):
    """A file as found. Only ``cells.jobs`` (the scan) changes what the disk says of it.

    ``path`` is relative to the folder, in the reversible text form of
    ``battery_db.lib.names`` (names may hold any byte). ``sha256`` is empty until the
    file has settled and was read once.
    """

    class State(models.TextChoices):
        GROWING = "growing", "changed a moment ago"
        STABLE = "stable", "settled"
        MISSING = "missing", "no longer there"
        UNREADABLE = "unreadable", "may not be read"

    folder = models.ForeignKey(Folder, models.PROTECT, related_name="files")
    path = models.CharField(max_length=2000)
    name = models.CharField(max_length=500)
    size = models.BigIntegerField()
    modified_at = models.DateTimeField()
    mtime_ns = models.BigIntegerField()
    sha256 = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=10, choices=State)
    error = models.TextField(blank=True, help_text="Why the file could not be read from disk.")
    duplicate_of = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="duplicates",
        help_text="An earlier file with the same content.",
    )
    deprecated = models.BooleanField(default=False, help_text="Ignored until restored.")
    deprecated_reason = models.CharField(max_length=300, blank=True)
    first_seen_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(help_text="When a scan last saw a change.")
    history = HistoricalRecords(
        excluded_fields=[
            "size",
            "modified_at",
            "mtime_ns",
            "sha256",
            "state",
            "error",
            "changed_at",
        ]
    )

    objects = RawFileQuerySet.as_manager()

    class Meta:
        ordering = ["-changed_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["folder", "path"], name="file_once_per_folder"),
        ]
        indexes = [
            models.Index(fields=["sha256"], name="file_by_content"),
            models.Index(fields=["-changed_at", "-id"], name="file_newest"),
            models.Index(fields=["state"], name="file_by_state"),
            # For the search tree, which leaves them out.
            models.Index(fields=["id"], name="file_deprecated", condition=Q(deprecated=True)),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("cells:file", args=[self.pk])

    def parse_name(self, grammar: Grammar) -> Parsed:
        """The name as ``grammar`` understands it; the folder may tell the cycler."""
        head, _, name = self.path.rpartition("/")
        return parse(name, f"{self.folder.path}/{head}", grammar)


class FileMetadata(models.Model):
    """What a file is about: read from its name, or corrected by hand.

    A field named in ``manual_fields`` was set by a person and is never overwritten by
    a later parse. ``problems`` says, in words, what is missing or was refused.
    """

    class Experiment(models.TextChoices):
        CYCLING = "cycling"
        FORMATION = "formation"
        RPT = "rpt", "reference performance test"
        IMPEDANCE = "impedance"
        FTIR = "ftir", "FTIR"
        GAS_INSITU = "gas_insitu", "gas in situ"
        SYMMETRIC = "symmetric", "symmetric cell impedance"
        THERMAL_ARC = "arc", "thermal, ARC"
        THERMAL_TAM = "tam", "thermal, microcalorimetry"
        STORAGE_SMART = "storage_smart", "storage, smart"
        STORAGE_DUMB = "storage_dumb", "storage, dumb"
        ELECTROLYTE_GCMS = "gcms", "electrolyte, GC-MS"
        ELECTROLYTE_LDTA = "ldta", "electrolyte, Li-DTA"
        ELECTRODE_XPS = "xps", "electrode, XPS"
        OTHER = "other"

    class Cycler(models.TextChoices):
        NEWARE = "neware", "Neware"
        MACCOR = "maccor", "Maccor"
        MOLI = "moli", "Moli"
        UHPC = "uhpc", "UHPC"
        NOVONIX = "novonix", "Novonix"

    file = models.OneToOneField(RawFile, models.CASCADE, related_name="metadata")
    experiment = models.CharField(max_length=16, choices=Experiment, blank=True)
    own_kind = models.CharField(
        "kind",
        max_length=40,
        blank=True,
        editable=False,
        help_text="A kind that the lab added; the experiment says what is done with its files.",
    )
    cycler = models.CharField(max_length=10, choices=Cycler, blank=True)
    cell_id = models.PositiveIntegerField(
        "Cell ID",
        null=True,
        blank=True,
        help_text="A number, so that files may come before their cell.",
    )
    start_cycle = models.PositiveIntegerField(
        null=True, blank=True, help_text="Cycles the cell had done before this file."
    )
    upper_cutoff_voltage = models.FloatField("voltage / V", null=True, blank=True)
    temperature_celsius = models.FloatField("temperature / degC", null=True, blank=True)
    operator = models.CharField("initials", max_length=10, blank=True)
    date = models.DateField(null=True, blank=True)
    drive_profile = models.CharField(
        max_length=40,
        blank=True,
        help_text="Rates as the name says them, such as 1C1C or CCCV C/3.",
    )
    electrode = models.CharField(
        max_length=10, blank=True, help_text="Symmetric cells and XPS: a or c."
    )
    is_valid = models.BooleanField(default=False, editable=False)
    problems = models.JSONField(default=list, editable=False)
    manual_fields = models.JSONField(default=list, editable=False)
    grammar_version = models.PositiveSmallIntegerField(default=0, editable=False)
    history = HistoricalRecords()

    objects = FileMetadataQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "file metadata"
        indexes = [
            models.Index(fields=["cell_id", "experiment"], name="metadata_by_cell"),
            models.Index(fields=["is_valid"], name="metadata_by_validity"),
            # All that the search tree asks of files but their names, in the order of its
            # results. As key columns: SQLite has no others.
            models.Index(
                fields=[
                    "cell_id",
                    "file",
                    "operator",
                    "upper_cutoff_voltage",
                    "temperature_celsius",
                    "date",
                ],
                name="valid_cycling_by_cell",
                condition=Q(is_valid=True, experiment__in=["cycling", "formation", "rpt"]),
            ),
            # From files that were found by their names to their cells.
            models.Index(
                fields=["file", "cell_id"],
                name="valid_cycling_by_file",
                condition=Q(is_valid=True, experiment__in=["cycling", "formation", "rpt"]),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(is_valid=False) | Q(cell_id__isnull=False),
                name="valid_metadata_names_a_cell",
            ),
        ]

    def __str__(self) -> str:
        return f"metadata of {self.file_id}"

    @property
    def kind(self) -> str:
        """The kind of experiment: one of the lab's own, or a built-in one."""
        return self.own_kind or self.experiment

    @property
    def kind_words(self) -> str:
        return self.own_kind or self.get_experiment_display()

    @property
    def version(self) -> str:
        """Equal as long as nothing of what it says has changed: see ``cells.services.bulk_files``."""
        told = json.dumps(list(asdict(self.as_fields()).values()), default=str)
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def as_fields(self) -> Metadata:
        values = {name: getattr(self, name) for name in METADATA_FIELDS}
        return Metadata(**{**values, "experiment": self.kind})

    def understand(self, parsed: Parsed, grammar: Grammar) -> None:
        """Take over what the name says, but for the fields a person has set."""
        read = (parsed.fields, parsed.problems)
        fields, problems = keep_manual(read, self.as_fields(), self.manual_fields, grammar)
        self._fill(fields, problems, grammar)
        self.grammar_version = GRAMMAR_VERSION

    def correct(self, values: Mapping[str, Any], grammar: Grammar) -> list[str]:
        """Set fields by hand; the names of those that were not so before."""
        fields = self.as_fields()
        changed = [name for name, value in values.items() if getattr(fields, name) != value]
        if changed:
            self.manual_fields = sorted({*self.manual_fields, *changed})
            fields = replace(fields, **{name: values[name] for name in changed})
            self._fill(fields, find_problems(fields, grammar), grammar)
        return changed

    def _fill(self, fields: Metadata, problems: Sequence[str], grammar: Grammar) -> None:
        """Take over what was understood; ``problems`` decide whether it is valid."""
        for name in METADATA_FIELDS:
            setattr(self, name, getattr(fields, name))
        kept_as = grammar.kept_as(fields.experiment)
        is_built_in = kept_as in self.Experiment.values or not kept_as
        # What a kind did that is gone is still how its files are to be found.
        self.experiment = kept_as if is_built_in else self.Experiment.OTHER
        self.own_kind = "" if kept_as == fields.experiment and is_built_in else fields.experiment
        self.problems = list(problems)
        self.is_valid = not problems
