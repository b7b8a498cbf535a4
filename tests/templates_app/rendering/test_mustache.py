"""Mustache's public specification 1.4: every case of its modules interpolation, sections, inverted and comments,
those of white space among them. FORBIDDEN names the others, and why they are off.
"""

import pytest

from templates_app import errors, rendering


def rendered(source, variables, escape=rendering.Escape.HTML):
    program = rendering.compile(source, escape=escape, transfer=rendering.Transfer.PLAIN)
    return program.render(variables)


PERSON = {"name": "Joe"}
SPECIALS = {"forbidden": '& " < >'}
NESTED = {"a": {"b": {"c": {"d": {"e": {"name": "Phil"}}}}}}

INTERPOLATION = [
    ("Hello from {Mustache}!\n", {}, "Hello from {Mustache}!\n"),
    ("Hello, {{subject}}!\n", {"subject": "world"}, "Hello, world!\n"),
    ("{{forbidden}}", SPECIALS, "&amp; &quot; &lt; &gt;"),
    ("{{quote}}", {"quote": "it's"}, "it&#39;s"),
    ("{{{forbidden}}}", SPECIALS, '& " < >'),
    ("{{&forbidden}}", SPECIALS, '& " < >'),
    ("{{template}}: {{planet}}", {"template": "{{planet}}", "planet": "Earth"}, "{{planet}}: Earth"),
    ('"{{mph}} miles an hour!"', {"mph": 85}, '"85 miles an hour!"'),
    ('"{{{mph}}} {{&mph}}"', {"mph": 85}, '"85 85"'),
    ("{{power}} jiggawatts!", {"power": 1.210}, "1.21 jiggawatts!"),
    ("{{{power}}} {{&power}}", {"power": 1.210}, "1.21 1.21"),
    ("I ({{cannot}}) be seen!", {"cannot": None}, "I () be seen!"),
    ("I ({{{cannot}}}{{&cannot}}) be seen!", {"cannot": None}, "I () be seen!"),
    ("I ({{cannot}}) be seen!", {}, "I () be seen!"),
    ("I ({{{cannot}}}{{&cannot}}) be seen!", {}, "I () be seen!"),
    ("{{person.name}} == {{#person}}{{name}}{{/person}}", {"person": PERSON}, "Joe == Joe"),
    ("{{{person.name}}} == {{#person}}{{{name}}}{{/person}}", {"person": PERSON}, "Joe == Joe"),
    ("{{&person.name}} == {{#person}}{{&name}}{{/person}}", {"person": PERSON}, "Joe == Joe"),
    ("{{a.b.c.d.e.name}}", NESTED, "Phil"),
    ("({{a.b.c}})", {"a": {}}, "()"),
    ("({{a.b.c.name}})", {"a": {"b": {}}, "c": {"name": "Jim"}}, "()"),
    ("{{#a}}{{b.c.d.e.name}}{{/a}}", NESTED | {"b": {"c": {"d": {"e": {"name": "Wrong"}}}}}, "Phil"),
    ("{{#a}}{{b.c}}{{/a}}", {"a": {"b": {}}, "b": {"c": "ERROR"}}, ""),
    ("{{a.b}}", {"a.b": "c"}, ""),
    ("{{a.b}}", {"a.b": "c", "a": {"b": "d"}}, "d"),
    ("{{.}}", {"a": "never shown"}, ""),
    ("{{#list}}{{{.}}}{{&.}}{{.}}{{/list}}", {"list": ["&"]}, "&&&amp;"),
    ("  {{&string}}\n", {"string": "---"}, "  ---\n"),
    ("({{a.b.c}})", {"a": {"b": None}}, "()"),
    ("({{a.b.c}})", {"a": 0}, "()"),
    ("| {{string}} |", {"string": "---"}, "| --- |"),
    ("| {{{string}}} | {{&string}} |", {"string": "---"}, "| --- | --- |"),
    ("  {{string}}\n", {"string": "---"}, "  ---\n"),
    ("  {{{string}}}\n", {"string": "---"}, "  ---\n"),
    ("|{{ string }}|{{{ string }}}|{{& string }}|{{ & string }}|", {"string": "---"}, "|---|---|---|---|"),
    ("{{\n\tstring\n}}", {"string": "---"}, "---"),
]

