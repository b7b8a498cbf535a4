"""The Celery application: `celery -A config worker -Q transactional` (bulk, control), `… beat`."""

import gc
import os
from typing import Any

from celery import Celery
from celery.signals import task_prerun, worker_init, worker_process_init
from django.core.management.base import SystemCheckError
from django.db import close_old_connections
from kombu.transport import TRANSPORT_ALIASES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

TRANSPORT_ALIASES["filesystem"] = "config.file_broker:Transport"

app = Celery("earwig")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def _check(**_: Any) -> None:
    from config import checks

    try:
        checks.refuse_broken_settings()
    except SystemCheckError as error:
        # Celery swallows what a signal's receiver raises, but not this.
        raise SystemExit(str(error)) from None


@worker_process_init.connect
def _freeze(**_: Any) -> None:
    # What was loaded stays: later collections pass it over, which a drain feels at every batch.
    gc.collect()
    gc.freeze()


@task_prerun.connect
def _check_connection(**_: Any) -> None:
    # As Django does before a request: or one restart of the database would fail every task from then on.
    close_old_connections()
