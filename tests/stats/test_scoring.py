from dataclasses import replace
from functools import partial

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from stats import scoring
from tests import costs

BODY = (
    "Hello {{name}}, this week our shop has new shoes, hats and coats for the winter, "
    "and on Saturday we serve tea and cake to everybody who drops in."
)
HTML = (
    "<!doctype html><html><head><title>News</title><style>p > a {color: red}</style></head><body>"
    f"<p>{BODY}<p><a href='https://shop.example/new'>New things</a>"
    "<a href='{{unsubscribe}}'>Unsubscribe</a></body></html>"
)
FINE = scoring.Message(
    subject="New things in November",
    html=HTML,
    text=f"{BODY}\n\nNew things: https://shop.example/new\nUnsubscribe: {{{{unsubscribe}}}}",
    sender="shop@shop.example",
    size=4_000,
    signed=True,
)
IMAGE = "<img src='https://shop.example/a.png' alt='Shoes'>"


def with_html(addition):
    return replace(FINE, html=HTML.replace("</body>", f"{addition}</body>"))


def broken_by(message):
    return {finding.rule for finding in scoring.score(message).details}


#: rule → messages that break it and no other, and messages that it lets pass though they come near.
CASES = {
    "active-content": (
        [
            with_html("<script>alert(1)</script>"),
            with_html("<p onclick='go()'>x</p>"),
            with_html("<IFRAME src=x></IFRAME>"),
        ],
        [with_html("<p title='once = on click = never'>x</p>"), with_html("<!-- <script> -->")],
    ),
    "unsigned-domain": ([replace(FINE, signed=False)], []),
    "providers-sender": ([replace(FINE, sender="shop@GMail.com")], [replace(FINE, sender="gmail.com@shop.example")]),
    "link-disagrees": (
        [
            with_html("<a href='https://evil.example/'>https://bank.example/login</a>"),
            with_html("<a href='{{click:https://evil.example/}}'>www.bank.example</a>"),
            with_html("<a href='https://bank.evil.co.uk'>bank.shop.co.uk</a>"),
        ],
        [
            with_html("<a href='https://click.bank.example/'>https://www.bank.example/login</a>"),
            with_html("<a href='{{link}}'>bank.example</a>"),
            with_html("<a href='https://shop.example/'>terms.pdf</a>"),
            with_html("<a href='https://shop.example/'>We talk of bank.example</a>"),
        ],
    ),
    "ip-address-link": (
        [
            with_html("<a href='https://192.0.2.1/x'>x</a>"),
            with_html("<a href='https://[2001:db8::1]/'>x</a>"),
            with_html("<a href='https://3221225985/'>x</a>"),
            replace(FINE, text=f"{FINE.text} https://192.0.2.1/x"),
        ],
        [with_html("<a href='https://192.shop.example/'>x</a>")],
    ),
    "user-in-link": (
        [with_html("<a href='https://bank.example@shop.example/'>x</a>")],
        [
            with_html("<a href='https://shop.example/@bank'>x</a>"),
            with_html("<a href='mailto:a@b.example'>x</a>"),
        ],
    ),
    "lookalike-link": (
        [
            with_html("<a href='https://xn--80ak6aa92e.example/'>x</a>"),
            with_html("<a href='https://b\u0430nk.example/'>x</a>"),
        ],
        [
            with_html("<a href='https://xn--bcher-kva.example/'>x</a>"),
            with_html("<a href='https://почта.example/'>x</a>"),
        ],
    ),
    "short-link": (
        [with_html("<a href='https://bit.ly/x'>x</a>"), replace(FINE, text=f"{FINE.text} https://t.co/x.")],
        [with_html("<a href='https://habit.ly/x'>x</a>")],
    ),
    "odd-port-link": (
        [with_html("<a href='https://shop.example:8443/'>x</a>")],
        [with_html("<a href='https://shop.example:443/'>x</a>")],
    ),
    "plain-http-link": (
        [with_html("<a href='http://shop.example/'>x</a>"), with_html("<a href='{{click:http://shop.example/}}'>x</a>")],
        [with_html("<a href='tel:123'>x</a>")],
    ),
    "no-unsubscribe": (
        [replace(FINE, html=f"<p>{BODY}</p>", text=BODY)],
        [
            replace(FINE, html=f"<p>{BODY}</p>", text=BODY, bulk=False),
            replace(FINE, html=f"<p>{BODY}</p>", text=BODY, headers=[("list-unsubscribe", "<https://a.example>")]),
            replace(FINE, html=f"<p>{BODY}</p>", text=f"{BODY} {{{{ unsubscribe:https://a.example }}}}"),
            replace(FINE, html=f"<p>{BODY}</p><a href='{{{{mine}}}}'>Hier abmelden</a>", text=BODY),
        ],
    ),
    "form": ([with_html("<form action='https://shop.example'></form>")], [with_html("<fieldset></fieldset>")]),
    "empty-subject": ([replace(FINE, subject=" ")], [replace(FINE, subject="{{subject}}")]),
    "long-subject": ([replace(FINE, subject="word " * 30)], [replace(FINE, subject="word " * 20)]),
    "fake-reply": (
        [replace(FINE, subject="Re: your order"), replace(FINE, subject="FWD : your order")],
        [
            replace(FINE, subject="Re: your order", headers=[("In-Reply-To", "<a@b>")]),
            replace(FINE, subject="Reply: now or later"),
        ],
    ),
    "shouting-subject": (
        [replace(FINE, subject="NEW THINGS to see"), replace(FINE, subject="New things! Really!")],
        [replace(FINE, subject="NASA news"), replace(FINE, subject="New things!"), replace(FINE, subject="FAQ")],
    ),
    "shouting-body": (
        [with_html("<p>Come now!!!</p>"), with_html(f"<p>{BODY.upper().replace('NAME', 'name')}</p>")],
        [with_html("<p>Come now! We wait! You too!</p>"), with_html("<!-- COME NOW!!! -->")],
    ),
    "blocked-words": (
        [with_html("<p>Online  casino</p>"), replace(FINE, blocked_words=("tea",)), replace(FINE, subject="Act now")],
        [with_html("<p>Specialist cialisation</p>"), replace(FINE, blocked_words=("te",))],
    ),
    "no-text-part": ([replace(FINE, text=" ")], [replace(FINE, html="")]),
    "text-differs": (
        [replace(FINE, text="Your program shows no HTML. {{unsubscribe}}")],
        [replace(FINE, html="<p>Short {{unsubscribe}}</p>", text="Another")],
    ),
    "image-weight": (
        [with_html(IMAGE * 5)],
        [with_html(IMAGE), with_html("<img src='https://shop.example/a.png' alt='' width=1 height=1>" * 5)],
    ),
    "image-without-alt": (
        [with_html("<img src='https://shop.example/a.png'>")],
        [with_html("<img src='https://shop.example/a.png' alt=''>")],
    ),
    "embedded-image": (
        [with_html("<img alt=x src='data:image/png;base64,AAAA'>")],
        [with_html("<img alt=x src='cid:data'>")],
    ),
    "broken-html": (
        [
            with_html("<div>"),
            with_html("</div>"),
            with_html("<b><i>x</b></i>"),
            replace(FINE, html=f"{HTML}<a href='x"),
            with_html("<!-- "),
        ],
        [
            with_html("<ul><li>a<li>b</ul><table><tr><td>c</table><br/><hr></p>"),
            with_html("<!--[if mso]><b><![endif]--><![if !mso]>x<![endif]><?xml x?> 1 < 2 <3"),
            with_html("<TEXTPATH></textpath>"),
        ],
    ),
    "clipped": ([with_html("<p>word</p> " * 9_000)], [with_html("<p>word</p> " * 8_000)]),
    "too-large": ([replace(FINE, size=10 * 1024 * 1024 + 1)], [replace(FINE, size=10 * 1024 * 1024)]),
}  # fmt: skip
BREAKING = [(rule, message) for rule, (breaking, _) in CASES.items() for message in breaking]
PASSING = [(rule, message) for rule, (_, passing) in CASES.items() for message in passing]
#: Other rules that see the same thing, and rightly.
ALSO = {
    "broken-html": {"text-differs"},
    "clipped": {"text-differs"},
    "ip-address-link": {"plain-http-link"},
}


