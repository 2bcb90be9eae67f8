from django.db import migrations, models
import django.db.models.deletion


class Migration(migrations.Migration):

    dependencies = [
        ('cells', '0012_porosity_is_percent'),
    ]

    operations = [
        migrations.AlterField(
            model_name='snapshot',
            name='dataset',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='cells.dataset'),
        ),
        migrations.AddField(
            model_name='snapshot',
            name='title',
            field=models.CharField(default='', editable=False, help_text='Names of the datasets when they were frozen.', max_length=300),
            preserve_default=False,
        ),
        migrations.CreateModel(
            name='SnapshotDataset',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField()),
                ('dataset', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='places', to='cells.dataset')),
                ('snapshot', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='places', to='cells.snapshot')),
            ],
            options={
                'ordering': ['position'],
            },
        ),
        migrations.AddConstraint(
            model_name='snapshotdataset',
            constraint=models.UniqueConstraint(fields=('snapshot', 'dataset'), name='snapshot_dataset_once'),
        ),
        migrations.AddField(
            model_name='snapshot',
            name='datasets',
            field=models.ManyToManyField(related_name='snapshots', through='cells.SnapshotDataset', to='cells.dataset'),
        ),
    ]
