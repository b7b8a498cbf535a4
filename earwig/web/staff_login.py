"""The admin's sign-in, as slow to guess as the API's."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils import timezone

from earwig import logins
from earwig.web import origins


class StaffBackend(ModelBackend):
    """Django's own, but after ten wrong passwords for a name, or sixty in all, an address waits for the next minute."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """The user, or None. Raises PermissionDenied, which the form shows as a wrong password."""
        if request is None or username is None or password is None:
            return super().authenticate(request, username, password, **kwargs)
        guesses = logins.Guesses.of(f"staff:{username}", ip=origins.client_ip(request), now=timezone.now())
        if guesses.too_many_for_user or guesses.too_many_from_address:
            raise PermissionDenied
        user = super().authenticate(request, username, password, **kwargs)
        if user is None:
            guesses.note_wrong()
        return user
