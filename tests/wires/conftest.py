"""What the clients of all wires need."""

import pytest
from django.utils import timezone

from earwig import api_keys
from earwig.models.api_keys import Scope


@pytest.fixture
def make_key():
    """Call with an account; the secret of a key of it."""

    def make(owner, scopes=Scope.values, **restrictions):
        return api_keys.issue(owner, name="tests", scopes=scopes, now=timezone.now(), **restrictions).secret

    return make
