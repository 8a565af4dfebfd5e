"""Stands in for the APIs of deSEC, Dynu and Cloudflare, by their documents, and for the DNS of one zone.

`python -m tests.lab.dns_apis FOLDER ZONE TOKEN SET_TXT DNS PORT`: serves HTTPS at 127.0.0.1:443 with
`chain.pem` and `key.pem` of the folder, and DNS at 127.0.0.1:PORT, which answers for the zone and asks DNS
(ADDRESS:PORT) else. Writes a line for each request to `apis.log` there, without the token.

Documents: https://desec.readthedocs.io/en/latest/dns/rrsets.html, https://www.dynu.com/Support/API,
https://developers.cloudflare.com/api/resources/dns/
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import dns.message
import dns.rdatatype
import dns.rrset

from tests.lab.duckdns import serve_https

Answer = tuple[int, Any]
CHALLENGE = "_acme-challenge."


class Zone:
    """The TXT records of one zone, by host name, which the authority's DNS gets too."""

    def __init__(self, name: str, token: str, set_txt: str) -> None:
        self.name, self.token = name, token
        self._set_txt = set_txt
        self.records: dict[str, list[str]] = {}

    def put(self, host: str, values: list[str]) -> None:
        self.records[host] = values
        for value in values:
            subprocess.run([self._set_txt, f"{host}.", value], check=True)

    def host(self, label: str) -> str:
        return f"{label}.{self.name}" if label not in ("", "@") else self.name


def desec(zone: Zone, method: str, parts: list[str], authorization: str, body: Any) -> Answer:
    """Answer for https://desec.io/api/v1/domains/…"""
    if authorization != f"Token {zone.token}":
        return 401, {"detail": "Invalid token."}
    if parts[:3] != ["api", "v1", "domains"]:
        return 404, {"detail": "Not found."}
    rest = parts[3:]
    if not rest:
        return 200, [{"name": zone.name, "minimum_ttl": 3600}]
    if rest[0] != zone.name:
        return 404, {"detail": "Not found."}

    def rrset(label: str) -> dict[str, Any]:
        records = [json.dumps(value) for value in zone.records.get(zone.host(label), [])]
        named = {"domain": zone.name, "subname": label, "name": f"{zone.host(label)}."}
        return {**named, "type": "TXT", "records": records, "ttl": 3600}

    def keep(label: str, records: list[str]) -> dict[str, Any]:
        zone.put(zone.host(label), [record.strip('"') for record in records])
        return rrset(label)

    if rest[1:] == ["rrsets"]:
        sets = body if isinstance(body, list) else [body]
        if any(int(record.get("ttl", 3600)) < 3600 for record in sets):
            return 400, {"ttl": ["Ensure this value is greater than or equal to 3600."]}
        kept = [keep(record["subname"], record["records"]) for record in sets]
        return (200, kept) if isinstance(body, list) else (201, kept[0])
    label = rest[2]
    if method == "PATCH":
        return 200, keep(label, body["records"])
    return (200, rrset(label)) if zone.records.get(zone.host(label)) else (404, {"detail": "Not found."})


def dynu(zone: Zone, method: str, parts: list[str], authorization: str, body: Any) -> Answer:
    """Answer for https://api.dynu.com/v2/dns/…"""
    if authorization != zone.token:
        exception = {"statusCode": 501, "type": "Authentication Exception", "message": "Invalid."}
        return 501, exception
    if parts[:3] == ["v2", "dns", "getroot"]:
        if not parts[3].endswith(zone.name):
            return 501, {"statusCode": 501, "type": "Argument Exception", "message": "Invalid."}
        named = {"id": 7, "domainName": zone.name, "hostname": parts[3], "node": ""}
        return 200, {"statusCode": 200, **named}
    if parts[:3] == ["v2", "dns", "record"]:
        host = parts[3]
        found = [
            {"id": number, "recordType": "TXT", "hostname": host, "textData": value}
            for number, value in enumerate(zone.records.get(host, []), 1)
        ]
        return 200, {"statusCode": 200, "dnsRecords": found}
    if method == "POST":
        zone.put(zone.host(body["nodeName"]), [body["textData"]])
        return 200, {"statusCode": 200, "id": 1, **body}
    zone.records.clear()
    return 200, {"statusCode": 200}


def cloudflare(zone: Zone, method: str, parts: list[str], authorization: str, body: Any) -> Answer:
    """Answer for https://api.cloudflare.com/client/v4/zones…"""

    def said(result: Any, count: int = 1) -> dict[str, Any]:
        pages = {"page": 1, "per_page": 50, "count": count, "total_count": count, "total_pages": 1}
        return {"result": result, "success": True, "errors": [], "messages": [], "result_info": pages}

    if authorization != f"Bearer {zone.token}":
        error = {"code": 9109, "message": "Invalid access token"}
        return 403, {"success": False, "errors": [error], "messages": [], "result": None}
    if parts == ["client", "v4", "zones"]:
        mine = body["name"] == zone.name
        return 200, said([{"id": "zone7", "name": zone.name}] if mine else [], int(mine))
    if method == "POST":
        zone.put(body["name"], [body["content"].strip('"')])
        return 200, said({"id": "record7", **body})
    if method == "DELETE":
        zone.records.clear()
        return 200, said({"id": "record7"})
    found = [
        {"id": "record7", "type": "TXT", "name": host, "content": value}
        for host, values in zone.records.items()
        for value in values
    ]
    return 200, said(found, len(found))


Api = Callable[[Zone, str, list[str], str, Any], Answer]
APIS: dict[str, tuple[Api, str]] = {  # by host name; the header with the token
    "desec.io": (desec, "Authorization"),
    "api.dynu.com": (dynu, "API-Key"),
    "api.cloudflare.com": (cloudflare, "Authorization"),
}


def serve(folder: Path, zone: Zone) -> None:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            address = urlsplit(self.path)
            api, header = APIS[self.headers["Host"]]
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {key: values[0] for key, values in parse_qs(address.query).items()}
            parts = [part for part in address.path.split("/") if part]
            status, values = api(
                zone, self.command, parts, self.headers.get(header, ""), json.loads(sent) if sent else query
            )
            with (folder / "apis.log").open("a") as log:
                log.write(f"{self.headers['Host']} {self.command} {status}\n")
            data = json.dumps(values, separators=(",", ":")).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond

        def log_message(self, form: str, *args: object) -> None:
            pass

    serve_https(folder, Handler)


def answer_dns(zone: str, upstream: tuple[str, int], port: int) -> None:
    """Say where the zone begins (SOA), which pebble's DNS does not, and forward all other queries."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", port))
        while True:
            data, client = sock.recvfrom(4096)
            query = dns.message.from_wire(data)
            (question,) = query.question
            if question.rdtype == dns.rdatatype.SOA:
                response = dns.message.make_response(query)
                if question.name.to_text() == f"{zone}.":
                    text = f"ns.{zone}. host.{zone}. 1 60 60 60 60"
                    response.answer.append(dns.rrset.from_text(question.name, 60, "IN", "SOA", text))
                sock.sendto(response.to_wire(), client)
                continue
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.settimeout(5.0)
                other.sendto(data, upstream)
                sock.sendto(other.recv(4096), client)


if __name__ == "__main__":
    where, name, token, set_txt, upstream, port = sys.argv[1:]
    host, _, number = upstream.partition(":")
    names = threading.Thread(target=answer_dns, args=(name, (host, int(number)), int(port)), daemon=True)
    names.start()
    serve(Path(where), Zone(name, token, set_txt))