def test_a_message_without_fault_has_all_points():
    assert scoring.score(FINE) == scoring.Score(100, False, ())


@pytest.mark.parametrize(("rule", "message"), BREAKING)
def test_a_fault_costs_what_its_rule_weighs_and_nothing_else(rule, message):
    assert broken_by(message) - ALSO.get(rule, set()) == {rule}


@pytest.mark.parametrize(("rule", "message"), PASSING)
def test_what_comes_near_a_fault_is_none(rule, message):
    assert rule not in broken_by(message)


def test_every_rule_is_tried():
    assert {rule.name for rule in scoring.RULES} - {"empty-message"} == set(CASES)
    assert len({rule.name for rule in scoring.RULES}) == len(scoring.RULES)


def test_nothing_to_read_is_the_worst_and_blocked():
    score = scoring.score(scoring.Message())
    assert (score.score, score.block) == (0, True)
    assert "empty-message" in {finding.rule for finding in score.details}


def test_the_points_are_a_hundred_less_what_the_details_say():
    score = scoring.score(replace(FINE, signed=False, subject=""))
    assert score.score == 100 + sum(finding.score for finding in score.details) == 65
    assert not score.block


def test_below_the_threshold_a_message_is_blocked():
    at = replace(FINE, signed=False, subject="", html="<p>Come</p>", text="Come")
    below = replace(at, text="")
    assert [scoring.score(at).score, scoring.score(below).score] == [50, 40]
    worse = scoring.score(replace(below, html="<p>Come</p><img src='https://shop.example/a.png'>"))
    assert worse.score < scoring.BLOCKED_BELOW and worse.block
    assert not scoring.score(below).block


