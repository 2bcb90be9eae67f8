"""``manage.py create_user NAME --role member``: the first admin, or one more account."""

import getpass
import os
import sys
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from battery_db.accounts import services
from battery_db.lib.permissions import ROLES

PASSWORD_VARIABLE = "BATTERY_DB_PASSWORD"  # noqa: S105  # a name, no password


class Command(BaseCommand):
    help = (
        "Create an account in a role. The password comes from the terminal, or from "
        f"{PASSWORD_VARIABLE}; with neither the command prints a link that sets one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--role", choices=list(ROLES), default="member")
        parser.add_argument("--email", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"]
        if User.objects.filter(username=name).exists():
            raise CommandError(f"There is an account '{name}'. Change its role on the people page.")
        password = self._password(name)
        user = services.create_person(
            name, options["role"], email=options["email"], password=password
        )
        self.stdout.write(f"Created {name} as {options['role']}.")
        if password is None:
            self.stdout.write(f"Set a password at {services.invitation_path(user)}")

    def _password(self, name: str) -> str | None:
        password = os.environ.get(PASSWORD_VARIABLE)
        if password is None and sys.stdin.isatty():
            password = getpass.getpass("Password (empty: print a link instead): ") or None
        if password is None:
            return None
        try:
            validate_password(password, User(username=name))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        return password
