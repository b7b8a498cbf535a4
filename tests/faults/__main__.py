"""`python -m tests.faults [--counts N] [--seed S] [names…]`: run the drills, print their table, keep it as JSON.

Exit status 1 when anything did not hold.
"""

import argparse
import importlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import installation
from tests.faults import drills, report, sites

#: A drill that takes longer has failed.
MOST_SECONDS = 1200


def main() -> int:
    options = _options()
    if options.child:
        return _run(options)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    names = options.names or list(drills.DRILLS)
    unknown = set(names) - drills.DRILLS.keys()
    if unknown:
        print(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(drills.DRILLS)}", file=sys.stderr)
        return 2
    findings = [_in_a_process(name, options) for name in names]
    report.print_table(findings)
    report.write(findings, installation.ROOT / "var" / "faults.json")
    return 0 if all(finding.passed for finding in findings) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("names", nargs="*", metavar="drill", help=", ".join(drills.DRILLS))
    parser.add_argument("--counts", type=int, help="kills a drill; by default what the drill says")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the random moments")
    parser.add_argument("--keep-logs", help="a folder for the processes' output")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def _in_a_process(name: str, options: argparse.Namespace) -> report.Finding:
    """One installation a process: Django's settings can be read but once."""
    with tempfile.TemporaryDirectory(prefix="earwig-drill-") as folder:
        result = Path(folder) / "finding.json"
        argv = [
            sys.executable,
            "-m",
            "tests.faults",
            name,
            "--child",
            str(result),
            "--seed",
            str(options.seed),
        ]
        argv += ["--counts", str(options.counts)] if options.counts else []
        argv += ["--keep-logs", options.keep_logs] if options.keep_logs else []
        print(f"== {name} (seed {options.seed})", flush=True)
        log = Path(folder) / "drill.log"
        child = installation.Process(argv, environment=dict(os.environ), log=log)
        try:
            child.popen.wait(MOST_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:
            child.stop()
        print(log.read_text(errors="replace"), end="", flush=True)
        if result.exists():
            return report.of_dict(json.loads(result.read_text()))
        return report.Finding(drill=name, failures=[f"ended with {child.popen.returncode}, no finding"])


def _run(options: argparse.Namespace) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    (name,) = options.names
    random.seed(f"{name} {options.seed}")
    plan = drills.DRILLS[name]
    finding = report.Finding(drill=name)
    with sites.Site(finding, plan, logs=options.keep_logs) as site:
        drill = getattr(importlib.import_module(f"tests.faults.drills.{plan.module}"), name)
        try:
            drill(site, options.counts if options.counts and plan.counts > 1 else plan.counts)
        except (TimeoutError, subprocess.SubprocessError) as error:
            finding.failures.append(f"{type(error).__name__}: {error}")
        site.require_alive()
        site.require_quiet_logs()
        site.require_ledger()
    Path(options.child).write_text(json.dumps(finding.as_dict()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
