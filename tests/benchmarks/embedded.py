"""Delivery of an embedded installation: SQLite, Celery's broker of files, one worker."""

from tests.benchmarks import bench, campaign, rig
from tests.benchmarks.bench import Bench
from tests.benchmarks.report import Figure

#: A share of the campaign on PostgreSQL: that many fit the time.
SHARE = 5


def measure(this: Bench) -> list[Figure]:
    account = campaign.open_account()
    crew = campaign.crew(this.installation, workers=1)
    mails = this.options.mails // SHARE

    def leave() -> rig.Pace:
        return campaign.send(campaign.spool(account, mails), mails, crew)

    return [bench.against_rig("embedded", this, leave)]
