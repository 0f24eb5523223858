"""Registers, pings and reads a connector with the platform's own client; prints what it got as JSON."""

import json
import sys

from pycti import OpenCTIApiClient
from pycti.connector.opencti_connector import OpenCTIConnector

url, token, connector_id = sys.argv[1:]
client = OpenCTIApiClient(url, token, log_level="error", requests_timeout=20)
connector = OpenCTIConnector(
    connector_id=connector_id,
    connector_name="pycti test",
    connector_type="EXTERNAL_IMPORT",
    scope="report,indicator",
    auto=False,
    only_contextual=False,
    playbook_compatible=False,
    auto_update=False,
    enrichment_resolution="none",
)
registered = client.connector.register(connector)
info = {
    "run_and_terminate": False,
    "buffering": False,
    "queue_threshold": 500.0,
    "queue_messages_size": 0.0,
    "next_run_datetime": "2026-01-02T03:04:05Z",
    "last_run_datetime": None,
}
pinged = client.connector.ping(connector_id, {"last_run": 1}, info)
read = client.connector.read(connector_id)
print(json.dumps({"registered": registered, "pinged": pinged, "read": read}))
