"""A Flask application with the readers mounted."""

import logging

from flask import Flask

import tidegate.serve

app = Flask(__name__)


@app.get("/hello")
def hello() -> str:
    logging.getLogger("app").warning("hello")
    return "hello"


tidegate.serve.flask(app)
