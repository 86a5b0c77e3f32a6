"""The shop that all examples share: products, a cart and a checkout, on SQLite.

Plain Python, as it could stand in your program: it logs, it raises, and knows nothing of Tidegate.
"""

import logging
import os
import sqlite3
from contextlib import contextmanager

DATABASE = os.environ.get("SHOP_DATABASE", "shop.db")

SCHEMA = """
create table if not exists products (id integer primary key, name text, cents integer);
create table if not exists cart_items (cart text, product_id integer, quantity integer);
create table if not exists orders (id integer primary key, cart text, cents integer);
insert or ignore into products values (1, 'Tide table', 1290), (2, 'Sea boots', 7990), (3, 'Brass compass', 8450);
"""

log = logging.getLogger("shop")
# Python's default level is WARNING, and Tidegate changes no level: it records what your program logs.
log.setLevel(logging.INFO)


class PaymentFailed(Exception):
    """The payment provider did not take the card."""


@contextmanager
def cursor():
    """A cursor on the shop's database; its work is committed at the end unless something was raised.

    With the sqlite3 instrumentation every `execute` of a cursor becomes a span.
    """
    connection = sqlite3.connect(DATABASE, timeout=10)
    try:
        with connection:
            yield connection.cursor()
    finally:
        connection.close()


def open_shop():
    """Make the tables unless they are there; several workers may do it at once."""
    with cursor() as db:
        db.executescript(SCHEMA)
    log.info("the shop is open")


def products():
    with cursor() as db:
        db.execute("select id, name, cents from products order by id")
        return [{"id": product_id, "name": name, "cents": cents} for product_id, name, cents in db.fetchall()]


def add_to_cart(cart, product_id, quantity=1):
    """Raises LookupError when there is no such product."""
    with cursor() as db:
        db.execute("select name from products where id = ?", (product_id,))
        row = db.fetchone()
        if row is None:
            log.warning("product %s does not exist", product_id)
            raise LookupError("no such product")
        db.execute("insert into cart_items values (?, ?, ?)", (cart, product_id, quantity))
    log.info("%d x %s put into cart %s", quantity, row[0], cart)
    return {"cart": cart, "product": row[0], "quantity": quantity}


def check_out(cart, card):
    """Turn a cart into an order. Raises PaymentFailed when the card is called "stolen"."""
    with cursor() as db:
        db.execute(
            "select coalesce(sum(cents * quantity), 0) from cart_items join products on products.id = product_id"
            " where cart = ?",
            (cart,),
        )
        cents = db.fetchone()[0]
        if card == "stolen":
            log.error("payment of %d cents for cart %s failed", cents, cart)
            raise PaymentFailed("the card was reported stolen")
        db.execute("insert into orders (cart, cents) values (?, ?)", (cart, cents))
        order_id = db.lastrowid
        db.execute("delete from cart_items where cart = ?", (cart,))
    log.info("order placed", extra={"order.id": order_id, "order.cents": cents})
    return {"order": order_id, "cents": cents}
