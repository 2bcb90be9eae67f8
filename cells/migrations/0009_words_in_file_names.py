"""Trigrams for words inside file names and paths, on PostgreSQL.

Without them a search for a word reads every name. SQLite has none and needs none for a
lab of its size. The extension is part of PostgreSQL's contrib package and may be created
by the owner of a database; where that is not so, the search works, more slowly.
"""

from django.db import DatabaseError, migrations, transaction

INDEXES = {"file_name_trigrams": "name", "file_path_trigrams": "path"}


def create(apps, schema_editor):
    connection = schema_editor.connection
    if connection.vendor != "postgresql":
        return
    try:
        with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            for name, column in INDEXES.items():
                # UPPER is what Django writes for __icontains.
                cursor.execute(
                    f"CREATE INDEX IF NOT EXISTS {name} ON cells_rawfile "
                    f"USING gin (UPPER({column}) gin_trgm_ops)"
                )
    except DatabaseError as error:
        print(f"\n  Words in file names are searched without an index: {error}")


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for name in INDEXES:
            schema_editor.execute(f"DROP INDEX IF EXISTS {name}")


class Migration(migrations.Migration):
    dependencies = [("cells", "0008_saved_searches")]

    operations = [migrations.RunPython(create, drop)]
