"""The rules of file names, as an administrator changes them. Each change is audited."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from battery_db.lib.errors import LabError
from battery_db.lib.runs.models import Job
from cells.experiments import EXPERIMENT_TYPES
from cells.models import FileMetadata, NameRule
from cells.services.files import identify_now


def own_rules() -> list[NameRule]:
    """The rules as rows that are not saved while the built-in ones hold."""
    return list(NameRule.objects.all()) or [_as_rule(*pair) for pair in enumerate(EXPERIMENT_TYPES)]


def start_own_rules() -> None:
    """Copy the built-in rules, unless the lab has rules already."""
    with transaction.atomic():
        if not NameRule.objects.select_for_update().exists():
            NameRule.objects.bulk_create(own_rules())


def save_rule(rule: NameRule, values: Mapping[str, Any], *, by: Any = None) -> Job:
    """Change or add a rule; all names are read again, but for what people have set."""
    with transaction.atomic():
        start_own_rules()
        for name, value in values.items():
            setattr(rule, name, value)
        if rule._state.adding:
            rule.position = NameRule.objects.count()
        try:
            rule.full_clean()
        except ValidationError as error:
            raise LabError(" ".join(error.messages), fix="Correct it and save again.") from None
        rule._history_user = by  # type: ignore[attr-defined]
        rule.save()
        _agree_on_behaviour(rule, by)
        return _read_names_again(by)


def _agree_on_behaviour(rule: NameRule, by: Any) -> None:
    """What is done with the files of a kind is one thing, whatever cycler they are from."""
    others = NameRule.objects.filter(experiment=rule.experiment).exclude(behaviour=rule.behaviour)
    for other in others:
        other.behaviour = rule.behaviour
        other._history_user = by  # type: ignore[attr-defined]
        other.save()


def delete_rule(rule: NameRule, *, by: Any = None) -> Job:
    with transaction.atomic():
        if NameRule.objects.count() == 1:
            raise LabError("This is the last rule.", fix="Change it instead.")
        rule._history_user = by  # type: ignore[attr-defined]
        rule.delete()
        return _read_names_again(by)


def _read_names_again(by: Any) -> Job:
    NameRule.objects.grammar()  # refuses a word that stands for two kinds
    FileMetadata.objects.update(grammar_version=0)
    return identify_now(by=by)


def _as_rule(position: int, row: Any) -> NameRule:
    return NameRule(
        experiment=row.experiment,
        code=row.code,
        words=list(row.aliases),
        cyclers=list(row.cyclers),
        needs=list(row.needs),
        behaviour=row.behaviour,
        position=position,
    )
