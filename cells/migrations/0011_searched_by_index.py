"""Indexes that answer the search tree by themselves, and what PostgreSQL must know of initials.

Searches compare initials whatever the capitals. Without statistics of that expression
PostgreSQL takes one file in two hundred for a match, and reads all files where the first
thousand results would do.
"""

from django.db import migrations, models
from django.db.models import Q

STATISTICS = "operator_in_capitals"
VALID_CYCLING = Q(is_valid=True, experiment__in=["cycling", "formation", "rpt"])


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            f"CREATE STATISTICS IF NOT EXISTS {STATISTICS} "
            "ON (UPPER(operator::text)) FROM cells_filemetadata"
        )


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP STATISTICS IF EXISTS {STATISTICS}")


class Migration(migrations.Migration):
    dependencies = [("cells", "0010_deprecated_files")]

    operations = [
        migrations.AddIndex(
            model_name="filemetadata",
            index=models.Index(
                condition=VALID_CYCLING,
                fields=[
                    "cell_id",
                    "file",
                    "operator",
                    "upper_cutoff_voltage",
                    "temperature_celsius",
                    "date",
                ],
                name="valid_cycling_by_cell",
            ),
        ),
        migrations.AddIndex(
            model_name="filemetadata",
            index=models.Index(
                condition=VALID_CYCLING, fields=["file", "cell_id"], name="valid_cycling_by_file"
            ),
        ),
        migrations.RunPython(create, drop),
    ]
