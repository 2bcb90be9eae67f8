"""A person's own profile, password and API tokens."""

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from battery_db.accounts import services
from battery_db.accounts.forms import ProfileForm, TokenForm
from battery_db.accounts.models import ApiToken
from battery_db.accounts.requests import AuthenticatedHttpRequest
from battery_db.lib.permissions import Permission, requires


@requires(Permission.SIGNED_IN)
def profile(request: AuthenticatedHttpRequest) -> HttpResponse:
    form = ProfileForm(request.POST or None, instance=request.user)
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Your profile has been saved.")
        return redirect("profile")
    context = {"form": form, "role": services.role_of(request.user)}
    return render(request, "accounts/profile.html", context)


@requires(Permission.SIGNED_IN)
@sensitive_post_parameters()
def change_password(request: AuthenticatedHttpRequest) -> HttpResponse:
    form = PasswordChangeForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = form.save()
        update_session_auth_hash(request, user)  # other sessions of the person end
        messages.success(request, "Your password has been changed. Other sessions were signed out.")
        return redirect("profile")
    return render(request, "accounts/password.html", {"form": form})


@requires(Permission.SIGNED_IN)
@never_cache
def tokens(request: AuthenticatedHttpRequest) -> HttpResponse:
    """The list, and the form; a new token's text is in the answer to its POST only."""
    form = TokenForm(request.POST or None)
    created, text = None, ""
    if request.method == "POST" and form.is_valid():
        created, text = services.create_token(
            request.user,
            form.cleaned_data["name"],
            expires_at=form.cleaned_data["expires_on"],
            read_only=form.cleaned_data["read_only"],
        )
        form = TokenForm()
    context = {
        "form": form,
        "created": created,
        "text": text,
        "tokens": ApiToken.objects.filter(user=request.user),
    }
    return render(request, "accounts/tokens.html", context)


@require_POST
@requires(Permission.SIGNED_IN)
def revoke_token(request: AuthenticatedHttpRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(ApiToken, pk=pk, user=request.user)
    services.revoke_token(token)
    messages.success(request, f"The token {token.name} has been revoked.")
    return redirect("tokens")
