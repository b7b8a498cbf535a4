"""What answers by itself is a response, never a bounce; and is told from what people write."""

import pytest

from spooling.inbound import automatic, bounds
from spooling.inbound.fields import Fields
from spooling.models import Mail, Suppression
from tests.spooling.inbound import messages
from tests.spooling.inbound.conftest import events_of, return_path

pytestmark = pytest.mark.django_db

#: Headers and subjects by which programs answer.
AUTOMATIC = [
    {"Auto_Submitted": "auto-replied (vacation)"},
    {"Auto_Submitted": "auto-generated"},
    {"X_Autoreply": "yes"},
    {"X_Autorespond": "Re: Order"},
    {"Precedence": "auto_reply"},
    {"Precedence": "bulk"},
    {"List_Id": "<l.x.example>"},
    *(
        {"subject": subject}
        for subject in (
            *("Automatic reply: Order", "Out of Office: Order", "Out of the office", "AutoReply: x"),
            *("Automatische Antwort: Bestellung", "Abwesenheitsnotiz: x", "Abwesend: bis Montag"),
            *("Réponse automatique : x", "Absence du bureau", "Respuesta automática: x", "Fuera de la oficina"),
            *("Risposta automatica: x", "Resposta automática: x", "Automatisch antwoord: x", "Autosvar: x"),
            *("Automaattinen vastaus: x", "Automatyczna odpowiedź: x", "Автоответ: x", "自動返信: x"),
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize("how", AUTOMATIC, ids=lambda how: str(list(how.values())[0]))
def test_an_automatic_answer_is_a_response_and_no_bounce(sent, arrive, how):
    mail = sent()
    text = "I am away. ann@x.example is no longer valid: no such user. 550 5.1.1\n"
    raw = messages.written("ann@x.example", return_path(mail), text=text, **how)
    row = arrive(raw, return_path(mail), sender="ann@x.example")
    assert (row.kind, row.mail_id) == ("auto_reply", mail.pk)
    (event,) = events_of(mail, "response")
    assert event.detail == {"automatic": True} and event.counts == 1
    assert not Mail.objects.get(pk=mail.pk).bounced_at and not Suppression.objects.exists()


def test_an_answer_without_a_return_path_is_automatic(sent, arrive):
    mail = sent()
    raw = messages.written("ann@x.example", return_path(mail), text="Thanks!\n")
    assert arrive(raw, return_path(mail), sender="").kind == "auto_reply"


def test_what_a_person_answers_to_the_return_path_is_a_reply(sent, arrive):
    mail = sent()
    for text in ("Thanks!\n", "Thanks again!\n"):
        raw = messages.written("ann@x.example", return_path(mail), text=text, Auto_Submitted="no")
        assert arrive(raw, return_path(mail), sender="ann@x.example").kind == "reply"
    assert [(event.detail, event.counts) for event in events_of(mail, "response")] == [
        ({"automatic": False}, 1),
        ({"automatic": False}, 0),
    ]


@pytest.mark.parametrize(
    "subject",
    [
        *("Re: Order", "Urlaubsfotos? Nein", "Absolutely", "office hours", "Your holiday plans", "Hi: out"),
        *("Absence of a speed limit", "On holiday pay", "Re: Out of office", "Ausencia de luz", "Autonomy"),
    ],
)
def test_ordinary_subjects_are_peoples(subject):
    raw = messages.written("ann@x.example", "b@x.example", subject=subject)
    assert not automatic.is_automatic(Fields(bounds.tame(raw)), "ann@x.example")


def test_mail_that_runs_in_circles_is_known():
    raw = b"Received: from a by b\n" * 101 + messages.written("ann@x.example", "b@x.example")
    assert automatic.is_automatic(Fields(bounds.tame(raw)), "ann@x.example")
