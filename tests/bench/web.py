"""nginx on the pretended internet: every address, HTTP and TLS 1.3, small pages and one download."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.wires import Wires, need, server
from tests.lab.certs import Authority

DOWNLOAD = 100 << 20  # bytes; the "100 MB" of the table

_CONFIGURATION = """
daemon off; user root; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.err;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  sendfile on; tcp_nopush on; keepalive_requests 1000000;
  server {{
    listen 80; listen 443 ssl; listen [::]:80; listen [::]:443 ssl; listen 443 quic; listen [::]:443 quic;
    ssl_certificate {folder}/leaf.pem; ssl_certificate_key {folder}/leaf.key;
    ssl_protocols TLSv1.3; ssl_session_cache off; ssl_session_tickets off;
    location = / {{ return 200 "here\\n"; }}
    location /download {{ root {folder}/files; }}
  }}
}}
"""


@contextmanager
def nginx(wires: Wires) -> Iterator[None]:
    need("nginx")
    folder: Path = wires.folder / "nginx"
    (folder / "files").mkdir(parents=True)
    Authority(folder)  # leaves a certificate there, on P-256 as most of the web has
    with (folder / "files" / "download").open("wb") as file:
        file.truncate(DOWNLOAD)
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder))
    with server(wires.internet, ["nginx", "-c", str(configuration)], 443, log=folder / "nginx.log"):
        yield
