"""The Celery application: `celery -A config worker -Q transactional` (bulk, control), `… beat`."""

import gc
import os
from typing import Any

from celery import Celery
from celery.signals import worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("earwig")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def _freeze(**_: Any) -> None:
    # What was loaded stays: later collections pass it over, which a drain feels at every batch.
    gc.collect()
    gc.freeze()
