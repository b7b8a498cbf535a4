"""Which measurements there are and what installation each needs."""

import importlib
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from tests.benchmarks import rig
from tests.benchmarks.bench import Bench, CountsWrong, Options
from tests.benchmarks.report import Figure
from tests.installation import Installation


@dataclass(frozen=True, slots=True)
class Plan:
    """A measurement is the module of its name; `environment` is what its installation sees.

    `pure`: it measures a function, and needs no installation.
    """

    embedded: bool = False
    pure: bool = False
    environment: dict[str, str] = field(default_factory=dict)


PLANS = {
    "delivery": Plan(),
    "post_office": Plan(),
    "accept": Plan(),
    "transactional": Plan(),
    "stages": Plan(),
    "tracking": Plan(environment={"GUNICORN_CMD_ARGS": "--workers 2"}),
    "submission": Plan(),
    "embedded": Plan(embedded=True),
    "rendering": Plan(pure=True),
}
LARGE = {"claims": Plan(), "memory": Plan(), "spooling": Plan(), "figures": Plan()}
COUNTS = ("delivery", "accept", "embedded")


def run(name: str, plan: Plan, options: Options) -> list[Figure]:
    """Run one measurement in a process of its own: Django is set up once a process, for one installation."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        measure = _measure_alone if plan.pure else _measure
        return pool.submit(measure, name, plan, options).result()


def _measure_alone(name: str, plan: Plan, options: Options) -> list[Figure]:
    figures: list[Figure] = importlib.import_module(f"tests.benchmarks.{name}").measure(options)
    return figures


def _measure(name: str, plan: Plan, options: Options) -> list[Figure]:
    with (
        rig.Sink(counting=options.counting) as sink,
        Installation(name, embedded=plan.embedded, SMTP_URL=sink.url, **plan.environment) as installation,
    ):
        installation.use()
        _open_the_way()
        module = importlib.import_module(f"tests.benchmarks.{name}")
        figures: list[Figure] = module.measure(Bench(installation, sink, options))
        if options.counting:
            _check_received(sink)
        return figures


def _open_the_way() -> None:
    """The sink takes a thousand connections; the default of a router is what a Postfix lets one client have."""
    from spooling import routers
    from spooling.models import Router

    routers.ensure_default()
    Router.objects.filter(default=True).update(max_connections=100)


def _check_received(sink: rig.Sink) -> None:
    """What the sink counted is what it was sent, by the ledger. Raises CountsWrong."""
    # Models can be imported only now that this process belongs to an installation.
    from django.db.models import Sum

    from spooling.models import LedgerDelta

    delivered = LedgerDelta.objects.aggregate(n=Sum("delivered"))["n"] or 0
    if sink.received() != sink.sourced + delivered:
        raise CountsWrong(
            f"the sink got {sink.received()}, of {sink.sourced} by smtp-source and {delivered} by us"
        )
