"""The control tick's work on jobs, as often as it needs."""

import time

from spooling import jobs
from spooling.models import JobRequest
from spooling.models.jobs import JobState
from spooling.reports import writing


def until_jobs_end(*, now, seconds=30):
    """Work off all jobs. A transaction in another database of the server may hold reports up for a while."""
    open_jobs = JobRequest.objects.filter(state__in=(JobState.WAITING, JobState.RUNNING))
    deadline = time.monotonic() + seconds
    while open_jobs.exists():
        assert time.monotonic() < deadline, "The jobs do not end."
        jobs.run_due(now=now)
        now += writing.PAUSE
        time.sleep(0.02)
