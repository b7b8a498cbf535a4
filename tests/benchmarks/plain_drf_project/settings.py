"""Nothing that costs a request time but what the view does."""

import os

import environ

SECRET_KEY = os.environ["SECRET_KEY"]
DATABASES = {"default": environ.Env().db_url("DATABASE_URL") | {"CONN_MAX_AGE": None}}
INSTALLED_APPS = ["tests.benchmarks.plain_drf_project"]
ROOT_URLCONF = "tests.benchmarks.plain_drf_project.urls"
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "UNAUTHENTICATED_USER": None,
}
