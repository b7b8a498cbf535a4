"""Reports of ours as others read them: Python's parser, our own reader, and flufl.bounce."""

import email
import email.policy
from email.message import Message
from typing import NamedTuple

from flufl.bounce import all_failures

from spooling import received
from spooling.inbound import bounds, dsn


class Report(NamedTuple):
    """`blocks` are the groups of fields of its machine's part; `returned` is the message or header it shows."""

    message: Message
    text: str
    blocks: list
    returned_type: str
    returned: Message
    outcomes: list
    flufl: tuple

    @property
    def of_message(self):
        return self.blocks[0]

    @property
    def of_recipient(self):
        return self.blocks[1]


def read(raw):
    """Raises AssertionError where it has not the three parts of a report."""
    message = email.message_from_bytes(raw, policy=email.policy.compat32)
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status" and not message.defects
    people, machine, returned = message.get_payload()
    assert (people.get_content_type(), machine.get_content_type()) == (
        "text/plain",
        "message/delivery-status",
    )
    is_message = returned.get_content_type() == "message/rfc822"
    shown = (
        returned.get_payload(0) if is_message else email.message_from_bytes(returned.get_payload(decode=True))
    )
    return Report(
        message,
        people.get_payload(decode=True).decode(people.get_content_charset()),
        machine.get_payload(),
        returned.get_content_type(),
        shown,
        dsn.outcomes(received.read(bounds.tame(raw))),
        tuple(set(found) for found in all_failures(message)),
    )
