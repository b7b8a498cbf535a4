"""django-post_office, tuned, on the same database, server and mails, between two of our campaigns."""

import json
import statistics
import sys
from urllib.parse import urlsplit

from tests.benchmarks import bench, campaign
from tests.benchmarks.bench import Bench
from tests.benchmarks.report import Figure
from tests.benchmarks.rig import Pace
from tests.installation import eventually

#: Two batches: it is slow.
MAILS = 10_000


def measure(this: Bench) -> list[Figure]:
    """Two of our workers against two of its processes."""
    account, mails = campaign.open_account(), this.options.mails
    crew = campaign.crew(this.installation, workers=2)
    ours, theirs = [], []
    for number in range(this.options.rounds):
        before = campaign.send(campaign.spool(account, mails), mails, crew)
        theirs.append(_send(this, number, min(MAILS, mails)))
        after = campaign.send(campaign.spool(account, mails), mails, crew)
        ours.append(Pace(rate=(before.rate + after.rate) / 2, cpu=(before.cpu + after.cpu) / 2))
    ratios = [one.rate / other.rate for one, other in zip(ours, theirs, strict=True)]
    raw = bench.summary("sent", ours) | bench.summary("post_office", theirs)
    return [Figure("post_office", statistics.median(ratios), raw, ratios)]


def _send(this: Bench, number: int, mails: int) -> Pace:
    name = f"post-office-{number}"
    process = this.installation.start(
        name,
        *("-m", "tests.benchmarks.post_office_project", str(mails)),
        DJANGO_SETTINGS_MODULE="tests.benchmarks.post_office_project.settings",
        SMTP_PORT=str(urlsplit(this.sink.url).port),
    )
    eventually(lambda: not process.is_alive(), seconds=600)
    if process.popen.returncode:
        sys.exit(this.installation.log(name))
    return Pace(**json.loads(this.installation.log(name).splitlines()[-1]))
