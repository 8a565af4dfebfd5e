"""The web application of the OpenWISP server of `make fleet`."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
