"""The task queue of the OpenWISP server of `make fleet`."""

from celery import Celery

app = Celery("fleet")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
