"""SMTPeter's language, construct by construct of its contract's §4.4; its modifiers are in `test_smarty_modifiers`."""

import quopri

import pytest

from templates_app import errors, rendering
from templates_app.rendering import Escape, LinkKind, Transfer


def links(kind, target):
    return f"https://t.example/{kind}{target and '?' + target}"


def rendered(source, variables=None, *, given_links=links, transfer=Transfer.PLAIN, **tracking):
    program = rendering.compile(source, language="smarty", escape=Escape.HTML, transfer=transfer, **tracking)
    return program.render(variables or {}, given_links)


ANN = {
    "name": "Ann",
    "Name": "A",
    "first-name": "Ann-Lee",
    "user_id": 7,
    "zero": 0,
    "nought": "0",
    "empty": "",
    "none": None,
    "yes": True,
    "no": False,
    "price": "2.50",
    "number": "10",
    "text": "ten",
    "foo": {"bar": {"baz": [1, 2, 3, 4, "fifth"]}, "0": "key nought", "qux": "second"},
    "list": ["a", {"name": "in a list"}, "c"],
    "map": {"x": 1, "y": 2},
    "none_of_it": [],
    "html": "<b>&",
}

VALUES = [
    ("Hi {$name}!", "Hi Ann!"),
    ("{$Name}{$NAME}", "A"),
    ("{$first-name} {$user_id}", "Ann-Lee 7"),
    ("[{$missing}{$missing.a.b}{$name.a}{$list.name}{$list[9]}{$list[1].nothing}{$none}]", "[]"),
    ("{$foo.bar.baz[4]} {$foo.bar.baz.4}", "fifth fifth"),
    ("{$list[1].name} {$list.1.name}", "in a list in a list"),
    ("{$map[0]}{$map[1]}{$map[2]}", "12"),
    ("{$foo[0]} {$foo[2]}", "key nought second"),
    ("{$list[$map.y]} {$map['x']}", "c 1"),
    ("{$html}", "<b>&"),
    ("{$yes} {$no} {$price} {$zero}", "true false 2.50 0"),
    ("{$list}{$map}", ""),
    ("{$name }{ $name}", "Ann{ $name}"),
]

ARITHMETIC = [
    ("{$number + 10}", "20"),
    ("{$number - 1} {$number -1} {$number * $price}", "9 9 25"),
    ("{$number / 4} {$number / 5} {$number % 4}", "2.5 2 2"),
    ("{$user_id - 10} {$zero - 7 % 4} {$user_id * -2}", "-3 -3 -14"),
    ("{$missing + 1}{$text + 1}{$list + 1}{$yes + 1}{$no + 1}", "11121"),
    ("{$zero + 1 + 3 * 10 % 4}{$zero + (1 + 3 - 2) * 10}", "320"),
    ("{$zero + 0.1 + 0.2}", "0.3"),
    ("{$number+$user_id} {$number-$user_id}", "17 3"),
    ("{$zero + 1.5e3}", "1500"),
    ("{$zero + 9007199254740993 * 10}", "90071992547409930"),
    ("{$zero + 1000000000000000000 * 100}", "100000000000000000000"),
]

