"""A line of a drain, and what passes it: the server's address going out, results and refusals coming back."""

from __future__ import annotations

import random
from collections import deque
from datetime import datetime

from django.conf import settings

from spooling import routers
from spooling.delivery import exchanges, mx, smtp, verdicts
from spooling.delivery.consignments import Parcel, Returns, Site
from spooling.outbox.values import Result
from spooling.suppressions import Occasion, Refusal

#: Connection faults in a row after which a router rests; and a site, whose hosts were all tried each time.
FAULTS_TO_REST, FAULTS_TO_REST_A_SITE = 3, 2
#: Of direct delivery: one server that answers slowly must not keep connections from thousands of others.
DIRECT_TIMEOUTS = smtp.Timeouts(connect=15, idle=1)
#: Messages of a line that are made ahead of their sending; and of a site's, of which there are many.
MADE_TOGETHER, MADE_FOR_A_SITE = 100, 20


class Line:
    """One router in this drain, or one site: parcels that wait for a connection, the pool that sends them, results."""

    def __init__(self, destination: routers.Destination, site: Site | None = None) -> None:
        self.destination, self.site = destination, site
        self.parcels: deque[Parcel] = deque()
        self.pool: smtp.Pool | None = None
        self.connections = 0
        self.returns = self.fresh_returns()
        self.oldest = 0.0
        #: The count of faults at which the router was last put to rest.
        self.rested_after = 0
        self.faults_to_rest = FAULTS_TO_REST if site is None else FAULTS_TO_REST_A_SITE
        self.made_together = MADE_TOGETHER if site is None else MADE_FOR_A_SITE

    def fresh_returns(self) -> Returns:
        return Returns(self.destination, site=self.site)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way on it."""
        open_ = self.pool is not None and self.pool.connections_open
        return not (self.parcels or self.returns.results or open_)

    def unspend(self, parcel: Parcel) -> None:
        """It does not leave: what it was counted to is given back."""
        if parcel.spent is not None:
            self.returns.unspent.append(parcel.spent)

    def put_back(self, parcel: Parcel, outcome: smtp.Outcome) -> None:
        """Let a parcel that was not touched wait for another connection."""
        parcel.untouched += 1
        if outcome.stage == "connection":
            self.parcels.appendleft(parcel)
        else:
            # The line broke at its own command. Others go first: if they get through, the router is well.
            parcel.blamed = outcome.text
            self.parcels.append(parcel)


def server_of(destination: routers.Destination, site: Site | None = None) -> smtp.Server:
    tls = smtp.Tls(destination.tls)
    # Whom DNS without signatures names proves nothing, so where TLS is taken as it comes its certificate is too.
    verify = destination.verify_certificate and (site is None or tls is not smtp.Tls.OPPORTUNISTIC)
    return smtp.Server(
        host=destination.host,
        port=destination.port,
        tls=tls,
        verify_certificate=verify,
        username=destination.username,
        password=destination.password,
        helo_name=destination.helo_name,
        mails_per_connection=destination.mails_per_connection,
        timeouts=smtp.Timeouts() if site is None else DIRECT_TIMEOUTS,
        route=None if site is None else _route(site, destination.port),
    )


def _route(site: Site, port: int) -> exchanges.Route:
    return exchanges.Route(site.exchanges, port, is_broken=mx.is_broken, note_broken=mx.note_broken)


def result_of(parcel: Parcel, outcome: smtp.Outcome, *, now: datetime) -> Result:
    """The verdict on a parcel; one at which connections broke is put off as if its server had said so."""
    mail = parcel.mail
    moment = verdicts.Moment(now, random.random(), settings.RETRY_HORIZONS[mail.lane])
    if outcome.verdict is smtp.Verdict.UNTOUCHED and (parcel.blamed or parcel.site):
        # Connections broke at this very mail: that is its own failure, and its horizon ends it. So it does where the
        # recipient's own servers cannot be reached.
        return verdicts.postponed(mail, parcel.claim_id, outcome, moment)
    return verdicts.result_of(mail, parcel.claim_id, outcome, moment)


def given_back(parcel: Parcel, *, fault: str, now: datetime) -> Result:
    """Of a parcel that goes back because its line rests, by the fault, or because the drain is over.

    It costs nothing but where it may be why the line broke, or where the recipient's own servers cannot be reached.
    """
    blame = parcel.blamed or (fault if parcel.site else "")
    if blame:
        outcome = smtp.Outcome(smtp.Verdict.UNTOUCHED, 0, blame, "connection")
        return result_of(parcel, outcome, now=now)
    due_at = now + routers.rest(1) if fault else None
    return Result(parcel.mail.id, parcel.claim_id, "waiting", due_at=due_at)


def refusal_of(parcel: Parcel, outcome: smtp.Outcome) -> Refusal:
    """What the suppressions may learn from a permanent refusal."""
    mail = parcel.mail
    occasion = Occasion(
        account_id=mail.account_id,
        domain_id=mail.domain_id,
        spooler_id=mail.spooler_id,
        mail_id=mail.id,
        destination=mail.email.rpartition("@")[2].lower(),
        provider=mail.provider,
        router=parcel.destination.name,
        lane=mail.lane,
        email=mail.email,
    )
    return Refusal(occasion=occasion, stage=outcome.stage, code=outcome.code, enhanced=outcome.enhanced)
