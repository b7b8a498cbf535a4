"""The table that a run prints, and its JSON."""

import json
import os
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.installation import ROOT

FOLDER = ROOT / "var"


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure is held against; `most`: less is better."""

    title: str
    at_least: float
    aim: float
    unit: str = "×"
    most: bool = False

    def judge(self, value: float) -> str:
        if (value <= self.aim) if self.most else (value >= self.aim):
            return "aim"
        return "ok" if ((value <= self.at_least) if self.most else (value >= self.at_least)) else "BELOW"


GOALS = {
    "two_workers": Goal("two workers, unsigned, × the rig's limit", 0.60, 0.80),
    "one_worker": Goal("one worker, unsigned, × the rig's limit", 0.45, 0.60),
    "post_office": Goal("two workers, × django-post_office tuned", 12, 16),
    "ed25519": Goal("two workers, Ed25519, × the rig's limit", 0.45, 0.60),
    "rsa": Goal("two workers, RSA-2048, × twice the raw one-core signing rate", 0.55, 0.63),
    "accept_one": Goal("one mail a request, × a plain DRF view", 2.5, 3.5),
    "accept_hundred": Goal("100 mails a request, × DRF many=True", 5, 8),
    "transactional": Goal("transactional p99 beside a bulk campaign, accept to reply", 1.0, 0.5, "s", True),
    "tracking_clicks": Goal("clicks, two web processes, keep-alive", 2_000, 3_000, "/s"),
    "tracking_pictures": Goal("pictures, two web processes, keep-alive", 2_000, 3_000, "/s"),
    "tracking_beside": Goal("click p99 at 50/s beside a bulk campaign", 50, 20, "ms", True),
    "submission": Goal("messages submitted by SMTP over 10 connections", 1_000, 2_000, "/s"),
    "stages": Goal("100,000 of 1,000,000 subscriptions due, to spooled", 20, 10, "s", True),
    "stages_memory": Goal("memory after them, × after the first 4,000", 1.2, 1.05, "×", True),
    "embedded": Goal("embedded, one worker, × the rig's limit", 0.25, 0.5),
    "rendering_mustache": Goal("rendering by mustache, × Django templates", 5, 8),
    "rendering_braces": Goal("rendering by braces, × Django templates, unrolled", 5, 8),
    "rendering_smarty": Goal("rendering by smarty, × Django templates", 4, 8),
    "last_claims": Goal(
        "claims of the last 1 % of 1,000,000, × the first, a snapshot held", 1.5, 1.1, "×", True
    ),
    "beside_settled": Goal("claims beside 10,000,000 settled mails, × without", 1.5, 1.1, "×", True),
    "spooling": Goal("recipients spooled by batches of 5,000", 20_000, 30_000, "/s"),
    "spooling_memory": Goal(
        "memory of web after 1,000,000 recipients, × after the first tenth", 1.1, 1.02, "×", True
    ),
    "life_cycle": Goal("ready, pause, resume or cancel of 1,000,000 mails", 50, 20, "ms", True),
    "memory": Goal("memory of a worker after 1,000,000 mails", 250, 150, "MiB", True),
    "memory_growth": Goal("memory after 1,000,000 mails, × after the first tenth", 1.1, 1.02, "×", True),
    "statistics": Goal("figures of a 1,000,000-mail spooler while it sends", 50, 30, "ms", True),
    "statistics_router": Goal("the same by router", 50, 30, "ms", True),
    "statistics_provider": Goal("the same by provider", 50, 30, "ms", True),
    "statistics_router_provider": Goal("the same by router and provider", 50, 30, "ms", True),
    "statistics_destination": Goal("the same by 5,000 recipients' domains", 300, 150, "ms", True),
    "statistics_router_destination": Goal("the same by router and domain", 300, 150, "ms", True),
    "figures_ledger": Goal("its ledger", 50, 10, "ms", True),
    "figures_timeline": Goal("its timeline", 50, 30, "ms", True),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value; `raw` are the figures it was made of, `spread` the values of the single rounds."""

    name: str
    value: float
    raw: dict[str, float] = field(default_factory=dict)
    spread: list[float] = field(default_factory=list)

    def line(self) -> str:
        goal = GOALS[self.name]
        verdict = goal.judge(self.value)
        shown = f"{self.value:.2f} {goal.unit}"
        return f"{goal.title:<68} {shown:>11} {goal.at_least:>7g} {goal.aim:>6g}  {verdict}"

    def details(self) -> str:
        raw = ", ".join(f"{name} {value:,.6g}" for name, value in self.raw.items())
        rounds = f"  rounds {' '.join(f'{value:.2f}' for value in self.spread)}" if self.spread else ""
        return f"    {raw}{rounds}"


def show(figures: list[Figure]) -> str:
    heading = f"{'':<68} {'measured':>11} {'at least':>7} {'aim':>6}"
    return "\n".join([heading, *(f"{figure.line()}\n{figure.details()}" for figure in figures)])


def write(figures: list[Figure], *, path: Path, mails: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        "at": datetime.now(UTC).isoformat(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "mails": mails,
        "figures": [
            asdict(figure)
            | {"title": GOALS[figure.name].title, "verdict": GOALS[figure.name].judge(figure.value)}
            for figure in figures
        ],
    }
    path.write_text(json.dumps(document, indent=2))
