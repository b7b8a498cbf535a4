"""SMTP servers that misbehave in every way that the scripted server knows, and routers beside a stalled one."""

import time
from dataclasses import dataclass

from django.utils import timezone

from spooling.models import Mail, Router
from stats.models import Event
from tests.faults import campaigns
from tests.faults.sites import Site
from tests.installation import eventually

#: What a mail comes to; `later`: it waits, for a moment to come.
DELIVERED, FAILED, LATER, HELD, SENDING = "delivered", "failed", "later", "quarantined", "sending"
#: Local part → what becomes of a mail to it, at an account that holds mails in doubt.
ADDRESSED = {
    "good": DELIVERED,
    "rcpt-450": LATER,
    "rcpt-550": FAILED,
    "rcpt-421": LATER,
    "rcpt-cut": LATER,
    "rcpt-reset": LATER,
    "rcpt-garbage": LATER,
    "rcpt-lone": FAILED,
    "rcpt-slow": DELIVERED,
    "once-rcpt-cut": DELIVERED,
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
RESENT = {"once-body-cut": DELIVERED, "once-body-taken": DELIVERED, "once-body-half": DELIVERED}
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
    expected: str
    mail_ids: list[int]

    def wrong(self) -> list[str]:
        rows = Mail.objects.filter(pk__in=self.mail_ids).values_list("state", "due_at", "last_reply")
        return [f"{state}: {reply}" for state, due_at, reply in rows if not self._is_right(state, due_at)]

    def _is_right(self, state: str, due_at) -> bool:
        if self.expected == LATER:
            return state == "waiting" and due_at > timezone.now()
        return state == self.expected


def smtp_misbehaves(site: Site, counts: int) -> None:
    """Each mail ends where it should, or waits for a later moment; no worker dies."""
    site.start("transactional-1", "control-1", "beat")
    site.smtp("addressed", script="addressed")
    holding = _account(site, "holding", "addressed", in_doubt_transactional="hold")
    resending = _account(site, "resending", "addressed")
    streams = [campaigns.stream(holding), campaigns.stream(resending)]
    cases = [_hand_over(streams[0], name, expected) for name, expected in ADDRESSED.items()]
    cases += [_hand_over(streams[1], name, expected) for name, expected in RESENT.items()]
    streams[1].hand_over(["body-taken.9@a.example"])
    for script, expected in WHOLE_SERVERS.items():
        site.smtp(script, script=script)
        streams.append(campaigns.stream(_account(site, script, script)))
        cases.append(_hand_over(streams[-1], "good", expected, named=script))
    children = site.running["transactional-1"].descendants()
    try:
        eventually(lambda: not any(case.wrong() for case in cases), seconds=60, pause=0.5)
    except TimeoutError:
        pass
    site.finding.faults = len(cases)
    for case in cases:
        wrong = case.wrong()
        site.finding.require(
            not wrong, f"{case.name} should be {case.expected}, {len(wrong)} are {wrong[:1]}"
        )
    still = site.running["transactional-1"].descendants()
    site.finding.require(children and children == still, f"children {children} became {still}")
    _require_few_resent(site, streams[1])
    for stream in streams:
        _tally(site, stream)


def _account(site: Site, slug: str, server: str, **policies: str):
    """An account whose mail leaves by the server of that name."""
    account = campaigns.open_account(slug, **policies)
    Router.objects.create(
        account=account, name=slug, host="127.0.0.1", port=site.ports[server], tls="none", default=True
    )
    return account


def _hand_over(stream: campaigns.Campaign, local: str, expected: str, *, named: str = "") -> Case:
    before = set(stream.ids)
    stream.hand_over([f"{local}.{n}@a.example" for n in range(EACH)])
    ids = Mail.objects.filter(public_id__in=stream.ids - before).values_list("id", flat=True)
    return Case(named or local, expected, list(ids))


def _require_few_resent(site: Site, stream: campaigns.Campaign) -> None:
    mail = Mail.objects.get(spooler=stream.spooler, email="body-taken.9@a.example")
    arrivals = campaigns.received(site.received_log("addressed"))[mail.public_id.hex]
    site.finding.require(len(arrivals) <= MOST_RESENT, f"one mail came {len(arrivals)} times")


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
        one for one in stream.ids if one not in rows or rows[one].state == DELIVERED and one not in arrivals
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
    good, stalled = campaigns.open_account("good"), _account(site, "stalled", "stalled")
    site.start("transactional-1", "control-1", "beat")
    _race(site, good, stalled)
    site.finding.faults += 1
    # Now the default stalls, and the good one is an account's own.
    Router.objects.filter(account=None).update(port=site.ports["stalled"])
    own = _account(site, "own", "smtp")
    time.sleep(2)
    _race(site, own, campaigns.open_account("default"))
    site.finding.faults += 1


def _race(site: Site, good, stalled) -> None:
    """Mail of both, turn by turn; the good one's is all delivered in time."""
    stuck, flowing = campaigns.stream(stalled), campaigns.stream(good)
    for _ in range(4):
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
