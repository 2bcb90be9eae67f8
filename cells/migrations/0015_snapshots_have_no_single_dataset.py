from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('cells', '0014_name_snapshots'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='snapshot',
            name='dataset',
        ),
    ]
