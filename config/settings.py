"""Every setting, read from the environment once. Without DATABASE_URL the installation is embedded: SQLite, a broker
of files and secrets of its own under EARWIG_DATA.
"""

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import environ

from config import embedded

VERSION = "0.1.0"
BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

EARWIG_DATA = Path(env.str("EARWIG_DATA", default=str(BASE_DIR / "var"))).resolve()
EMBEDDED = not env.str("DATABASE_URL", default="")
_made = embedded.secrets_of(EARWIG_DATA) if EMBEDDED else {}

SECRET_KEY = env.str("SECRET_KEY", default=_made.get("SECRET_KEY", "")) or "missing"
EARWIG_KEYS = env.list("EARWIG_KEYS", default=[key for key in _made.get("EARWIG_KEYS", "").split(",") if key])
EARWIG_SENDER_SALT = env.str("EARWIG_SENDER_SALT", default=_made.get("EARWIG_SENDER_SALT", ""))

# Where people and programs reach us.
PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
# Where the tracked links of mails lead, but those of domains with a host of their own.
TRACKING_URL = (env.str("TRACKING_URL", default="") or PUBLIC_URL).rstrip("/")
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]", urlsplit(PUBLIC_URL).hostname or ""]
)
REQUIRE_HTTPS = env.bool("REQUIRE_HTTPS", default=True)
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
# A loopback address is no mail domain.
_host = urlsplit(PUBLIC_URL).hostname or ""
INBOUND_HOST = env.str("INBOUND_HOST", default=_host if _host.strip("0123456789.:") else "localhost")

# Whether bulk mail says where it can be unsubscribed by mail too: at INBOUND_HOST, whose mail then has to come in here.
UNSUBSCRIBE_BY_MAIL = env.bool("EARWIG_UNSUBSCRIBE_BY_MAIL", default="." in INBOUND_HOST)

# What domains publish, and whom it is asked of: host or host:port; empty: the system's servers.
EARWIG_DNS_SERVERS = env.list("EARWIG_DNS_SERVERS", default=[])
# Name of an SPF record that lists the servers mail leaves from; empty: INBOUND_HOST's addresses are they.
EARWIG_SPF_INCLUDE = env.str("EARWIG_SPF_INCLUDE", default="")

# Networks that webhooks and fetched attachments may lead to although they are private, such as 10.0.0.0/8.
EARWIG_ALLOW_PRIVATE_TARGETS = env.list("EARWIG_ALLOW_PRIVATE_TARGETS", default=[])

# Webhooks: how long one call may take; how far the delays between calls that fail grow; and for how long they fail
# until the webhook is paused.
WEBHOOK_SECONDS = env.float("EARWIG_WEBHOOK_SECONDS", default=10.0)
WEBHOOK_LONGEST_DELAY_SECONDS = env.float("EARWIG_WEBHOOK_LONGEST_DELAY_SECONDS", default=3600.0)
WEBHOOK_GIVE_UP_HOURS = env.float("EARWIG_WEBHOOK_GIVE_UP_HOURS", default=72.0)

# The handoff wire.
EARWIG_HANDOFF_KEYS = env.str("EARWIG_HANDOFF_KEYS", default="all")
EARWIG_HANDOFF_ACCOUNT = env.str("EARWIG_HANDOFF_ACCOUNT", default="")
HANDOFF_FROM = env.str("HANDOFF_FROM", default=f"messages@{INBOUND_HOST}")
HANDOFF_LOGIN_URL = env.str("HANDOFF_LOGIN_URL", default=PUBLIC_URL)

# How mail leaves.
# How long after its first temporary failure a mail is still tried (RFC 5321 §4.5.4.1 asks for days: a password that
# comes so late serves nobody).
RETRY_HORIZONS = {
    "transactional": timedelta(hours=env.float("EARWIG_TRANSACTIONAL_RETRY_HOURS", default=24)),
    "bulk": timedelta(hours=env.float("EARWIG_BULK_RETRY_HOURS", default=48)),
}
TRAP_HOST = "127.0.0.1"
TRAP_PORT = env.int("EARWIG_TRAP_PORT", default=8025)
SMTP_URL = env.str("SMTP_URL", default="")
DELIVERY_BATCH = env.int("EARWIG_DELIVERY_BATCH", default=1000)
DELIVERY_CONNECTIONS = env.int("EARWIG_DELIVERY_CONNECTIONS", default=40)
DRAIN_SECONDS = env.float("EARWIG_DRAIN_SECONDS", default=30.0)
LEASE_SECONDS = env.float("EARWIG_LEASE_SECONDS", default=60.0)
LOST_HOST_SECONDS = env.float("EARWIG_LOST_HOST_SECONDS", default=900.0)

# How mail comes in: programs submit it with a key, by STARTTLS (TLS where there is a certificate) or by TLS alone;
# other servers bring back what failed; a server on this machine may do by LMTP (a port, or unix: and a path).
SMTPD_HOST = env.str("SMTPD_HOST", default="127.0.0.1" if EMBEDDED else "")
SUBMISSION_PORTS = env.list("SUBMISSION_PORTS", int, default=[2587] if EMBEDDED else [587, 2525])
SUBMISSION_TLS_PORTS = env.list("SUBMISSION_TLS_PORTS", int, default=[] if EMBEDDED else [465])
INBOUND_PORTS = env.list("INBOUND_PORTS", int, default=[2526] if EMBEDDED else [25])
SMTPD_LMTP = env.str("SMTPD_LMTP", default="")
SMTPD_TLS_CERT = env.str("SMTPD_TLS_CERT", default="")
SMTPD_TLS_KEY = env.str("SMTPD_TLS_KEY", default="")
SMTPD_MAX_BYTES = env.int("EARWIG_SMTPD_MAX_BYTES", default=25 * 1024 * 1024)
SMTPD_MOST_FROM_ONE = env.int("EARWIG_SMTPD_MOST_FROM_ONE", default=100)

