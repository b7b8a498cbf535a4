"""The mail that everything sends: 2 KB, text and HTML, six variables and a loop of five items with two more. Pure."""

import json

SENDER = "shop@sender.example"
SUBJECT = "Order {{order}} for {{name}}"
TEXT = """Hello {{name}},

thank you for order {{order}} of {{date}}. It goes to {{city}}.
{{#items}}
- {{label}}: {{price}}
{{/items}}

Follow it at {{link}} with the code {{code}}.
"""
_PARAGRAPH = (
    "<p>It is packed with care, handed to the carrier and brought to your door within three days.</p>\n"
)
HTML = (
    """<html><body style="font-family: sans-serif">
<h1>Hello {{name}}</h1>
<p>Thank you for order <b>{{order}}</b> of {{date}}. It goes to {{city}}.</p>
<ul>
{{#items}}
<li>{{label}}: {{price}}</li>
{{/items}}
</ul>
"""
    + 3 * _PARAGRAPH
    + """<p><a href="{{link}}">Follow it</a> with the code <tt>{{code}}</tt>.</p>
</body></html>
"""
)
#: Domains of the recipients, ten in the share that they have in a consumer list.
_DOMAINS = (
    *("gmail.com", "gmail.com", "gmail.com", "gmail.com", "outlook.com", "hotmail.fr", "yahoo.com"),
    *("firm-{}.example", "town-{}.example", "school-{}.example"),
)


def address(number: int) -> str:
    return f"person-{number}@{_DOMAINS[number % len(_DOMAINS)].format(number % 997)}"


def variables(number: int) -> dict[str, object]:
    return {
        "name": f"Person {number}",
        "order": f"{number:08}",
        "date": "20 November 2026",
        "city": "Saint-Étienne",
        "link": f"https://shop.example/orders/{number:08}/follow",
        "code": f"{number * 7919 % 1_000_000:06}",
        "items": [
            {"label": f"Item {number % 89 + item} in blue", "price": f"{number % 90 + item}.95"}
            for item in range(5)
        ],
    }


def django_template(mustache: str) -> str:
    """The same template for Django's engine."""
    loop = "{% for item in items %}"
    text = mustache.replace("{{#items}}\n", loop).replace("{{/items}}", "{% endfor %}")
    return text.replace("{{label}}", "{{ item.label }}").replace("{{price}}", "{{ item.price }}")


def request_body(numbers: range) -> bytes:
    """A call of the native API: one personal mail a number."""
    recipients = [
        {"email": address(number), "name": f"Person {number}", "variables": variables(number)}
        for number in numbers
    ]
    body = {"from": SENDER, "subject": SUBJECT, "text": TEXT, "html": HTML, "tags": ["orders"]}
    return json.dumps(body | {"recipients": recipients}).encode()
