"""Every route of the wire with every verb: without a key, with another account's, and for what another account has."""

import re
import uuid

import pytest

from spooling.wires.relay import urls, wire
from tests.wires.relay.clients import refused
from tests.wires.relay.test_messages import LETTER
from tests.wires.relay.test_templates import made

_GROUP = re.compile(r"\(\?P<(\w+)>[^()]*\)")
_ACCOUNT = "{account}"


def _path(route, **named):
    pattern = route.pattern.regex.pattern.removeprefix("^").removesuffix("/?$")
    return "/" + _GROUP.sub(lambda group: named.get(group[1], "x"), pattern).replace("\\", "")


def _calls(routes):
    return [
        pytest.param(verb.upper(), _path(route, account=_ACCOUNT, id="{id}"), id=f"{verb} {_path(route)}")
        for route in routes
        for verb in ("get", "post", "put", "delete")
        if verb in route.callback.view_class.http_method_names and hasattr(route.callback.view_class, verb)
    ]


KEYED = [
    route
    for route in urls.urlpatterns
    if not issubclass(route.callback.view_class, (wire.OpenView, wire.PageView))
]
OF_ACCOUNT = [route for route in KEYED if "account" in route.pattern.regex.groupindex]


@pytest.mark.parametrize(("verb", "path"), _calls(KEYED))
def test_without_a_key_nothing_is_answered(keyless, acme, verb, path):
    path = path.format(account="acme", id=uuid.uuid4())
    assert refused(keyless.call(verb, path, {})) == ("401.0", [])
    assert refused(keyless.with_key("wrong").call(verb, path, b"{")) == ("401.2", [])


@pytest.mark.parametrize(("verb", "path"), _calls(OF_ACCOUNT))
def test_another_account_and_none_are_the_same(stranger, acme, verb, path):
    id = uuid.uuid4()
    for body in ({}, b"{"):
        foreign = stranger.call(verb, path.format(account="acme", id=id), body)
        unknown = stranger.call(verb, path.format(account="nobody", id=id), body)
        assert refused(foreign) == ("403.0", [])
        assert foreign.content == unknown.content


#: What these name need not be there.
_FOR_ANYTHING = {
    ("PUT", "/accounts/{account}/domains/{id}"),
    ("POST", "/accounts/{account}/subscribers/{id}/resubscribe"),
}
OF_ONE = [
    call for call in _calls(OF_ACCOUNT) if "{id}" in call.values[1] and call.values not in _FOR_ANYTHING
]


@pytest.mark.parametrize(("verb", "path"), OF_ONE)
def test_what_another_account_has_is_as_unknown_as_nothing(caller, stranger, verb, path):
    unknown = path.format(account="rival", id=uuid.uuid4())
    nothing = refused(stranger.call(verb, unknown, {}))
    assert nothing == ("404.1", [])
    message = caller.post("messages", LETTER).json()
    delivery = message["_links"][1]["href"].rpartition("/")[2]
    for id in (made(caller), message["createdResourceId"], delivery):
        assert refused(stranger.call(verb, path.format(account="rival", id=id), {})) == nothing
