"""The OpenWISP server of `make fleet`, a Django project. It runs in a virtual environment of its own."""

from tests.fleet.openwisp.celery import app as celery_app

__all__ = ["celery_app"]
