"""Whatever a key changes is in the audit trail, without its values."""

from earwig.models import AuditEntry
from spooling.models import Spooler
from tests.wires.octosend.conftest import DEMO, NEWS


def trail(subject):
    rows = AuditEntry.objects.filter(subject__startswith=f"{subject} ").order_by("id")
    return [(row.action, row.detail.get("fields")) for row in rows]


def test_changes_of_a_spooler_are_noted_once(caller, shop):
    token = caller.new("transactional")
    caller.post(f"spooler/{token}/name", {"name": "Secret plans"})
    caller.post(f"spooler/{token}/start", {"start": "soon"})
    for call in ("ready", "ready", "pause", "resume", "resume", "finish", "cancel"):
        caller.post(f"spooler/{token}/{call}")
    moves = ["spooler.ready", "spooler.pause", "spooler.resume", "spooler.finish"]
    assert trail("spooler") == [("add", None), ("change", ["name"]), *((move, None) for move in moves)]
    entry = AuditEntry.objects.get(action="change")
    assert (entry.account_id, entry.key_prefix) == (shop.pk, caller.key[:8])
    assert entry.subject == f"spooler {Spooler.objects.get(token=token).pk}"


def test_domains_and_templates_are_noted(caller):
    template = {"name": "welcome", "type": "text/plain", "content": "Hi"}
    caller.post(f"templates/domain/{DEMO}/create", template)
    caller.post(f"templates/domain/{DEMO}/create", template)
    caller.post(f"templates/domain/{DEMO}/set-content", {**template, "content": "Bye"})
    caller.post(f"templates/domain/{DEMO}/remove", template)
    assert trail("template") == [("add", None), ("change", ["content"]), ("delete", None)]
    caller.post("domains/delete", {"domain": NEWS})
    caller.post("domains/create", {"domain": NEWS})
    assert trail("domain") == [("delete", None), ("add", None)]


def test_looking_leaves_no_trace(caller, token):
    before = AuditEntry.objects.count()
    for path in ("domains/count", f"spooler/{token}", f"templates/domain/{DEMO}/count"):
        caller.get(path)
    caller.post("spoolers/fetch", {})
    assert AuditEntry.objects.count() == before
