"""Reading addresses: what is valid is tested where mails are taken; here, what readers could choke on."""

import pytest

from earwig import mailboxes
from earwig.errors import InvalidAddress
from tests import costs

BLANKS = " " * 100_000


@pytest.mark.parametrize("text", [BLANKS + '"<', f"{BLANKS}<a", f'"{BLANKS}<', f"{BLANKS}a", "a" * 5_000_000])
def test_hostile_text_is_refused_in_no_time(text):
    def act():
        with pytest.raises(InvalidAddress):
            mailboxes.parse(text)

    assert costs.seconds(act) < 0.1


def test_every_name_that_fits_can_be_written_quoted():
    name = '"\\' * (mailboxes.MAX_NAME // 2)
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    assert mailboxes.parse('"' + escaped + '" <a@b.example>') == (name, "a@b.example")


@pytest.mark.parametrize("text", ["  Ann  <a@b.example> ", '"Ann"<a@b.example>', ' "Ann"  <a@b.example>\t'])
def test_blanks_around_a_name_are_not_part_of_it(text):
    assert mailboxes.parse(text) == ("Ann", "a@b.example")


@pytest.mark.parametrize("text", ["Ann <a@b.example>\n", "\r\nAnn <a@b.example>", '"Ann"\n<a@b.example>'])
def test_line_breaks_around_a_name_are_refused(text):
    with pytest.raises(InvalidAddress):
        mailboxes.parse(text)
