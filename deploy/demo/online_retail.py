#!/usr/bin/env python3
"""Turns the till's file of a real web shop into commands for `jetsource import -`.

Standard output gets one command a line, users before orders: a user per customer that bought something, an order
per sold invoice. Ids and keys come from the customer and invoice numbers, so a second run asks for the same again.
Standard error gets every line of the file that did not become part of a command, with the reason, then a summary.
Prices are exact: pence as integers, never floats.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TextIO
from uuid import UUID, uuid5

FILE = Path(__file__).with_name("online-retail-2010-12-01.csv")
COLUMNS = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country".split(",")
NAMESPACE = uuid5(UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8"), "https://jetsource.example/online-retail")
CREDIT_LIMIT = 1_000_000
MOST_LINES, MOST_UNITS, MOST_PENCE = 500, 1_000_000, 10**9


@dataclass(frozen=True)
class Skipped:
    """A line of the file that did not become part of a command. Line 1 is the header."""

    number: int
    reason: str
    detail: str


@dataclass
class Order:
    """The sold lines of one invoice."""

    invoice: str
    customer: str
    country: str
    lines: list[dict[str, str | int]] = field(default_factory=list)


class Unfit(Exception):
    """Why a line cannot become part of a command, and what exactly stands there."""


def units(quantity: str) -> int:
    if not re.fullmatch("-?[0-9]{1,18}", quantity) or not 1 <= int(quantity) <= MOST_UNITS:
        raise Unfit("quantity", repr(quantity))
    return int(quantity)


def pence(price: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,2})?", price) or Decimal(price) * 100 > MOST_PENCE:
        raise Unfit("price", repr(price))
    return int(Decimal(price) * 100)


def sell(row: list[str], orders: dict[str, Order]) -> None:
    """Puts a line on its order, or raises Unfit."""
    if len(row) != len(COLUMNS):
        raise Unfit("fields", f"{len(row)} instead of {len(COLUMNS)}")
    invoice, sku, _, quantity, _, price, customer, country = (value.strip() for value in row)
    if invoice.upper().startswith("C"):
        raise Unfit("cancellation", f"invoice {invoice}")
    if not re.fullmatch("[0-9A-Za-z]{1,32}", invoice):
        raise Unfit("invoice", repr(invoice))
    if not customer:
        raise Unfit("no customer", f"invoice {invoice}")
    if not re.fullmatch("[0-9]{1,32}", customer):
        raise Unfit("customer", repr(customer))
    if not re.fullmatch("[A-Za-z0-9._-]{1,64}", sku):
        raise Unfit("stock code", repr(sku))
    line: dict[str, str | int] = {"sku": sku, "quantity": units(quantity), "unit_price": pence(price)}
    order = orders.get(invoice) or Order(invoice, customer, country)
    if order.customer != customer:
        raise Unfit("customer", f"{customer}, but invoice {invoice} is of {order.customer}")
    if len(order.lines) == MOST_LINES:
        raise Unfit("lines", f"invoice {invoice} has more than {MOST_LINES}")
    order.lines.append(line)
    orders[invoice] = order


def read(file: TextIO) -> tuple[list[Order], list[Skipped]]:
    """The orders of a file that was opened with newline="", and every line that is on none of them."""
    rows = csv.reader(file)
    if next(rows, None) != COLUMNS:
        sys.exit(f"this is not the till's file: line 1 must be {','.join(COLUMNS)}")
    orders: dict[str, Order] = {}
    skipped: list[Skipped] = []
    number = rows.line_num + 1
    for row in rows:
        try:
            sell(row, orders)
        except Unfit as why:
            skipped.append(Skipped(number, *why.args))
        # A quoted field may hold a line break; a record is named by its first line.
        number = rows.line_num + 1
    return list(orders.values()), skipped


def commands(orders: list[Order]) -> Iterator[dict[str, object]]:
    """The commands, each user before any order."""
    user_ids = {order.customer: str(uuid5(NAMESPACE, f"customer/{order.customer}")) for order in orders}
    for customer, user_id in user_ids.items():
        email = f"customer-{customer}@example.com"
        user = {"id": user_id, "name": f"Customer {customer}", "email": email, "credit_limit": CREDIT_LIMIT}
        yield {"method": "POST", "path": "/users", "body": user, "key": f"online-retail/customer/{customer}"}
    for order in orders:
        order_id = str(uuid5(NAMESPACE, f"invoice/{order.invoice}"))
        body: dict[str, object] = {"id": order_id, "user_id": user_ids[order.customer], "lines": order.lines}
        if order.country:
            body["ship_to"] = order.country
        yield {"method": "POST", "path": "/orders", "body": body, "key": f"online-retail/invoice/{order.invoice}"}


def total(orders: list[Order]) -> int:
    return sum(int(line["quantity"]) * int(line["unit_price"]) for order in orders for line in order.lines)


def report(orders: list[Order], skipped: list[Skipped]) -> Iterator[str]:
    for line in skipped:
        yield f"line {line.number}: skipped, {line.reason}: {line.detail}"
    users, lines = len({order.customer for order in orders}), sum(len(order.lines) for order in orders)
    yield f"{users} users, {len(orders)} orders with {lines} lines, {total(orders)} pence in all"
    counts = Counter(line.reason for line in skipped)
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
    yield f"{len(skipped)} lines skipped" + (f": {reasons}" if reasons else "")


def main() -> None:
    # When the importer ends early it has said why; a traceback here would only hide that.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    parser = argparse.ArgumentParser(description="Turns the till's file into commands for `jetsource import -`.")
    parser.add_argument("file", nargs="?", type=Path, default=FILE, help="default: the file beside this program")
    with parser.parse_args().file.open(encoding="latin-1", newline="") as file:
        orders, skipped = read(file)
    for line in report(orders, skipped):
        print(line, file=sys.stderr)
    for command in commands(orders):
        print(json.dumps(command))


if __name__ == "__main__":
    main()
