"""The application `config`: settings, URLs, processes; the only place that knows all others."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"

    def ready(self) -> None:
        """Hands the fixed ticks to beat and makes the folders that web, workers and beat expect."""
        from django.conf import settings

        from config import celery, checks, embedded  # noqa: F401
        from earwig import tasks as earwig
        from spooling import tasks as spooling
        from stats import tasks as stats

        celery.app.conf.beat_schedule = {**earwig.BEAT, **spooling.BEAT, **stats.BEAT}
        # WhiteNoise warns at every start without it, though the packages' files are served where they lie.
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
        if settings.CELERY_BROKER_URL.startswith("filesystem:"):
            embedded.make_broker_folders(settings.EARWIG_DATA)
