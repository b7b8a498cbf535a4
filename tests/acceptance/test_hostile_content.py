"""What a stranger's mail can do to the staff who look at it, in a real browser: nothing."""

import base64
import json
import re
from email.message import EmailMessage
from urllib.parse import urlencode

import pytest
from django.core.signals import request_started
from django.urls import reverse
from django.utils import timezone

from spooling import received
from spooling.models import TrappedMail
from spooling.outbox import intake
from templates_app import templates

playwright = pytest.importorskip("playwright.sync_api")

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

#: Runs on whatever page it lands on: marks the title, the storage, the cookies, and calls home.
PAYLOAD = (
    "try{top.document.title='owned'}catch(e){}try{parent.document.title='owned'}catch(e){}"
    "document.title='owned';try{localStorage.owned=1}catch(e){}try{document.cookie='owned=1'}catch(e){}"
    "try{fetch('/owned?script')}catch(e){}try{top.location='/owned?top'}catch(e){}"
)
SVG = '<svg xmlns="http://www.w3.org/2000/svg" onload="%JS%"><script>%JS%</script></svg>'
_PAGE = "data:text/html;base64," + base64.b64encode(f"<script>{PAYLOAD}</script>".encode()).decode()

HOSTILE = {
    "script": "<script>%JS%</script><script src='/owned?src'></script>",
    "module": "<script type=module>%JS%</script>",
    "handlers": '<img src=x onerror="%JS%"><body onload="%JS%"><details open ontoggle="%JS%">',
    "svg": SVG + '<svg><animate onbegin="%JS%" attributeName=x dur=1s></svg>',
    "iframes": "<iframe src='/owned?frame'></iframe><iframe srcdoc=\"<script>%JS%</script>\"></iframe>"
    "<iframe src=\"javascript:%JS%\"></iframe><iframe src='%PAGE%'></iframe>",
    "objects": "<object data='%PAGE%'></object><embed src='%PAGE%'><object data='/owned?object'>",
    "refresh": "<meta http-equiv=refresh content='0;url=/owned?refresh'>",
    "policy": "<meta http-equiv=Content-Security-Policy content=\"script-src * 'unsafe-inline'\">"
    "<script>%JS%</script>",
    "base": "<base href='/owned/'><img src='base-image'><link rel=stylesheet href='base-style'>",
    "resources": "<link rel=stylesheet href='/owned?css'><img src='/owned?img'><video poster='/owned?poster' "
    "src='/owned?video'></video><style>@import '/owned?import';body{background:url('/owned?bg')}"
    "@font-face{font-family:f;src:url('/owned?font')}p{font-family:f}</style><p>x</p>"
    "<link rel=prefetch href='/owned?prefetch'><link rel=preload as=image href='/owned?preload'>"
    "<link rel=manifest href='/owned?manifest'><link rel=icon href='/owned?icon'>",
    "form": "<form id=f action='/owned?form' method=post><input name=a><button id=b style='position:fixed;"
    "inset:0;width:100%;height:100%'>Win</button></form>",
    "link": "<a href=\"javascript:%JS%\" style='position:fixed;inset:0'>Win</a>",
    "target": "<a href='/owned?target' target=_top style='position:fixed;inset:0'>Win</a>",
    "popup": "<a href=\"javascript:%JS%\" target=_blank style='position:fixed;inset:0'>Win</a>",
    "unclosed": "</iframe></pre></textarea></title></script>-->\"'><script>%JS%</script>",
}


@pytest.fixture
def staff(signed_in):
    """A page of a signed-in member of staff, with the paths of the requests that reached the server."""
    page = signed_in()
    page.reached = []

    def note(environ, **_):
        page.reached.append(environ["PATH_INFO"])

    request_started.connect(note)
    yield page
    request_started.disconnect(note)


def filled(text):
    return text.replace("%PAGE%", _PAGE).replace("%JS%", PAYLOAD)


