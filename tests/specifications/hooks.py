"""What a document cannot tell schemathesis: values that only the program gives, and only once.

USER_ID is a user that is there. What is meant to be wrong is left as it is.
"""
import itertools
import os

import schemathesis

USER = os.environ["USER_ID"]
TURNS = itertools.count(1)
ORDERS = []

# What a PUT takes only as it was read, and its version, which If-Match has here.
READ = ("id", "user_id", "status", "credit", "total", "reason", "version")


@schemathesis.hook
def before_call(context, case, kwargs):
    call = case.operation.label
    if call == "DELETE /users/{id}" and case.path_parameters.get("id") == USER:
        case.path_parameters["id"] = "0190b5c6-0000-7000-8000-000000000000"
    if str(case.headers.get("Jetsource-Position", "")).isdigit():
        # A list that is not there yet is waited for, and then is a 503, as it should be.
        case.headers["Jetsource-Position"] = "1"
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    turn = next(TURNS)
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"key-{turn}"
    if "If-Match" in case.headers:
        if turn % 2 or call in ("POST /users", "POST /orders"):
            del case.headers["If-Match"]
        else:
            case.headers["If-Match"] = '"1"'
    if call == "POST /orders" and isinstance(case.body, dict):
        case.body["user_id"] = USER
    if call.startswith("PUT ") and isinstance(case.body, dict):
        for name in READ:
            case.body.pop(name, None)
    if ORDERS and turn % 2 and ("/orders/{id}" in call or "/sagas/checkout/{id}" in call):
        case.path_parameters["id"] = ORDERS[turn // 2 % len(ORDERS)]
    if "version" in case.query:
        # As it was at one of them.
        case.query.pop("at", None)
    if call == "GET /events":
        # Of the stream, or of the page behind the other end.
        for name in ("from", "before"):
            case.query.pop(name, None)
    else:
        # A place that a page before has given.
        case.query.pop("after", None)


@schemathesis.hook
def after_call(context, case, response):
    if case.operation.label == "POST /orders" and response.status_code == 201:
        ORDERS.append(response.json()["id"])
