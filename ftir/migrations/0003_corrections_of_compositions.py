from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def say_corrections(apps, schema_editor):
    """Until now a change of corrections removed compositions: those there have today's."""
    Composition = apps.get_model("ftir", "Composition")
    spectrum = apps.get_model("ftir", "InfraredSpectrum").objects.filter(
        pk=OuterRef("spectrum_id")
    )
    Composition.objects.update(
        baseline=Subquery(spectrum.values("baseline")[:1]),
        atr_to_transmission=Subquery(spectrum.values("atr_to_transmission")[:1]),
    )


class Migration(migrations.Migration):

    dependencies = [
        ('ftir', '0002_lot_and_refinement'),
    ]

    operations = [
        migrations.AddField(
            model_name='composition',
            name='atr_to_transmission',
            field=models.BooleanField(default=False, help_text='Correction it was made with.', verbose_name='ATR correction'),
        ),
        migrations.AddField(
            model_name='composition',
            name='baseline',
            field=models.CharField(choices=[('none', 'none'), ('arpls', 'arPLS'), ('offset', 'constant offset')], default='none', help_text='Correction it was made with.', max_length=8),
        ),
        migrations.RunPython(say_corrections, migrations.RunPython.noop),
    ]
