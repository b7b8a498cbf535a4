"""The drills by name, in the order in which they run: where each is, and the installation it wants."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A function `drill(site, counts)` of a module here. Imported when Django is set up for its site."""

    module: str
    #: How often the fault strikes; `--counts` sets it where it is more than once.
    counts: int = 1
    environment: dict[str, str] = field(default_factory=dict)
    embedded: bool = False
    #: The fault reaches tasks, which say so.
    noisy: bool = False
    own_redis: bool = False
    own_postgresql: bool = False


DRILLS = {
    "kill_worker": Plan(module="workers", counts=20),
    "kill_web": Plan(module="web", counts=5),
    "kill_smtpd": Plan(module="submission", counts=5),
    "kill_tracking": Plan(module="tracking", counts=4),
    "webhook_receiver": Plan(
        module="webhooks",
        counts=2,
        environment={
            "EARWIG_ALLOW_PRIVATE_TARGETS": "127.0.0.1",
            "EARWIG_WEBHOOK_SECONDS": "1",
            "EARWIG_WEBHOOK_LONGEST_DELAY_SECONDS": "2",
        },
    ),
    "kill_beat": Plan(module="workers", counts=3, environment={"EARWIG_DRAIN_SECONDS": "3"}),
    "kill_stages_worker": Plan(module="stages", counts=3),
    "kill_stages_beat": Plan(module="stages", counts=4),
    "two_beats": Plan(module="stages", counts=2),
    "kill_everything": Plan(module="workers", counts=3),
    "stop_worker": Plan(module="workers", counts=4, environment={"EARWIG_LEASE_SECONDS": "3"}),
    "kill_child": Plan(module="workers", counts=3, noisy=True),
    "restart_worker": Plan(module="workers", counts=3),
    "kill_worker_embedded": Plan(module="workers", counts=3, embedded=True),
    "lost_host": Plan(
        module="workers", environment={"EARWIG_LEASE_SECONDS": "3", "EARWIG_LOST_HOST_SECONDS": "3"}
    ),
    "broker_emptied": Plan(module="stores", own_redis=True, environment={"EARWIG_DRAIN_SECONDS": "3"}),
    "postgres_restarted": Plan(module="stores", own_postgresql=True, noisy=True),
    "journal_full": Plan(module="stores"),
    "smtp_misbehaves": Plan(module="servers", environment={"EARWIG_DRAIN_SECONDS": "5"}),
    "transactional_beside_stalled": Plan(module="servers"),
    "hostile_bodies": Plan(
        module="hostile", counts=150, environment={"HANDOFF_FROM": "messages@shop.example"}
    ),
    "hostile_schema": Plan(module="hostile"),
}
