"""The application `spooling`: when and how mail goes out."""

from django.apps import AppConfig


class SpoolingConfig(AppConfig):
    name = "spooling"
    verbose_name = "Mail"
