"""The shop in Django.

    pip install 'tidegate[django]' django gunicorn opentelemetry-instrumentation-sqlite3
    export DJANGO_SETTINGS_MODULE=django_shop.settings
    opentelemetry-instrument --service_name shop python -m django runserver --noreload
    opentelemetry-instrument --service_name shop gunicorn --workers 2 django_shop.wsgi

    curl localhost:8000/products
    curl localhost:8000/checkout -H 'content-type: application/json' -d '{"cart": "ann", "card": "stolen"}'
    tidegate traces

Nothing in this folder is about Tidegate or OpenTelemetry: requests, SQL and log lines are recorded all the same.
"""