def keep(html, data=b"", **file):
    html = filled(html)
    message = EmailMessage()
    message["Subject"] = "Win"
    message.set_content(html)
    message.add_alternative(html, subtype="html")
    if data:
        message.add_attachment(data, **file)
    raw = message.as_bytes()
    return TrappedMail.objects.create(envelope_recipient="you@example.net", subject="Win", raw=raw)


def assert_untouched(page):
    assert_nothing_left(page)
    assert [tab.url for tab in page.context.pages[1:]] == []
    assert page.title() != "owned"
    assert "owned" not in page.evaluate("Object.keys(localStorage).join()")
    assert [cookie["name"] for cookie in page.context.cookies() if cookie["name"] == "owned"] == []


def assert_nothing_left(page):
    """`/owned` is asked for by the mails only."""
    page.wait_for_timeout(250)
    assert [path for path in page.reached if "owned" in path] == []
    assert [frame.url for frame in page.frames if re.search("owned|^data:", frame.url)] == []


def test_the_payloads_do_run_where_nothing_holds_them(staff, live_server):
    """Else the tests below would prove nothing."""
    staff.route(
        "**/harmless", lambda route: route.fulfill(body=filled(HOSTILE["script"]), content_type="text/html")
    )
    staff.goto("/harmless")
    staff.wait_for_timeout(400)
    assert "/owned" in staff.reached
    with pytest.raises(AssertionError):
        assert_untouched(staff)


@pytest.mark.parametrize("kind", HOSTILE)
def test_html_in_the_traps_frame_runs_nothing(staff, kind):
    mail = keep(HOSTILE[kind])
    staff.goto(reverse("admin:spooling_trappedmail_change", args=(mail.pk,)))
    frame = staff.frame_locator("iframe[sandbox]")
    frame.locator("body").wait_for(state="attached")
    frame.locator("body").click(position={"x": 5, "y": 5}, force=True)
    assert_untouched(staff)
    assert staff.title().endswith("Earwig")


@pytest.mark.parametrize("kind", HOSTILE)
def test_html_opened_by_its_own_url_runs_nothing(staff, kind):
    mail = keep(HOSTILE[kind])
    staff.goto(reverse("admin:spooling_trappedmail_html", args=(mail.pk,)))
    if kind not in ("link", "target", "popup"):
        # A link that a person follows from there is a plain navigation.
        staff.mouse.click(5, 5)
    page_storage_is_closed(staff)
    assert_nothing_left(staff)
    assert staff.title() != "owned"
    staff.goto(reverse("admin:spooling_trappedmail_changelist"))
    assert_untouched(staff)


@pytest.mark.parametrize("kind", ["script", "handlers", "iframes", "unclosed"])
def test_what_was_sent_is_shown_again_and_runs_nothing(staff, account, kind):
    content = intake.NewContent(
        from_email="a@x.example", subject=filled(HOSTILE[kind])[:50], html=filled(HOSTILE[kind])
    )
    send = intake.NewSend(content=content, mails=(intake.NewMail(email="you@example.net"),))
    submission = intake.NewSubmission(account_id=account.pk, wire="native")
    (mail,) = intake.accept(submission, [send], now=timezone.now())

    staff.goto(reverse("admin:spooling_mail_change", args=(mail.id,)))
    staff.frame_locator("iframe[sandbox]").locator("body").wait_for(state="attached")
    assert_untouched(staff)
    staff.goto(reverse("admin:spooling_mail_html", args=(mail.id,)))
    page_storage_is_closed(staff)
    assert_nothing_left(staff)


