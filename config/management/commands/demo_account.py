"""`manage.py demo_account`: makes the demo account the first time and shows it again later."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand

from config import demo_account


class Command(BaseCommand):
    help = "Shows the demo account's URLs, password, key and a curl line; makes the account the first time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default=settings.PUBLIC_URL)

    def handle(self, *, url: str, **options: Any) -> None:
        self.stdout.write(demo_account.of_installation(url).greeting())
