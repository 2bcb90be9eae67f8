"""A request of somebody who has signed in, as the route's permission has made sure."""

from django.contrib.auth.models import User
from django.http import HttpRequest


class AuthenticatedHttpRequest(HttpRequest):
    user: User
