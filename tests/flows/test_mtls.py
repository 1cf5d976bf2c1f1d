"""Clients with certificates at a real nginx and a real HAProxy, as docs/portals/mtls.md sets them up (RFC 8705)."""

import contextlib
import json
import re
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3
from cryptography.hazmat.primitives import serialization

from keys.signing import unverified_parts
from tests.support.client_certificates import DN, HEADER, VERIFY, Issuer, Shown, shown
from tests.support.installation import installed
from tests.support.live import CHEAP_HASH, FORM
from tests.support.ports import free_port
from tests.support.processes import running
from tests.support.provider import Provider
from tests.support.proxies import MAIN
from tests.support.servers import program
from tests.support.tls import Authority, authority
from tests.support.wire import Wire

PAGE = (Path(__file__).parents[2] / "docs" / "portals" / "mtls.md").read_text(encoding="utf-8")
CA, NOW = Issuer(), time.time()
OWN = shown(NOW, "CN=own")
MACHINE: dict[str, Any] = {"grant_types": ["client_credentials"], "scope": "reports", "first_party": True}
CLIENTS = [
    MACHINE | {"client_id": "machine", "token_endpoint_auth_method": "tls_client_auth"}
    | {"tls_client_auth_subject_dn": DN, "tls_client_certificate_bound_access_tokens": True},
    MACHINE | {"client_id": "own", "token_endpoint_auth_method": "self_signed_tls_client_auth"}
    | {"jwks": {"keys": [OWN.jwk()]}},
]  # fmt: skip
ASK = "grant_type=client_credentials&client_id="


@dataclass
class Front:
    """The proxy, by its ports for the issuer and for mutual TLS, and the provider behind it."""

    port: int
    mtls: int
    authority: Authority
    provider: Provider
    home: Path

    def post(
        self, path: str, body: str, certificate: Shown | None = None, *, at_issuer: bool = False, **headers: str
    ) -> tuple[int, dict[str, Any]]:
        """One request over TLS, on a connection of its own."""
        name, port = ("localhost", self.port) if at_issuer else ("mtls.localhost", self.mtls)
        context = ssl.create_default_context(cafile=str(self.authority.certificate))
        if certificate:
            context.load_cert_chain(*certificate.files(self.home, "client"))
        sent = {"Host": f"{name}:{port}", "Content-Type": FORM} | headers
        with urllib3.HTTPSConnectionPool(
            "127.0.0.1", port, ssl_context=context, server_hostname=name, assert_hostname=name, retries=False
        ) as pool:
            answer = pool.request("POST", path, body=body, headers=sent)
        is_json = answer.headers.get("Content-Type", "") == "application/json"
        return answer.status, dict(answer.json()) if is_json else {}

    def token(self, client_id: str, certificate: Shown | None = None, **more: Any) -> int:
        return self.post("/token", ASK + client_id, certificate, **more)[0]


