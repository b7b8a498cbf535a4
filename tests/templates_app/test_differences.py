"""What changed between two versions."""

from templates_app import differences, wordings
from templates_app.differences import Line
from tests import costs


def between(old, new):
    texts = dict.fromkeys(wordings.FIELDS, "")
    return differences.between({**texts, "text": old}, {**texts, "text": new})


def test_only_what_differs_is_named():
    assert between("a", "a") == {}
    assert between("a\nb", "a\nc") == {"text": [Line(" ", "a"), Line("-", "b"), Line("+", "c")]}
    assert between("", "-- x") == {"text": [Line("+", "-- x")]}
    assert between("@ a", "@ b") == {"text": [Line("-", "@ a"), Line("+", "@ b")]}


def test_lines_between_two_changes_are_left_out():
    lines = [str(number) for number in range(30)]
    [found] = between("\n".join(lines), "\n".join(["x", *lines[1:-1], "y"])).values()
    assert [line.text for line in found if line.kind != " "] == ["0", "x", "…", "29", "y"]


def test_line_ends_alone_are_told():
    assert between("a\r\nb", "a\nb") == {"text": [Line("@", "Only line ends differ.")]}


def test_long_texts_are_compared_in_time():
    def act():
        [found] = between("\n".join("ab" * 1000), "\n".join("ba" * 3000)).values()
        assert len(found) == 8000
        [found] = between("\n".join("ab" * 250), "\n".join("ba" * 250)).values()

    assert costs.seconds(act, enough=0.5) < 1
