"""Run with: python3 -m unittest discover deploy/demo"""

import io
import json
import subprocess
import sys
import unittest
from collections import Counter
from contextlib import redirect_stderr
from pathlib import Path

import online_retail
from online_retail import COLUMNS, FILE, commands, pence, read, total

PROGRAM = Path(online_retail.__file__)


def till(*rows: str) -> io.StringIO:
    return io.StringIO("\r\n".join([",".join(COLUMNS), *rows, ""]), newline="")


class TheRealFile(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        with FILE.open(encoding="latin-1", newline="") as file:
            cls.orders, cls.skipped = read(file)
        cls.commands = list(commands(cls.orders))

    def test_every_line_is_sold_or_listed(self) -> None:
        sold = sum(len(order.lines) for order in self.orders)
        self.assertEqual((sold, len(self.skipped)), (988, 11))
        self.assertEqual(sold + len(self.skipped), len(FILE.read_bytes().splitlines()) - 1)

    def test_counts_and_the_days_total(self) -> None:
        paths = [command["path"] for command in self.commands]
        self.assertEqual((paths.count("/users"), paths.count("/orders")), (46, 61))
        # Counted with awk, too.
        self.assertEqual(total(self.orders), 2_470_288)

    def test_what_is_skipped_is_listed_with_its_line_and_the_reason(self) -> None:
        cancelled = [line.number for line in self.skipped if line.reason == "cancellation"]
        self.assertEqual(cancelled, [143, 156, *range(237, 244), 941])
        guests = [line.number for line in self.skipped if line.reason == "no customer"]
        self.assertEqual(guests, [624])

    def test_users_come_before_orders(self) -> None:
        paths = [command["path"] for command in self.commands]
        self.assertEqual(paths, sorted(paths, reverse=True))

    def test_ids_and_keys_are_stable(self) -> None:
        by_key = {command["key"]: command["body"] for command in self.commands}
        self.assertEqual(len(by_key), 107)
        user, order = by_key["online-retail/customer/17850"], by_key["online-retail/invoice/536365"]
        self.assertEqual(user["id"], "14e8746c-5a51-5336-ac9b-f6786913b466")
        self.assertEqual(order["id"], "7d3511dc-d332-5a94-b27d-279d03dad6cc")
        self.assertEqual(order["user_id"], user["id"])
        self.assertEqual((user["name"], user["email"]), ("Customer 17850", "customer-17850@example.com"))
        self.assertEqual((user["credit_limit"], order["ship_to"]), (1_000_000, "United Kingdom"))

    def test_the_same_article_may_stand_on_several_lines(self) -> None:
        times = [Counter(line["sku"] for line in order.lines) for order in self.orders]
        self.assertEqual(sum(1 for skus in times for count in skus.values() if count > 1), 42)

    def test_postage_is_sold_like_any_line(self) -> None:
        postage = [line for order in self.orders for line in order.lines if line["sku"] == "POST"]
        self.assertIn({"sku": "POST", "quantity": 3, "unit_price": 1800}, postage)

    def test_the_program_prints_commands_and_lists_the_rest(self) -> None:
        run = [sys.executable, str(PROGRAM)]
        first = subprocess.run(run, capture_output=True, text=True, check=True)
        second = subprocess.run(run, capture_output=True, text=True, check=True)
        self.assertEqual(first.stdout, second.stdout)
        self.assertEqual([json.loads(line) for line in first.stdout.splitlines()], self.commands)
        lines = first.stderr.splitlines()
        self.assertEqual(lines[0], "line 143: skipped, cancellation: invoice C536379")
        self.assertEqual(lines[-2], "46 users, 61 orders with 988 lines, 2470288 pence in all")
        self.assertEqual(lines[-1], "11 lines skipped: 10 cancellation, 1 no customer")


class MessyFiles(unittest.TestCase):
    def test_prices_are_exact(self) -> None:
        for text, exact in [("2.55", 255), ("0.29", 29), ("27.5", 2750), ("18", 1800), ("0", 0), ("1.15", 115)]:
            self.assertEqual(pence(text), exact)

    def test_nothing_is_dropped_in_silence(self) -> None:
        bad = [
            ("quantity", "1,A,x,0,d,1,7,UK"),
            ("quantity", "1,A,x,-1,d,1,7,UK"),
            ("quantity", "1,A,x,1.5,d,1,7,UK"),
            ("quantity", "1,A,x,1000001,d,1,7,UK"),
            ("price", "1,A,x,1,d,-1,7,UK"),
            ("price", "1,A,x,1,d,1.005,7,UK"),
            ("price", "1,A,x,1,d,1e3,7,UK"),
            ("price", "1,A,x,1,d,,7,UK"),
            ("stock code", "1,A B,x,1,d,1,7,UK"),
            ("stock code", "1,,x,1,d,1,7,UK"),
            ("customer", "1,A,x,1,d,1,seven,UK"),
            ("invoice", ",A,x,1,d,1,7,UK"),
            ("fields", "1,A,x"),
            ("fields", ""),
        ]
        orders, skipped = read(till(*(row for _, row in bad)))
        self.assertEqual(orders, [])
        self.assertEqual([line.number for line in skipped], list(range(2, 2 + len(bad))))
        self.assertEqual([line.reason for line in skipped], [reason for reason, _ in bad])

    def test_quotes_commas_blanks_and_line_breaks(self) -> None:
        rows = ['1, A ,"x, ""y""\nz",2,d, 1.5 ,7, UK ', "1,A,,1,d,0,7,UK", "C1,A,x,-1,d,1,7,UK"]
        orders, skipped = read(till(*rows))
        self.assertEqual([line["sku"] for line in orders[0].lines], ["A", "A"])
        self.assertEqual(total(orders), 300)
        # The record on lines 2 and 3 is one; the cancellation stands on line 5.
        self.assertEqual([line.number for line in skipped], [5])

    def test_one_invoice_is_of_one_customer(self) -> None:
        orders, skipped = read(till("1,A,x,1,d,1,7,UK", "1,B,x,1,d,1,8,UK"))
        self.assertEqual((len(orders), skipped[0].reason), (1, "customer"))

    def test_an_order_has_at_most_500_lines(self) -> None:
        orders, skipped = read(till(*["1,A,x,1,d,1,7,UK"] * 501))
        self.assertEqual((len(orders[0].lines), skipped[0].number), (500, 502))

    def test_who_bought_nothing_is_no_user(self) -> None:
        orders, _ = read(till("1,A,x,0,d,1,7,UK", "2,A,x,1,d,1,8,UK"))
        self.assertEqual([command["key"] for command in commands(orders)][0], "online-retail/customer/8")

    def test_another_file_is_refused(self) -> None:
        with redirect_stderr(io.StringIO()), self.assertRaises(SystemExit):
            read(io.StringIO("a,b\r\n", newline=""))


if __name__ == "__main__":
    unittest.main()
