"""Accounts of other people, for admins."""

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from battery_db.accounts import services
from battery_db.accounts.forms import PersonForm, RoleForm
from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, requires


@requires(Permission.ADMINISTER)
def people(request: HttpRequest) -> HttpResponse:
    everybody = User.objects.prefetch_related("groups").order_by("-is_active", "username")
    rows = [{"user": user, "role": services.role_of(user)} for user in everybody]
    return render(request, "accounts/people.html", {"rows": rows})


@requires(Permission.ADMINISTER)
def create_person(request: HttpRequest) -> HttpResponse:
    form = PersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        new = services.create_person(
            form.cleaned_data["username"],
            form.cleaned_data["role"],
            email=form.cleaned_data["email"],
        )
        new.first_name, new.last_name = (form.cleaned_data[n] for n in ("first_name", "last_name"))
        new.save(update_fields=["first_name", "last_name"])
        messages.success(request, f"The account {new.username} is there. Now make an invitation.")
        return redirect("person", new.pk)
    return render(request, "accounts/create_person.html", {"form": form})


@requires(Permission.ADMINISTER)
def person(request: HttpRequest, pk: int) -> HttpResponse:
    who = get_object_or_404(User, pk=pk)
    form = RoleForm(request.POST or None, initial={"role": services.role_of(who)})
    if request.method == "POST" and form.is_valid():
        try:
            services.change_role(who, form.cleaned_data["role"])
        except LabError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"{who.username} is now {form.cleaned_data['role']}.")
        return redirect("person", pk)
    return render(request, "accounts/person.html", _context(who, form))


@require_POST
@requires(Permission.ADMINISTER)
def set_active(request: HttpRequest, pk: int) -> HttpResponse:
    who = get_object_or_404(User, pk=pk)
    try:
        services.set_active(who, request.POST.get("active") == "1")
    except LabError as error:
        messages.error(request, str(error))
    else:
        state = "open again" if who.is_active else "closed: sessions and tokens are refused"
        messages.success(request, f"The account {who.username} is {state}.")
    return redirect("person", pk)


@require_POST
@never_cache
@requires(Permission.ADMINISTER)
def invite(request: HttpRequest, pk: int) -> HttpResponse:
    """Shows the link once, in this answer; the admin sends it by whatever the lab uses."""
    who = get_object_or_404(User, pk=pk)
    link = request.build_absolute_uri(services.invitation_path(who))
    form = RoleForm(initial={"role": services.role_of(who)})
    return render(request, "accounts/person.html", {**_context(who, form), "link": link})


def _context(who: User, form: RoleForm) -> dict[str, object]:
    return {
        "who": who,
        "role": services.role_of(who),
        "form": form,
        "tokens": who.api_tokens.all(),
    }
