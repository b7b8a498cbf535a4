"""Accepting mail over HTTP against a plain DRF view, in turn: the same payloads, server settings and PostgreSQL."""

import statistics

from django.utils import timezone

from earwig import api_keys
from earwig.models.api_keys import Scope
from spooling import ledger
from tests.benchmarks import campaign, letters, load
from tests.benchmarks.bench import Bench, CountsWrong, Options
from tests.benchmarks.load import Load
from tests.benchmarks.report import Figure
from tests.installation import Installation, free_port

#: How many different requests there are of each size.
REQUESTS = 200
SECONDS = 4.0
WARM_UP_SECONDS = 1.0
PLAIN = "tests.benchmarks.plain_drf_project"


def measure(this: Bench) -> list[Figure]:
    """One mail a request, then a hundred."""
    account = campaign.open_account()
    key = api_keys.issue(account, name="bench", scopes=Scope.values, now=timezone.now()).secret
    ours, theirs = free_port(), free_port()
    this.installation.web(ours)
    plain = {"DJANGO_SETTINGS_MODULE": f"{PLAIN}.settings"}
    this.installation.start("plain-migrate", "-m", "django", "migrate", "--run-syncdb", **plain).popen.wait(
        60
    )
    token = _token(this.installation, plain)
    this.installation.web(theirs, application=f"{PLAIN}.wsgi", **plain)
    figures, accepted = [], 0
    for name, mails in (("accept_one", 1), ("accept_hundred", 100)):
        bodies = [letters.request_body(range(n * mails, (n + 1) * mails)) for n in range(REQUESTS)]
        our_load = Load(port=ours, path="/api/v1/mails/", authorization=f"Token {key}", bodies=bodies)
        their_load = Load(port=theirs, path="/mails/", authorization=f"Token {token}", bodies=bodies)
        figure, requests = _compare(name, our_load, their_load, this.options)
        figures.append(figure)
        accepted += requests * mails
    if ledger.of_account(account.pk)["spooled"] != accepted:
        raise CountsWrong(f"{accepted} accepted, {ledger.of_account(account.pk)}")
    return figures


def _token(installation: Installation, plain: dict[str, str]) -> str:
    """A token of the plain project."""
    made = installation.start("plain-token", "-m", f"{PLAIN}.token", **plain)
    made.popen.wait(60)
    return made.log.read_text().split()[-1]


def _compare(name: str, our_load: Load, their_load: Load, options: Options) -> tuple[Figure, int]:
    """The figure, and how many requests ours answered by 201."""
    ours = [load.apply(our_load, seconds=WARM_UP_SECONDS)]
    load.apply(their_load, seconds=WARM_UP_SECONDS)
    theirs = []
    for _ in range(options.rounds):
        theirs.append(load.apply(their_load, seconds=SECONDS))
        ours.append(load.apply(our_load, seconds=SECONDS))
    ratios = [one.rate / other.rate for one, other in zip(ours[1:], theirs, strict=True)]
    raw = {
        "requests /s": statistics.median(outcome.rate for outcome in ours[1:]),
        "plain /s": statistics.median(outcome.rate for outcome in theirs),
    }
    for outcome in (*ours, *theirs):
        if set(outcome.statuses) != {201}:
            raise CountsWrong(f"{name}: {outcome.statuses}")
    return Figure(name, statistics.median(ratios), raw, ratios), sum(each.statuses[201] for each in ours)
