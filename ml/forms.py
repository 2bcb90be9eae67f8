"""Forms of pages about models."""

from django import forms

from ml.services.impedance import MOST_STEPS


class TrainingForm(forms.Form):
    steps = forms.IntegerField(
        label="Steps",
        required=False,
        min_value=1,
        max_value=MOST_STEPS,
        help_text="Leave empty for as many as the shipped network had.",
    )
    own_share = forms.FloatField(
        label="Share of the lab's spectra",
        initial=0.5,
        min_value=0,
        max_value=1,
        help_text="Of each batch; the others are generated, so that nothing is forgotten.",
    )
    seed = forms.IntegerField(
        label="Seed",
        initial=1,
        min_value=0,
        max_value=2**31 - 1,
        help_text="The same spectra, options and seed give the same weights on one machine.",
    )
