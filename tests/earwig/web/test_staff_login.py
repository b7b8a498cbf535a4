import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from earwig import logins

PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def _one_minute():
    with time_machine.travel("2026-03-01T12:00:10Z", tick=False):
        yield


@pytest.fixture
def admin(db):
    return User.objects.create_superuser("root", "root@acme.example", PASSWORD)


def sign_in(password, name="root", address="192.0.2.1"):
    answer = Client().post(
        "/admin/login/", {"username": name, "password": password, "next": "/admin/"}, REMOTE_ADDR=address
    )
    return answer.status_code == 302


def test_staff_sign_in_with_their_password(admin):
    assert not sign_in("wrong")
    assert sign_in(PASSWORD)


def test_after_ten_wrong_passwords_the_right_one_is_refused_too_but_not_from_elsewhere(admin):
    for _ in range(logins.WRONG_FOR_USER):
        assert not sign_in("wrong")
    assert not sign_in(PASSWORD)
    assert sign_in(PASSWORD, address="192.0.2.2")


def test_who_guesses_at_many_names_is_stopped_as_well(admin):
    for number in range(logins.WRONG_FROM_ADDRESS):
        sign_in("wrong", name=f"name-{number}")
    assert not sign_in(PASSWORD)
