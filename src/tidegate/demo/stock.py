"""The demo shop's products, carts and orders on SQLite.

Work goes through cursors: those are what OpenTelemetry's sqlite3 instrumentation makes spans of.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from tidegate.settings import environment

#: The demo names a file in a temporary directory; both workers of the server use it.
DATABASE = environment("SHOP_DATABASE") or os.path.join(tempfile.gettempdir(), f"tidegate-shop-{os.getuid()}.db")

SCHEMA = """
create table if not exists products (
    id integer primary key, name text not null, category text not null, cents integer not null, stock integer not null);
create table if not exists cart_items (cart text not null, product integer not null, quantity integer not null);
create table if not exists orders (id integer primary key, cart text not null, cents integer not null);
create index if not exists cart_items_by_cart on cart_items (cart);
"""

PRODUCTS = (
    (1, "Tide table", "books", 1290, 400),
    (2, "Pilot book", "books", 3450, 250),
    (3, "Knots and splices", "books", 1875, 300),
    (4, "Oilskin jacket", "clothes", 12900, 150),
    (5, "Wool cap", "clothes", 2490, 60),
    (6, "Sea boots", "clothes", 7990, 120),
    (7, "Brass compass", "instruments", 8450, 80),
    (8, "Barometer", "instruments", 11900, 90),
    (9, "Hand lead, 5 kg", "instruments", 4200, 200),
    (10, "Storm lantern", "instruments", 3995, 150),
)


@contextmanager
def transaction() -> Iterator[sqlite3.Cursor]:
    """A cursor whose work is committed at the end, or rolled back by an exception."""
    connection = sqlite3.connect(DATABASE, timeout=10)
    try:
        with connection:
            yield connection.cursor()
    finally:
        connection.close()


def prepare() -> None:
    """Make the tables and fill them; any number of workers may do it at once."""
    with transaction() as cursor:
        cursor.executescript(SCHEMA)
        cursor.executemany("insert or ignore into products values (?, ?, ?, ?, ?)", PRODUCTS)


def products(category: str | None = None) -> list[dict[str, object]]:
    with transaction() as cursor:
        cursor.execute(
            "select id, name, cents from products where ? is null or category = ? order by name", (category, category)
        )
        return [{"id": row[0], "name": row[1], "cents": row[2]} for row in cursor.fetchall()]


def product(product_id: int) -> dict[str, object] | None:
    with transaction() as cursor:
        cursor.execute("select id, name, cents, stock from products where id = ?", (product_id,))
        row = cursor.fetchone()
    return dict(zip(("id", "name", "cents", "stock"), row, strict=True)) if row else None


def add_to_cart(cart: str, product_id: int, quantity: int) -> int:
    """How many things are in the cart now."""
    with transaction() as cursor:
        cursor.execute("insert into cart_items values (?, ?, ?)", (cart, product_id, quantity))
        cursor.execute("select sum(quantity) from cart_items where cart = ?", (cart,))
        return int(cursor.fetchone()[0])


def cart_total(cart: str) -> int:
    """What the cart costs, in cents."""
    with transaction() as cursor:
        cursor.execute(
            "select coalesce(sum(cents * quantity), 0) from cart_items join products on products.id = product"
            " where cart = ?",
            (cart,),
        )
        return int(cursor.fetchone()[0])


def place_order(cart: str, cents: int) -> tuple[int, list[tuple[str, int]]]:
    """The order's number, and name and stock of what is running low after it."""
    with transaction() as cursor:
        cursor.execute("insert into orders (cart, cents) values (?, ?)", (cart, cents))
        order_id = cursor.lastrowid or 0
        cursor.execute(
            "update products set stock = stock - (select sum(quantity) from cart_items where cart = ? and product = id)"
            " where id in (select product from cart_items where cart = ?)",
            (cart, cart),
        )
        cursor.execute(
            "select name, stock from products join cart_items on product = id"
            " where cart = ? and stock < 50 group by id",
            (cart,),
        )
        low = cursor.fetchall()
        cursor.execute("delete from cart_items where cart = ?", (cart,))
    return order_id, low


def order(order_id: int) -> dict[str, object] | None:
    with transaction() as cursor:
        cursor.execute("select id, cents from orders where id = ?", (order_id,))
        row = cursor.fetchone()
    return {"id": row[0], "cents": row[1]} if row else None
