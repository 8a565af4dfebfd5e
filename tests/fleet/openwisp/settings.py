"""Django settings of the OpenWISP server of `make fleet`: SpatiaLite or PostGIS, Redis, loopback only.

A server for real routers needs PostgreSQL, HTTPS and a mail server; docs/providers/openwisp.md.
"""

import os
from pathlib import Path

FOLDER = Path(os.environ["QALQAN_FLEET"])  # everything that the server writes
REDIS = os.environ["QALQAN_FLEET_REDIS"]  # redis://127.0.0.1:PORT
POSTGRESQL = os.environ["QALQAN_FLEET_POSTGRESQL"]  # the folder of its socket; empty: SpatiaLite

DEBUG = bool(os.environ["QALQAN_FLEET_PAGES"])  # Django then serves the files of its pages
SECRET_KEY = os.environ["QALQAN_FLEET_SECRET"]
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "tests.fleet.openwisp.urls"
WSGI_APPLICATION = "tests.fleet.openwisp.wsgi.application"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.gis",
    "django.contrib.sites",
    "openwisp_users.accounts",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "django_extensions",  # as OpenWISP's playbook does: it has the command `clear_cache`
    "openwisp_users",
    "openwisp_controller.config",
    "openwisp_controller.pki",
    "openwisp_controller.geo",
    "openwisp_controller.connection",
    "openwisp_controller.subnet_division",
    "openwisp_notifications",
    "openwisp_ipam",
    "openwisp_firmware_upgrader",
    "openwisp_utils.admin_theme",
    "admin_auto_filters",
    "django.contrib.admin",
    "django.forms",
    "sortedm2m",
    "reversion",
    "leaflet",
    "flat_json_widget",
    "rest_framework",
    "rest_framework.authtoken",
    "rest_framework_gis",
    "django_filters",
    "drf_yasg",
    "private_storage",
    "channels",
    "import_export",
]
EXTENDED_APPS = ("django_x509", "django_loci")

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            "loaders": [
                "django.template.loaders.filesystem.Loader",
                "openwisp_utils.loaders.DependencyLoader",
                "django.template.loaders.app_directories.Loader",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "openwisp_utils.admin_theme.context_processor.menu_groups",
                "openwisp_notifications.context_processors.notification_api_settings",
            ],
        },
    }
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

SPATIALITE = {
    "ENGINE": "openwisp_utils.db.backends.spatialite",
    "NAME": str(FOLDER / "openwisp.db"),
    "OPTIONS": {
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        "transaction_mode": "IMMEDIATE",
    },
}
POSTGIS = {
    "ENGINE": "django.contrib.gis.db.backends.postgis",
    "NAME": "openwisp",
    "USER": "postgres",
    "HOST": POSTGRESQL,
}
DATABASES = {"default": {**(POSTGIS if POSTGRESQL else SPATIALITE), "CONN_MAX_AGE": None}}
SPATIALITE_LIBRARY_PATH = "mod_spatialite.so"

CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": f"{REDIS}/0",
        "OPTIONS": {"CLIENT_CLASS": "django_redis.client.DefaultClient"},
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.cache"
CELERY_BROKER_URL = f"{REDIS}/1"
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [f"{REDIS}/2"]}}
}

AUTH_USER_MODEL = "openwisp_users.User"
SITE_ID = 1
LOGIN_REDIRECT_URL = "admin:index"
ACCOUNT_LOGOUT_REDIRECT_URL = LOGIN_REDIRECT_URL
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"

STATIC_URL = "/static/"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "openwisp_utils.staticfiles.DependencyFinder",
]
MEDIA_ROOT = str(FOLDER / "media")
PRIVATE_STORAGE_ROOT = str(FOLDER / "firmware")

# The simulated gateways restart within two seconds; OpenWISP waits three minutes.
OPENWISP_FIRMWARE_UPGRADER_OPENWRT_SETTINGS = {
    "reconnect_delay": 1,
    "reconnect_retry_delay": 1,
    "reconnect_max_retries": 10,
}
OPENWISP_USERS_AUTH_API = True
OPENWISP_ADMIN_DASHBOARD_ENABLED = True
LEAFLET_CONFIG = {"RESET_VIEW": False}
