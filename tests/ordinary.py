"""Ordinary telemetry, in which nothing is a secret though much looks a little like one: all must stay as it is."""

from __future__ import annotations

import base64
import hashlib
import random
import uuid
from typing import Any

_CHANCE = random.Random(7)


def _hex(digits: int) -> str:
    return "%0*x" % (digits, _CHANCE.getrandbits(4 * digits))


SQL = [
    "SELECT id, name FROM users WHERE primary_key = 12345 AND cache_key = 'user:17'",
    "SELECT password_hash FROM users WHERE email = ?",
    "UPDATE users SET password = %s WHERE id = %s",
    "UPDATE users SET password = %(password)s, token = :token WHERE id = $1",
    "UPDATE users SET password = $1, secret = $2 WHERE id = $3",
    "UPDATE users SET password = ? WHERE id = ?",
    "INSERT INTO sessions (token, user_id) VALUES (?, ?)",
    "CREATE TABLE tokens (id serial PRIMARY KEY, token text NOT NULL, secret bytea)",
    "ALTER TABLE orders ADD CONSTRAINT fk FOREIGN KEY (user_id) REFERENCES users (id)",
    'insert or update on table orders violates foreign key constraint "orders_user_id_fkey"',
    'DETAIL: Key (user_id)=(4711) is not present in table "users".',
    'duplicate key value violates unique constraint "users_pkey"',
    "SELECT key, value FROM settings WHERE key = 'theme'",
    "SELECT * FROM pg_stat_activity WHERE application_name = 'shop' -- token bucket",
]

TRACES = [
    """Traceback (most recent call last):
  File "/app/shop/auth.py", line 41, in login
    client = Client(api_key=api_key, password=password, token=self.token)
  File "/app/shop/auth.py", line 52, in Client
    secret = os.environ["CLIENT_SECRET"]
  File "/app/shop/auth.py", line 53, in Client
    password = settings.get_password(user)
  File "/app/shop/auth.py", line 54, in Client
    token: Optional[str] = None
  File "/app/shop/auth.py", line 55, in check
    if password == expected_password or token != stored_token:
  File "/usr/lib/python3.11/site-packages/keyring/core.py", line 77, in get_password
    return self.backend.get_password(service=service, username=username)
KeyError: 'token'
""",
    "def login(self, user: str, password: str, token: str | None = None) -> Session:",
    "TypeError: connect() missing 1 required keyword-only argument: 'password'",
    "pydantic: 1 validation error for Login\\npassword\\n  Field required [type=missing]",
    "ValueError: invalid literal for int() with base 10: 'monkey'",
    "at com.shop.TokenService.refresh(TokenService.java:118)",
    "json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
    "SyntaxError: Unexpected token: identifier",
]

SENTENCES = [
    "tokens used: 1200", "max tokens: 4096, token: 17", '{"token_count": 17, "total_tokens": 1200}',
    "password reset requested", "password: required", "Password: must be at least 12 characters",
    "invalid password for user ann", "the password is wrong", "wrong password: expired", "key=value pairs",
    "monkey", "author", "authority", "keyboard=on", "primary_key", "cache_key=user:17:profile", "sort_key=created_at",
    "passenger=Ann", "passenger: Smith", "secretary=Smith-Jones", "the secretary: Ann Smith", "cookies accepted",
    "cookie banner shown: accepted", "session started", "session 17 of user 4 ended after 300 s", "auth.method=oauth",
    "oauth flow authorization_code started", "basic usage", "Basic authentication required", "basic authentication",
    "Bearer of news", "bearer authentication is required", 'WWW-Authenticate: Bearer realm="shop"',
    'WWW-Authenticate: Basic realm="shop"', "Authorization: required", "authorization: granted", "authorization failed",
    "token expired", "token: expired", "token=null", "secret not found", "secret: missing", "api_key=None",
    "password=***", "password=<hidden>", "password=${DB_PASSWORD}", "password={password}", "token=%s",
    "postgresql://shop:***@db:5432/shop", "token bucket is full", "the key to it", "secrets rotated: 3",
    "mounting secret: db-credentials", "public key accepted", "ssh-ed25519 key of ann accepted",
    "hello, my name is Ann and I pay by card", "card ending in 1111", "PIN pad connected", "next_page_token=CAESBgoE",
    "nextPageToken: abc123", "continuation_token=abcdef123456", "cancellation token: 3fa85f64", "--verbose --keep 5",
    "usage: shop [--token TOKEN] [--password-file FILE]", "the tokenizer: bert-base-uncased",
    "task-12345678901234567890 done", "disk-usage-of-the-whole-machine: 42%", "risk-assessment-completed-successfully",
    "sk-learn is not how it is called", "shape_at_the_end", "sha256:" + hashlib.sha256(b"image").hexdigest(),
    "pattern pat-ern", "hub.docker.com/r/library/python:3.11-slim", "eyJ is how it begins", "hf_hub_download took 3 s",
    "AKIA is a prefix", "SG. is a prefix", "reset your password: ok", "see https://example.com/a?b=c#d",
    "Set password: done", "Passwort: falsch", "pass=17 fail=3", "PASS: tests/test_a1.py", "pass: 10/20",
    "second pass=final",
    "user:pass format expected", "bypass=v12", "pass=100%", "credentials: same-origin", "docker run -u 1000:1000 shop",
    "mysql -port 3306", "curl -u ann https://shop", "curl https://shop:443/a", "gpio pin=13", "otp=expired",
    "cvv=match",
    "hotpatch=17", "auth_code missing", "jwt=expired", "form.errors: {'password': ['This field is required.']}",
    "{'token': ['Enter a valid value']}", "fields = ['username', 'password', 'email']", "unique=('password', 'email')",
    "[('token', 'required')]", "<NextToken>abc123</NextToken>", "<ResetPassword>true</ResetPassword>",
]  # fmt: skip

