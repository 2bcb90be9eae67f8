"""The login page: lock-out, rate limit, and no way round it."""

import pytest
from django.test import Client

PASSWORD = "correct horse battery"


def sign_in(client: Client, username: str, password: str):
    return client.post("/account/login/", {"username": username, "password": password})


def test_a_person_signs_in_and_out(people):
    client = Client()

    assert sign_in(client, "member", PASSWORD).url == "/"
    assert client.get("/account/profile/").status_code == 200
    client.post("/account/logout/")

    assert client.get("/account/profile/").url.startswith("/account/login/?next=")


def test_after_five_wrong_passwords_even_the_right_one_is_refused(people, settings):
    client = Client()
    for _ in range(settings.AXES_FAILURE_LIMIT):
        answer = sign_in(client, "member", "a wrong password")

    assert answer.status_code == 429
    assert "Wait 15 min" in answer.text
    assert "too many failed attempts" in answer.text
    assert sign_in(client, "member", PASSWORD).status_code == 429
    assert sign_in(client, "viewer", PASSWORD).status_code == 302


def test_one_address_may_not_try_a_password_on_every_name(people, settings, monkeypatch):
    monkeypatch.setattr("battery_db.accounts.views.sign_in.LoginRate.rate", "3/min", raising=False)
    client = Client()
    for number in range(3):
        sign_in(client, f"name{number}", "password")

    answer = sign_in(client, "member", PASSWORD)

    assert answer.status_code == 429
    assert int(answer["Retry-After"]) > 0


def test_a_forged_forwarding_header_does_not_reset_the_rate(people, monkeypatch):
    monkeypatch.setattr("battery_db.accounts.views.sign_in.LoginRate.rate", "3/min", raising=False)
    client = Client()

    answers = [
        client.post(
            "/account/login/",
            {"username": f"name{number}", "password": "x"},
            headers={"x-forwarded-for": f"10.0.0.{number}"},
        ).status_code
        for number in range(4)
    ]

    assert answers[-1] == 429


def test_a_closed_account_is_refused_in_the_middle_of_its_session(client_as, people):
    client = client_as("member")
    people["member"].is_active = False
    people["member"].save()

    assert client.get("/account/profile/").status_code == 302


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example"])
def test_signing_in_never_leads_to_another_site(people, elsewhere):
    answer = Client().post(
        f"/account/login/?next={elsewhere}", {"username": "member", "password": PASSWORD}
    )

    assert answer.url == "/"