CONDITIONS = [
    ("{if $name == 'Ann'}y{else}n{/if}", "y"),
    ('{if $name != "Ann"}y{else}n{/if}', "n"),
    ("{if $user_id > 7}a{elseif $user_id >= 7}b{else}c{/if}", "b"),
    ("{if $user_id < 7}a{elseif $user_id <= 6}b{else if $user_id == '7'}c{/if}", "c"),
    ("{if $missing}a{elseif $empty}b{elseif $zero}c{elseif $nought}d{elseif $no}e{else}f{/if}", "f"),
    ("{if $name AND $yes}a{/if}{if $name and $no}b{/if}{if $no OR $name}c{/if}{if $no or $zero}d{/if}", "ac"),
    ("{if not $no}a{/if}{if !$name}b{/if}{if not $missing}c{/if}{if NOT $name}d{/if}", "ac"),
    ("{if $no OR $yes AND $no}a{else}b{/if}{if ($no OR $yes) AND $yes}c{/if}", "bc"),
    ("{if not $user_id == 8}a{/if}{if !($name == 'Ann' && $yes)}b{/if}{if $no || $yes}c{/if}", "ac"),
    ("{if $missing == ''}a{/if}{if $none == ''}b{/if}{if $missing == 0}c{/if}{if $empty == 0}d{/if}", "abc"),
    ("{if $nought == ''}a{/if}{if $nought == 0}b{/if}{if $text == 0}c{/if}{if $yes == true}d{/if}", "bd"),
    (
        "{if $number > 9}a{/if}{if $number > '9'}b{/if}{if $name < 'Bob'}c{/if}{if $price > $missing}d{/if}",
        "abcd",
    ),
    ("{if $list == $list}a{/if}{if $list == $map}b{/if}{if $list > 1}c{/if}{if $list != 'a'}d{/if}", "ad"),
    ("{if $list}a{/if}{if $none_of_it}b{/if}{if $map|count > 1}c{/if}{if $user_id % 2 == 1}d{/if}", "acd"),
    (
        "{if $user_id gt 6}a{/if}{if $user_id neq 7}b{/if}{if $user_id eq 7}c{/if}{if $user_id <> 7}d{/if}",
        "ac",
    ),
    ("{if $yes}{if $no}a{else}b{/if}{else}c{/if}", "b"),
    ("{if true}a{/if}{if false}b{/if}{if 'x'}c{/if}{if 0}d{/if}{if 0.5}e{/if}", "ace"),
    ("[{if $no}x{/if}]", "[]"),
]

LOOPS = [
    ("{foreach $i in $list}({$i}{$i.name}){/foreach}", "(a)(in a list)(c)"),
    ("{foreach $list as $i}[{$i}]{/foreach}", "[a][][c]"),
    ("{foreach $map as $k => $v}{$k}={$v};{/foreach}", "x=1;y=2;"),
    ("{foreach $list as $k => $v}{$k}{/foreach}{foreach $v in $map}{$v}{/foreach}", "01212"),
    ("{foreach $i in $none_of_it}x{foreachelse}none{/foreach}", "none"),
    ("{foreach $i in $missing}x{foreachelse}none{/foreach}{foreach $i in $name}x{/foreach}", "none"),
    ("{foreach $i in $list}x{foreachelse}none{/foreach}", "xxx"),
    ("{foreach $i in $list|range:1:3}<{$i.name}{$i}>{/foreach}", "<in a list><c>"),
    ("{foreach $i in $map}{foreach $j in $map}{$i * $j},{/foreach}{foreachelse}-{/foreach}", "1,2,2,4,"),
    ("{foreach $i in $map}{foreach $j in $missing}x{foreachelse}{$i}{/foreach}{/foreach}", "12"),
    ("{$i}{foreach $i in $map}{/foreach}{$i}", "2"),
    ("{foreach $name in $map}{$name}{/foreach}", "12"),
]

ASSIGNMENTS = [
    ("{$t}-{assign 1 to $t}-{$t}", "--1"),
    ("{assign $name|upper to $name}{$name}", "ANN"),
    ("{foreach $i in $map}{assign $total + $i to $total}{/foreach}{$total}", "3"),
    ("{$t = $user_id + 1}{$t}{$t=$t*2}{$t}", "816"),
    (
        "{foreach $i in $map}{if $i > $top}{assign $i to $top}{/if}{/foreach}{$top}{if $top == 2}!{/if}",
        "2!",
    ),
    ("{assign $foo.bar to $b}{$b.baz[0]}{assign $b.baz to $b}{$b[1]}", "12"),
    ("{if $no}{assign 1 to $name}{/if}{$name}", "Ann"),
]

TEXTS = [
    ("{ldelim}$name{rdelim}", "{$name}"),
    ("{literal}{$name} {if} {ldelim}{/literal}{$name}", "{$name} {if} {ldelim}Ann"),
    ("p { color: red } a{b:c} {} { } {{}} }", "p { color: red } a{b:c} {} { } {{}} }"),
    ('{"a": {"if": 1}, "b": {else: 1}} {iframe} {assigned} {hashes} {literally} {foreachx}', ...),
    ("{* no comment *} {/* style */} {//} {1 + 2} {'a'} {#a} {% if %} {{a}}", ...),
    ("[ldelim]x[rdelim]", "[ldelim]x[rdelim]"),
    (
        "<html><head><style>p [ldelim]color: {$name}[rdelim]</style></head>[ldelim]</html>",
        "<html><head><style>p {color: Ann}</style></head>[ldelim]</html>",
    ),
    ("<header>[ldelim]</header><head>[rdelim]", "<header>[ldelim]</header><head>[rdelim]"),
]