def test_an_absolute_rule_blocks_by_itself():
    score = scoring.score(with_html("<script></script>"))
    assert score.block and score.score >= scoring.BLOCKED_BELOW


def test_a_description_names_what_was_found_and_no_more_than_a_line_of_it():
    links = "".join(f"<a href='https://192.0.2.{number}/'>x</a>" for number in range(9))
    (finding,) = scoring.score(with_html(links)).details
    assert finding.description == "A link leads to an IP address: 192.0.2.0, 192.0.2.1, 192.0.2.2, …."
    long = scoring.score(with_html(f"<a href='https://evil.example/'>bank.example/{'x' * 900}</a>"))
    assert len(long.details[0].description) < 200


@pytest.mark.parametrize(
    "bit",
    [
        "<",
        "<a",
        "<a ",
        "<a<b='",
        '<a b="',
        "<!--",
        "<!-->",
        "<!--x>",
        "<![x[",
        "</",
        "<div>",
        "<div></b>",
        "<a href=http://1.2.3.4>a.example</a>",
        "<script>",
        "<title></x",
        "{{",
        "{{a",
        "{{x{{y}",
        "{{click:",
        "A!",
        "&",
        "http://",
        "www.",
        "a.",
        "<a on= ",
        "<img src=data:>",
        "viagra ",
        " ",
    ],
)
@pytest.mark.parametrize("end", ["", ">"])
def test_a_megabyte_of_anything_takes_less_than_a_second(bit, end):
    hostile = bit * (1_000_000 // len(bit)) + end
    for message in (
        scoring.Message(subject=hostile, html=hostile, text=hostile),
        scoring.Message(subject="x", html=f"<a href='{hostile}"),
    ):
        assert costs.seconds(partial(scoring.score, message), enough=0.9) < 1


PIECES = [
    "<",
    ">",
    "<a href=",
    "'",
    '"',
    "</a>",
    "<p>",
    "<!--",
    "-->",
    "{{",
    "}}",
    "{{click:",
    "http://",
    "@",
    "xn--",
    "&#",
    "[",
    "/",
    " ",
]


@examples(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=30).map("".join))
def test_whatever_is_written_has_a_score(text):
    score = scoring.score(scoring.Message(subject=text, html=text, text=text, sender=text))
    assert 0 <= score.score <= 100
    assert score.block or score.score >= scoring.BLOCKED_BELOW


def test_the_documentation_lists_the_rules_with_their_weights():
    text = (settings.BASE_DIR / "docs" / "scoring.md").read_text()
    for rule in scoring.RULES:
        blocks = " and blocks" if rule.absolute else ""
        assert f"| `{rule.name}` | {rule.weight}{blocks} | {rule.sentence.rstrip('.')} |" in text
    assert text.count("\n| `") == len(scoring.RULES) + 3
    assert f"below {scoring.BLOCKED_BELOW} points" in text
