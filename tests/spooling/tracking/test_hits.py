import re
import threading

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from spooling import spoolers
from spooling.delivery import letters
from spooling.models import Content, Mail
from spooling.outbox import intake
from spooling.outbox.drafts import NewContent, NewFile, NewMail
from spooling.tracking import hits, tokens, visitors
from stats import events
from stats.models import Event
from tests.spooling.tracking.conftest import PHONE

pytestmark = pytest.mark.django_db

TRACKED = ("open", "click", "mirror", "unsubscribe", "suppressed")


def told():
    return list(Event.objects.filter(kind__in=TRACKED).order_by("id").values_list("kind", "counts"))


def test_a_click_leads_to_its_target_and_counts_once(sent, visit):
    mail = sent()
    for _ in range(2):
        answer = visit(mail.click)
        assert (answer.status_code, answer["Location"]) == (302, "http://t.example/p?a=1&b=2")
        assert answer["Cache-Control"] == "no-store" and answer["X-Robots-Tag"] == "noindex"
    assert told() == [("click", 1), ("click", 0)]
    assert mail.row.clicked_at is not None and mail.row.opened_at is None
    first, _ = Event.objects.filter(kind="click").order_by("id")
    assert first.detail == {
        "who": "human",
        "ip": "127.0.0.1",
        "useragent": PHONE,
        "url": "http://t.example/p?a=1&b=2",
    }
    assert (first.destination, first.lane, first.provider) == ("x.example", "bulk", "other")


def test_a_link_with_a_recipients_own_values_leads_to_them(sent, visit):
    assert visit(sent().own_click)["Location"] == "https://t.example/?id=7&8"
    assert Event.objects.get(kind="click").detail["url"] == "https://t.example/?id=7&8"


def test_the_picture_counts_an_opening(sent, visit):
    mail = sent()
    answer = visit(mail.pixel)
    assert (answer.status_code, answer["Content-Type"], answer.content[:6]) == (200, "image/gif", b"GIF89a")
    assert answer["Cache-Control"] == "no-store"
    visit(mail.pixel)
    assert told() == [("open", 1), ("open", 0)] and mail.row.opened_at is not None


@pytest.mark.parametrize("method", ["get", "head"])
def test_scanners_and_heads_leave_their_hits_and_count_nothing(sent, visit, method):
    mail = sent()
    agent = PHONE if method == "head" else "Mozilla/5.0 (compatible; Barracuda Sentinel)"
    assert visit(mail.click, method, agent=agent).status_code == 302
    assert visit(mail.pixel, method, agent=agent).status_code == 200
    assert told() == [("click", 0), ("open", 0)]
    assert mail.row.clicked_at is None and mail.row.opened_at is None
    assert {event.detail["who"] for event in Event.objects.filter(kind__in=TRACKED)} == {"scanner"}
    visit(mail.click)
    assert told()[-1] == ("click", 1)


def test_links_work_in_running_order_long_after_the_mail_was_erased(sent, visit):
    mail = sent()
    Mail.objects.update(email="", variables={}, erased_at=timezone.now())
    Content.objects.update(html="", from_email="", erased_at=timezone.now())
    assert visit(mail.click)["Location"] == "http://t.example/p?a=1&b=2"
    assert visit(mail.mirror).status_code == 410
    (event,) = Event.objects.filter(kind="click")
    assert (event.detail, event.destination) == ({"who": "human"}, "x.example")


def test_links_of_drafts_work_and_leave_no_event(account, sent, visit, domain):
    spooler = spoolers.of_drafts(account.pk, domain.pk)
    draft = sent(lane="transactional", spooler_id=spooler.pk)
    assert visit(draft.click).status_code == 302 and visit(draft.pixel).status_code == 200
    assert visit(draft.mirror).status_code == 200 and visit(draft.unsubscribe, "post").status_code == 200
    assert told() == [] and draft.row.clicked_at is None


def test_the_copy_is_the_mail_and_runs_nothing(sent, visit):
    mail = sent()
    answer = visit(mail.mirror)
    assert answer.status_code == 200 and b"Hi Ann" in answer.content and mail.click.encode() in answer.content
    assert answer["Content-Security-Policy"].startswith("sandbox ")
    assert "allow-scripts" not in answer["Content-Security-Policy"]
    assert (answer["X-Content-Type-Options"], answer["X-Robots-Tag"]) == ("nosniff", "noindex")
    assert told() == [("mirror", 1)] and mail.row.mirrored_at is not None


def test_the_copy_has_its_pictures_in_it_and_a_text_alone_is_shown_as_it_is(account):
    picture = NewFile(name="a.png", type="image/png", data=b"PNG", cid="a@b")
    html = NewContent(from_email="a@b.example", html="<img src='cid:a@b'>", files=(picture,))
    text = NewContent(from_email="a@b.example", text="1 < 2")
    shown = []
    for content in (html, text):
        send = intake.NewSend(content=content, mails=(NewMail(email="ann@x.example"),))
        submission = intake.NewSubmission(account_id=account.pk, wire="native")
        (accepted,) = intake.accept(submission, [send], now=timezone.now())
        shown.append(letters.page(Mail.objects.get(pk=accepted.id)))
    assert "src='data:image/png;base64,UE5H'" in shown[0]
    assert "1 &lt; 2" in shown[1] and shown[1].startswith("<pre")


