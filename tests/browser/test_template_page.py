"""The editor of templates in a real browser: what is typed is shown, and what is wrong is shown at its place."""

import pytest
from django.core.signals import request_started
from django.urls import reverse
from django.utils import timezone

from templates_app import templates
from templates_app.models import Template
from tests.acceptance.test_hostile_content import HOSTILE, filled
from tests.browser.conftest import WINDOWS, assert_sound, open_menu, picture

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HTML = """<!DOCTYPE html>
<html>
<body style="margin:0;background:#f4f1ea;font-family:Georgia,serif">
<table role="presentation" width="100%"><tr><td align="center">
<table role="presentation" width="600" style="width:100%;max-width:600px;background:#fff"><tr><td style="padding:32px">
<h1 id="h" style="color:#2f5d3a">Hello {{name}}</h1>
<p>Everything is green. <a href="https://shop.example/spring">See what is new</a>.</p>
<img src="https://pictures.example/tulips.png" alt="Tulips">
<script>document.getElementById("h").innerText = "owned"; parent.document.title = "owned"</script>
</td></tr></table>
</td></tr></table>
</body>
</html>
"""


@pytest.fixture
def template(account):
    texts = {
        "from_email": "news@shop.example",
        "from_name": "The shop",
        "subject": "Spring is here, {{name}}",
        "html": HTML,
        "text": "Hello {{name}}\n\nEverything is green: https://shop.example/spring\n",
    }
    return templates.add(account.pk, draft=templates.Draft(name="spring", texts=texts), now=timezone.now())


@pytest.fixture
def reached():
    """The paths of the requests that reach the server."""
    paths = []

    def note(environ, **_):
        paths.append(environ["PATH_INFO"])

    request_started.connect(note)
    yield paths
    request_started.disconnect(note)


def open_editor(page, template):
    page.goto(reverse("admin:templates_app_template_change", args=(template.pk,)))
    page.get_by_text("As it would be sent").wait_for()


def heading(page, view="phone"):
    return page.frame_locator(f"[data-editor-view={view}] iframe").locator("h1")


@pytest.mark.parametrize("window", WINDOWS)
def test_what_is_typed_is_shown_and_runs_and_fetches_nothing(open_window, template, window):
    page = open_window(window)
    fetched = []
    page.route("https://pictures.example/**", lambda route: (fetched.append(1), route.abort()))
    open_editor(page, template)
    assert heading(page).inner_text() == "Hello name"
    assert page.locator("[data-editor-shown=subject]").inner_text() == "Spring is here, name"
    page.locator("textarea[name=sample_variables]").fill('{"name": "Ada <b>Lovelace"}')
    page.locator("[data-editor-shown=subject]").get_by_text("Spring is here, Ada <b>Lovelace").wait_for()
    assert heading(page).inner_text() == "Hello Ada <b>Lovelace"
    page.locator("textarea[name=html]").fill(HTML.replace("Hello", "Good morning"))
    page.wait_for_function(
        "() => document.querySelector('[data-editor-view=phone] iframe').srcdoc.includes('morning')"
    )
    assert heading(page).inner_text() == "Good morning Ada <b>Lovelace"
    for view, width in (("phone", 375), ("desktop", 700)):
        page.get_by_role("tab", name=view.title()).click()
        assert page.locator(f"[data-editor-view={view}] iframe").bounding_box()["width"] == width
        page.locator(f"[data-editor-view={view}]").scroll_into_view_if_needed()
        picture(page, f"template-{view}")
    page.get_by_role("tab", name="Text").click()
    assert page.locator("[data-editor-view=text]").inner_text().startswith("Hello Ada <b>Lovelace")
    assert page.title() != "owned" and not fetched
    assert_sound(page)
    assert template.versions.count() == 1