@pytest.mark.parametrize(
    ("source", "expected"),
    [*VALUES, *ARITHMETIC, *CONDITIONS, *LOOPS, *ASSIGNMENTS],
)
@pytest.mark.parametrize("transfer", Transfer)
def test_each_construct_says_what_the_contract_says(source, expected, transfer):
    shown = rendered(source, ANN, transfer=transfer)
    assert (shown if isinstance(shown, str) else quopri.decodestring(shown).decode()) == expected


@pytest.mark.parametrize(("source", "expected"), TEXTS)
def test_what_begins_no_tag_is_text(source, expected):
    assert rendered(source, ANN) == (source if expected is ... else expected)


def test_a_hash_is_that_of_the_text_or_of_a_lists_values():
    assert rendered("{hash($a,'sha256')}", {"a": "Test string"}) == (
        "a3e49d843df13c2e2a7786f6ecd7e0d184f45d718d1ac1a8a63e570466e489dd"
    )
    one = rendered("{hash($a, 'sha512')}", {"a": "abc"})
    assert len(one) == 128 and one == rendered('{hash($a,"SHA512")|lower}', {"a": ["a", {"k": "b"}, ["c"]]})


WRONG = [
    ("a\n{$}", 2),
    ("{$1}", 1),
    ("{$ name}", 1),
    ("{$_a}", 1),
    ("{$a", 1),
    ("{$a|}", 1),
    ("{$a|1}", 1),
    ("{$a|cat:}", 1),
    ("{$a +}", 1),
    ("{$a $b}", 1),
    ("{$a[1}", 1),
    ("{$a == }", 1),
    ("{$a.}", 1),
    ('{$a|cat:"x}', 1),
    ("{$('#x')}", 1),
    ("\n\n{if }x{/if}", 3),
    ("{if $a}x", 1),
    ("{if $a}x{else}y", 1),
    ("{if $a}{else}{elseif $b}{/if}", 1),
    ("{if $a}{else}{else}{/if}", 1),
    ("{else}", 1),
    ("x{/if}", 1),
    ("{/foreach}", 1),
    ("{/literal}", 1),
    ("{/whatever}", 1),
    ("{if $a}{/foreach}{/if}", 1),
    ("{if $a}{foreachelse}{/if}", 1),
    ("{foreach $a in $b}{else}{/foreach}", 1),
    ("{foreach $a in $b}", 1),
    ("{foreach $a}{/foreach}", 1),
    ("{foreach $a.b in $c}{/foreach}", 1),
    ("{foreach $a as $k => }{/foreach}", 1),
    ("{foreach $a as $webversion}{/foreach}", 1),
    ("{assign 1}", 1),
    ("{assign 1 to}", 1),
    ("{assign 1 to x}", 1),
    ("{$a.b = 1}", 1),
    ("{literal}x", 1),
    ("{hash $a}", 1),
    ("{hash($a)}", 1),
    ("{hash($a, 'crc32')}", 1),
    ("{ldelim x}", 1),
    ("{$a|regex_replace:'(':'x'}", 1),
    ("{$a|regex_replace:'(?=a)':'x'}", 1),
    ("{$a|regex_replace:'(a)\\1':'x'}", 1),
]


@pytest.mark.parametrize(("source", "line"), WRONG)
def test_what_is_wrong_in_a_tag_is_refused_by_its_line(source, line):
    for act in (lambda: rendering.check(source, "smarty"), lambda: rendered(source)):
        with pytest.raises(errors.TemplateSyntaxError) as caught:
            act()
        assert caught.value.line == line


@pytest.mark.parametrize("whole", ["{foreach $m as $k => $v}{if $v}{/if}{/foreach}", "{assign 5 to $five}"])
def test_no_beginning_of_a_template_is_taken_for_a_whole_one(whole):
    rendering.check(whole, "smarty")
    word = whole.index(" ")
    for length in range(1, len(whole)):
        if length <= word:
            assert rendered(whole[:length]) == whole[:length]
        else:
            with pytest.raises(errors.TemplateSyntaxError):
                rendering.check(whole[:length], "smarty")


