"""nginx in front of a provider, with the configuration that is shipped."""

import contextlib
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

from tests.support.processes import running
from tests.support.servers import program

SHIPPED = Path(__file__).resolve().parents[2] / "deploy" / "nginx" / "idp.conf"
MAIN = """\
{user}daemon off;
pid {home}/nginx.pid;
error_log stderr warn;
worker_processes 1;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    include {home}/idp.conf;
}}
"""


def without_tls(text: str, port: int, upstream: int) -> str:
    """The shipped file for a test: on the loopback, without a certificate, before another port."""
    text = re.sub(r"listen 443 [^;]*;", f"listen 127.0.0.1:{port};", text)
    text = re.sub(r" *ssl_certificate(_key)? [^;]*;\n", "", text)
    return text.replace("server 127.0.0.1:8000;", f"server 127.0.0.1:{upstream};").replace("id.example.vn", "localhost")


@contextlib.contextmanager
def before(upstream: int, port: int, home: Path) -> Iterator[None]:
    """nginx at `port` before the provider at `upstream`, until the block ends."""
    home.mkdir()
    # As root nginx would hand its work to somebody who may not read the folders of tests.
    user = "user root;\n" if os.geteuid() == 0 else ""
    (home / "idp.conf").write_text(without_tls(SHIPPED.read_text(encoding="utf-8"), port, upstream), encoding="utf-8")
    (home / "nginx.conf").write_text(MAIN.format(home=home, user=user), encoding="utf-8")
    command = [program("nginx"), "-p", str(home), "-c", str(home / "nginx.conf")]
    with running(command, log=home / "log", answers=lambda: _is_open(port)):
        yield


def _is_open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
