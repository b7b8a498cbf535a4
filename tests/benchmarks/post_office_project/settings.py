"""Two processes and batches of 5,000, as its README advises for volume; what was sent is not logged mail by mail."""

import os
from pathlib import Path

import environ

SECRET_KEY = os.environ["SECRET_KEY"]
DATABASES = {"default": environ.Env().db_url("DATABASE_URL")}
INSTALLED_APPS = ["django.contrib.contenttypes", "post_office"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
USE_TZ = True
MEDIA_ROOT = Path(os.environ["EARWIG_DATA"]) / "media"
EMAIL_HOST = "127.0.0.1"
EMAIL_PORT = int(os.environ["SMTP_PORT"])
POST_OFFICE = {
    "BATCH_SIZE": 5_000,
    # Its default, and measured here the best of 1, 2 and 5.
    "THREADS_PER_PROCESS": 5,
    "LOG_LEVEL": 1,
    "BACKENDS": {"default": "django.core.mail.backends.smtp.EmailBackend"},
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": True,
    "loggers": {"post_office": {"level": "ERROR"}},
}
