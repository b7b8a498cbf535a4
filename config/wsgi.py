"""The WSGI application that gunicorn serves. It refuses to start on settings that cannot work."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
_handler = get_wsgi_application()

# After Django is set up: these read its settings.
from config import checks, requests, tracked_links  # noqa: E402

checks.refuse_broken_settings()
_handler.request_class = requests.Request
application = tracked_links.TrackedLinks(_handler)

# What was loaded stays: later collections pass it over, as in the workers. A request of a hundred mails makes thousands
# of objects that are in no cycle; at Python's own threshold of 700 a quarter of its CPU time went into looking at them.
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 20)
