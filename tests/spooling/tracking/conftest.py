"""A mail with every kind of link, as its recipient has it."""

import re

import pytest
from django.utils import timezone

from earwig.models import Domain
from spooling.models import Mail
from spooling.outbox import intake
from spooling.outbox.drafts import NewContent, NewMail
from tests import made_letters

HTML = (
    "<p>Hi {{firstname}} <a href='{{click:http://t.example/p?a=1&amp;b=2}}'>x</a>"
    "<a href='{{click:https://t.example/?id={{id}}}}'>own</a> <a href='{{mirror}}'>m</a>"
    "<a href='{{unsubscribe}}'>u</a> <a href='{{unsubscribe:https://shop.example/bye}}'>v</a>{{pixel}}</p>"
)
CONTENT = NewContent(from_email="shop@sender.example", subject="Hi", html=HTML, template_language="braces")
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)"
_URL = re.compile(r"/t/[cpmu]/[A-Za-z0-9_-]+")


class Sent:
    """A mail and the paths of its links, in order."""

    def __init__(self, accepted):
        self.id = accepted.id
        self.data = made_letters.of(accepted.id).data
        body = self.data.partition(b"\r\n\r\n")[2].replace(b"=\r\n", b"").decode()
        self.click, self.own_click, self.mirror, self.unsubscribe, self.custom, self.pixel = _URL.findall(
            body
        )

    @property
    def row(self):
        return Mail.objects.get(pk=self.id)


@pytest.fixture
def domain(account):
    return Domain.objects.create(account=account, name="sender.example")


@pytest.fixture
def sent(account, domain):
    def call(content=CONTENT, address="ann@x.example", lane="bulk", **more):
        mail = NewMail(email=address, variables={"firstname": "Ann", "id": "7&8"})
        send = intake.NewSend(content=content, mails=(mail,), lane=lane, domain_id=domain.pk, **more)
        submission = intake.NewSubmission(account_id=account.pk, wire="octosend")
        return Sent(intake.accept(submission, [send], now=timezone.now())[0])

    return call


@pytest.fixture
def visit(client):
    """A person's browser."""

    def call(path, method="get", agent=PHONE, **more):
        return getattr(client, method)(path, headers={"User-Agent": agent}, **more)

    return call
