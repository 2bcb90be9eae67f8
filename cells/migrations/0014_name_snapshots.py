from django.db import migrations


def take_over(apps, schema_editor):
    """Each snapshot so far froze one dataset."""
    snapshots = apps.get_model("cells", "Snapshot").objects.select_related("dataset").defer("selection", "manifest")
    place = apps.get_model("cells", "SnapshotDataset")
    for snapshot in snapshots.iterator(chunk_size=500):
        type(snapshot).objects.filter(pk=snapshot.pk).update(title=snapshot.dataset.name)
        place.objects.create(snapshot=snapshot, dataset=snapshot.dataset, position=0)


class Migration(migrations.Migration):

    dependencies = [
        ('cells', '0013_snapshots_of_several_datasets'),
    ]

    operations = [
        migrations.RunPython(take_over, migrations.RunPython.noop),
    ]