@pytest.mark.parametrize("kind", ["script", "handlers", "iframes", "resources", "unclosed"])
def test_a_previewed_template_runs_nothing(staff, account, kind):
    texts = {name: filled(HOSTILE[kind]) for name in ("html", "text")}
    draft = templates.Draft(name="<script>1</script>", texts={**texts, "subject": "</title>{{{raw}}}"})
    template = templates.add(account.pk, draft=draft, now=timezone.now())
    query = urlencode({"number": 1, "variables": json.dumps({"raw": "<script>1</script>"})})

    staff.goto(f"{reverse('admin:templates_app_template_preview', args=(template.pk,))}?{query}")
    staff.frame_locator("iframe[sandbox]").locator("body").wait_for(state="attached")
    assert_untouched(staff)
    staff.goto(f"{reverse('admin:templates_app_template_frame', args=(template.pk,))}?{query}")
    page_storage_is_closed(staff)
    assert_nothing_left(staff)
    for page in ("template_change", "template_compare", "templateversion_change"):
        pk = template.versions.get().pk if "version" in page else template.pk
        staff.goto(reverse(f"admin:templates_app_{page}", args=(pk,)))
        assert_untouched(staff)


def page_storage_is_closed(page):
    assert page.evaluate("origin") == "null"
    with pytest.raises(playwright.Error):
        page.evaluate("localStorage.length")
    with pytest.raises(playwright.Error):
        page.evaluate("document.cookie")


FILES = [
    ("page.html", "text", "html", f"<script>{PAYLOAD}</script>"),
    (
        "page.xhtml",
        "application",
        "xhtml+xml",
        f"<html xmlns='http://www.w3.org/1999/xhtml'><script>{PAYLOAD}</script></html>",
    ),
    ("picture.svg", "image", "svg+xml", SVG),
    ("picture.png", "image", "png", f"<script>{PAYLOAD}</script>"),
    ("film.mp4", "video", "mp4", f"<html><script>{PAYLOAD}</script>"),
    ("style.css", "text", "css", "*{background:url(/owned?css)}"),
    ("code.js", "text", "javascript", PAYLOAD),
    ("page.pdf", "application", "pdf", f"%PDF-1.4 <script>{PAYLOAD}</script>"),
]


@pytest.mark.parametrize(("name", "maintype", "subtype", "data"), FILES, ids=[file[0] for file in FILES])
def test_a_file_opened_by_its_own_url_runs_nothing(staff, name, maintype, subtype, data):
    mail = keep("see file", data=filled(data).encode(), maintype=maintype, subtype=subtype, filename=name)
    url = reverse("admin:spooling_trappedmail_file", args=(mail.pk, 0))
    try:
        staff.goto(url)
        staff.wait_for_timeout(250)
        page_storage_is_closed(staff)
    except playwright.Error as fault:
        assert "Download is starting" in str(fault)
    staff.goto(reverse("admin:spooling_trappedmail_changelist"))
    assert_untouched(staff)


def test_a_file_cannot_be_used_as_script_or_style_of_a_page(staff):
    mail = keep("see file", data=PAYLOAD.encode(), maintype="text", subtype="javascript", filename="code.js")
    staff.goto(reverse("admin:spooling_trappedmail_changelist"))
    url = reverse("admin:spooling_trappedmail_file", args=(mail.pk, 0))
    refused = staff.evaluate(
        """url => new Promise(done => {
            const script = document.createElement("script");
            script.src = url; script.onload = () => done(false); script.onerror = () => done(true);
            document.head.append(script);
        })""",
        url,
    )
    assert refused
    assert_untouched(staff)


def test_an_inline_image_is_shown_and_a_remote_one_is_not(staff):
    pixel = base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )
    message = EmailMessage()
    message.set_content('<img id=inline src="cid:dot@x"><img id=remote src="/owned?img">', subtype="html")
    message.add_related(pixel, "image", "png", cid="<dot@x>")
    assert received.read(message.as_bytes()).files[0].content_id == "dot@x"
    mail = TrappedMail.objects.create(envelope_recipient="you@example.net", raw=message.as_bytes())
    staff.goto(reverse("admin:spooling_trappedmail_change", args=(mail.pk,)))
    frame = staff.frame_locator("iframe[sandbox]")
    frame.locator("#inline").wait_for(state="attached")
    widths = [
        frame.locator(f"#{name}").evaluate("image => image.naturalWidth") for name in ("inline", "remote")
    ]
    assert widths == [1, 0]
    assert_untouched(staff)
