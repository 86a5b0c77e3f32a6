"""A Django application: ``"tidegate.django"`` in ``INSTALLED_APPS`` configures everything when Django starts, from one
setting such as ``TIDEGATE = {"SERVICE_NAME": "shop"}``."""
