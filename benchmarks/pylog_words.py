"""Words, names and texts as production logs hold them: data for `pylog_kinds`."""

from __future__ import annotations


def words(text: str) -> list[str]:
    return text.split()


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


WORDS = words(
    """
    orders payments invoice customer checkout billing session cache search index report email notify import export
    audit ledger stock basket shipping refund price catalog product review profile avatar upload thumbnail video
    media event metrics tracing gateway proxy router scheduler worker beat archive backup cleanup sync replica
    primary analytics signup login token webhook callback partner vendor tenant account team project branch build
    deploy release staging production default main internal public private shared legacy high low bulk retry
    dead-letter priority temp users groups roles permissions settings feature flags recommendations ranking scoring
    training batch stream topic partition segment
    """
)
PEOPLE = words(
    """
    alice bob carol dave erin frank grace heidi ivan judy mallory niaj olivia peggy root admin deploy postgres
    www-data jenkins svc-backup j.smith maria.garcia guest
    """
)
DOMAINS = words(
    "example.com internal corp.example.net eu-west-1.compute.internal svc.cluster.local api.acme.io localdomain"
)
STATES = words(
    """
    running pending started finished failed active inactive ready closed open connected disconnected idle busy ok
    unknown healthy unhealthy success timeout cancelled paused stopping RUNNING PENDING SUCCESS FAILURE STARTED
    RETRY CLOSED ESTABLISHED starting
    """
)
VERBS = words(
    """
    get set put delete create update list start stop restart reload send receive fetch flush commit rollback connect
    close open read write subscribe publish lock unlock install upgrade remove
    """
)
METHODS = words("GET GET GET POST POST PUT DELETE PATCH HEAD OPTIONS")
EXTENSIONS = words(".py .py .json .yaml .txt .log .csv .db .sock .conf .html .tmp .so .tar.gz .lock .pem")
ROOTS = words(
    """
    /var/lib /var/log /etc /srv/app /opt/app /home/deploy /tmp /usr/lib/python3.11/site-packages /usr/local/share
    /app /data /mnt/shared
    """
)
ERRORS = words(
    """
    ValueError KeyError TypeError OSError RuntimeError ConnectionResetError ConnectionRefusedError TimeoutError
    FileNotFoundError PermissionError AttributeError BrokenPipeError IndexError NotImplementedError
    """
)
TEXTS = lines(
    """
    [Errno 111] Connection refused
    [Errno 104] Connection reset by peer
    [Errno 32] Broken pipe
    timed out
    [Errno 2] No such file or directory: '{path}'
    [Errno 13] Permission denied: '{path}'
    [Errno 98] Address already in use
    [Errno -2] Name or service not known
    '{word}'
    invalid literal for int() with base 10: '{word}'
    list index out of range
    'NoneType' object has no attribute '{word}'
    Expecting value: line 1 column {count} (char {count})
    Event loop is closed
    HTTPSConnectionPool(host='{host}', port=443): Max retries exceeded with url: /{word} (Caused by ReadTimeoutError)
    [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate (_ssl.c:1006)
    connection to server at "{host}" ({ip}), port 5432 failed: FATAL: too many connections for role "{word}"
    deadlock detected
    server closed the connection unexpectedly
    could not serialize access due to concurrent update
    unexpected keyword argument '{word}'
    maximum recursion depth exceeded
    Command '{word}' returned non-zero exit status {small}.
    Error {small} connecting to {host}:6379. Connection refused.
    cannot import name '{word}' from '{module}'
    502 Server Error: Bad Gateway for url: {url}
    duplicate key value violates unique constraint "{word}_pkey"
    object of type '{class}' is not JSON serializable
    Could not resolve host {host}
    """
)
SENTENCES = lines(
    """
    nothing to do
    retrying later
    no response received within {count} seconds
    the {word} queue is full
    shutting down
    invalid credentials for user {person}
    {count} rows affected
    quota exceeded for {word}
    token has expired
    not found
    ok
    configuration file {path} is missing a section
    certificate for {host} expires in {small} days
    access denied
    done
    could not parse the answer of {host}: unexpected end of input
    rate limit of {count} requests per minute reached
    connection lost
    received SIGTERM
    Warm shutdown
    missing field {word}
    permission denied for relation {word}
    upgrade available: {version}
    disk usage at {small}%
    PONG
    no such table: {word}
    heartbeat missed
    """
)
INSTANCES = lines(
    """
    <{module}.{class} object at {place}>
    <{module}.{class} object at {place}>
    <{class} at {place}>
    <{class}: {word}>
    <{class} id={number} state={state}>
    {class}(id={number}, name='{word}', parent=None)
    <{class}('{word}', {state})>
    <{class} #{number}>
    {class}<{word}>
    """
)
CALLABLES = lines(
    """
    <function {function} at {place}>
    <bound method {class}.{function} of <{module}.{class} object at {place}>>
    functools.partial(<function {function} at {place}>)
    {function}
    <coroutine object {class}.{function} at {place}>
    """
)