STAIRS = "".join(
    f"{{{{#{section}}}}}\n{up}{down}\n"
    for section, up, down in (
        ("a", "{{one}}", ""),
        ("b", "{{one}}{{two}}", "{{one}}"),
        ("c", "{{one}}{{two}}{{three}}", "{{two}}{{one}}"),
        ("d", "{{one}}{{two}}{{three}}{{four}}", "{{three}}{{two}}{{one}}"),
        ("five", "{{one}}{{two}}{{three}}{{four}}{{five}}{{.}}", "{{four}}{{three}}{{two}}{{one}}"),
    )
)
STAIRS += "{{/five}}\n{{four}}\n{{/d}}\n{{three}}\n{{/c}}\n{{two}}\n{{/b}}\n{{one}}\n{{/a}}\n"
LEVELS = {"a": {"one": 1}, "b": {"two": 2}, "c": {"three": 3, "d": {"four": 4, "five": 5}}}

SECTIONS = [
    ('"{{#boolean}}This should be rendered.{{/boolean}}"', {"boolean": True}, '"This should be rendered."'),
    ('"{{#boolean}}This should not be rendered.{{/boolean}}"', {"boolean": False}, '""'),
    ('"{{#null}}This should not be rendered.{{/null}}"', {"null": None}, '""'),
    ('"{{#context}}Hi {{name}}.{{/context}}"', {"context": {"name": "Joe"}}, '"Hi Joe."'),
    (
        '"{{#sec}}{{a}}, {{b}}, {{c.d}}{{/sec}}"',
        {"a": "foo", "b": "wrong", "sec": {"b": "bar"}, "c": {"d": "baz"}},
        '"foo, bar, baz"',
    ),
    ("{{#a}}{{b}}{{c}}{{/a}}", {"a": {"b": None}, "b": "shadowed", "c": "seen"}, "seen"),
    ("{{#foo}}{{.}} is {{foo}}{{/foo}}", {"foo": "bar"}, "bar is bar"),
    (
        "{{#tops}}{{#middles}}{{tname.lower}}{{mname}}.{{#bottoms}}{{tname.upper}}{{mname}}{{bname}}."
        "{{/bottoms}}{{/middles}}{{/tops}}",
        {
            "tops": [
                {
                    "tname": {"upper": "A", "lower": "a"},
                    "middles": [{"mname": "1", "bottoms": [{"bname": "x"}, {"bname": "y"}]}],
                }
            ]
        },
        "a1.A1x.A1y.",
    ),
    (STAIRS, LEVELS, "1\n121\n12321\n1234321\n1234554321\n4\n3\n2\n1\n"),
    ('"{{#list}}{{item}}{{/list}}"', {"list": [{"item": 1}, {"item": 2}, {"item": 3}]}, '"123"'),
    ('"{{#list}}Yay lists!{{/list}}"', {"list": []}, '""'),
    (
        "{{#bool}}\n* first\n{{/bool}}\n* {{two}}\n{{#bool}}\n* third\n{{/bool}}\n",
        {"bool": True, "two": "second"},
        "* first\n* second\n* third\n",
    ),
    ("| A {{#bool}}B {{#bool}}C{{/bool}} D{{/bool}} E |", {"bool": True}, "| A B C D E |"),
    ("| A {{#bool}}B {{#bool}}C{{/bool}} D{{/bool}} E |", {"bool": False}, "| A  E |"),
    ("[{{#missing}}Found key 'missing'!{{/missing}}]", {}, "[]"),
    ("{{#list}}({{.}}){{/list}}", {"list": ["a", "b", "c", "d", "e"]}, "(a)(b)(c)(d)(e)"),
    ("{{#list}}({{.}}){{/list}}", {"list": [1, 2, 3]}, "(1)(2)(3)"),
    ("{{#list}}({{.}}){{/list}}", {"list": [1.1, 2.2]}, "(1.1)(2.2)"),
    ("{{#list}}({{.}}){{/list}}", {"list": ["<", ">"]}, "(&lt;)(&gt;)"),
    ("{{#list}}({{^.}}none{{/.}}){{/list}}", {"list": [[], [1]]}, "(none)()"),
    ("{{#list}}({{#.}}{{.}}{{/.}}){{/list}}", {"list": [[1, 2, 3], ["a", "b"]]}, "(123)(ab)"),
    ("{{#list}}({{.}}){{/list}}", {"list": ["&", '"']}, "(&amp;)(&quot;)"),
    ("{{#list}}({{{.}}}{{&.}}){{/list}}", {"list": ["&"]}, "(&&)"),
    ("{{#.}}({{value}}){{/.}}", {"value": "a"}, "(a)"),
    ("{{#a.b.c}}Here{{/a.b.c}}", {"a": {"b": {"c": True}}}, "Here"),
    ("{{#a.b.c}}Here{{/a.b.c}}", {"a": {"b": {"c": False}}}, ""),
    ("{{#a.b.c}}Here{{/a.b.c}}", {"a": {}}, ""),
    (" | {{#boolean}}\t|\t{{/boolean}} | \n", {"boolean": True}, " | \t|\t | \n"),
    (" | {{#boolean}} {{! Important }}\n {{/boolean}} | \n", {"boolean": True}, " |  \n  | \n"),
    (" {{#boolean}}YES{{/boolean}}\n {{#boolean}}GOOD{{/boolean}}\n", {"boolean": True}, " YES\n GOOD\n"),
    ("| This Is\n{{#boolean}}\n|\n{{/boolean}}\n| A Line\n", {"boolean": True}, "| This Is\n|\n| A Line\n"),
    ("| This Is\n  {{#boolean}}\n|\n\t{{/boolean}}\n| A", {"boolean": True}, "| This Is\n|\n| A"),
    ("|\r\n{{#boolean}}\r\n{{/boolean}}\r\n|", {"boolean": True}, "|\r\n|"),
    ("  {{#boolean}}\n#{{/boolean}}\n/", {"boolean": True}, "#\n/"),
    ("#{{#boolean}}\n/\n  {{/boolean}}", {"boolean": True}, "#\n/\n"),
    ("|{{# boolean }}={{/ boolean }}|", {"boolean": True}, "|=|"),
    ("{{#yes}}\n  {{#yes}}\nx\n  {{/yes}}\n{{/yes}}\n", {"yes": True}, "x\n"),
]

