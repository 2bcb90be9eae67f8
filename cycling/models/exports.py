"""Datasets as files and as tensors."""

from django.conf import settings
from django.db import models

from cells.models import Dataset, Snapshot


class DatasetExport(models.Model):
    """A dataset as files, zipped, as it was at one moment."""

    class Format(models.TextChoices):
        CSV = "csv", "CSV folder"
        XLSX = "xlsx", "Excel workbooks"
        PARQUET = "parquet", "Parquet tables"
        BDF = "bdf", "BDF records"
        RO_CRATE = "ro-crate", "RO-Crate"
        BATTERY_ML = "battery-ml", "BatteryML"

    format = models.CharField(max_length=10, choices=Format, default=Format.CSV)
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="exports")
    fingerprint = models.CharField(max_length=64, help_text="Digest of everything that went in.")
    file_name = models.CharField(max_length=300, help_text="Key in the default storage.")
    file_count = models.PositiveIntegerField()
    byte_count = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.dataset} {self.created_at:%Y-%m-%d %H:%M}"


class Shard(models.Model):
    """One file of a snapshot's tensors, known by its content."""

    snapshot = models.ForeignKey(Snapshot, models.CASCADE, related_name="shards")
    number = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    byte_count = models.BigIntegerField()
    storage_name = models.CharField(max_length=200)

    class Meta:
        ordering = ["snapshot", "number"]
        constraints = [
            models.UniqueConstraint(fields=["snapshot", "number"], name="shard_once"),
        ]

    def __str__(self) -> str:
        return f"{self.snapshot} {self.number}"
