"""Style sheets become style attributes, in a process that hostile HTML can end without harm."""

import resource

import pytest

from templates_app import errors, inlining, inlining_child


@pytest.mark.parametrize(
    ("html", "parts"),
    [
        ("<style>p{color:red}</style><p>x", ['<p style="color: red;">x</p>']),
        ('<style>p{color:red}</style><p style="margin:0">x', ["color: red", "margin: 0"]),
        ("<style>a:hover{color:red}</style><a>x</a>", ["a:hover", "<a>x</a>"]),
        (
            "<style>@media print{p{color:red}}p{margin:0}</style><p>x",
            ["@media print", '<p style="margin: 0;">'],
        ),
        ("<!DOCTYPE html><p>é&nbsp;😀</p>", ["<!DOCTYPE html>", "<p>é&nbsp;😀</p>"]),
        ("<!--[if mso]><b>x</b><![endif]-->", ["<!--[if mso]><b>x</b><![endif]-->"]),
        ("<style>p{{{color:red;;}} @@ }</style><p>x", ["<p>x</p>"]),
        ("<p>\ud800", ["<p>?</p>"]),
        ("", ["<html>"]),
    ],
)
def test_rules_stand_at_the_elements(html, parts):
    result = inlining.inline(html)
    for part in parts:
        assert part in result


def test_nothing_is_loaded(tmp_path):
    sheet = tmp_path / "sheet.css"
    sheet.write_text("p{color:red}")
    links = [f'<link rel="stylesheet" href={str(url)!r}>' for url in (sheet, f"file://{sheet}")]
    html = "".join(links) + "<p>x</p>"
    assert "<p>x</p>" in inlining.inline(html)


# More than fits into the child's memory or stack: however fast a machine is, it does not come to their end.
HOSTILE = {
    "nested elements, which overflow the parser's stack": "<div>" * 20_000,
    "formatting elements, which multiply": "<p>"
    + "".join(f"<b id={n}>" for n in range(500))
    + "<p>x" * 20_000,
    "declarations, which multiply": "<style>p{"
    + "".join(f"--a{n}:red;" for n in range(5000))
    + "}</style>"
    + "<p>" * 5000,
    "too long": "x" * (inlining.LONGEST + 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_html_is_refused_in_bounded_time(name):
    before = _spent_by_children()
    with pytest.raises(errors.RenderLimit):
        inlining.inline(HOSTILE[name])
    assert _spent_by_children() - before < 2 * inlining_child.CPU_SECONDS


def _spent_by_children():
    """Seconds of CPU time, which the machine's other work does not lengthen."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.mark.parametrize(
    "sheet", ["a{" * 50_000, "p{x:" + "(" * 50_000, ":not(" * 20_000 + "{x:y}", "@media " * 20_000]
)
def test_hostile_style_sheets_harm_nobody(sheet):
    try:
        inlining.inline(f"<style>{sheet}</style><p>x</p>")
    except errors.RenderLimit:
        pass
    assert "<p>x</p>" in inlining.inline("<p>x</p>")
