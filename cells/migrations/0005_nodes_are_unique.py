from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cells", "0004_name_nodes")]

    operations = [
        migrations.RemoveField(model_name='drycell', name='geometry_text'),
        migrations.RemoveField(model_name='historicaldrycell', name='geometry_text'),
        migrations.RemoveField(model_name='drycell', name='cathode_text'),
        migrations.RemoveField(model_name='historicaldrycell', name='cathode_text'),
        migrations.RemoveField(model_name='drycell', name='anode_text'),
        migrations.RemoveField(model_name='historicaldrycell', name='anode_text'),
        migrations.RemoveField(model_name='drycell', name='separator_text'),
        migrations.RemoveField(model_name='historicaldrycell', name='separator_text'),
        migrations.AlterField(
            model_name='drycell',
            name='digest',
            field=models.CharField(editable=False, max_length=64, unique=True),
        ),
        migrations.AlterField(
            model_name='drycell',
            name='name_digest',
            field=models.CharField(editable=False, max_length=64, unique=True),
        ),
        migrations.AlterField(
            model_name='electrolyte',
            name='name_digest',
            field=models.CharField(editable=False, max_length=64, unique=True),
        ),
        migrations.AlterField(
            model_name='molecule',
            name='digest',
            field=models.CharField(editable=False, max_length=64, unique=True),
        ),
        migrations.AlterField(
            model_name='molecule',
            name='name_digest',
            field=models.CharField(editable=False, max_length=64, unique=True),
        ),
    ]
