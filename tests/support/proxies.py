"""nginx and HAProxy in front of a provider, with the configurations that are shipped, on ports of the loopback."""

import contextlib
import os
import re
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.ports import free_port
from tests.support.processes import running
from tests.support.servers import program
from tests.support.tls import Authority

SHIPPED = Path(__file__).resolve().parents[2] / "deploy"
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


@dataclass(frozen=True)
class Proxy:
    """One proxy: where it listens, with TLS and without, and the ports of the nodes behind it.

    `operations` are the ports at which the nodes say whether they are ready, without any the same.

    Without an authority both are without TLS. `hasty` makes of ten seconds of patience with slow senders four: with
    less a busy machine would itself be too slow.
    """

    nodes: Sequence[int]
    authority: Authority | None = None
    hasty: bool = False
    operations: Sequence[int] = ()
    port: int = field(default_factory=free_port)
    plain: int = field(default_factory=free_port)

    @contextlib.contextmanager
    def nginx(self, home: Path) -> Iterator["Proxy"]:
        """nginx, until the block ends."""
        home.mkdir()
        # As root nginx would hand its work to somebody who may not read the folders of tests.
        user = "user root;\n" if os.geteuid() == 0 else ""
        (home / "idp.conf").write_text(self._of_nginx(_shipped("nginx/idp.conf")), encoding="utf-8")
        (home / "nginx.conf").write_text(MAIN.format(home=home, user=user), encoding="utf-8")
        command = [program("nginx"), "-p", str(home), "-c", str(home / "nginx.conf")]
        with running(command, log=home / "log", answers=lambda: _is_open(self.port)):
            yield self

    @contextlib.contextmanager
    def haproxy(self, home: Path) -> Iterator["Proxy"]:
        """HAProxy, until the block ends."""
        home.mkdir()
        (home / "haproxy.cfg").write_text(self._of_haproxy(_shipped("haproxy/haproxy.cfg")), encoding="utf-8")
        command = [program("haproxy"), "-db", "-f", str(home / "haproxy.cfg")]
        with running(command, log=home / "log", answers=lambda: _is_open(self.port)):
            yield self

    def _of_nginx(self, text: str) -> str:
        tls = "ssl http2" if self.authority else ""
        text = re.sub(r" *listen \[::\].*\n", "", text)
        text = text.replace("listen 443 ssl http2;", f"listen 127.0.0.1:{self.port} {tls};")
        text = text.replace("listen 80;", f"listen 127.0.0.1:{self.plain};")
        chain = f"\\1 {self.authority.chain};" if self.authority else ""
        text = re.sub(r"(ssl_certificate(?:_key)?) [^;]*;", chain, text)
        if self.hasty:
            text = re.sub(r"(client_(?:header|body)_timeout) 10s;", r"\1 4s;", text)
        return _with_nodes(text, "server 127.0.0.1:8000", [f"server 127.0.0.1:{node}" for node in self.nodes])

    def _of_haproxy(self, text: str) -> str:
        tls = f"ssl crt {self.authority.chain} alpn h2,http/1.1" if self.authority else ""
        text = re.sub(r" *bind :::.*\n", "", text)
        text = re.sub(r"bind :443 .*", f"bind 127.0.0.1:{self.port} {tls}", text)
        text = text.replace("bind :80", f"bind 127.0.0.1:{self.plain}")
        if self.hasty:
            text = text.replace("timeout http-request 10s", "timeout http-request 4s").replace("time 10s", "time 4s")
        places = zip(self.nodes, self.operations or self.nodes, strict=True)
        nodes = [f"server n{node} 127.0.0.1:{node} port {operations}" for node, operations in places]
        return _with_nodes(text.replace("check port 8010", "check"), "server one 127.0.0.1:8000", nodes)


def _shipped(name: str) -> str:
    return (SHIPPED / name).read_text(encoding="utf-8").replace("id.example.vn", "localhost")


def _with_nodes(text: str, one: str, nodes: Sequence[str]) -> str:
    """A line for each node in the place of the one that is shipped."""
    line = next(line for line in text.splitlines() if line.strip().startswith(one))
    return text.replace(line, "\n".join(line.replace(one, node) for node in nodes))


def _is_open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
