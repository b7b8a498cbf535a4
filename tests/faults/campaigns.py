"""Mails of a drill: handed over, counted where they arrived, and compared with what the outbox says of them."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connection
from django.utils import timezone

from earwig import accounts
from earwig.models import Account
from spooling import ledger, spoolers
from spooling.models import Mail, Spooler
from spooling.outbox import intake
from stats.models import Event
from tests.faults.report import Finding
from tests.installation import eventually

#: Mails of one call.
BATCH = 1000
UNSETTLED = ("waiting", "sending", "in_doubt")


def open_account(slug: str, **policies: str) -> Account:
    account = accounts.open_account(
        slug, name=slug, email=f"{slug}@staff.example", password="correct horse", now=timezone.now()
    )
    Account.objects.filter(pk=account.pk).update(**policies)
    return account


@dataclass
class Campaign:
    """Mails of one spooler, by Message-ID."""

    account: Account
    spooler: Spooler
    ids: set[str] = field(default_factory=set)

    def hand_over(self, addresses: list[str]) -> None:
        for start in range(0, len(addresses), BATCH):
            chosen = addresses[start : start + BATCH]
            content = intake.NewContent(
                from_email="news@sender.example",
                subject="Hello {{name}}",
                text="Dear {{name}}, " + "x" * 1500,
            )
            send = intake.NewSend(
                content=content,
                mails=tuple(
                    intake.NewMail(email=address, variables={"name": f"N{n}"})
                    for n, address in enumerate(chosen)
                ),
                lane=self.spooler.lane,
                spooler_id=self.spooler.pk,
                domain_id=None,
            )
            submission = intake.NewSubmission(account_id=self.account.pk, wire="native")
            self.ids |= {one.public_id.hex for one in intake.accept(submission, [send], now=timezone.now())}

    def ready(self) -> None:
        spoolers.ready(self.spooler, now=timezone.now())

    def figures(self) -> dict[str, int]:
        return ledger.of_spooler(self.spooler.pk)

    def unsettled(self) -> int:
        return sum(self.figures()[state] for state in UNSETTLED)

    def wait(self, seconds: float = 120) -> None:
        """Until none of its mails is waiting, being sent or in doubt. Raises TimeoutError."""
        try:
            eventually(lambda: not self.unsettled(), seconds=seconds, pause=0.2)
        except TimeoutError as error:
            raise TimeoutError(f"not settled after {seconds:g} s: {self.figures()}") from error


def bulk(account: Account, mails: int, *, domain: str = "many.example") -> Campaign:
    """A campaign that is stored and not yet launched."""
    campaign = Campaign(account, spoolers.open_campaign(account, name="drill", now=timezone.now()))
    campaign.hand_over([f"u{n}@{domain}" for n in range(mails)])
    return campaign


def stream(account: Account) -> Campaign:
    """The account's standing transactional stream."""
    spooler = Spooler.objects.get(pk=spoolers.stream_id(account.pk, "transactional"))
    return Campaign(account, spooler)


def received(*logs: Path) -> dict[str, list[float]]:
    """When each message, by the first part of its Message-ID, was accepted by an SMTP server."""
    found: dict[str, list[float]] = defaultdict(list)
    for log in logs:
        if log.exists():
            for line in log.read_bytes().splitlines():
                row = json.loads(line)
                found[row["message_id"].strip("<>").partition("@")[0]].append(row["at"])
    return found


def count_lines(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0


def wait_for_lines(log: Path, lines: int, *, seconds: float = 60) -> None:
    eventually(lambda: count_lines(log) >= lines, seconds=seconds, pause=0.005)


def tally(finding: Finding, campaign: Campaign, *logs: Path) -> int:
    """Add the campaign's counts to the finding and require what always must hold; answers its duplicates.

    Nothing is lost: a mail said to be delivered was received, no mail is gone, none hangs. Each reception beyond the
    first follows an event that named the mail as in doubt.
    """
    arrivals = received(*logs)
    states = {
        public_id.hex: (state, mail_id)
        for public_id, state, mail_id in Mail.objects.filter(spooler=campaign.spooler).values_list(
            "public_id", "state", "id"
        )
    }
    doubts = _doubts(campaign)
    duplicates = sum(len(arrivals[one]) - 1 for one in campaign.ids if one in arrivals)
    lost = [
        one
        for one in campaign.ids
        if one not in states or one not in arrivals and states[one][0] in ("delivered", *UNSETTLED)
    ]
    unnamed = [
        one
        for one in campaign.ids
        if one in states and not _named(sorted(arrivals.get(one, ())), doubts.get(states[one][1], []))
    ]
    unsettled = [one for one, (state, _) in states.items() if state in UNSETTLED]
    not_told = [
        one for one in campaign.ids if one in arrivals and states[one][0] not in ("delivered", "quarantined")
    ]
    finding.accepted += len(campaign.ids)
    finding.received += len(campaign.ids & arrivals.keys())
    finding.duplicates += duplicates
    finding.in_doubt += sum(len(times) for times in doubts.values())
    finding.held += sum(state == "quarantined" and mail_id in doubts for state, mail_id in states.values())
    finding.lost += len(lost)
    finding.require(not lost, f"{len(lost)} mails are lost, one is {lost[:1]}")
    finding.require(not unnamed, f"{len(unnamed)} mails came twice and were not named first: {unnamed[:1]}")
    finding.require(not unsettled, f"{len(unsettled)} mails are unsettled: {campaign.figures()}")
    finding.require(not not_told, f"{len(not_told)} mails were received and are not said to be delivered")
    finding.require(
        states.keys() == campaign.ids, f"{len(states)} rows for {len(campaign.ids)} accepted mails"
    )
    require_ledger(finding, campaign)
    return duplicates


def _doubts(campaign: Campaign) -> dict[int, list[float]]:
    found: dict[int, list[float]] = defaultdict(list)
    events = Event.objects.filter(spooler_id=campaign.spooler.pk, kind="in_doubt").order_by("id")
    for mail_id, at in events.values_list("mail_id", "at"):
        found[mail_id].append(at.timestamp())
    return found


def _named(arrivals: list[float], doubts: list[float]) -> bool:
    """Whether the n-th reception after the first came after at least n doubts."""
    return all(sum(at < arrival for at in doubts) >= n for n, arrival in enumerate(arrivals) if n)


def require_ledger(finding: Finding, campaign: Campaign) -> None:
    figures, counted = campaign.figures(), ledger.recount(campaign.spooler.pk)
    good = ledger.adds_up(figures) and figures == counted
    finding.ledger &= good
    finding.require(good, f"the ledger says {figures}, its rows {counted}")
    of_account = ledger.of_account(campaign.account.pk)
    finding.require(ledger.adds_up(of_account), f"the account's ledger says {of_account}")


def reconnect() -> None:
    """Forget a database connection that a restart of the server broke."""
    connection.close()
