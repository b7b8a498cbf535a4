"""`python -m tests.benchmarks.plain_drf_project.token`: prints a new token."""

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402

print(Token.objects.create(user=User.objects.create(username="bench")).key)
