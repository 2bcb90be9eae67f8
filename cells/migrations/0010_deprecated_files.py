from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cells", "0009_words_in_file_names")]

    operations = [
        migrations.AddIndex(
            model_name="rawfile",
            index=models.Index(
                condition=models.Q(("deprecated", True)), fields=["id"], name="file_deprecated"
            ),
        ),
    ]
