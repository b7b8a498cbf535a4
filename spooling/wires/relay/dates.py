"""Moments as this wire writes and reads them (contract §1.3). Pure."""

from __future__ import annotations

import email.utils
import re
from datetime import UTC, datetime, timedelta, timezone

_ISO = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)"
    r"(?:[Tt ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,7}))?)?)?"
    r"(?P<zone>[Zz]|(?P<sign>[+ -])(?P<hours>\d\d)(?::?(?P<minutes>\d\d))?)",
    re.ASCII,
)
_RFC_1123 = re.compile(r"[A-Za-z]{3}, \d{1,2} [A-Za-z]{3} \d{4} \d\d:\d\d:\d\d (?:GMT|[+-]\d{4})", re.ASCII)


def written(moment: datetime) -> str:
    """In UTC with `+00:00`, and a fraction only where there is one: 2015-09-01T15:16:32.75+00:00."""
    text = moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00")
    return text.rstrip("0").removesuffix(".") + "+00:00"


def read(text: str, *, of_query: bool = False) -> datetime | None:
    """The moment, or None for what names none or has no zone. In a query a blank in the zone is a plus (quirk 6)."""
    text = text.strip()
    try:
        if _RFC_1123.fullmatch(text):
            return email.utils.parsedate_to_datetime(text).astimezone(UTC)
        match = _ISO.fullmatch(text)
        return None if match is None else _moment(match, of_query)
    except (ValueError, OverflowError):
        return None


def _moment(match: re.Match[str], of_query: bool) -> datetime | None:
    said = match.groupdict(default="0")
    if match["sign"] == " " and not (of_query and match["hour"]):
        # `2015-08-15 09:00` has no zone.
        return None
    day = datetime.fromisoformat(said["day"])
    moment = day.replace(hour=int(said["hour"]), minute=int(said["minute"]), second=int(said["second"]))
    # Seven digits are a tick of .NET; a moment of ours has six.
    micro = int(said["fraction"].ljust(6, "0")[:6])
    return moment.replace(microsecond=micro, tzinfo=_zone(match)).astimezone(UTC)


def _zone(match: re.Match[str]) -> timezone:
    if match["sign"] is None:
        return UTC
    offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
    return timezone(-offset if match["sign"] == "-" else offset)
