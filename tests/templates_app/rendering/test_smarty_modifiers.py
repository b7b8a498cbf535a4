"""A golden table of SMTPeter's modifiers (its contract §4.4), on texts, other values and containers."""

import pytest

from templates_app import errors, rendering
from templates_app.rendering import Escape, Transfer
from templates_app.rendering.smarty.modifiers import MODIFIERS

SENTENCE = "This is just a simple test sentence."
LIST = ["a", "b", "c", "d", "e", "f"]


def rendered(source, **variables):
    program = rendering.compile(source, language="smarty", escape=Escape.HTML, transfer=Transfer.PLAIN)
    return program.render(variables)


#: The value, its modifiers, and what they give.
GOLDEN = [
    ("test", "base64_encode", "dGVzdA=="),
    ("é", "base64_encode", "w6k="),
    ("dGVzdA==", "base64_decode", "test"),
    ("dGV zdA", "base64_decode", "test"),
    ("!", "base64_decode", ""),
    ("gA==", "base64_decode", "\ufffd"),
    ("Testing", "cat:' 1 2 3'", "Testing 1 2 3"),
    ("Testing", "cat:1:'b'", "Testing1b"),
    (LIST, "cat:'x'", "x"),
    (None, "cat:'x'", "x"),
    ("x", "cat", "x"),
    (LIST, "count", "6"),
    ({"a": 1}, "count", "1"),
    ("text", "count", "0"),
    (None, "count", "0"),
    ("Cold Wave Linked to Temperatures.", "count_characters", "29"),
    ("Cold Wave Linked to Temperatures.", "count_characters:true", "33"),
    (LIST, "count_characters", "0"),
    ("One.\n\nTwo.", "count_paragraphs", "2"),
    ("One.\r\nTwo.", "count_paragraphs", "1"),
    (LIST, "count_paragraphs", "0"),
    (SENTENCE, "count_words", "7"),
    (" - é  1\n", "count_words", "2"),
    (LIST, "count_words", "0"),
    (None, "default:'customer'", "customer"),
    ("", 'default:"customer"', "customer"),
    ("Ann", "default:'customer'", "Ann"),
    (0, "default:5", "0"),
    (None, "default:$other", "other"),
    (None, "default:bare", "bare"),
    ("<b>&'\"", "escape", "&lt;b&gt;&amp;&#39;&quot;"),
    ("<b>", "escape:'html'", "&lt;b&gt;"),
    ("a b&c", "escape:'url'", "a+b%26c"),
    ("test", "escape:'base64'", "dGVzdA=="),
    ("<b>", "escape:'whatever'", "<b>"),
    ("Testing\n1 2\ntest", "indent", " Testing\n 1 2\n test"),
    ("a\nb", "indent:4", "    a\n    b"),
    ("a\nb", 'indent:2:"\t"', "\t\ta\n\t\tb"),
    ("a", "indent:-1", "a"),
    ("a", "indent:3:''", "a"),
    ("Test string", "md5", "0fd3dbec9730101bff92acc820befc34"),
    (["Test", [" ", {"k": "string"}]], "md5", "0fd3dbec9730101bff92acc820befc34"),
    (None, "md5", "d41d8cd98f00b204e9800998ecf8427e"),
    ("one\ntwo\r\nthree", "nl2br", "one<br />two<br />three"),
    (LIST, "range:2:5|count", "3"),
    ("Quick brown fox", "regex_replace:'a|e|i|o|u':'*'", "Q**ck br*wn f*x"),
    ("Quick brown fox", "regex_replace:'a|e|i|o|u':'[$&]'", "Q[u][i]ck br[o]wn f[o]x"),
    ("2 and 3", r"regex_replace:'\d':' a number '", " a number  and  a number "),
    ("a-b c-d", r"regex_replace:'(\w)-(\w)':'$2\1${1}$$$3'", "baa$ dcc$"),
    ("Aé\n", r"regex_replace:'(?i)a|\n|é':'x'", "xxx"),
    ("a.b", "regex_replace:$pattern:'x'", "axb"),
    ("(", "regex_replace:$broken:'x'", "("),
    ("abc", "regex_replace:'':'-'", "-a-b-c-"),
    ("abc", "regex_replace:'b'", "abc"),
    ("in Garden.", "replace:'Garden':'Vineyard'", "in Vineyard."),
    ("a\nb", "replace:'':'x'", "a\nb"),
    ("aaa", "replace:'a'", "aaa"),
    ("Test string", "sha1", "18af819125b70879d36378431c4e8d9bfa6a2599"),
    ("Test 1", "spacify", "T e s t   1"),
    ("abc", "spacify:'^^'", "a^^b^^c"),
    ("", "spacify", ""),
    ("Testing 1 2 3", "strlen", "13"),
    ("é😀", "strlen", "2"),
    (1234, "strlen", "4"),
    (LIST, "strlen", "0"),
    ("Hello world!", "strstr:' ':true", "Hello"),
    ("Hello world!", "strstr:'wo'", "world!"),
    ("Hello world!", "strstr:'w':false", "world!"),
    ("Hello world!", "strstr:'x'", ""),
    ("0123456789", "substr:2", "23456789"),
    ("0123456789", "substr:4:3", "456"),
    ("0123456789", "substr:-3", "789"),
    ("0123456789", "substr:-3:2", "78"),
    ("0123456789", "substr:2:-3", "23456"),
    ("0123456789", "substr:-20:2", "01"),
    ("0123456789", "substr:20", ""),
    ("0123456789", "substr:8:-5", ""),
    ("0123456789", "substr:0:0", ""),
    ("äöü", "substr:1:1", "ö"),
    ("abc", "substr", "abc"),
    ("VaRiÀ", "tolower", "varià"),
    ("VaRiÀ", "lower", "varià"),
    ("VaRià", "toupper", "VARIÀ"),
    ("VaRià", "upper", "VARIÀ"),
    ("  \tTest\n\t  ", "trim", "Test"),
    ("  \tTest\n\t  ", "trim:' '", "\tTest\n\t"),
    (SENTENCE, "truncate", SENTENCE),
    ("x" * 90, "truncate", "x" * 77 + "..."),
    (SENTENCE, "truncate:13", "This is..."),
    (SENTENCE, "truncate:13:''", "This is just"),
    (SENTENCE, "truncate:13:'...':true", "This is ju..."),
    (SENTENCE, "truncate:0", ""),
    (SENTENCE, "truncate:-5", ""),
    (SENTENCE, "truncate:2:'....'", "...."),
    (SENTENCE, "truncate:'x'", ""),
    ("äöü äöü äöü", "truncate:6:'…'", "äöü…"),
    ("sir alex", "ucfirst", "Sir alex"),
    ("élan", "ucfirst", "Élan"),
    ("", "ucfirst", ""),
    ("foo&bar=some/value x~é", "urlencode", "foo%26bar%3Dsome%2Fvalue+x%7E%C3%A9"),
    ("foo%26bar%3Dsome%2Fvalue+x%C3%A9%", "urldecode", "foo&bar=some/value xé%"),
    ("JOHN", "tolower|ucfirst", "John"),
    ("x", "nothing:1:'a'|upper|nothing", "X"),
    ("x", "sha256|empty", "x"),
    (True, "upper", "TRUE"),
    (1.5, "cat:''", "1.5"),
]


