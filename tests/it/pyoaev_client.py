"""Registers and pings a collector and an injector with the platform's own client; prints what it got as JSON."""

import io
import json
import logging
import sys
import typing

import typing_extensions

# Python 3.11 has it under the other name alone.
typing.override = typing_extensions.override

from pyoaev import OpenAEV
from pyoaev.utils import PingAlive

url, token, collector_id, injector_id = sys.argv[1:]
client = OpenAEV(url, token, timeout=20)
me = client.me.get()

def ping_once(kind, config):
    """One turn of the thread that says that a connector lives."""
    alive = PingAlive(client, config, logging.getLogger("ping"), kind)
    alive.exit_event.wait = lambda _seconds: alive.exit_event.set()
    alive.ping()


collector = {
    "collector_id": collector_id,
    "collector_name": "pyoaev test",
    "collector_type": "openaev_test",
    "collector_period": 60,
}
picture = ("icon.png", io.BytesIO(b"\x89PNG\r\n\x1a\n\r\n\r\n--x"), "image/png")
registered = client.collector.create(collector, picture)
ping_once("collector", collector)
ping_once("collector", collector)
injector = {
    "injector_id": injector_id,
    "injector_name": "pyoaev test",
    "injector_type": "openaev_test",
    "injector_contracts": [],
}
queue = client.injector.create(injector, ("icon.png", io.BytesIO(b"x"), "image/png"))
ping_once("injector", injector)
print(
    json.dumps(
        {
            "me": me.user_email,
            "collector": registered.attributes,
            "listen": queue.attributes["listen"],
        }
    )
)
