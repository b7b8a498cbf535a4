import logging

from config import logs


def test_a_line_shows_what_its_message_is_about_and_never_a_request():
    record = logging.makeLogRecord(
        {"name": "x", "levelname": "ERROR", "msg": "Lost.", "lane": "bulk", "request": "/?key=1"}
    )

    line = logs.Line("%(levelname)s %(name)s %(message)s").format(record)

    assert line == "ERROR x Lost. lane='bulk'"
