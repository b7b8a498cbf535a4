import logging

from config import logs


def test_a_line_shows_what_its_message_is_about_and_never_a_request():
    record = logging.makeLogRecord(
        {"name": "x", "levelname": "ERROR", "msg": "Lost.", "lane": "bulk", "request": "/?key=1"}
    )

    line = logs.Line("%(levelname)s %(name)s %(message)s").format(record)

    assert line == "ERROR x Lost. lane='bulk'"


def test_a_path_is_told_without_the_address_in_it():
    record = logging.makeLogRecord(
        {
            "name": "django.request",
            "levelname": "WARNING",
            "msg": "Not Found: %s",
            "args": ("/accounts/5/subscribers/ann@people.example/resubscribe",),
        }
    )

    line = logs.Line("%(message)s").format(record)

    assert line.startswith("Not Found: /accounts/5/subscribers/[address]/resubscribe")
    assert logs.without_addresses("/v1/events/email/ann%40people.example") == "/v1/events/email/[address]"
    assert logs.without_addresses("/api/v1/mails/") == "/api/v1/mails/"