INVERTED = [
    ('"{{^boolean}}shown{{/boolean}}"', {"boolean": False}, '"shown"'),
    ('"{{^boolean}}shown{{/boolean}}"', {"boolean": True}, '""'),
    ('"{{^null}}shown{{/null}}"', {"null": None}, '"shown"'),
    ('"{{^context}}Hi {{name}}.{{/context}}"', {"context": {"name": "Joe"}}, '""'),
    ('"{{^list}}{{n}}{{/list}}"', {"list": [{"n": 1}]}, '""'),
    ('"{{^list}}Yay lists!{{/list}}"', {"list": []}, '"Yay lists!"'),
    ("{{^bool}}\n* first\n{{/bool}}\n* {{two}}\n", {"bool": False, "two": "second"}, "* first\n* second\n"),
    (
        "{{^bool}}\n* first\n{{/bool}}\n* {{two}}\n{{^bool}}\n* third\n{{/bool}}\n",
        {"bool": False, "two": "second"},
        "* first\n* second\n* third\n",
    ),
    (" {{^boolean}}NO{{/boolean}}\n {{^boolean}}WAY{{/boolean}}\n", {}, " NO\n WAY\n"),
    ("| A {{^bool}}B {{^bool}}C{{/bool}} D{{/bool}} E |", {"bool": False}, "| A B C D E |"),
    ("| A {{^bool}}B {{^bool}}C{{/bool}} D{{/bool}} E |", {"bool": True}, "| A  E |"),
    ("[{{^missing}}Cannot find key 'missing'!{{/missing}}]", {}, "[Cannot find key 'missing'!]"),
    ("{{^a.b.c}}Not Here{{/a.b.c}}", {"a": {"b": {"c": True}}}, ""),
    ("{{^a.b.c}}Not Here{{/a.b.c}}", {"a": {"b": {"c": False}}}, "Not Here"),
    ("{{^a.b.c}}Not Here{{/a.b.c}}", {"a": {}}, "Not Here"),
    (" | {{^boolean}}\t|\t{{/boolean}} | \n", {}, " | \t|\t | \n"),
    (" | {{^boolean}} {{! Important }}\n {{/boolean}} | \n", {}, " |  \n  | \n"),
    ("| This Is\n  {{^boolean}}\n|\n  {{/boolean}}\n| A Line\n", {}, "| This Is\n|\n| A Line\n"),
    ("|\r\n{{^boolean}}\r\n{{/boolean}}\r\n|", {}, "|\r\n|"),
    ("  {{^boolean}}\n^{{/boolean}}\n/", {}, "^\n/"),
    ("^{{^boolean}}\n/\n  {{/boolean}}", {}, "^\n/\n"),
    ("|{{^ boolean }}={{/ boolean }}|", {}, "|=|"),
    ("{{^a}}x{{/a}}{{#a}}y{{/a}}", {"a": {}}, "y"),
]

