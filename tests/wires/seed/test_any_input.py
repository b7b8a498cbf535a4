"""Whatever a client sends, it is stored or refused with a document: never a 500."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spooling.models import MessageSet, Schedule, StageMessage, Subscription

SETTINGS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
FIELDS = {
    "/schedule/": ["minute", "hour", "day_of_week", "day_of_month", "month_of_year"],
    "/messageset/": [
        "short_name",
        "label",
        "content_type",
        "notes",
        "next_set",
        "default_schedule",
        "channel",
    ],
    "/message/": [
        *("messageset", "sequence_number", "lang", "text_content"),
        *("binary_content", "metadata", "template"),
    ],
    "/subscriptions/": [
        *("identity", "messageset", "schedule", "lang", "version", "next_sequence_number", "active"),
        *("completed", "process_status", "metadata", "initial_sequence_number"),
    ],
    "/subscriptions/request": ["data", "hook"],
    "/binarycontent/": ["content"],
}
FILTERS = [
    *("identity", "messageset", "messageset_id", "lang", "active", "completed", "schedule", "process_status"),
    *("version", "created_after", "created_before", "metadata_has_key", "metadata_not_has_key"),
    *("messageset_contains", "limit", "offset", "format"),
]
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([1, -1, 2**31, 2**63, 2**64, "1", "0", "*", "eng_ZA", ""])
    | st.floats(allow_nan=True)
    | st.text(max_size=80)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
)


def is_answered(answer):
    assert answer.status_code in (200, 201, 400, 409), answer.content
    json.loads(answer.content)


@pytest.mark.parametrize("path", FIELDS)
@SETTINGS
@given(data=st.data())
def test_any_json_is_stored_or_refused(hub, stage, path, data):
    good = {"messageset": stage.first, "schedule": stage.schedule, "default_schedule": stage.schedule}
    known = {name: good[name] for name in FIELDS[path] if name in good and data.draw(st.booleans())}
    body = known | data.draw(st.dictionaries(st.sampled_from(FIELDS[path]), values, max_size=4))
    is_answered(hub.call("POST", path, json.dumps(body).encode()))


@pytest.mark.parametrize("path", FIELDS)
@SETTINGS
@given(data=st.data())
def test_any_form_is_stored_or_refused(hub, stage, path, data):
    form = data.draw(
        st.dictionaries(st.sampled_from(FIELDS[path]), scalars.map(str) | st.binary(), max_size=5)
    )
    body = urlencode(form, errors="surrogatepass").encode()
    is_answered(hub.call("POST", path, body, **{"Content-Type": "application/x-www-form-urlencoded"}))


@SETTINGS
@given(data=st.data())
def test_any_change_is_stored_or_refused(hub, stage, data):
    made = Subscription.objects.first() or Subscription.objects.create(
        account_id=MessageSet.objects.get(pk=stage.first).account_id,
        identity="i",
        messageset_id=stage.first,
        schedule_id=stage.schedule,
        lang="eng_ZA",
    )
    path = data.draw(
        st.sampled_from(
            [
                f"/subscriptions/{made.public_id}/",
                f"/schedule/{stage.schedule}/",
                f"/messageset/{stage.first}/",
                f"/message/{stage.zulu}/",
            ]
        )
    )
    fields = FIELDS["/" + path.split("/")[1] + "/"]
    body = data.draw(st.dictionaries(st.sampled_from(fields), values, max_size=3))
    is_answered(hub.call(data.draw(st.sampled_from(["PATCH", "PUT"])), path, json.dumps(body).encode()))
    is_answered(hub.get(path))


@SETTINGS
@given(query=st.dictionaries(st.sampled_from(FILTERS), scalars.map(str) | st.binary(), max_size=4))
def test_any_query_is_answered(hub, stage, query):
    asked = urlencode(query, errors="surrogatepass")
    for path in ("/subscriptions/", "/message/", "/messageset/", "/schedule/"):
        is_answered(hub.get(f"{path}?{asked}"))


def test_the_fields_of_this_file_are_fields():
    for path, kind in (
        ("/schedule/", Schedule),
        ("/messageset/", MessageSet),
        ("/message/", StageMessage),
        ("/subscriptions/", Subscription),
    ):
        assert set(FIELDS[path]) <= {field.name for field in kind._meta.get_fields()}
