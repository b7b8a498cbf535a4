"""The DNS records of a domain's page, with what the last look found."""

from __future__ import annotations

from dataclasses import dataclass

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from earwig import dns_records
from earwig.dns_looks import State
from earwig.models import Domain

#: Colours of the admin's labels.
VARIANTS = {State.OK: "success", State.MISSING: "warning", State.WRONG: "danger", State.UNREACHABLE: "info"}
NOT_LOOKED = "not looked up"
FINE, FAILING, REMOVED = "in order", "problems", "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record or one look."""

    record: dns_records.Record
    #: Whether the owner has to publish it.
    published: bool
    state: str
    found: str
    sentence: str

    @property
    def variant(self) -> str:
        return VARIANTS.get(State(self.state), "") if self.state in State.values else ""


def rendered(domain: Domain) -> SafeString:
    """The table, and the records as lines of a zone file."""
    records = dns_records.of(domain)
    context = {
        "rows": [
            *(_row(domain, record, True) for record in records),
            _row(domain, dns_records.mx(domain), False),
        ],
        "zone": "\n".join(record.zone_line() for record in records),
        "asked_at": domain.dns_checked_at,
    }
    return render_to_string("earwig/admin/records.html", context)


def summary(domain: Domain) -> str:
    """How the domain stands, in a word or two."""
    if domain.removed_at:
        return REMOVED
    if not domain.dns_state:
        return NOT_LOOKED
    return FINE if domain.dns_state["ok"] else FAILING


def _row(domain: Domain, record: dns_records.Record, published: bool) -> Row:
    seen = domain.dns_state.get("checks", {}).get(record.check, {})
    # What was seen of another name or value, before the domain was changed, says nothing.
    if (seen.get("name"), seen.get("expected")) != (record.name, record.value):
        seen = {}
    return Row(
        record=record,
        published=published,
        state=seen.get("state", NOT_LOOKED),
        found=seen.get("found", ""),
        sentence=seen.get("sentence", ""),
    )
