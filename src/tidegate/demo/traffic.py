"""Customers of the demo shop: several threads that visit it over HTTP, each at its own pace."""

from __future__ import annotations

import itertools
import random
import threading
import uuid
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Any

import httpx

CUSTOMERS = 8
#: Requests of the demo carry this, so that those of a curious user are not counted with them.
USER_AGENT = "tidegate-demo"

#: The cards that customers pay with in turn, each beginning at a place of its own.
CARDS = ("outage", "good", "good", "good", "declined", "good", "good", "good", "good")

#: Method, path and JSON content of the next request; the response is sent back in.
Visit = Generator[tuple[str, str, Any], httpx.Response, None]


class Traffic:
    """Sends ``total`` requests to the shop, or goes on without one until it is interrupted.

    A customer takes ``pause`` seconds on average to look at a page. ``sent`` counts the requests
    that were answered.
    """

    def __init__(self, url: str, *, pause: float, total: int | None = None) -> None:
        self.url = url
        self.pause = pause
        self.total = total
        self.sent = 0
        self._begun = 0
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def run(self, progress: Callable[[int], None]) -> None:
        """Blocks until all is sent, tells ``progress`` the count several times a second.

        Raises httpx.TransportError when the shop stops answering. However it ends, every request
        that was begun has been answered or has failed.
        """
        with ThreadPoolExecutor(CUSTOMERS, thread_name_prefix="customer") as pool:
            try:
                customers = [pool.submit(self._customer, number) for number in range(CUSTOMERS)]
                waiting = set(customers)
                while waiting and not any(done.exception() for done in set(customers) - waiting):
                    waiting = wait(waiting, timeout=0.1, return_when=FIRST_EXCEPTION).not_done
                    progress(self.sent)
            finally:
                self._stopped.set()
        for customer in customers:
            customer.result()
        progress(self.sent)

    def _customer(self, number: int) -> None:
        # A connection per request spreads them over the workers, and no idle one can be closed just
        # when it is used again. Proxies named in the environment are not for loopback.
        limits = httpx.Limits(max_keepalive_connections=0)
        visits = _visits(number)
        request = next(visits)
        with httpx.Client(
            base_url=self.url, headers={"User-Agent": USER_AGENT}, limits=limits, timeout=30, trust_env=False
        ) as client:
            while self._may_begin():
                method, path, content = request
                response = client.request(method, path, json=content)
                with self._lock:
                    self.sent += 1
                self._stopped.wait(random.uniform(0.5, 1.5) * self.pause)  # noqa: S311 (not a secret)
                request = visits.send(response)

    def _may_begin(self) -> bool:
        with self._lock:
            if self._stopped.is_set() or self._begun == self.total:
                return False
            self._begun += 1
            return True


def _visits(customer: int) -> Visit:
    rng = random.Random(customer)  # noqa: S311 (not a secret)
    cards = itertools.islice(itertools.cycle(CARDS), customer, None)  # so that each outcome comes soon
    while True:
        yield from _visit(rng, cards)


def _visit(rng: random.Random, cards: Iterator[str]) -> Visit:
    """One customer looks around, and most buy something."""
    yield "GET", "/", None
    yield "GET", "/products" + rng.choice(("", "?category=books", "?category=clothes", "?category=instruments")), None
    cart = uuid.UUID(int=rng.getrandbits(128)).hex[:8]
    in_cart = 0
    for _ in range(rng.randint(1, 3)):
        product = rng.randint(1, 10)
        yield "GET", f"/products/{product}", None
        if rng.random() < 0.15:
            yield "GET", f"/products/{product}/reviews", None
        if rng.random() < 0.6:
            in_cart += 1
            yield "POST", "/cart", {"cart": cart, "product_id": product, "quantity": rng.randint(1, 2)}
    if rng.random() < 0.1:
        yield "GET", "/products/" + rng.choice(("99", "404")), None
    if rng.random() < 0.05:
        yield "GET", rng.choice(("/favicon.ico", "/wp-login.php")), None
    if in_cart:
        answer = yield "POST", "/checkout", {"cart": cart, "card": next(cards)}
        if answer.status_code == httpx.codes.CREATED:
            yield "GET", f"/orders/{answer.json()['order']}", None