COMMENTS = [
    ("12345{{! Comment Block! }}67890", {}, "1234567890"),
    ("12345{{!\n  This is a\n  multi-line comment...\n}}67890\n", {}, "1234567890\n"),
    ("Begin.\n{{! Comment Block! }}\nEnd.\n", {}, "Begin.\nEnd.\n"),
    ("Begin.\n  {{! Indented Comment Block! }}\nEnd.\n", {}, "Begin.\nEnd.\n"),
    ("|\r\n{{! Standalone Comment }}\r\n|", {}, "|\r\n|"),
    ("  {{! I'm Still Standalone }}\n!", {}, "!"),
    ("!\n  {{! I'm Still Standalone }}", {}, "!\n"),
    ("Begin.\n{{!\nSomething's going on here...\n}}\nEnd.\n", {}, "Begin.\nEnd.\n"),
    ("Begin.\n  {{!\n    Something's going on here...\n  }}\nEnd.\n", {}, "Begin.\nEnd.\n"),
    ("  12 {{! 34 }}\n", {}, "  12 \n"),
    ("12345 {{! Comment Block! }} 67890", {}, "12345  67890"),
    ("x{{! a {brace} { in it }}y", {}, "xy"),
    (
        "comments never show: >{{! comment }}<",
        {"! comment": 1, "! comment ": 2, "!comment": 3, "comment": 4},
        "comments never show: ><",
    ),
]


@pytest.mark.parametrize(
    ("source", "variables", "expected"), [*INTERPOLATION, *SECTIONS, *INVERTED, *COMMENTS]
)
def test_the_specification_is_followed(source, variables, expected):
    assert rendered(source, variables) == expected


#: What the contract turns off, by module of the specification.
FORBIDDEN = {
    "partials: a template loads no other": ["{{>text}}", "  {{> partial}}\n>", "|{{> partial }}|"],
    "~dynamic-names: nor one that a variable names": ["{{>*name}}", "{{> * name }}"],
    "~inheritance: nor does it extend one": [
        "{{<parent}}{{/parent}}",
        "{{<parent}}{{$title}}x{{/title}}{{/parent}}",
    ],
    "~inheritance: so there are no blocks to fill": ["{{$title}}Default{{/title}}"],
    "delimiters: a tag is a tag for every reader of a template": [
        "{{=<% %>=}}(<%text%>)",
        "{{= | | =}}",
        "{{=@   @=}}",
    ],
}


