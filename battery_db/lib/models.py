"""What the rows of imported files have in common, whichever technique they are of."""

from django.db import models


class ImportedContent(models.Model):
    """What became of one content: why it failed, or where its series lies, and who read it.

    A failed import is a row too, so that the same content is not tried again until it or
    its reader changes; failures with ``is_transient`` (disk full, share gone) are tried
    again the next night.
    """

    sha256 = models.CharField(max_length=64)
    is_transient = models.BooleanField(default=False)
    error = models.TextField(blank=True)
    fix = models.TextField(blank=True)
    format_name = models.CharField(max_length=60, blank=True)
    reader_version = models.PositiveSmallIntegerField(default=0)
    series_name = models.CharField(
        max_length=200, blank=True, help_text="Key in the series storage."
    )
    imported_at = models.DateTimeField()

    class Meta:
        abstract = True

    def stored_files(self) -> list[tuple[str, int | None]]:
        """Name and bytes (None where they are not kept) of what the series storage holds for it."""
        return [(self.series_name, None)] if self.series_name else []
