"""The application `config`: settings, URLs, processes; the only place that knows all others."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        """Hands the fixed ticks to beat and prepares the embedded broker, in web, workers and beat alike."""
        from django.conf import settings

        from config import celery, embedded
        from spooling import tasks

        celery.app.conf.beat_schedule = tasks.BEAT
        if settings.CELERY_BROKER_URL.startswith("filesystem:"):
            embedded.make_broker_folders(settings.EARWIG_DATA)