@pytest.mark.parametrize("source", [source for sources in FORBIDDEN.values() for source in sources])
def test_what_the_contract_turns_off_is_refused(source):
    with pytest.raises(errors.TemplateSyntaxError):
        rendered(source, {"name": "x", "text": "y"})


@pytest.mark.parametrize(
    "source", ["{{lambda}}", "{{{lambda}}}", "{{#lambda}}x{{/lambda}}", "{{^lambda}}x{{/lambda}}"]
)
def test_lambdas_do_not_occur_as_values_are_data(source):
    with pytest.raises(errors.UnsupportedValue):
        rendered(source, {"lambda": lambda text: text})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, "true"),
        (False, "false"),
        (1.0, "1"),
        (0, "0"),
        (-2.5, "-2.5"),
        (float("nan"), ""),
        (10**30, "1" + "0" * 30),
        (["a"], ""),
        ({"a": 1}, ""),
    ],
)
def test_values_print_as_json_does_and_containers_print_nothing(value, expected):
    assert rendered("{{x}}{{{x}}}", {"x": value}) == expected * 2


@pytest.mark.parametrize("value", [0, 0.0, "", float("nan"), (), False, None])
def test_false_values_render_the_inverted_section_only(value):
    assert rendered("{{#x}}yes{{/x}}{{^x}}no{{/x}}", {"x": value}) == "no"


@pytest.mark.parametrize("value", [1, -0.5, "0", "false", {}, [0], (None,), True])
def test_true_values_render_the_section_only(value):
    assert rendered("{{#x}}yes{{/x}}{{^x}}no{{/x}}", {"x": value}) == "yes"


def test_unescaped_targets_leave_specials_alone():
    assert rendered("{{forbidden}}", SPECIALS, rendering.Escape.NONE) == '& " < >'


@pytest.mark.parametrize(
    "key", ["prénom", "First name", "No.", "a..b", "$", "名前", "it's", 'say "x"', "a\\n"]
)
def test_any_heading_can_be_a_key(key):
    assert rendered("{{ %s }}" % key, {key: "found"}) == "found"


def test_keys_are_case_sensitive():
    assert rendered("[{{Name}}]", {"name": "x"}) == "[]"


@pytest.mark.parametrize(
    ("source", "line", "part"),
    [
        ("a\n{{> header }}", 2, "{{> header }}"),
        ("{{< parent}}", 1, "{{< parent}}"),
        ("{{=<% %>=}}", 1, "{{=<% %>=}}"),
        ("a\nb\n{{name", 3, "{{name"),
        ("{{{name}}", 1, "{{{name}}"),
        ("{{a {{b}} }}", 1, "{{a {{b}}"),
        ("\n{{! no end", 2, "{{! no end"),
        ("{{}}", 1, "{{}}"),
        ("{{#}}{{/}}", 1, "{{#}}"),
        ("x\n{{#a}}\n{{#b}}\n{{/b}}", 2, "{{#a}}"),
        ("{{/a}}", 1, "{{/a}}"),
        ("{{#a}}\n{{^b}}\n{{/a}}{{/b}}", 3, "{{/a}} closes {{^b}}"),
    ],
)
@pytest.mark.parametrize(
    "act", [rendering.check, lambda source: rendered(source, {})], ids=["checked", "compiled"]
)
def test_broken_syntax_is_refused_by_line_and_tag(act, source, line, part):
    with pytest.raises(errors.TemplateSyntaxError) as caught:
        act(source)
    assert caught.value.line == line
    assert part in str(caught.value)


def test_a_source_without_tags_passes_the_check():
    rendering.check("p { color: red } }}")


def test_names_are_the_top_level_ones():
    source = "{{a.b}}{{#list}}{{c}}{{.}}{{/list}}{{^x.y}}{{&d}}{{/x.y}}{{! e }}"
    program = rendering.compile(source, escape=rendering.Escape.NONE, transfer=rendering.Transfer.PLAIN)
    assert program.names == {"a", "list", "c", "x", "d"}


def test_an_unknown_language_is_refused():
    with pytest.raises(errors.UnknownLanguage):
        rendering.check("", language="cobol")
