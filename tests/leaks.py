"""Secrets of each form, made of parts: none of them is, or looks like, one that somebody has."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Callable, Iterator
from urllib.parse import quote

_CHANCE = random.Random(11)

_ALNUM = string.ascii_letters + string.digits
_URL_SAFE = _ALNUM + "_-"
_HEX = "0123456789abcdef"
_UPPER = string.ascii_uppercase + string.digits


def _some(count: int, alphabet: str = _ALNUM) -> str:
    """Random ones, with a digit and a letter, and no "-" where it could end a word."""
    inner = "".join(_CHANCE.choice(alphabet) for _ in range(count - 2))
    return _CHANCE.choice([each for each in alphabet if each.isalpha()]) + inner + "7"


def _b64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _jwt(parts: int = 3) -> str:
    head = _b64(json.dumps({"alg": "HS256", "typ": "JWT"}))
    return ".".join([head, *(_some(40, _URL_SAFE) for _ in range(parts - 1))])


#: What vendors give out: by its name, how one is made.
KEYS: dict[str, Callable[[], str]] = {
    "age": lambda: "AGE-SECRET" + "-KEY-1" + _some(58, _UPPER),
    "airtable": lambda: "pat" + _some(14) + "." + _some(64, _HEX),
    "alibaba": lambda: "LT" + "AI" + _some(20),
    "anthropic": lambda: "sk-" + "ant-api03-" + _some(93, _URL_SAFE) + "AA",
    "asana": lambda: "1/" + "12" * 8 + ":" + _some(32, _HEX),
    "atlassian": lambda: "ATA" + "TT3" + _some(186, _URL_SAFE),
    "aws": lambda: "AK" + "IA" + _some(16, _UPPER),
    "aws, temporary": lambda: "AS" + "IA" + _some(16, _UPPER),
    "azure": lambda: _some(3) + "8Q" + "~" + _some(34),
    "bitbucket": lambda: "AT" + "BB" + _some(32),
    "buildkite": lambda: "bk" + "ua_" + _some(40, string.ascii_lowercase + string.digits),
    "crates.io": lambda: "ci" + "o" + _some(32),
    "databricks": lambda: "da" + "pi" + _some(32, _HEX),
    "digitalocean": lambda: "dop" + "_v1_" + _some(64, _HEX),
    "discord": lambda: "M" + "T" + _some(22) + "." + _some(6) + "." + _some(38),
    "docker": lambda: "dckr" + "_pat_" + _some(27, _URL_SAFE),
    "doppler": lambda: "dp" + ".pt." + _some(43),
    "dynatrace": lambda: "dt0" + "c01." + _some(24, _UPPER) + "." + _some(64, _UPPER),
    "figma": lambda: "fi" + "gd_" + _some(40, _URL_SAFE),
    "github": lambda: "gh" + _CHANCE.choice("pousr") + "_" + _some(36),
    "github, fine": lambda: "github" + "_pat_" + _some(22) + "_" + _some(59),
    "gitlab": lambda: "gl" + "pat-" + _some(20, _URL_SAFE),
    "google": lambda: "AI" + "za" + _some(35, _URL_SAFE),
    "google oauth": lambda: "ya" + "29." + _some(60, _URL_SAFE),
    "google client": lambda: "GOC" + "SPX-" + _some(28, _URL_SAFE),
    "grafana": lambda: "gl" + "sa_" + _some(32) + "_" + _some(8, _HEX),
    "grafana cloud": lambda: "gl" + "c_" + _some(60),
    "groq": lambda: "gs" + "k_" + _some(52),
    "heroku": lambda: "HR" + "KU-" + _some(60, _URL_SAFE),
    "honeycomb": lambda: "hca" + "ik_" + _some(58),
    "hubspot": lambda: "pat" + "-na1-" + "-".join(_some(count, _HEX) for count in (8, 4, 4, 4, 12)),
    "hugging face": lambda: "h" + "f_" + _some(34),
    "linear": lambda: "lin" + "_api_" + _some(40),
    "logfire": lambda: "pylf" + "_v1_us_" + _some(43),
    "mailchimp": lambda: _some(32, _HEX) + "-u" + "s12",
    "mailgun": lambda: "ke" + "y-" + _some(32, _HEX),
    "netlify": lambda: "nf" + "p_" + _some(40),
    "new relic": lambda: "NR" + "AK-" + _some(27, _UPPER),
    "new relic, ingest": lambda: _some(36, _HEX) + "NR" + "AL",
    "notion": lambda: "nt" + "n_" + _some(46),
    "notion, old": lambda: "sec" + "ret_" + _some(43),
    "npm": lambda: "np" + "m_" + _some(36),
    "openai": lambda: "s" + "k-" + _some(20) + "T3Blbk" + "FJ" + _some(20),
    "openai, project": lambda: "s" + "k-proj-" + _some(120, _URL_SAFE),
    "paypal": lambda: "access" + "_token$production$" + _some(16, _HEX) + "$" + _some(32, _HEX),
    "perplexity": lambda: "pp" + "lx-" + _some(48),
    "posthog": lambda: "ph" + "x_" + _some(43),
    "posthog, project": lambda: "ph" + "c_" + _some(43),
    "postman": lambda: "PM" + "AK-" + _some(24, _HEX) + "-" + _some(34, _HEX),
    "pulumi": lambda: "pu" + "l-" + _some(40, _HEX),
    "pypi": lambda: "py" + "pi-" + "AgEIc" + _some(100, _URL_SAFE),
    "replicate": lambda: "r" + "8_" + _some(37),
    "rubygems": lambda: "ruby" + "gems_" + _some(48, _HEX),
    "sendgrid": lambda: "S" + "G." + _some(22, _URL_SAFE) + "." + _some(43, _URL_SAFE),
    "sentry": lambda: "snt" + "rys_" + _b64('{"iat":1700000000,"url":"x"}') + "_" + _some(43),
    "shopify": lambda: "shp" + "at_" + _some(32, _HEX),
    "slack": lambda: "xo" + "xb-" + "-".join((_some(12, _HEX), _some(12, _HEX), _some(24))),
    "slack app": lambda: "xa" + "pp-1-" + _some(11, _UPPER) + "-" + _some(60),
    "square": lambda: "sq" + "0csp-" + _some(43, _URL_SAFE),
    "stripe": lambda: "sk" + "_live_" + _some(24),
    "stripe, restricted": lambda: "rk" + "_test_" + _some(24),
    "stripe webhook": lambda: "wh" + "sec_" + _some(32),
    "supabase": lambda: "sb" + "p_" + _some(40, _HEX),
    "tailscale": lambda: "tsk" + "ey-auth-" + _some(12) + "-" + _some(32),
    "telegram": lambda: "712345" + "6789:A" + "A" + _some(33, _URL_SAFE),
    "terraform": lambda: _some(14) + ".atlas" + "v1." + _some(64, _URL_SAFE),
    "twilio": lambda: "S" + "K" + _some(32, _HEX),
    "vault": lambda: "hv" + "s." + _some(95, _URL_SAFE),
    "1password": lambda: "op" + "s_eyJ" + _some(300),
    "1password, secret key": lambda: "A" + "3-" + "-".join(_some(count, _UPPER) for count in (6, 6, 5, 5, 5, 5)),
    "artifactory": lambda: "AK" + "Cp" + _some(69),
    "circleci": lambda: "CCI" + "PAT_" + _some(22) + "_" + _some(40, _HEX),
    "dropbox": lambda: "s" + "l." + _some(130, _URL_SAFE),
    "facebook": lambda: "EA" + "A" + _some(120),
    "fly": lambda: "fo" + "1_" + _some(43, _URL_SAFE),
    "langsmith": lambda: "ls" + "v2_pt_" + _some(32, _HEX) + "_" + _some(10, _HEX),
    "openshift": lambda: "sha" + "256~" + _some(43, _URL_SAFE),
    "pinecone": lambda: "pc" + "sk_" + _some(60),
    "planetscale": lambda: "psc" + "ale_tkn_" + _some(43, _URL_SAFE),
    "prefect": lambda: "pn" + "u_" + _some(36),
    "sendinblue": lambda: "xkey" + "sib-" + _some(64, _HEX) + "-" + _some(16),
    "sonarqube": lambda: "sq" + "p_" + _some(40, _HEX),
    "sourcegraph": lambda: "sg" + "p_" + _some(40, _HEX),
    "vercel": lambda: "vc" + "p_" + _some(56),
    "xai": lambda: "xa" + "i-" + _some(80),
    "jwt": _jwt,
    "jwe": lambda: _jwt(5),
    "visa": lambda: "4" + "1" * 15,
    "visa in groups": lambda: " ".join(["4" + "1" * 3, *["1" * 4] * 3]),
    "mastercard": lambda: "5" * 4 + "-" + "-".join(["5" * 4, "5" * 4, "4" * 4]),
    "visa with dots": lambda: ".".join(["4" + "1" * 3, *["1" * 4] * 3]),
    "american express": lambda: "37" + "82 " + "822463 10005",
    "discover": lambda: "6011" + "1" * 11 + "7",
}  # fmt: skip

_WORD = "hunter" + "22"

#: Texts in which only what stands around a word makes it a secret: ``{}`` is where.
AROUND = [
    "password={}", "PASSWORD: {}", 'db_password = "{}"', "pwd={};", '{{"password": "{}", "user": "ann"}}',
    "{{'passwd': '{}', 'user': 'ann'}}", r'{{\"secret\": \"{}\", \"user\": 1}}', "{{b'password': b'{}'}}",
    "User(name='ann', password='{}')", "?api_key={}&page=2", "GET /items?page=2&key={}", "?sig={}&se=1",
    "/cb?code={}&state=1",
    "X-Api-Key: {}", "client_secret={}", "aws_secret_access_key = {}", "AWS_SECRET_ACCESS_KEY={}", "access_token={}",
    '"refresh_token":"{}"', "token={}", "token: {}", "Authorization: Bearer {}", "authorization: Token {}",
    "'Authorization': 'Basic {}'", "(b'authorization', b'Bearer {}')", "Authorization: {}", "Bearer {}",
    "proxy-authorization: Basic {}", "Cookie: sid={}; theme=dark", "set-cookie: session={}; HttpOnly",
    "'cookie': 'sid={}'",
    "(b'cookie', b'sid={}')", "postgres://ann:{}@db/shop", "redis://:{}@cache:6379/0", "amqp://ann:{}@mq",
    "mongodb+srv://ann:{}@a.b.net/?w=1", "https://{}{}{}@o1.ingest.sentry.io/1",
    "https://abcd:{}@o1.ingest.sentry.io/1",
    "Server=db;Database=shop;Uid=ann;Pwd={};", "Server=db;User=ann;Password={} words;Encrypt=yes",
    "host=db user=ann password={} dbname=shop", "host=db password='{} with words'", "AccountName=a;AccountKey={}==;",
    "SharedAccessKeyName=Root;SharedAccessKey={}=", "SharedAccessSignature sr=x&sig={}&se=1",
    "jdbc:x://h/d?user=a&password={}",
    "CREATE USER ann WITH PASSWORD '{}'", "ALTER USER 'ann'@'%' IDENTIFIED BY '{}'", "SET PASSWORD = '{}'",
    "IDENTIFIED WITH mysql_native_password BY '{}'", "shop --password {} --user ann", "mysql --password={} shop",
    "shop --api-key '{}'", "https://hooks." + "slack.com/services/T00/B00/{}{}{}",
    "https://discord" + ".com/api/webhooks/123456789012345678/{}{}{}", "export DB_PASSWORD={}",
    "-----BEGIN RSA PRIVATE" + " KEY-----\n{}\n-----END RSA PRIVATE" + " KEY-----",
    r'"-----BEGIN PRIVATE' + r" KEY-----\n{}\n-----END PRIVATE" + r' KEY-----\n"',
    "-----BEGIN OPENSSH PRIVATE" + " KEY-----\n{}", "-----BEGIN PGP PRIVATE" + " KEY BLOCK-----\n{}\n",
    "PuTTY-User-Key-File-3: x\nPrivate-Lines: 1\n{}\nPrivate-MAC: 00", "password%3D{}",
    "Authorization: Digest response={}",
    "Authorization: AWS4-HMAC-SHA256 Credential=a/b, Signature={}", '{{"password":"a\\"b{}"}}',
    "export DB_PASS={}", "SMTP_PASS=" + "geheim{}", "smtp_pass={}", "passw0rd={}", "password1234={}",
    "Passwort: {}", "bind pw={}", '{{"pass": "{}"}}', "credentials={}", "hmac_key={}", "ssh_key={}", "api.key={}",
    "password_hash={}",
    "<QueryDict: {{'password': ['{}'], 'user': ['ann']}}>", "FormData([('password', '{}')])", "{{'token': ('{}',)}}",
    "ImmutableMultiDict([('user', 'ann'), ('password', '{}')])", "got [(b'x-api-key', b'{}')]",
    "<password>{}</password>", '<wsse:Password Type="text">{}</wsse:Password>', "<ClientSecret>{}</ClientSecret>",
    "curl -s -u ann:{} https://shop", "sshpass -p {} ssh shop", "mysql -h db -p{} shop",
    "ran ['shop', '--password', '{}']",
    'Authorization: Digest username="ann", response="{}"',
    "https://api.telegram.org/bot7123456789:A" + "A{}{}{}{}{}/sendMessage",
    "otp={}", "totp: 4711{}", "Card(number=1, cvv='{}')", "{{'ssn': '{}'}}", '{{"jwt": "{}"}}', "auth_code={}",
    "card_number={}",
]  # fmt: skip


def in_context() -> list[str]:
    """`AROUND` with the word in place."""
    return [text.format(*[_WORD] * 5) for text in AROUND]


def placed(secret: str) -> Iterator[str]:
    """A secret in the places where secrets are found."""
    yield secret
    yield f"{secret} was used"
    yield f"used {secret} for it"
    yield f"it was {secret}"
    yield f"it was {secret}."
    yield f"tried '{secret}', then \"{secret}\""
    yield json.dumps({"it": secret, "n": [1, {"deep": secret}]})
    yield json.dumps(json.dumps(f"a\n{secret}\tb"))
    yield f"https://example.com/{secret}?x={secret}&y={quote(secret)}"
    yield f'Traceback (most recent call last):\n  File "/a.py", line 1, in f\n    g("{secret}")\nValueError: {secret}\n'
    yield repr({"it": secret})
    yield repr(f"a\n{secret}".encode())
    yield f"x={secret};y=({secret})"
    yield f"<a>{secret}</a>"


WORD = _WORD