@pytest.mark.parametrize("window", WINDOWS)
def test_what_is_wrong_stands_at_its_field_and_line_and_goes_when_it_is_mended(open_window, template, window):
    page = open_window(window)
    open_editor(page, template)
    page.locator("textarea[name=html]").fill(HTML.replace("<p>", "<p>{{#offers}}"))
    page.get_by_text("Not as it is").wait_for()
    assert page.locator(".editor-lines .is-wrong").all_inner_texts() == ["7"]
    told = page.locator(".field-html .editor-flaw")
    assert "Line 7:" in told.inner_text()
    picture(page, "template-wrong")
    told.get_by_role("button").click()
    chosen = "(area) => area.value.slice(area.selectionStart, area.selectionEnd)"
    assert page.locator("textarea[name=html]").evaluate(chosen).startswith("<p>{{#offers}}Everything")
    page.locator("textarea[name=html]").fill(HTML.replace("<p>", "<p>{{#offers}}{{/offers}}"))
    page.get_by_text("Without a sample: offers.").wait_for()
    assert page.locator(".editor-flaw").count() == page.locator(".editor-lines .is-wrong").count() == 0
    page.locator("textarea[name=sample_variables]").fill("{")
    page.locator("[data-editor-flaws]").get_by_text("This is not JSON.").wait_for()
    assert_sound(page)


@pytest.mark.parametrize("window", ["desk-light", "phone-dark"])
def test_a_template_is_written_saved_compared_and_restored(open_window, account, window):
    page = open_window(window)
    page.goto(reverse("admin:templates_app_template_add"))
    page.locator("select[name=account]").select_option(str(account.pk))
    page.locator("input[name=name]").fill("welcome")
    page.locator("select[name=language]").select_option("smarty")
    page.locator("textarea[name=sample_variables]").fill('{"name": "Ada", "items": [1, 2, 3]}')
    page.locator("textarea[name=html]").fill(
        "<h1>Hi {$name}</h1>{foreach $items as $item}<p>{$item}</p>{/foreach}"
    )
    page.get_by_text("As it would be sent").wait_for()
    assert heading(page).inner_text() == "Hi Ada"
    assert page.frame_locator("[data-editor-view=phone] iframe").locator("p").all_inner_texts() == [
        "1",
        "2",
        "3",
    ]
    picture(page, "template-add")
    page.get_by_role("button", name="Save and continue editing").click()
    page.get_by_text("was added successfully").wait_for()
    template = Template.objects.get()
    page.locator("textarea[name=html]").fill("<h1>Bye {$name}</h1>")
    page.get_by_role("button", name="Save and continue editing").click()
    page.get_by_text("was changed successfully").wait_for()
    assert template.versions.count() == 2
    open_menu(page)
    page.get_by_role("link", name="Compare", exact=True).click()
    page.get_by_text("+ <h1>Bye {$name}</h1>").wait_for()
    picture(page, "template-compared")
    page.goto(
        reverse("admin:templates_app_templateversion_change", args=(template.versions.get(number=1).pk,))
    )
    picture(page, "template-version")
    open_menu(page)
    page.get_by_role("link", name="Restore", exact=True).click()
    page.locator("#dialog").get_by_role("button", name="Restore", exact=True).click()
    page.get_by_text("It is version 3 now.").wait_for()
    picture(page, "template-restored")
    assert templates.current(template).html.startswith("<h1>Hi")
    assert_sound(page)


@pytest.mark.parametrize("kind", HOSTILE)
def test_nothing_that_is_typed_runs_reaches_the_page_or_is_fetched(open_window, account, reached, kind):
    page = open_window("desk-light")
    page.goto(reverse("admin:templates_app_template_add"))
    page.locator("select[name=language]").select_option("plain")
    page.locator("textarea[name=html]").fill(filled(HOSTILE[kind]))
    page.get_by_text("As it would be sent").wait_for()
    page.wait_for_function(
        "() => document.querySelector('[data-editor-view=phone] iframe').srcdoc.includes('owned')"
    )
    frame = page.frame_locator("[data-editor-view=phone] iframe")
    frame.locator("body").wait_for(state="attached")
    frame.locator("body").click(position={"x": 5, "y": 5}, force=True)
    page.wait_for_timeout(250)
    assert [path for path in reached if "owned" in path] == []
    assert [tab.url for tab in page.context.pages] == [page.url] and page.url.endswith("/template/add/")
    assert "owned" not in page.title() + page.evaluate("Object.keys(localStorage).join() + document.cookie")
