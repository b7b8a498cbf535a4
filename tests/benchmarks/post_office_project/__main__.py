"""Queues that many mails, rendered on delivery as ours are, sends them by two processes and prints the pace as JSON."""

import json
import resource
import sys
import time

import django
from django.core.management import call_command
from django.db import connection

from tests.benchmarks import letters

django.setup()

from post_office import mail, models  # noqa: E402
from post_office.lockfile import default_lockfile  # noqa: E402

PROCESSES = 2


def main() -> None:
    mails = int(sys.argv[1])
    call_command("migrate", verbosity=0)
    models.Email.objects.all().delete()
    template = _template()
    mail.send_many([_arguments(template, number) for number in range(mails)])
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")
    start = time.monotonic()
    mail.send_queued_mail_until_done(f"{default_lockfile}-{connection.settings_dict['NAME']}", PROCESSES)
    seconds = time.monotonic() - start
    sent = models.Email.objects.filter(status=models.STATUS.sent).count()
    if sent != mails:
        sys.exit(f"sent {sent} of {mails}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"rate": mails / seconds, "cpu": (used.ru_utime + used.ru_stime) / mails * 1e6}))


def _template() -> models.EmailTemplate:
    template, _ = models.EmailTemplate.objects.get_or_create(
        name="order",
        defaults={
            "subject": letters.django_template(letters.SUBJECT),
            "content": letters.django_template(letters.TEXT),
            "html_content": letters.django_template(letters.HTML),
        },
    )
    return template


def _arguments(template: models.EmailTemplate, number: int) -> dict:
    return {
        "recipients": letters.address(number),
        "sender": letters.SENDER,
        "template": template,
        "context": letters.variables(number),
        "render_on_delivery": True,
    }


main()
