"""Forms about people. Roles are the groups of ``lib.permissions``."""

from datetime import datetime, time, timedelta

from django import forms
from django.contrib.auth.models import User
from django.utils import timezone

from battery_db.accounts.models import ApiToken
from battery_db.lib.permissions import ROLES

ROLE_CHOICES = [
    ("viewer", "Viewer: look, search, download"),
    ("member", "Member: also register cells, correct metadata, edit datasets, start jobs"),
    ("curator", "Curator: also deprecate files, exclude cycles, merge, delete"),
    ("admin", "Admin: also folders, people, settings"),
]
assert [role for role, _ in ROLE_CHOICES] == list(ROLES)  # noqa: S101  # found at import


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = User
        fields = ["first_name", "last_name", "email"]


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]
    expires_on = forms.DateField(
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Last day on which it works. Empty: until it is revoked.",
    )

    class Meta:
        model = ApiToken
        fields = ["name", "read_only"]
        help_texts = {"read_only": "It can look and download, never change anything."}

    def clean_expires_on(self) -> datetime | None:
        """The end of that day, in the lab's time zone."""
        day = self.cleaned_data["expires_on"]
        if day is None:
            return None
        end = timezone.make_aware(datetime.combine(day, time.min)) + timedelta(days=1)
        if end <= timezone.now():
            raise forms.ValidationError("Choose a day that is not over.")
        return end


class PersonForm(forms.ModelForm):  # type: ignore[type-arg]
    role = forms.ChoiceField(choices=ROLE_CHOICES, initial="member")

    class Meta:
        model = User
        fields = ["username", "first_name", "last_name", "email"]
        help_texts = {"username": "Letters, digits and @ . + - _"}

    field_order = ["username", "role"]


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=ROLE_CHOICES)