# Stage-based messaging.
# Another scheduler asks for each send: ours makes no runs.
EXTERNAL_DISPATCH = env.bool("EXTERNAL_DISPATCH", default=False)
# Sets, by id, that do everything but hand a message over.
DRY_RUN_MESSAGESETS = frozenset(
    int(number) if number.isdecimal() else number for number in env.list("DRY_RUN_MESSAGESETS", default=[])
)
# Asked for the address of an identity that is known to nobody here.
IDENTITY_STORE_URL = env.str("IDENTITY_STORE_URL", default="").rstrip("/")
IDENTITY_STORE_TOKEN = env.str("IDENTITY_STORE_TOKEN", default="")
# Seconds for which a subscription waits for the answer of another service before somebody else may try.
SUBSCRIPTION_LOCK_TIMEOUT = env.int("SUBSCRIPTION_LOCK_TIMEOUT", default=300)

# Figures of ours in other systems.
PROMETHEUS_TOKEN = env.str("PROMETHEUS_TOKEN", default="")
METRICS_URL = env.str("METRICS_URL", default="")
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# Retention, in days.
MAIL_RETENTION = env.int("MAIL_RETENTION", default=90)
TRAP_RETENTION = env.int("TRAP_RETENTION", default=7)

# Bounds of a request.
MAX_BODY_BYTES = env.int("EARWIG_MAX_BODY_BYTES", default=32 * 1024 * 1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "earwig",
    "stats",
    "templates_app",
    "spooling",
    "config",
]

MIDDLEWARE = [
    "config.middleware.Mounts",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Stores.
if EMBEDDED:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": EARWIG_DATA / "earwig.sqlite3",
            # IMMEDIATE: a deferred transaction that turns into a writer fails at once, whatever the time-out.
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 30,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=30000;",
            },
            "CONN_MAX_AGE": None,
        }
    }
else:
    DATABASES = {"default": env.db_url("DATABASE_URL")}
    DATABASES["default"]["CONN_MAX_AGE"] = None
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": (
        env.cache_url("CACHE_URL")
        if env.str("CACHE_URL", default="")
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    )
}

# Celery.
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="filesystem://localhost//" if EMBEDDED else "")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_DEFAULT_QUEUE = "control"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# The fixup closes the connection around every task unless this is set.
CELERY_DB_REUSE_MAX = 1_000_000
CELERY_BEAT_SCHEDULE_FILENAME = str(EARWIG_DATA / "beat")
if CELERY_BROKER_URL.startswith("filesystem:"):
    _folder = EARWIG_DATA / "broker"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_folder / "queue"),
        "data_folder_out": str(_folder / "queue"),
        "control_folder": str(_folder / "control"),
        "processed_folder": str(_folder / "processed"),
        "polling_interval": 0.1,
    }
elif CELERY_BROKER_URL.startswith("redis"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 2, "socket_timeout": 10}

# Web.
LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATIC_ROOT = EARWIG_DATA / "static"
WHITENOISE_USE_FINDERS = True
AUTHENTICATION_BACKENDS = ["earwig.web.staff_login.StaffBackend"]
LOGIN_URL = "/admin/login/"
LOGIN_REDIRECT_URL = "/admin/"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https:")
X_FRAME_OPTIONS = "SAMEORIGIN"
AUTH_PASSWORD_VALIDATORS = [{"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"}]
UNFOLD = {
    "SITE_TITLE": "Earwig",
    "SITE_HEADER": "Earwig",
    "SITE_URL": "/admin/",
    "SIDEBAR": {"show_search": True, "navigation": "config.menu.navigation"},
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["earwig.web.authentication.KeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PAGINATION_CLASS": "earwig.web.paging.Paging",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "earwig.web.errors.handle",
    "DATETIME_FORMAT": "iso-8601",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "PREPROCESSING_HOOKS": ["config.schema.native_only"],
    "ENUM_NAME_OVERRIDES": {
        "MailState": "spooling.models.mails.MailState",
        "SpoolerState": "spooling.models.spoolers.SpoolerState",
        "SpoolerType": "spooling.models.spoolers.SpoolerType",
        "EventKind": "stats.models.EventKind",
        "JobState": "spooling.models.jobs.JobState",
        "Lane": "spooling.models.spoolers.Lane",
        "SuppressionReason": "spooling.models.suppressions.SuppressionReason",
        "BlockReason": "earwig.models.people.BlockReason",
    },
    "TITLE": "Earwig",
    "DESCRIPTION": "The native API of Earwig, a self-hosted mail platform.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "config.logs.Line", "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s"}
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
        "nowhere": {"class": "logging.NullHandler"},
    },
    "loggers": {
        # A foreign Host header is answered 400 and stands in the access log; a traceback each would let anyone fill it.
        "django.security.DisallowedHost": {"handlers": ["nowhere"], "propagate": False},
        # Of aiosmtpd: it shows what clients say, addresses among it, and makes a line of each command.
        "mail.log": {"handlers": ["nowhere"], "propagate": False, "level": "CRITICAL"},
        # Says so at each mail that is no bounce, and shows what strangers wrote where it fails.
        "flufl.bounce": {"handlers": ["nowhere"], "propagate": False},
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="WARNING")},
}