@pytest.mark.parametrize("source", ["{$a / $b}", "{$a % $b}", "{$a % 0.5}", "{$a / 'x'}"])
def test_a_division_by_nothing_cannot_be_rendered(source):
    with pytest.raises(errors.RenderFailed):
        rendered(source, {"a": 1})


@pytest.mark.parametrize(
    "source", ["{$a}", "{$a + 1}", "{$a|upper}", "{if $a}{/if}", "{foreach $i in $a}{$i}{/foreach}"]
)
def test_what_json_cannot_express_is_refused_or_counts_for_nothing(source):
    for value in (object(), b"x", {1, 2}):
        try:
            assert rendered(source, {"a": value}) in ("", "1")
        except errors.UnsupportedValue:
            pass


def test_the_page_of_the_mail_is_always_there_and_tracked_as_a_link():
    program = rendering.compile(
        "<a href='{$webversion}'>x</a>{$webversion|urlencode}{if $webversion}!{/if}",
        language="smarty",
        escape=Escape.HTML,
        transfer=Transfer.PLAIN,
        clicks=True,
    )
    assert program.links == ((LinkKind.MIRROR, ""),) and program.names == frozenset()
    assert not program.is_fixed
    page = "https://t.example/mirror"
    assert program.render({"webversion": "theirs"}, links) == (
        f"<a href={page!r}>x</a>https%3A%2F%2Ft.example%2Fmirror!"
    )


def test_addresses_of_values_are_tracked_and_a_picture_is_added_once():
    source = (
        "<a href='{$url|trim}?a={$name}'>x</a>{foreach $u in $l}<a href=\"{$u}\">y</a>{/foreach}"
        "<a href='http://z.example'>"
    )
    values = {"url": " http://x.example ", "name": "Ann", "l": ["https://y.example", "#top"]}
    assert rendered(source, values, clicks=True, opens=True) == (
        "<a href='https://t.example/click?http://x.example?a=Ann'>x</a>"
        '<a href="https://t.example/click?https://y.example">y</a><a href="#top">y</a>'
        "<a href='https://t.example/click?http://z.example'>"
        '<img src="https://t.example/pixel" width="1" height="1" alt="" style="border:0">'
    )


def test_names_are_those_that_the_variables_are_asked_for():
    source = (
        "{$a.b}{foreach $i in $l}{$i}{$c|cat:$d}{/foreach}{if $e}{$f[$g]}{/if}"
        "{$late}{assign 1 to $late}{assign 1 to $own}{$own}{$sum = $sum + 1}{$recipient}{$webversion}"
    )
    program = rendering.compile(source, language="smarty", escape=Escape.NONE, transfer=Transfer.PLAIN)
    assert program.names == {"a", "l", "c", "d", "e", "f", "g", "late", "sum", "recipient"}
    fixed = "{assign 2 to $x}{$x}{foreach $i in 'no list'}{$i}{/foreach}"
    assert rendering.compile(fixed, language="smarty", escape=Escape.NONE, transfer=Transfer.PLAIN).is_fixed


@pytest.mark.parametrize("key", ["class", "__class__", "out", "steps", "c0", "x0", "k0", "budget", "links"])
def test_names_and_texts_never_become_code(key):
    name = key.strip("_")
    source = f'{{${name}}}{{assign ${name}|cat:"\'\\");x" to ${name}}}{{${name}}}{{$m.{key}}}{{$m[{key!r}]}}'
    assert rendered(source, {name: "v", "m": {key: "w"}}) == "vv'\");xww"


def test_one_rendering_leaves_nothing_for_the_next():
    program = rendering.compile(
        "{$a}{assign 'x' to $a}{assign $l to $m}{$a}{foreach $i in $l}{$n=$n+$i}{/foreach}{$n}",
        language="smarty",
        escape=Escape.NONE,
        transfer=Transfer.PLAIN,
    )
    variables = {"l": [1, 2]}
    assert program.render(variables) == program.render(variables) == "x3"
    assert variables == {"l": [1, 2]}
