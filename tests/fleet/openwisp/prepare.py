"""Makes the provider's account and organization; prints the API's token and the organization's id as JSON.

Run in OpenWISP's environment: python -m tests.fleet.openwisp.prepare NAME PASSWORD SECRET
"""

import json
import sys

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from openwisp_controller.config.models import OrganizationConfigSettings  # noqa: E402
from openwisp_users.models import Organization  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402

name, password, secret = sys.argv[1:]
user = get_user_model().objects.create_superuser("admin", "admin@fleet.invalid", password)
organization = Organization.objects.get()  # the migrations make one
organization.name, organization.slug = name, "fleet"
organization.save()
settings, _ = OrganizationConfigSettings.objects.get_or_create(organization=organization)
settings.shared_secret, settings.registration_enabled = secret, True
settings.save()
token = Token.objects.create(user=user).key
print(json.dumps({"token": token, "organization": str(organization.pk)}))
