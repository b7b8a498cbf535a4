import pytest
from django.utils import timezone

from spooling.delivery import letters
from spooling.errors import ContentUnusable
from spooling.models import Content, Mail
from spooling.outbox import values

pytestmark = pytest.mark.django_db


def test_an_erased_content_holds_its_own_mails_and_stops_no_others(spool):
    spool("a@x.example")
    Content.objects.update(from_email="", subject="", text="", erased_at=timezone.now())
    spool("b@x.example")
    erased, whole = values.claimed(Mail.objects.order_by("id"))
    loaded = letters.Letters()

    loaded.load([erased, whole])

    assert loaded.erased == {erased.content_id}
    assert b"To: b@x.example\r\n" in loaded.message(whole, 0).data
    with pytest.raises(ContentUnusable):
        loaded.message(erased, 0)
