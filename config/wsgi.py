"""The WSGI application that gunicorn serves. It refuses to start on settings that cannot work."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

# After Django is set up: the checks read its settings.
from config import checks  # noqa: E402

checks.refuse_broken_settings()
