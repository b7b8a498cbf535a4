"""SMTP servers that misbehave in every way that the scripted server knows, and routers beside a stalled one."""

import time
from dataclasses import dataclass

from django.utils import timezone

from earwig.models import Account
from spooling.models import Mail, Router, Shape
from stats.models import Event
from tests.faults import campaigns
from tests.faults.sites import Site
from tests.installation import eventually

#: What mails come to; `later`: they wait for a moment to come, or for their router, which rests.
DELIVERED, FAILED, LATER, HELD, SENDING = {"delivered"}, {"failed"}, {"later"}, {"quarantined"}, {"sending"}
#: Local part → what becomes of a mail to it, at an account that holds mails in doubt. Others beside it are delivered.
ADDRESSED = {
    "rcpt-450": LATER,
    "rcpt-550": FAILED,
    "rcpt-421": LATER,
    "rcpt-cut": LATER,
    "rcpt-reset": LATER,
    "rcpt-garbage": LATER,
    "rcpt-lone": FAILED,
    "rcpt-slow": DELIVERED,
    "once-rcpt-cut": DELIVERED | LATER,
    "data-450": LATER,
    "data-550": FAILED,
    "data-421": LATER,
    "data-cut": LATER,
    "data-garbage": LATER,
    "body-450": LATER,
    "body-550": FAILED,
    "body-421": LATER,
    "body-cut": HELD,
    "body-reset": HELD,
    "body-taken": HELD,
    "body-half": HELD,
    "body-garbage": HELD,
    "body-slow": DELIVERED,
    "body-stall": SENDING,
}
#: The same where the account sends mails in doubt again.
RESENT = {
    "once-body-cut": DELIVERED,
    "once-body-taken": DELIVERED,
    "once-body-half": DELIVERED,
    "body-taken": LATER,
}
#: Where a reset may overtake the reply to the body before, so that this one is in doubt.
OVERTAKEN = {"mail-reset", "rcpt-reset", "data-reset", "body-reset"}
#: A server's name → what becomes of each mail that is sent by it.
WHOLE_SERVERS = {
    "no-pipelining": DELIVERED,
    "no-ehlo": DELIVERED,
    "slow": DELIVERED,
    "lone-dot": FAILED,
    "mail-450": LATER,
    "mail-550": FAILED,
    "mail-421": LATER,
    "greeting-421": LATER,
    "greeting-554": LATER,
    "greeting-cut": LATER,
    "greeting-garbage": LATER,
    "greeting-stall": SENDING,
}
#: Mails of each kind.
EACH = 3
#: How often a mail may have come that its server takes and never acknowledges, some seconds after it was sent.
MOST_RESENT = 3


@dataclass
class Case:
    """Mails that one behaviour meets."""

    name: str
    expected: set[str]
    mail_ids: list[int]
    account: Account

    def wrong(self) -> list[str]:
        rests = Shape.objects.filter(router__account=self.account, faults__gt=0).exists()
        rows = Mail.objects.filter(pk__in=self.mail_ids).values_list("state", "due_at", "last_reply")
        return [
            f"{state}: {reply}" for state, due_at, reply in rows if not self._is_right(state, due_at, rests)
        ]

    def _is_right(self, state: str, due_at, rests: bool) -> bool:
        waits = state == "waiting" and (rests or due_at > timezone.now())
        return ("later" if waits else state) in self.expected


def smtp_misbehaves(site: Site, counts: int) -> None:
    """Each mail ends where it should, or waits for a later moment; those beside it leave; no worker dies."""
    site.smtp("addressed", script="addressed")
    cases: list[Case] = []
    streams: list[campaigns.Campaign] = []
    for name, expected in ADDRESSED.items():
        streams.append(campaigns.stream(_account(f"hold-{name}", in_doubt_transactional="hold")))
        cases += _hand_over(streams[-1], name, expected)
    for name, expected in RESENT.items():
        streams.append(campaigns.stream(_account(f"resend-{name}")))
        cases += _hand_over(streams[-1], name, expected)
    for script, expected in WHOLE_SERVERS.items():
        site.smtp(script, script=script)
        streams.append(campaigns.stream(_account(script)))
        cases += _hand_over(streams[-1], "good", expected)
    for stream in streams:
        slug = stream.account.slug
        _route(site, stream.account, slug if slug in WHOLE_SERVERS else "addressed")
    site.start("transactional-1", "control-1", "beat")
    children = eventually(site.running["transactional-1"].descendants, seconds=30)
    try:
        eventually(lambda: not any(case.wrong() for case in cases), seconds=90, pause=0.5)
    except TimeoutError:
        pass
    site.finding.faults = len(cases)
    for case in cases:
        wrong = case.wrong()
        site.finding.require(
            not wrong, f"{case.name} should be {case.expected}, {len(wrong)} are {wrong[:1]}"
        )
    still = site.running["transactional-1"].descendants()
    site.finding.require(children == still, f"children {children} became {still}")
    for stream in streams:
        _tally(site, stream)
    _require_few_resent(site)


