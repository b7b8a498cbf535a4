"""The application `spooling`: when and how mail goes out."""

from django.apps import AppConfig


class SpoolingConfig(AppConfig):
    name = "spooling"
    verbose_name = "Mail"
    default_auto_field = "django.db.models.BigAutoField"
