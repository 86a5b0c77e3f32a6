"""Tracking in Django: one setting, the users of Django's own, events, errors, what takes how long.

pip install 'tidegate[django]' django gunicorn
export DJANGO_SETTINGS_MODULE=tracked_django.settings DJANGO_SUPERUSER_PASSWORD=boots
export OTEL_PYTHON_TIDEGATE_TOKEN=`python -c 'import secrets; print(secrets.token_urlsafe())'`
python -m django migrate
python -m django createsuperuser --noinput --username ann --email ann@example.com
python -m django runserver
gunicorn --workers 2 tracked_django.wsgi

curl -c cookies localhost:8000/login -d 'username=ann&password=boots'
curl -b cookies -X POST localhost:8000/orders/7 -H 'X-Request-ID: r-7'
curl -b cookies -X POST localhost:8000/orders/13
curl -b cookies localhost:8000/stock/boats
curl -H "Authorization: Bearer $OTEL_PYTHON_TIDEGATE_TOKEN" localhost:8000/telemetry/logs
tidegate logs --where user.id=1
"""