def _account(slug: str, **policies: str) -> Account:
    """Without users: hashing their passwords takes longer than all else here."""
    return Account.objects.create(slug=slug, name=slug, **policies)


def _route(site: Site, account: Account, server: str) -> None:
    """All of the account's mail leaves by the server of that name."""
    port = site.ports[server]
    Router.objects.create(
        account=account, name=account.slug, host="127.0.0.1", port=port, tls="none", default=True
    )


def _hand_over(stream: campaigns.Campaign, local: str, expected: set[str]) -> list[Case]:
    bad = [f"{local}.{n}@a.example" for n in range(EACH)]
    good = [] if local == "good" else [f"good.{n}@a.example" for n in range(EACH)]
    stream.hand_over(bad + good)
    ids = dict(Mail.objects.filter(spooler=stream.spooler).values_list("email", "id"))
    cases = [Case(stream.account.slug, expected, [ids[address] for address in bad], stream.account)]
    if good:
        beside = f"beside {stream.account.slug}"
        cases.append(
            Case(
                beside,
                DELIVERED | (HELD if local in OVERTAKEN else set()),
                [ids[address] for address in good],
                stream.account,
            )
        )
    return cases


def _require_few_resent(site: Site) -> None:
    arrivals = campaigns.received(site.received_log("addressed"))
    most = max(len(times) for times in arrivals.values())
    site.finding.require(most <= MOST_RESENT, f"one mail came {most} times")


def _tally(site: Site, stream: campaigns.Campaign) -> None:
    """Here mails may wait, so that only what was received and what was said of it can be compared."""
    logs = [log for log in site.folder.glob("*.accepted")]
    arrivals = campaigns.received(*logs)
    rows = {mail.public_id.hex: mail for mail in Mail.objects.filter(spooler=stream.spooler)}
    doubts = Event.objects.filter(spooler_id=stream.spooler.pk, kind="in_doubt")
    finding = site.finding
    finding.accepted += len(stream.ids)
    finding.received += len(stream.ids & arrivals.keys())
    finding.duplicates += sum(len(arrivals[one]) - 1 for one in stream.ids if one in arrivals)
    finding.in_doubt += doubts.count()
    finding.held += sum(mail.state == "quarantined" for mail in rows.values())
    lost = [
        one for one in stream.ids if one not in rows or rows[one].state == "delivered" and one not in arrivals
    ]
    finding.lost += len(lost)
    finding.require(not lost, f"{len(lost)} mails are lost")
    doubted = {mail_id: 0 for mail_id in doubts.values_list("mail_id", flat=True)}
    unnamed = [one for one in stream.ids if len(arrivals.get(one, ())) > 1 and rows[one].pk not in doubted]
    finding.require(not unnamed, f"{len(unnamed)} mails came twice and were not named")
    campaigns.require_ledger(finding, stream)


def transactional_beside_stalled(site: Site, counts: int) -> None:
    """One router stalls; mail of accounts with other routers keeps leaving, whichever of them is the default."""
    site.smtp("stalled", script="greeting-stall")
    good, stalled = _account("good"), _account("stalled")
    _route(site, stalled, "stalled")
    site.start("transactional-1", "control-1", "beat")
    _race(site, good, stalled)
    site.finding.faults += 1
    # Now the default stalls, and the good one is an account's own. A drain keeps the servers that it began with.
    site.kill("transactional-1")
    Router.objects.filter(account=None).update(name="smarthost", port=site.ports["stalled"])
    own = _account("own")
    _route(site, own, "smtp")
    site.start("transactional-1")
    _race(site, own, _account("default"))
    site.finding.faults += 1


def _race(site: Site, good, stalled) -> None:
    """Mail of both, turn by turn; the good one's is all delivered in time."""
    stuck, flowing = campaigns.stream(stalled), campaigns.stream(good)
    for _ in range(6):
        stuck.hand_over([f"u{n}@few.example" for n in range(600)])
        flowing.hand_over([f"u{n}@few.example" for n in range(50)])
        time.sleep(1)
    try:
        flowing.wait(20)
    except TimeoutError as error:
        site.finding.failures.append(f"beside a stalled router: {error}")
        return
    rows = Mail.objects.filter(spooler=flowing.spooler).values_list("ended_at", "created_at")
    slowest = max((ended - created).total_seconds() for ended, created in rows)
    site.finding.note(f"the slowest mail beside a stalled router took {slowest:.1f} s")
    campaigns.tally(site.finding, flowing, site.received_log())
