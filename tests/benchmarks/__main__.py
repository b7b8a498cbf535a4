"""`python -m tests.benchmarks [--mails N] [--rounds N] [--large | --counts] [name …]`: runs the measurements, prints
their table and writes JSON under var/. Fails when counts are wrong.
"""

import argparse
import sys
import time

from tests.benchmarks import plans, report
from tests.benchmarks.bench import CountsWrong, Options
from tests.benchmarks.report import Figure


def main() -> None:
    given = _arguments()
    known = plans.LARGE if given.large else plans.PLANS
    options = Options(mails=given.mails, rounds=given.rounds, counting=given.counts)
    if given.counts:
        options = Options(mails=2_000, rounds=1, counting=True)
    names = given.names or (plans.COUNTS if given.counts else known)
    figures: list[Figure] = []
    for name in names:
        start = time.monotonic()
        try:
            figures += plans.run(name, known[name], options)
        except CountsWrong as wrong:
            sys.exit(f"{name}: {wrong}")
        print(f"{name}: {time.monotonic() - start:.0f} s", flush=True)
    kind = "-large" if given.large else "-counts" if given.counts else ""
    report.write(figures, path=report.FOLDER / f"bench{kind}.json", mails=options.mails)
    print("every mail was delivered once, and the ledgers add up" if given.counts else report.show(figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", help=f"of {', '.join(plans.PLANS)}; with --large of {', '.join(plans.LARGE)}"
    )
    parser.add_argument("--mails", type=int, default=100_000, help="of a campaign")
    parser.add_argument("--rounds", type=int, default=3, help="the median of so many is shown")
    parser.add_argument("--large", action="store_true", help="a million mails, ten million rows")
    parser.add_argument("--counts", action="store_true", help="a few mails; only counts are checked")
    return parser.parse_args()


if __name__ == "__main__":
    main()
