from earwig import variables
from tests import costs


def test_as_much_as_may_be_is_no_flaw_and_one_more_is():
    most = variables.MOST_VALUES
    assert not variables.flaw({"a": [1] * (most - 1)}, variables.OF_A_MAIL)
    assert variables.flaw({"a": [1] * most}, variables.OF_A_MAIL) == "At most 10,000 values."
    assert variables.flaw(dict.fromkeys(map(str, range(most + 1))), variables.OF_A_MAIL)
    text = "x" * (variables.OF_A_PERSON - len('{"a":""}'))
    assert not variables.flaw({"a": text}, variables.OF_A_PERSON)
    assert variables.flaw({"a": text + "x"}, variables.OF_A_PERSON) == "At most 64 KiB as JSON."


def test_bytes_count_and_not_characters():
    assert variables.flaw({"a": "é" * 40_000}, variables.OF_A_PERSON)
    assert not variables.flaw({"a": "e" * 40_000}, variables.OF_A_PERSON)


def test_numbers_beyond_64_bits_and_blanks_change_no_bound():
    great = 10**4000
    assert not variables.flaw({"a": great}, variables.OF_A_PERSON)
    assert variables.flaw({"a": [great] * 20}, variables.OF_A_PERSON)
    assert variables.flaw({"a": [great] * 20_000}, variables.OF_A_PERSON) == "At most 10,000 values."
    assert variables.text({"a": great}) == f'{{"a":{great}}}'


def test_levels_count_from_the_outermost_object():
    def nested(levels):
        inner = {}
        for _ in range(levels - 1):
            inner = {"a": inner}
        return inner

    assert not variables.flaw(nested(variables.MOST_LEVELS), variables.OF_A_MAIL)
    assert "levels" in variables.flaw(nested(variables.MOST_LEVELS + 1), variables.OF_A_MAIL)
    assert "levels" in variables.flaw(nested(variables.MOST_LEVELS + 1) | {"b": 10**30}, variables.OF_A_MAIL)


def test_a_great_many_values_are_not_all_looked_at():
    hostile = {"a": [{} for _ in range(3_000_000)]}
    assert costs.seconds(lambda: variables.flaw(hostile, variables.OF_A_MAIL), enough=1) < 2
