"""Messages as other servers send them: reports, complaints, answers."""

import textwrap
from email.message import EmailMessage

ORIGINAL = "From: shop@sender.example\nTo: ann@x.example\nSubject: Order\nMessage-ID: <{id}@sender.example>\n\nHello\n"


def dsn(*recipients, original="", type_="delivery-status", encoding="7bit", returned="rfc822"):
    """A delivery status notification; each recipient as a mapping of its fields."""
    blocks = "\n".join(
        "".join(f"{name}: {value}\n" for name, value in fields.items()) for fields in recipients
    )
    return textwrap.dedent("""\
        From: MAILER-DAEMON@mx.x.example (Mail Delivery System)
        To: whoever@in.earwig.example
        Subject: Undelivered Mail Returned to Sender
        Auto-Submitted: auto-replied
        MIME-Version: 1.0
        Content-Type: multipart/report; report-type={type}; boundary="=b"

        --=b
        Content-Type: text/plain; charset=us-ascii

        This is the mail system at host mx.x.example.

        --=b
        Content-Type: message/{type}
        Content-Transfer-Encoding: {encoding}

        Reporting-MTA: dns; mx.x.example
        Arrival-Date: Mon, 1 Jun 2026 10:00:00 +0000

        {blocks}
        --=b
        Content-Type: message/{returned}

        {original}
        --=b--
        """).format(type=type_, encoding=encoding, blocks=blocks, original=original, returned=returned)


def failed(address="ann@x.example", status="5.1.1", text="smtp; 550 5.1.1 no such user", **more):
    return {
        "Final-Recipient": f"rfc822; {address}",
        "Action": "failed",
        "Status": status,
        "Diagnostic-Code": text,
        **more,
    }


def told(action, status, **more):
    return failed(status=status, text="", **{"Action": action, **more})


def complaint(original, kind="abuse", **fields):
    """A feedback report (RFC 5965)."""
    more = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in fields.items())
    return (
        "From: <fbl@provider.example>\nTo: fbl@in.earwig.example\nSubject: FW: Order\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\nThis is an email abuse report.\n\n"
        f"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: {kind}\nUser-Agent: Some/1\nVersion: 1\n{more}\n"
        f"--b\nContent-Type: message/rfc822\n\n{original}\n--b--\n"
    )


def written(sender, to, subject="Re: Order", text="Thank you.\n", html="", files=(), **headers):
    """What a person, or a program for one, writes."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, to, subject
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    if text:
        message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html") if text else message.set_content(html, subtype="html")
    for name, data in files:
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()