def snippets(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


@contextlib.contextmanager
def nginx(home: Path, ports: tuple[int, int], node: int, chain: Path, ca: Path) -> Iterator[None]:
    """One port, and two hosts that are told apart by name."""
    with_certificates, without = snippets("nginx")
    lines = with_certificates.replace("mtls.id.example.vn", "mtls.localhost").replace(
        "/etc/ssl/clients-ca.pem", str(ca)
    )
    common = f"""ssl_certificate {chain}; ssl_certificate_key {chain}; listen 127.0.0.1:{ports[0]} ssl;
        proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr;
        location / {{ proxy_pass http://127.0.0.1:{node}; }}"""
    servers = f"server {{ server_name localhost; {without} {common} }}\nserver {{ {lines} {common} }}"
    (home / "idp.conf").write_text(servers, encoding="utf-8")
    (home / "nginx.conf").write_text(MAIN.format(home=home, user="user root;\n"), encoding="utf-8")
    command = [program("nginx"), "-p", str(home), "-c", str(home / "nginx.conf")]
    with running(command, log=home / "nginx.log", answers=lambda: is_open(ports[0])):
        yield


@contextlib.contextmanager
def haproxy(home: Path, ports: tuple[int, int], node: int, chain: Path, ca: Path) -> Iterator[None]:
    """Two ports."""
    lines = snippets("haproxy")[0].replace("bind :8443", f"bind 127.0.0.1:{ports[1]}")
    lines = lines.replace("/etc/haproxy/id.example.vn.pem", str(chain)).replace("/etc/haproxy/clients-ca.pem", str(ca))
    plain = f"    bind 127.0.0.1:{ports[0]} ssl crt {chain}\n"
    cleared = "".join(f"    http-request del-header {name}\n" for name in (HEADER, VERIFY))
    common = "    http-request set-header X-Forwarded-For %[src]\n    default_backend nodes\n"
    (home / "haproxy.cfg").write_text(
        "defaults\n    mode http\n    timeout client 15s\n    timeout connect 2s\n    timeout server 30s\n"
        f"frontend issuer\n{plain}{cleared}{common}frontend mtls\n{lines}{common}"
        f"backend nodes\n    server one 127.0.0.1:{node}\n",
        encoding="utf-8",
    )
    command = [program("haproxy"), "-db", "-f", str(home / "haproxy.cfg")]
    with running(command, log=home / "haproxy.log", answers=lambda: is_open(ports[0])):
        yield


def is_open(port: int) -> bool:
    try:
        Wire(port, 1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module", params=["nginx", "haproxy"])
def front(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    home = tmp_path_factory.mktemp("mtls")
    trusted, port = authority(home, "localhost", "mtls.localhost"), free_port()
    mtls = port if request.param == "nginx" else free_port()
    ca = home / "clients-ca.pem"
    ca.write_bytes(CA.certificate(NOW).public_bytes(serialization.Encoding.PEM))
    settings = CHEAP_HASH | {
        "IDP_ISSUER": f"https://localhost:{port}",
        "IDP_WEB__TRUSTED_PROXIES": '["127.0.0.1/32"]',
        "IDP_WEB__CLIENT_CERTIFICATE_HEADER": HEADER,
        "IDP_WEB__CLIENT_CERTIFICATE_VERIFY_HEADER": VERIFY,
        "IDP_WEB__MTLS_URL": f"https://mtls.localhost:{mtls}",
    }
    start = nginx if request.param == "nginx" else haproxy
    with (
        installed(home, request, settings=settings, clients=CLIENTS) as ready,
        ready.serving(),
        start(home, (port, mtls), ready.port, trusted.chain, ca),
    ):
        yield Front(port, mtls, trusted, ready, home)


def test_a_client_with_a_certificate_of_the_ca_gets_a_token_that_is_bound_to_it(front: Front) -> None:
    """J-01, G-03"""
    mine = shown(NOW, by=CA)

    status, answer = front.post("/token", ASK + "machine", mine)
    told = front.post("/introspect", f"client_id=machine&token={answer['access_token']}", mine)[1]

    assert (status, unverified_parts(answer["access_token"])[1]["cnf"]) == (200, {"x5t#S256": mine.x5t})
    assert (told["active"], told["cnf"]) == (True, {"x5t#S256": mine.x5t})


def test_whoever_signed_it_a_registered_certificate_is_good_and_no_other(front: Front) -> None:
    """J-01: the right name by another CA, by itself, or by the CA but in the past."""
    assert front.token("own", OWN) == 200
    assert front.token("own", shown(NOW, "CN=own")) == 401
    assert [front.token("machine", shown(NOW, by=by)) for by in (Issuer("CN=Other"), None)] == [401] * 2
    # nginx does not even pass on a false signature or an old certificate.
    assert front.token("machine", shown(NOW, by=Issuer())) in (400, 401)
    assert front.token("machine", shown(NOW, by=CA, days=(-2, -1))) in (400, 401)
    assert front.token("machine") == 401


@pytest.mark.parametrize("at_issuer", [True, False])
@pytest.mark.parametrize("spelt", [str, str.lower, str.upper, lambda name: name.replace("-", "_")])
def test_no_header_of_a_client_comes_through(front: Front, spelt: Any, at_issuer: bool) -> None:
    """J-01: without a certificate, and beside one of another name."""
    forged = {spelt(HEADER): shown(NOW, by=CA).escaped, spelt(VERIFY): "SUCCESS"}

    assert front.token("machine", at_issuer=at_issuer, **forged) == 401
    if not at_issuer:
        assert front.token("machine", shown(NOW, "CN=other", by=CA), **forged) == 401


@pytest.mark.parametrize("path", ["/token", "/introspect"])
def test_the_loop_and_the_threads_of_a_worker_believe_the_same(front: Front, path: str) -> None:
    """The proxy's own address is listed; a request that gunicorn reads has a tab, a header twice, or an underscore."""
    mine = shown(NOW, by=CA)
    body = {"/token": ASK + "machine", "/introspect": "token=x&client_id=machine"}[path].encode()
    good, verified = f"{HEADER}: {mine.escaped}", f"{VERIFY}: SUCCESS"
    under = [line.replace("Client-", "Client_") for line in (good, verified)]
    cases = {
        (good, verified): 200,
        (good.upper()[:13] + good[13:], verified): 200,
        (good.replace(": ", ":\t"), verified): 200,
        (good, good, verified): 400,
        (good, verified, verified): 401,
        tuple(under): 401,
        (good, verified, *under): 200,
        (good,): 401,
        (): 401,
    }
    statuses = {}
    for lines in cases:
        with Wire(front.provider.port) as wire:
            head = [f"POST {path} HTTP/1.1", f"Host: mtls.localhost:{front.mtls}", f"Content-Type: {FORM}", *lines]
            head += [f"Content-Length: {len(body)}", "X-Forwarded-For: 192.0.2.7", "", ""]
            wire.send("\r\n".join(head).encode() + body)
            statuses[lines] = wire.read().status

    assert statuses == cases


def test_the_metadata_send_clients_there(front: Front) -> None:
    with urllib3.PoolManager() as pool:
        url = f"http://127.0.0.1:{front.provider.port}/.well-known/openid-configuration"
        told = json.loads(pool.request("GET", url, headers={"Host": f"localhost:{front.port}"}).data)

    assert told["mtls_endpoint_aliases"]["token_endpoint"] == f"https://mtls.localhost:{front.mtls}/token"
    assert set(told["token_endpoint_auth_methods_supported"]) > {"tls_client_auth", "self_signed_tls_client_auth"}
