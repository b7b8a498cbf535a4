"""Bodies of 30 MiB of hostile JSON are refused on every wire before they take long."""

import pytest

from tests import costs
from tests.variable_calls import site

__all__ = ["site"]

LARGEST_BODY = 30 * costs.MEBIBYTE
#: Every wire reads a body in two seconds or three; work by the value would take a minute.
MOST_SECONDS = 10

HOSTILE = {
    "empty objects": b"[" + b"{}," * (LARGEST_BODY // 3 - 1) + b"{}]",
    "nested objects": b"[" + b",".join([b'{"a":' * 60 + b"{}" + b"}" * 60] * (LARGEST_BODY // 363)) + b"]",
    "sparse objects": b"[" + b",".join([b'{"a":"12345678"}'] * (LARGEST_BODY // 17)) + b"]",
    "numbers": b"[" + b"1," * (LARGEST_BODY // 2 - 1) + b"1]",
    "names": b"{" + b",".join(b'"%09d":1' % number for number in range(LARGEST_BODY // 14)) + b"}",
    "depth": b"[" * LARGEST_BODY,
    "one text without an end": b'"' + b'\\"{' * (LARGEST_BODY // 3),
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_json_is_refused_before_it_takes_long(site, hostile):
    value = HOSTILE[hostile]
    campaign, token = site.campaign(), site.octosend()
    places = {
        "/api/v1/mails/": b'{"from":"a@sender.example","to":["b@p.example"],"text":"x","variables":{"a":%b}}',
        f"/api/v1/templates/{site.template.public_id.hex}/preview/": b'{"variables":{"a":%b}}',
        "/api/v1/people/": b'{"external_id":"1","attributes":{"a":%b}}',
        f"/api/v1/spoolers/{campaign}/recipients/": b'{"recipients":[{"email":"b@p.example","variables":{"a":%b}}]}',
        f"/api/3.0/spooler/{token}/spool": b'{"mails":%b}',
        f"/api/3.0/spooler/{token}/headers": b'{"headers":%b}',
        f"/api/3.0/spooler/{token}/tags": b'{"tags":%b}',
        "/v1/send": b'{"from":"a@sender.example","recipient":"b@p.example","text":"x","data":{"a":%b}}',
        "/accounts/acme/messages": b'{"from_email":"a@b.example","recipients":[{"email":"b@p.example","model":%b}]}',
    }
    for path, body in places.items():

        def act(path=path, body=body % value):
            assert site.post(path, body).status_code == 400

        assert costs.seconds(act, enough=MOST_SECONDS) < MOST_SECONDS, path


def test_a_hostile_sender_of_a_handed_over_message_is_refused_at_once(client, key):
    fields = {"key": key, "type": "private", "subject": "s", "message": "m", "sender": "[" * 10_000_000}

    def act():
        answer = client.post("/message/", fields)
        assert answer.status_code == 400 and answer.content == b"invalid sender JSON"

    assert costs.seconds(act, enough=5) < 5
