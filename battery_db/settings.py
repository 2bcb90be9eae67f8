"""Settings, from environment variables alone (prefix ``BATTERY_DB_``).

Without a single variable the embedded profile runs: SQLite, local folders and a
file-based task broker under ``var/``. Production is the same file with variables
set; ``docs/operations.md`` has the table, and a test keeps it complete.
"""

import sys
from pathlib import Path

import environ
from celery.schedules import crontab
from csp.constants import NONE, SELF, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()  # every variable NAME may also be given as NAME_FILE
env.prefix = "BATTERY_DB_"

DATA_DIR = Path(env.str("DATA_DIR", str(BASE_DIR / "var")))
DATA_DIR.mkdir(parents=True, exist_ok=True)

# Where `manage.py run_lab` listens; a production web server has its own options.
BIND = env.str("BIND", "127.0.0.1")
PORT = env.int("PORT", 8000)

# Security ---------------------------------------------------------------------

DEBUG = env.bool("DEBUG", False)
HTTPS = env.bool("HTTPS", False)
EMBEDDED_SECRET = "embedded-profile-only-set-BATTERY_DB_SECRET_KEY-for-anything-else"  # noqa: S105
SECRET_KEY = env.str("SECRET_KEY", EMBEDDED_SECRET)
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
if HTTPS and SECRET_KEY in ("", EMBEDDED_SECRET):
    raise ImproperlyConfigured(
        "BATTERY_DB_HTTPS is on without a secret key of its own: set BATTERY_DB_SECRET_KEY "
        "to at least 50 random characters."
    )

SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", False) else None
)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", 31536000 if HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_AGE = env.int("SESSION_SECONDS", 14 * 24 * 3600)
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        # Plotly adds one empty <style> and style attributes while it lays out.
        "style-src": [SELF, "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"],
        "style-src-attr": [UNSAFE_INLINE],
        "frame-ancestors": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
    }
}

# Applications -----------------------------------------------------------------

INSTALLED_APPS = [
    "battery_db",
    "battery_db.lib.runs",
    "battery_db.accounts",
    "battery_db.demo",
    "cells",
    "cycling",
    "ftir",
    "eis",
    "ml",
    "battery_db.accounts.apps.LabAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.forms",  # its templates, for FORM_RENDERER
    "axes",
    "csp",
    "django_celery_beat",
    "django_filters",
    "django_htmx",
    "django_tables2",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "simple_history",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "battery_db.accounts.middleware.RoutePermissionMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "battery_db.urls"
WSGI_APPLICATION = "battery_db.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "battery_db.navigation.navigation",
            ],
        },
    }
]
DJANGO_TABLES2_TEMPLATE = "components/table.html"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Database ---------------------------------------------------------------------

DATABASES = {"default": env.db_url("DATABASE_URL", f"sqlite:///{DATA_DIR}/battery_db.sqlite3")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Measured with two writing workers and a web process: 0 % failed operations
    # this way, 14-100 % with any of the three left out.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; "
        "PRAGMA foreign_keys=ON; PRAGMA cache_size=-64000;",
    }
else:
    DATABASES["default"]["CONN_MAX_AGE"] = env.int("DATABASE_CONN_MAX_AGE", 60)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# With IMMEDIATE transactions ATOMIC_REQUESTS would make every page a writer.
DATABASES["default"]["ATOMIC_REQUESTS"] = False

# Files ------------------------------------------------------------------------

# Where the night also writes the CSV folders of datasets, for people; empty: nowhere.
EXPORT_DIR = env.str("EXPORT_DIR", "")
S3_BUCKET = env.str("S3_BUCKET", "")


def _storage(name: str) -> dict[str, object]:
    if not S3_BUCKET:
        return {
            "BACKEND": "battery_db.lib.storage.AtomicFileSystemStorage",
            "OPTIONS": {"location": str(DATA_DIR / "storage" / name)},
        }
    options = {
        "bucket_name": S3_BUCKET,
        "location": name,
        "endpoint_url": env.str("S3_ENDPOINT_URL", "") or None,
        "access_key": env.str("S3_ACCESS_KEY", "") or None,
        "secret_key": env.str("S3_SECRET_KEY", "") or None,
        "region_name": env.str("S3_REGION", "") or None,
        "file_overwrite": True,
    }
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}