def test_a_key_that_left_the_front_of_the_ring_still_opens_its_links(sent, visit, settings):
    mail = sent()
    settings.EARWIG_KEYS = ["bmV3IGtleSBpbiBmcm9udCBvZiBhbGwgb3RoZXJzLi4=", *settings.EARWIG_KEYS]
    assert visit(mail.click).status_code == 302 and visit(mail.own_click).status_code == 302
    settings.EARWIG_KEYS = settings.EARWIG_KEYS[:1]
    assert visit(mail.click).status_code == 404 and visit(mail.own_click).status_code == 404


def test_no_other_token_opens_anything(sent, visit):
    mail, other = sent(), sent(address="bob@y.example")
    short, sealed = mail.click.rpartition("/")[2], mail.own_click.rpartition("/")[2]
    forged = [
        *(
            "x",
            "",
            "A" * 28,
            "A" * 5000,
            "é" * 28,
            "%00",
            "a.b",
            short[:-1],
            short + "A",
            sealed[:-4],
            short[::-1],
        ),
        short[:16] + other.click.rpartition("/")[2][16:],
    ]
    for token in forged:
        assert visit(f"/t/c/{token}").status_code == 404, token
    for kind in "pmu":
        assert visit(f"/t/{kind}/{short}").status_code == 404
        assert visit(f"/t/{kind}/{sealed}").status_code == 404
    for character in range(len(short)):
        changed = short[:character] + ("A" if short[character] != "A" else "B") + short[character + 1 :]
        assert visit(f"/t/c/{changed}").status_code == 404
    assert told() == []


def test_nothing_of_the_request_decides_where_a_click_leads(sent, visit):
    mail = sent()
    for query in ("?url=http://evil.example", "?u=//evil.example", "?http://evil.example"):
        assert visit(mail.click + query)["Location"] == "http://t.example/p?a=1&b=2"
    assert visit(mail.click + "/http://evil.example").status_code == 404


def test_a_mail_that_is_gone_has_no_links(visit):
    for kind in (b"c", b"p", b"m", b"u"):
        path = f"/t/{kind.decode()}/{tokens.sign(kind, 10**9, 0)}"
        assert visit(path).status_code == 404
    answer = visit("/t/c/x")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert visit("/t/z/x").status_code == 404 and visit("/t/").status_code == 404


def test_links_have_no_session_and_other_methods_are_refused(sent, visit):
    mail = sent()
    assert visit(mail.click, "post").status_code == 405
    assert not visit(mail.click).cookies


@pytest.mark.django_db(transaction=True)
def test_of_hits_at_the_same_moment_one_counts(sent):
    mail = sent()
    token = tokens.read(mail.pixel.rpartition("/")[2], b"p")
    visitor = visitors.visitor(agent=PHONE, ip="192.0.2.1", method="GET", follows=False)

    def hit():
        hits.record(token, visitor, now=timezone.now())
        connection.close()

    threads = [threading.Thread(target=hit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = [event.counts for event in events.of_mail(mail.id).filter(kind="open")]
    assert (len(counts), sum(counts)) == (8, 1)


def test_the_native_switches_track_what_a_template_does_not_ask_for(sent_natively, visit):
    row, body = sent_natively(track_opens=True, track_clicks=True)
    click, pixel = re.findall(r"/t/[cp]/[A-Za-z0-9_-]+", body)
    assert visit(click)["Location"] == "https://shop.example/?a=1&b=7"
    assert visit(pixel).status_code == 200
    row.refresh_from_db()
    assert row.clicked_at and row.opened_at
    assert "/t/" not in sent_natively()[1]


@pytest.fixture
def sent_natively(client, key, other_key):
    def call(**switches):
        mail = {
            "from": "shop@native.example",
            "to": "ann@x.example",
            "subject": "Hi",
            "html": '<p><a href="https://shop.example/?a=1&amp;b={{id}}">x</a></p>',
            "variables": {"id": 7},
        }
        answer = client.post(
            "/api/v1/mails/",
            mail | switches,
            content_type="application/json",
            headers={"Authorization": f"Token {key}"},
        )
        (stored,) = answer.json()["mails"]
        path = f"/api/v1/mails/{stored['id']}/"
        assert client.get(path, headers={"Authorization": f"Token {other_key}"}).status_code == 404
        row = Mail.objects.get(public_id=stored["id"])
        return row, letters.page(row)

    return call


@pytest.mark.parametrize("path", ["click", "pixel", "unsubscribe"])
def test_while_the_database_is_away_a_hit_is_asked_for_again(sent, visit, monkeypatch, path):
    mail = sent()

    def refuse(*_, **__):
        raise OperationalError

    monkeypatch.setattr(hits, "record", refuse)
    answer = visit(getattr(mail, path), "post" if path == "unsubscribe" else "get")
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert answer["Content-Type"].startswith("text/plain") and told() == []
