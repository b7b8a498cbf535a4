"""The application `config`: settings, URLs, processes; the only place that knows all others."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