STORAGES = {
    "default": _storage("default"),  # exports that a person downloads
    "series": _storage("series"),  # Parquet of imported tests
    "snapshots": _storage("snapshots"),  # tensors of frozen datasets
    "weights": _storage("weights"),  # networks that the lab trained
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
WHITENOISE_USE_FINDERS = env.bool("STATIC_FROM_SOURCE", False)
DATA_UPLOAD_MAX_MEMORY_SIZE = FILE_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
# A calibration is uploaded whole: its table and 2000 spectra (ftir.services.calibrations),
# and its grid of ratios has a field for each component of the 200 samples on a page.
DATA_UPLOAD_MAX_NUMBER_FILES = 2002
DATA_UPLOAD_MAX_NUMBER_FIELDS = 4000
# A file that changed this recently may still be written to, and waits.
FILE_SETTLE_SECONDS = env.int("FILE_SETTLE_SECONDS", 60)
# A folder or file of which nothing comes for so long is passed over; 0 waits for ever.
FILE_SCAN_TIMEOUT_SECONDS = env.float("FILE_SCAN_TIMEOUT_SECONDS", 60)
SERIES_ROW_LIMIT = env.int("SERIES_ROW_LIMIT", 200_000_000)
# What is fitted to a spectrum for which nobody chose a circuit: a name or a notation.
EIS_CIRCUIT = env.str("EIS_CIRCUIT", "thesis")

# People -----------------------------------------------------------------------

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "battery_db.accounts.authentication.AdministratorBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = env.int("LOGIN_FAILURE_LIMIT", 5)
AXES_COOLOFF_TIME = env.float("LOGIN_COOLOFF_HOURS", 0.25)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "registration/locked_out.html"
AXES_RESET_ON_SUCCESS = True
AXES_IPWARE_PROXY_COUNT = 1 if env.bool("BEHIND_PROXY", False) else 0

LANGUAGE_CODE = "en-us"
TIME_ZONE = env.str("TIME_ZONE", "UTC")
USE_I18N = False
USE_TZ = True

# API --------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "battery_db.accounts.authentication.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    # No second set of pages for browsers: /api/docs/ is the one to browse and to try.
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PERMISSION_CLASSES": ["battery_db.lib.permissions.DeclaredPermission"],
    "DEFAULT_PAGINATION_CLASS": "battery_db.lib.pagination.IdCursorPagination",
    "PAGE_SIZE": 100,
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "battery_db.lib.errors.api_exception_handler",
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.UserRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "user": env.str("API_RATE", "6000/min"),
        "login": env.str("LOGIN_RATE", "30/min"),  # attempts from one address
    },
    # Zero: X-Forwarded-For is what the client says, and no reason to count it elsewhere.
    "NUM_PROXIES": 1 if env.bool("BEHIND_PROXY", False) else 0,
    "URL_FORMAT_OVERRIDE": None,  # ?format= belongs to the series endpoint
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "battery_db",
    "DESCRIPTION": "Cells, files, cycles, datasets and tensors of a battery lab.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    # Without it the schema is open to everybody.
    "SERVE_PERMISSIONS": ["battery_db.lib.permissions.DeclaredPermission"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "RoleEnum": "cells.models.materials.Role",
        "PolarityEnum": "cycling.models.Polarity",
        "ElectrodePolarityEnum": "cells.models.electrodes.Electrode.Polarity",
        "ImportStatusEnum": "cycling.models.CyclingTest.Status",
        "FitStatusEnum": "eis.models.CircuitFit.Status",
        "ReviewEnum": "eis.models.ImpedanceSpectrum.Review",
    },
}

# Background work ----------------------------------------------------------------

REDIS_URL = env.str("REDIS_URL", "")
CELERY_BROKER_URL = REDIS_URL or "labfs://localhost//"
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object]
if REDIS_URL:
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        # Recovery is owned by the Job table, so Redis must not redeliver early.
        "visibility_timeout": 24 * 3600,
        "unacked_restore_throttle": 1,
        # A page that starts a job must not wait for a broker that is away: the sweep
        # sends later. Without these kombu tries for ever.
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.2,
    }
    CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
    }
else:
    _queue = DATA_DIR / "queue"
    (_queue / "messages").mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_queue / "messages"),
        "data_folder_out": str(_queue / "messages"),
        "control_folder": str(_queue / "control"),
        "polling_interval": 0.1,
    }
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
            "LOCATION": str(DATA_DIR / "cache"),
        }
    }
SWEEP_SECONDS = 30
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 200
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TIMEZONE = TIME_ZONE
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
NIGHT_HOUR = env.int("NIGHT_HOUR", 2)
CELERY_BEAT_SCHEDULE = {
    # Messages that no worker took in time are dropped, so that none pile up.
    "Find lost jobs": {
        "task": "runs.sweep",
        "schedule": SWEEP_SECONDS,
        "options": {"expire_seconds": SWEEP_SECONDS},
    },
    "Nightly run": {
        "task": "battery_db.start_night",
        "schedule": crontab(hour=NIGHT_HOUR, minute=0),
        "options": {"expire_seconds": 20 * 3600},
    },
}
JOB_LEASE_SECONDS = env.int("JOB_LEASE_SECONDS", 60)
JOB_MAX_ATTEMPTS = env.int("JOB_MAX_ATTEMPTS", 3)

# Logs ---------------------------------------------------------------------------

LOG_JSON = env.bool("LOG_JSON", False)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname:<7} {name} {message}", "style": "{"},
        "json": {"()": "battery_db.lib.logs.json_formatter"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "json" if LOG_JSON else "line"}
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "INFO")},
    "loggers": {
        "axes": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        # Two lines for every wake-up; what a job did is on its own page.
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
    },
}

if "pytest" in sys.modules:  # the suite would spend most of its time in Argon2
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
