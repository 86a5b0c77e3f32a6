"""The Django project, configured by one call in its settings instead of the launcher."""

from django_app import ALLOWED_HOSTS, DEBUG, ROOT_URLCONF, SECRET_KEY  # type: ignore[import-not-found]

import tidegate

__all__ = ["ALLOWED_HOSTS", "DEBUG", "MIDDLEWARE", "ROOT_URLCONF", "SECRET_KEY"]

MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]

tidegate.configure_observability()