@pytest.mark.parametrize(("value", "modifiers", "expected"), GOLDEN)
def test_each_modifier_gives_what_its_documents_say(value, modifiers, expected):
    assert rendered(f"{{$a|{modifiers}}}", a=value, other="other", pattern=r"\.", broken="(") == expected


def test_the_table_has_every_modifier():
    used = {part.split(":")[0] for _, modifiers, _ in GOLDEN for part in modifiers.split("|")}
    assert set(MODIFIERS) <= used


RANGES = [
    ("2:5", "cde"),
    ("0:2", "ab"),
    ("2", "ab"),
    ("4:99", "ef"),
    ("5:2", ""),
    ("-3:2", "ab"),
    ("99:999999999999", ""),
]


@pytest.mark.parametrize(("limits", "expected"), RANGES)
def test_a_range_keeps_the_items_from_a_position_to_before_another(limits, expected):
    source = f"{{foreach $i in $a|range:{limits}}}{{$i}}{{/foreach}}"
    assert rendered(source, a=LIST) == expected
    assert rendered(source, a=dict(zip("uvwxyz", LIST, strict=True))) == expected
    keyed = f"{{foreach $a|range:{limits} as $k => $i}}{{$k}}{{/foreach}}"
    assert len(rendered(keyed, a=dict(zip("uvwxyz", LIST, strict=True)))) == len(expected)
    assert rendered(f"{{$a|range:{limits}}}", a="text") == "text"


CHANGING = sorted(
    set(MODIFIERS)
    - {"cat", "count", "default", "md5", "sha1", "range", "strlen"}
    - {name for name in MODIFIERS if name.startswith("count_")}
)


@pytest.mark.parametrize("name", CHANGING)
@pytest.mark.parametrize("value", [LIST, {"k": 1}, []])
def test_a_modifier_of_texts_leaves_lists_and_mappings_alone(name, value):
    source = f"{{assign $a|{name}:'x':'y' to $b}}{{if $a == $b}}same{{/if}}{{$b|count}}"
    assert rendered(source, a=value) == f"same{len(value)}"


@pytest.mark.parametrize("name", sorted(MODIFIERS))
@pytest.mark.parametrize("value", ["\ud800x", "", None, -1, 1e300, True, "\0", "😀" * 9])
def test_no_modifier_breaks_of_an_odd_value(name, value):
    for arguments in ("", ":$a", ":$a:$a", ":-1:99999999999999999999:$a:$a", ":'':''"):
        try:
            assert isinstance(rendered(f"{{$a|{name}{arguments}}}", a=value), str)
        except errors.RenderLimit:
            assert name == "indent" and value == 1e300
