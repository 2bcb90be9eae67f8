"""Every page and endpoint, asked by everybody, answers exactly as its permission says."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import resolve

from battery_db.lib.permissions import ROLES, Permission, api_permission, declared, requires
from tests.accounts.routes import Route, all_routes

ROUTES = all_routes()


def may(role: str | None, needed: Permission) -> bool:
    """The rule, written a second time: what a role may do, not how it is found out."""
    if needed is Permission.PUBLIC or role is None:
        return needed is Permission.PUBLIC
    return needed is Permission.SIGNED_IN or needed in ROLES.get(role, ())


def ask(route: Route, method: str, client: Client) -> str:
    answer = client.generic(method, route.path, content_type="application/json")
    if answer.streaming:  # read to its end, so that what it reads from is closed
        b"".join(answer.streaming_content)
    if answer.status_code in (401, 403):
        return f"refused with {answer.status_code}"
    if answer.status_code == 302 and answer.url.startswith("/account/login/?next="):
        return "sent to the login page"
    assert answer.status_code < 500, answer.content
    return "let in"


def expected(route: Route, method: str, role: str | None) -> str:
    needed = route.needed(method)
    if needed is None:
        return "a declared permission"
    if may(role, needed):
        return "let in"
    if role is None:
        return "refused with 401" if route.api_class else "sent to the login page"
    return "refused with 403"


@pytest.fixture
def cast(people):
    """Browsers of all who can come: nobody, an account without a role, the four roles."""
    clients: dict[str | None, Client] = {None: Client()}
    for role, user in {"no role": User.objects.create_user("stranger"), **people}.items():
        clients[role] = Client()
        clients[role].force_login(user)
    return clients


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.path} {route.name}")
def test_each_route_lets_in_exactly_whom_it_declares(route, cast):
    assert resolve(route.path).func == route.view, "tests.accounts.routes needs a better sample"

    answers = {
        (method, role): ask(route, method, client)
        for method in route.methods
        for role, client in cast.items()
    }

    if route.is_admin_site:  # some models are to be looked at only, by admins too
        answers = {who: answer for who, answer in answers.items() if who[1] != "admin"}
    assert answers == {who: expected(route, *who) for who in answers}


def test_there_are_routes_of_every_kind():
    assert len(ROUTES) > 60
    assert any(route.is_admin_site for route in ROUTES)
    assert any(route.api_class for route in ROUTES)
    assert {route.name for route in ROUTES} >= {"login", "cells:cells", "api-docs", "schema"}


def test_an_admin_opens_the_index_and_the_lists_of_the_admin_site(client_as):
    client = client_as("admin")
    lists = [route.path for route in ROUTES if route.name.endswith("_changelist")]

    assert len(lists) > 5
    assert {client.get(path).status_code for path in ["/admin/", *lists]} == {200}


def test_head_needs_what_get_needs():
    @requires(Permission.VIEW, GET=Permission.CURATE)
    def page(request): ...

    assert declared(page, "HEAD") is Permission.CURATE
    assert api_permission(page, "HEAD") is Permission.CURATE
    assert declared(page, "POST") is Permission.VIEW


def test_writing_to_an_endpoint_that_declares_only_view_needs_edit():
    class Endpoint:
        permission = Permission.VIEW

    assert api_permission(Endpoint, "PATCH") is Permission.EDIT
    assert api_permission(Endpoint, "OPTIONS") is Permission.VIEW


def test_a_page_without_a_declaration_is_refused_to_everybody(client_as, settings):
    settings.ROOT_URLCONF = "tests.accounts.undeclared"

    assert client_as("admin").get("/page/").status_code == 403
    assert client_as("admin").get("/api/").status_code == 403