NUMBERS = [
    *(str(uuid.UUID(int=_CHANCE.getrandbits(128), version=4)) for _ in range(50)),
    *(_hex(digits) for digits in (16, 32, 40, 64) for _ in range(20)),
    *(str(1_760_000_000_000_000_000 + _CHANCE.randrange(10**17)) for _ in range(50)),
    *(str(1_760_000_000_000 + _CHANCE.randrange(10**10)) for _ in range(50)),
    *(f"order {2026000000000000 + number}" for number in range(0, 5000, 97)),
    "order 1000000000000042, customer 9000000000000011", "2026-11-22T04:34:31.123456789Z",
    "2026-11-22 04:34:31,123 +0100", "+49 170 1234567", "+1 (415) 555-2671", "004917012345678", "030 123456-789",
    "DE89 3704 0044 0532 0130 00", "GB82 WEST 1234 5698 7654 32", "FR14 2004 1010 0505 0001 3M02 606",
    "DE12500105170648489890", "3.11.4", "v1.45.2-rc.1+build.4111111111111111", "1.2.3.4:8080", "10.0.0.1",
    "2001:db8::ff00:42:8329", "lat=52.5200066 lon=13.404954", "4111111111111112", "4111 1111 1111 1112",
    "1234567890123456", "0000000000000000", "ids: 1234-5678-9012-3456", "978-3-16-148410-0", "0x7f3a4111111111111111",
    "trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7", "4111111111111111abc", "a4111111111111111",
    "3.4111111111111111", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
]  # fmt: skip

PLACES = [
    "https://shop.example.com/items?key=blue-shirt&code=US", "/changes?ticket=4711-22&session=morning",
    "https://shop.example.com/items?page=2&sort=key", "https://shop.example.com/items?country_code=DE&code=404",
    "/api/v1/tokens/17", "/login?next=/account/password", "/reset-password/", "/oauth/authorize?response_type=code",
    "http://localhost:8080/path@place", "user@example.com", "mailto:ann@example.com", "ssh://git@github.com/shop.git",
    "git@github.com:shop/shop.git", "https://example.com:443/?q=a@b.c", "redis://cache:6379/0", "amqp://ann@mq/",
    "s3://bucket/key/of/object", "file:///etc/secrets/token", "/var/run/secrets/kubernetes.io/serviceaccount/token",
    "shop-frontend-7d9f8b6c5d-x2x4k", "sk-frontend-7d9f8b6c5d-x2x4k", "kube-system/coredns-565d847f94-8wd7q",
    "arn:aws:iam::123456789012:role/shop", "projects/shop/secrets/db/versions/3", "registry.io/shop@sha256:" + _hex(64),
    "data:image/png;base64," + base64.b64encode(_CHANCE.randbytes(600)).decode().replace("eyJ", "eXJ"),
    "commit " + _hex(40), "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0",
    "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "theme=dark; lang=de", "gzip, deflate, br",
    "hash:" + _hex(32), "/app/shop/orders.py", "shop.orders.place_order", "uvicorn.access",
]  # fmt: skip

TEXTS: list[str] = [*SQL, *TRACES, *SENTENCES, *NUMBERS, *PLACES]

ATTRIBUTES: dict[str, Any] = {
    "token_count": 17, "gen_ai.usage.output_tokens": 1200, "gen_ai.token.type": "input", "author": "Ann",
    "author.name": "Ann", "authority": "shop", "url.authority": "shop:80", "primary_key": 4, "cache_key": "user:17",
    "messaging.kafka.message.key": "order-4", "db.collection.name": "tokens", "keyboard": "qwerty", "monkey": "d",
    "auth.method": "oauth", "oauth.flow": "authorization_code", "auth.type": "basic", "secretary": "Ann",
    "passenger": "Ann", "passenger.name": "Ann Smith", "cookies_accepted": "all", "cookie.consent": "all",
    "http.request.header.content_length": ["17"], "http.request.header.accept": ["*/*"], "has_password": True,
    "password": None, "password_reset": "requested", "password.length": 12, "password_changed_at": "2026-11-22",
    "k8s.secret.name": "db", "secret.arn": "arn:aws:secretsmanager:eu:1:secret:db", "token_expires_in": 3600,
    "session.id": "hash:" + "0123456789abcdef" * 2, "session.count": 3, "tokenizer": "bert", "pinned": "yes",
    "partition_key": "p1", "sort_key": "s", "page_token": "CAES", "next_page_token": "CAES", "spin": 3,
    "http.route": "/users/{id}/password", "url.query": "page=2&sort=key", "enduser.id": "ann", "user.id": "4",
    "order.id": 4111111111111111, "db.query.text": SQL[2], "code.function.name": "get_password", "zip_code": "10115",
    "service.name": "token-service", "key": "value", "http.response.header.etag": ['W/"17-abc"'], "error.code": "E4",
    "exception.type": "shop.errors.InvalidPassword", "country.code": "DE", "author_code": "a-4", "compassion": "yes",
    "auth": "oauth2", "gpio.pin": 13, "k8s.secret.uid": "abc", "api_key.id": "k7", "pass": 17, "bypass": "x",
    "backup.code": "E1",
}  # fmt: skip
