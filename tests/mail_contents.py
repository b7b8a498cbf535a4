"""Contents for the tests of building and signing: short ways to one, and hypothesis strategies for any."""

import string

from hypothesis import strategies as st

from spooling.delivery import mime

AT = 1_700_000_000
ADDRESS = mime.Address("Cleo", "cleo@example.org")


def parts(**given):
    return mime.Parts(**{"subject": "Hello", "from_name": "Ann", "from_email": "ann@example.org", **given})


def values(**given):
    defaults = {"to": mime.Address("Bob", "bob@example.net"), "message_id": "1@example.org", "at": AT}
    return mime.Values(**{**defaults, "variables": {}, **given})


def build(content=None, **given):
    return mime.Skeleton.compile(content or parts(text="Hi")).build(values(**given))


def raw(built):
    return b"".join(built.headers) + b"\r\n" + built.body


# Anything a person may type on one line: every script; no controls, line separators or lone surrogates.
characters = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
lines = st.text(characters, max_size=120).filter(lambda text: "{{" not in text)
names = st.text(characters, max_size=60).filter(lambda text: "{{" not in text)
texts = st.text(st.one_of(characters, st.sampled_from("\n\t .=")), max_size=400).filter(
    lambda text: "{{" not in text
)
emails = st.sampled_from(
    [
        "a@example.org",
        "a.b+c@sub.example.org",
        '"a b"@example.org',
        "o'hara@example.org",
        "x_1@bücher.example",
    ]
)
addresses = st.builds(mime.Address, names, emails)
address_lists = st.lists(addresses, max_size=4).map(tuple)
# Python's parser takes off a pair of <> around a name, as if it were quotes.
file_names = st.text(characters, min_size=1, max_size=100).filter(
    lambda name: name == name.strip() and not (name.startswith("<") and name.endswith(">"))
)
files = st.builds(
    lambda name, kind, data, inline: (name, kind, data, inline),
    file_names,
    st.sampled_from(["application/pdf", "image/png", "text/csv", "application/vnd.ms-excel"]),
    st.binary(max_size=300),
    st.booleans(),
)
extra_headers = st.lists(
    st.tuples(
        st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=30).map("X-".__add__), lines
    ),
    max_size=3,
    unique_by=lambda header: header[0].lower(),
).map(tuple)


@st.composite
def contents(draw):
    listed = enumerate(draw(st.lists(files, max_size=3)))
    return parts(
        subject=draw(lines),
        from_name=draw(names),
        reply_to=draw(address_lists),
        to=draw(address_lists),
        cc=draw(address_lists),
        text=draw(texts),
        html=draw(st.one_of(st.just(""), texts.map("<p>{}</p>".format))),
        headers=draw(extra_headers),
        files=tuple(
            mime.File(name=name, type=kind, data=data, content_id=f"image{number}@cid" if inline else "")
            for number, (name, kind, data, inline) in listed
        ),
    )
