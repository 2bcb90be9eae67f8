"""API tokens: shown once, kept as keyed hashes, refused when they should be."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from battery_db.accounts import services
from battery_db.accounts.models import ApiToken

LIST = "/api/v1/tokens/"


def bearer(text: str, word: str = "Bearer") -> dict[str, str]:
    return {"authorization": f"{word} {text}"}


@pytest.fixture
def token(people):
    return services.create_token(people["member"], "script")


@pytest.mark.parametrize("word", ["Bearer", "bearer", "Token"])
def test_a_token_speaks_for_its_owner(token, word):
    answer = Client().get(LIST, headers=bearer(token[1], word))

    assert answer.status_code == 200
    assert answer.json()["results"][0]["name"] == "script"


def test_nothing_in_the_database_gives_the_secret_back(token):
    secret = token[1].partition(".")[2]
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_apitoken")
        stored = repr(cursor.fetchall())

    assert secret not in stored
    assert len(secret) >= 43


def test_a_changed_secret_key_ends_tokens_unless_the_old_one_is_a_fallback(token, settings):
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another key of a length that is long enough"
    assert services.token_of(token[1]) is None

    settings.SECRET_KEY_FALLBACKS = [old]
    assert services.token_of(token[1]) == token[0]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: services.revoke_token(token),
        lambda token: ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1)),
        lambda token: type(token.user).objects.update(is_active=False),
    ],
    ids=["revoked", "expired", "owner inactive"],
)
def test_a_token_that_has_ended_is_refused(token, spoil):
    spoil(token[0])

    answer = Client().get(LIST, headers=bearer(token[1]))

    assert answer.status_code == 401
    assert "unknown, expired or revoked" in answer.json()["error"]


@pytest.mark.parametrize("text", ["", "x", "bdb_00000000.secret", "a b c", "ü.ü", "." * 5000])
def test_what_is_no_token_is_refused(token, text):
    assert Client().get(LIST, headers=bearer(text)).status_code == 401


def test_the_right_prefix_with_a_wrong_secret_is_refused(token):
    assert services.token_of(f"{token[0].prefix}.{'A' * 43}") is None
    assert services.token_of(token[0].prefix) is None
    assert services.token_of(f"{token[0].prefix}.") is None


def test_a_read_only_token_changes_nothing(people):
    _, text = services.create_token(people["member"], "reader", read_only=True)

    assert Client().get(LIST, headers=bearer(text)).status_code == 200
    assert Client().post(LIST, {"name": "more"}, headers=bearer(text)).status_code == 403
    assert ApiToken.objects.count() == 1


def test_a_token_has_no_more_rights_than_its_owner(people):
    _, text = services.create_token(people["viewer"], "script")

    assert Client().post("/api/v1/datasets/", headers=bearer(text)).status_code == 403


def test_last_use_is_written_at_most_once_a_minute(token):
    with time_machine.travel("2026-01-01T12:00:00+00:00", tick=False) as clock:
        moments = [_last_use_after(clock, token[1], seconds) for seconds in (0, 30, 31)]

    assert moments[0] == moments[1]
    assert moments[2] - moments[0] == timedelta(seconds=61)


def _last_use_after(clock, text: str, seconds: int):
    clock.shift(seconds)
    Client().get(LIST, headers=bearer(text))
    return ApiToken.objects.get().last_used_at


def test_the_page_shows_a_new_token_once(client_as):
    client = client_as("viewer")

    answer = client.post("/account/tokens/", {"name": "laptop", "read_only": "on"})

    prefix = ApiToken.objects.get().prefix
    assert f"{prefix}." in answer.text
    assert "no-store" in answer["Cache-Control"]
    assert f"{prefix}." not in client.get("/account/tokens/").text


def test_a_token_expires_at_the_end_of_the_day_that_was_chosen(client_as):
    day = timezone.localdate() + timedelta(days=3)

    client_as("viewer").post("/account/tokens/", {"name": "laptop", "expires_on": day})

    expires = timezone.localtime(ApiToken.objects.get().expires_at)
    assert expires.date() == day + timedelta(days=1)
    assert (expires.hour, expires.minute) == (0, 0)


def test_nobody_revokes_the_token_of_another(client_as, token):
    client = client_as("admin")

    assert client.post(f"/account/tokens/{token[0].pk}/revoke/").status_code == 404
    assert client.delete(f"{LIST}{token[0].pk}/").status_code == 404


def test_tokens_are_made_and_revoked_by_rest(token):
    headers = bearer(token[1])

    made = Client().post(LIST, {"name": "second"}, headers=headers, content_type="application/json")
    text = made.json()["token"]
    gone = Client().delete(f"{LIST}{made.json()['id']}/", headers=bearer(text))

    assert (made.status_code, gone.status_code) == (201, 204)
    assert Client().get(LIST, headers=bearer(text)).status_code == 401
    assert "token" not in Client().get(LIST, headers=headers).json()["results"][0]


def test_the_first_account_comes_from_the_command_line(db, monkeypatch, capsys):
    monkeypatch.setenv("BATTERY_DB_PASSWORD", "correct horse battery")

    call_command("create_user", "ada", "--role", "admin")

    assert "Created ada as admin" in capsys.readouterr().out
    assert services.role_of(User.objects.get(username="ada")) == "admin"
