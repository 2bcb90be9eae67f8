"""The grammar of file names: shown, tried and, by administrators, changed."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, allows, requires
from cells.experiments import ALWAYS, FIELD_WORDS
from cells.filenames import EXAMPLE, generate, parse
from cells.forms.files import TryNameForm
from cells.forms.grammar import NameRuleForm
from cells.models import NameRule
from cells.services import grammar as services

SAVED = "Saved. All names are read again now; what people have set is kept."


@requires(Permission.VIEW)
def try_name(request: HttpRequest) -> HttpResponse:
    form = TryNameForm(request.GET or None)
    rules = services.own_rules()
    grammar = NameRule.objects.grammar()
    parsed = None
    if form.is_valid():
        parsed = parse(form.cleaned_data["name"], form.cleaned_data["folder"], grammar)
    context = {
        "form": form,
        "parsed": parsed,
        "rules": [(rule, rule.as_type()) for rule in rules],
        "always": [FIELD_WORDS[name] for name in ALWAYS],
        "fields": FIELD_WORDS.values(),
        "example": generate(EXAMPLE),
        "can_administer": allows(request.user, Permission.ADMINISTER),
        "has_own_rules": bool(rules and rules[0].pk),
    }
    return render(request, "cells/files/try_name.html", context)


@requires(Permission.ADMINISTER)
def own_rules(request: HttpRequest) -> HttpResponse:
    """Begin to change the built-in rules."""
    if request.method == "POST":
        services.start_own_rules()
        messages.success(request, "The built-in rules were copied. Choose one to change it.")
    return redirect("cells:try-name")


@requires(Permission.ADMINISTER)
def name_rule_new(request: HttpRequest) -> HttpResponse:
    return _edit(request, NameRule(), "Add a rule")


@requires(Permission.ADMINISTER)
def name_rule(request: HttpRequest, pk: int) -> HttpResponse:
    rule = get_object_or_404(NameRule, pk=pk)
    return _edit(request, rule, f"Rule for {rule.title}")


@requires(Permission.ADMINISTER)
def name_rule_delete(request: HttpRequest, pk: int) -> HttpResponse:
    rule = get_object_or_404(NameRule, pk=pk)
    if request.method == "POST":
        try:
            services.delete_rule(rule, by=request.user)
        except LabError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, "The rule is gone. All names are read again now.")
    return redirect("cells:try-name")


def _edit(request: HttpRequest, rule: NameRule, title: str) -> HttpResponse:
    grammar = NameRule.objects.grammar()
    if request.method == "POST":
        form = NameRuleForm(request.POST, grammar=grammar)
    else:
        form = NameRuleForm.of(rule, grammar)
    if request.method == "POST" and form.is_valid():
        try:
            services.save_rule(rule, form.values, by=request.user)
        except LabError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, SAVED)
            return redirect("cells:try-name")
    context = {"form": form, "title": title, "rule": rule}
    return render(request, "cells/files/name_rule.html", context)
