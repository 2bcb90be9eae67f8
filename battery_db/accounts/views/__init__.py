from battery_db.accounts.views.changes import changes
from battery_db.accounts.views.own import change_password, profile, revoke_token, tokens
from battery_db.accounts.views.people import create_person, invite, people, person, set_active
from battery_db.accounts.views.sign_in import login, logout, set_password

__all__ = [
    "change_password",
    "changes",
    "create_person",
    "invite",
    "login",
    "logout",
    "people",
    "person",
    "profile",
    "revoke_token",
    "set_active",
    "set_password",
    "tokens",
]
