"""Chooses the SQL of the database at hand: the verbs are the same, the statements differ."""

from types import ModuleType

from django.db import connection

from spooling.outbox import postgresql, sqlite


def current() -> ModuleType:
    """`postgresql` or `sqlite`: insert, insert_details, claim and settle of both have the same arguments and answers."""
    return postgresql if connection.vendor == "postgresql" else sqlite
