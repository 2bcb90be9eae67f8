"""The people page: roles, invitations, and always an admin."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from battery_db.accounts import services
from battery_db.accounts.roles import ensure_roles
from battery_db.lib.errors import NotAllowed
from battery_db.lib.permissions import ROLES


def test_roles_include_the_ones_before(people):
    held = [set(user.get_all_permissions()) for user in people.values()]

    assert [len(permissions) for permissions in held[:3]] == [1, 2, 3]
    assert held[0] < held[1] < held[2] < held[3]


def test_making_the_roles_again_takes_back_what_was_added_by_hand(people):
    from django.contrib.auth.models import Group

    viewers = Group.objects.get(name="viewer")
    viewers.permissions.set(Group.objects.get(name="admin").permissions.all())

    ensure_roles()

    assert viewers.permissions.count() == 1


def test_an_invited_person_chooses_a_password_and_signs_in(client_as):
    admin = client_as("admin")
    admin.post("/account/people/new/", {"username": "ada", "role": "curator"})
    ada = User.objects.get(username="ada")
    answer = admin.post(f"/account/people/{ada.pk}/invite/")
    link = answer.context["link"].removeprefix("http://testserver")

    visitor = Client()
    form_at = visitor.get(link).url
    new = {"new_password1": "a long enough password", "new_password2": "a long enough password"}
    visitor.post(form_at, new)

    assert visitor.login(
        request=answer.wsgi_request, username="ada", password="a long enough password"
    )
    assert services.role_of(ada) == "curator"
    assert "This link has ended" in Client().get(link, follow=True).text


def test_the_last_admin_can_neither_be_demoted_nor_closed(people):
    with pytest.raises(NotAllowed, match="last active admin"):
        services.change_role(people["admin"], "member")
    with pytest.raises(NotAllowed, match="last active admin"):
        services.set_active(people["admin"], active=False)


def test_an_admin_whose_account_is_closed_does_not_count(people):
    second = services.create_person("second", "admin")
    services.set_active(second, active=False)

    with pytest.raises(NotAllowed):
        services.change_role(people["admin"], "viewer")


def test_a_second_admin_may_take_over(client_as, people):
    services.create_person("second", "admin")

    client_as("admin").post(f"/account/people/{people['admin'].pk}/", {"role": "viewer"})

    assert services.role_of(User.objects.get(username="admin")) == "viewer"


def test_a_refusal_is_said_on_the_page(client_as, people):
    answer = client_as("admin").post(
        f"/account/people/{people['admin'].pk}/active/", {"active": "0"}, follow=True
    )

    assert "Make somebody else an admin first." in answer.text
    assert User.objects.get(username="admin").is_active


def test_demoting_a_superuser_takes_everything(people):
    root = User.objects.create_superuser("root")

    services.change_role(root, "viewer")

    root = User.objects.get(username="root")
    assert services.role_of(root) == "viewer"
    assert not root.has_perm("accounts.administer_lab")


@pytest.mark.parametrize("count", [1, 30])
def test_the_list_of_people_costs_the_same_however_many(
    client_as, django_assert_max_num_queries, count
):
    for number in range(count):
        services.create_person(f"person{number}", list(ROLES)[number % 4])
    client = client_as("admin")

    with django_assert_max_num_queries(8):
        assert client.get("/account/people/").status_code == 200


def test_a_new_password_ends_the_other_sessions(client_as, people):
    here, elsewhere = client_as("member"), client_as("member")
    new = "another long password"
    here.post(
        "/account/password/",
        {"old_password": "correct horse battery", "new_password1": new, "new_password2": new},
    )

    assert here.get("/account/profile/").status_code == 200
    assert elsewhere.get("/account/profile/").status_code == 302
