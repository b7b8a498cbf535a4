"""The memory of one worker that sends a million mails."""

import re
import time
from pathlib import Path

from spooling import ledger
from spooling.models import Spooler
from tests.benchmarks import campaign, growth
from tests.benchmarks.bench import Bench
from tests.benchmarks.campaign import Crew
from tests.benchmarks.report import Figure
from tests.installation import eventually

MAILS = 1_000_000


def measure(this: Bench) -> list[Figure]:
    """The peak of its resident memory at the end, and against that after the first tenth."""
    mails = int(MAILS * this.options.mails / 100_000)
    account = campaign.open_account()
    crew = campaign.crew(this.installation, workers=1)
    made = growth.spool(account, mails)
    start = time.monotonic()
    campaign.launch(made, crew)
    eventually(lambda: _delivered(made) >= mails // 10, seconds=campaign.TIME_OUT_SECONDS)
    tenth = _peak(crew)
    campaign.await_end(made, this.installation)
    end, seconds = _peak(crew), time.monotonic() - start
    campaign.check(made, mails)
    raw = {"after a tenth": tenth, "at the end": end, "sent /s": mails / seconds}
    return [Figure("memory", end, raw), Figure("memory_growth", end / tenth, raw)]


def _delivered(made: Spooler) -> int:
    return ledger.of_spooler(made.pk)["delivered"]


def _peak(crew: Crew) -> float:
    """VmHWM of the process that sends, in MiB."""
    return max(
        int(re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024
        for worker in crew.bulk
        for pid in worker.descendants()
    )
