"""What a drill found: its counts, what did not hold, and the table of all drills."""

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

COLUMNS = ("accepted", "received", "duplicates", "in_doubt", "held", "lost")


@dataclass(kw_only=True)
class Finding:
    """The counts of one drill, over all its rounds."""

    drill: str
    accepted: int = 0
    #: Distinct Message-IDs that the SMTP servers took responsibility for.
    received: int = 0
    duplicates: int = 0
    in_doubt: int = 0
    #: In doubt and held by their account's policy: named, for a person to decide.
    held: int = 0
    lost: int = 0
    ledger: bool = True
    faults: int = 0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _since: float = field(default_factory=time.monotonic)

    def require(self, holds: object, otherwise: str) -> None:
        """Note a failure unless it holds; the drill goes on, so that one run shows all that is wrong."""
        if not holds:
            self.failures.append(otherwise)

    def note(self, text: str) -> None:
        self.notes.append(text)

    @property
    def passed(self) -> bool:
        return not self.failures

    def as_dict(self) -> dict:
        self.seconds = self.seconds or round(time.monotonic() - self._since, 1)
        return {name: value for name, value in asdict(self).items() if name != "_since"}


def of_dict(data: dict) -> Finding:
    return Finding(**data)


def print_table(findings: list[Finding]) -> None:
    head = f"{'drill':<30}{'faults':>7}" + "".join(f"{name:>11}" for name in COLUMNS) + "   ledger   time"
    print(f"\n{head}\n{'-' * len(head)}")
    for finding in findings:
        counts = "".join(f"{getattr(finding, name):>11,}" for name in COLUMNS)
        ledger = "adds up" if finding.ledger else "WRONG"
        verdict = "PASS" if finding.passed else "FAIL"
        print(
            f"{finding.drill:<30}{finding.faults:>7}{counts}  {ledger:>7}{finding.seconds:>6.0f}s  {verdict}"
        )
    for finding in findings:
        for line in finding.failures:
            print(f"FAIL {finding.drill}: {line}")
        for line in finding.notes:
            print(f"     {finding.drill}: {line}")


def write(findings: list[Finding], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([finding.as_dict() for finding in findings], indent=2) + "\n")
