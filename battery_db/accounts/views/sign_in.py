"""The only pages that anybody may open."""

from django.contrib.auth import views as auth_views
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse_lazy
from django.views.decorators.cache import never_cache
from rest_framework.throttling import SimpleRateThrottle

from battery_db.lib.permissions import Permission, requires

_login = auth_views.LoginView.as_view(redirect_authenticated_user=True)


class LoginRate(SimpleRateThrottle):
    """Attempts from one address. Axes locks one name at one address; this also stops
    somebody who tries one password on many names."""

    scope = "login"

    def get_cache_key(self, request: HttpRequest, view: object) -> str:
        return f"login-rate-{self.get_ident(request)}"  # type: ignore[arg-type]


@requires(Permission.PUBLIC)
@never_cache
def login(request: HttpRequest) -> HttpResponseBase:
    rate = LoginRate()
    if request.method == "POST" and not rate.allow_request(request, None):  # type: ignore[arg-type]
        answer = render(request, "429.html", {"wait": rate.wait()}, status=429)
        answer["Retry-After"] = str(int(rate.wait() or 60))
        return answer
    return _login(request)


logout = requires(Permission.SIGNED_IN)(auth_views.LogoutView.as_view())
set_password = requires(Permission.PUBLIC)(
    auth_views.PasswordResetConfirmView.as_view(
        template_name="registration/set_password.html",
        success_url=reverse_lazy("login"),
    )
)
