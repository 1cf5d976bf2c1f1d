"""A certificate counts from a listed proxy alone, for the client that it names; what is bound needs it (RFC 8705)."""

import ipaddress
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from sqlalchemy import select
from werkzeug.test import TestResponse

from idp.store import tables as t
from keys.signing import unverified_parts
from tests.support import databases
from tests.support.app import ISSUER, SECRET, App, Visitor, running_app
from tests.support.client_certificates import BEHIND_PROXY, DN, HEADER, PROXY, VERIFY, Issuer, Shown, shown
from tests.support.dpop import BoundApp

MTLS = "https://mtls.id.example.test"
CA = Issuer()
BOUND: dict[str, Any] = {"tls_client_certificate_bound_access_tokens": True}
MACHINE: dict[str, Any] = {"grant_types": ["client_credentials"], "scope": "reports", "redirect_uris": []}
BY_CA = MACHINE | {"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": DN}
SELF_SIGNED = MACHINE | {"token_endpoint_auth_method": "self_signed_tls_client_auth"}


@pytest.fixture
def start(app_template: Path, tmp_path: Path) -> Iterator[Callable[..., App]]:
    """Starts the application behind a listed proxy that hands on certificates."""
    opened = []

    def started(**web: Any) -> App:
        shutil.copy(app_template / "master.key", tmp_path / "master.key")
        url = databases.sqlite_copy(app_template / "idp.db", tmp_path)
        opened.append(running_app(tmp_path, url, web=BEHIND_PROXY | web))
        return opened[-1].__enter__()

    yield started
    for each in opened:
        each.__exit__(None, None, None)


@pytest.fixture
def fronted(start: Callable[..., App]) -> App:
    return start()


def with_certificate(app: App, certificate: Shown, verify: str = "SUCCESS") -> Visitor:
    """Somebody behind the proxy, on a connection with this certificate."""
    visitor = app.visitor(PROXY)
    visitor.headers = certificate.headers(verify)
    return visitor


def machine(visitor: Visitor, client_id: str = "machine") -> TestResponse:
    return visitor.token(client_id, None, grant_type="client_credentials")


def said(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, (answer.json or {}).get("error", "")


def reasons(app: App) -> str:
    """Everything that operators are told of failures."""
    with app.base.database.autocommit.connect() as connection:
        return str(connection.execute(select(t.incident)).all())


SUBJECTS = {
    "tls_client_auth_subject_dn": (DN, ()),
    "tls_client_auth_san_dns": ("Machine.example.vn", [x509.DNSName("machine.EXAMPLE.vn")]),
    "tls_client_auth_san_uri": ("urn:bhxh:machine", [x509.UniformResourceIdentifier("urn:bhxh:machine")]),
    "tls_client_auth_san_ip": ("2001:db8:0::7", [x509.IPAddress(ipaddress.ip_address("2001:db8::7"))]),
    "tls_client_auth_san_email": ("a@example.vn", [x509.RFC822Name("a@example.vn")]),
}


@pytest.mark.parametrize("member", SUBJECTS)
def test_a_client_is_known_by_the_one_name_that_is_registered(fronted: App, member: str) -> None:
    """J-01, RFC 8705 2.1.2: in this place of the certificate and in no other."""
    value, names = SUBJECTS[member]
    fronted.client("machine", secret=None, **BY_CA | {"tls_client_auth_subject_dn": None, member: value})
    others = [each for name, (_, more) in SUBJECTS.items() if name != member for each in more]

    good = machine(with_certificate(fronted, shown(fronted.clock(), by=CA, names=[*names, *others])))
    other_dn = "CN=other,C=VN" if member == "tls_client_auth_subject_dn" else DN
    wrong = machine(with_certificate(fronted, shown(fronted.clock(), other_dn, by=CA, names=others)))

    assert (good.status_code, said(wrong)) == (200, (401, "invalid_client"))
    assert "it does not have the registered name" in reasons(fronted)


@pytest.mark.parametrize(
    "verify", ["FAILED:unable to verify the first certificate", "NONE", "", "SUCCESS,SUCCESS", "1"]
)
def test_the_right_name_of_another_ca_is_nobody(fronted: App, verify: str) -> None:
    """The proxy hands on what it could not verify, for clients that sign their own certificates."""
    fronted.client("machine", secret=None, **BY_CA)

    answer = machine(with_certificate(fronted, shown(fronted.clock(), by=Issuer()), verify))

    assert said(answer) == (401, "invalid_client")
    assert "does not say that it verified the chain" in reasons(fronted)


def test_nobody_is_known_by_a_ca_while_the_proxy_says_nothing_of_it(start: Callable[..., App]) -> None:
    app = start(client_certificate_verify_header="")
    app.client("machine", secret=None, **BY_CA)

    assert said(machine(with_certificate(app, shown(app.clock(), by=CA)))) == (401, "invalid_client")
    methods = app.visitor().get("/.well-known/openid-configuration").json["token_endpoint_auth_methods_supported"]
    assert "tls_client_auth" not in methods
    assert "self_signed_tls_client_auth" in methods


@pytest.mark.parametrize("days", [(-2, -1), (1, 2)])
@pytest.mark.parametrize("method", ["tls_client_auth", "self_signed_tls_client_auth"])
def test_a_certificate_that_is_not_valid_now_is_none(fronted: App, method: str, days: tuple[float, float]) -> None:
    certificate = shown(fronted.clock(), by=CA, days=days)
    own = BY_CA if method == "tls_client_auth" else SELF_SIGNED | {"jwks": {"keys": [certificate.jwk()]}}
    fronted.client("machine", secret=None, **own)

    assert said(machine(with_certificate(fronted, certificate))) == (401, "invalid_client")
    assert "expired, or is not valid yet" in reasons(fronted)


def test_a_header_of_an_unlisted_peer_is_no_certificate_and_an_alarm(fronted: App) -> None:
    """F-1, J-01: also with every word that the proxy would say."""
    certificate = shown(fronted.clock(), by=CA)
    fronted.client("machine", secret=None, **BY_CA)
    forger = fronted.visitor("203.0.113.7")
    forger.headers = {HEADER: certificate.escaped, VERIFY: "SUCCESS"}

    assert said(machine(forger)) == (401, "invalid_client")
    assert "no credentials" in reasons(fronted)
    assert "\nidp_forwarded_from_unlisted_total 1.0" in fronted.metrics_page()


def test_without_the_setting_no_header_is_a_certificate(start: Callable[..., App]) -> None:
    app = start(client_certificate_header="", client_certificate_verify_header="")
    app.client("machine", secret=None, **BY_CA)

    assert said(machine(with_certificate(app, shown(app.clock(), by=CA)))) == (401, "invalid_client")
    told = app.visitor().get("/.well-known/openid-configuration").json
    assert not [name for name in told if "tls" in name]


def bent(certificate: Shown) -> dict[str, str]:
    good, der = certificate.escaped, certificate.byte_sequence
    return {
        "two headers": f"{good},{good}",
        "two headers of bytes": f"{der}, {der}",
        "two certificates": good + good,
        "a chain with another text": good + "x",
        "no base64": ":!!:",
        "nothing of a certificate": ":AAAA:",
        "half of one": der[: len(der) // 2] + ":",
        "something behind it": f":{der[1:-1].rstrip('=')}AAAA:",
        "a line": "-----BEGIN CERTIFICATE-----",
        "too long": ":" + "A" * 8000 + ":",
        "beyond ASCII": "số".encode().decode("latin-1"),
        "escapes of nothing": "%zz%",
    }


@pytest.mark.parametrize("what", bent(shown(0)))
def test_what_is_no_certificate_is_told_and_not_guessed(fronted: App, what: str) -> None:
    """Whoever runs the proxy has to know; nothing of it is a failure of ours."""
    visitor = fronted.visitor(PROXY)
    visitor.headers = {HEADER: bent(shown(fronted.clock()))[what], "X-Forwarded-For": "203.0.113.7"}
    plain = visitor.app.visitor().tokens(scope="openid")["access_token"]

    asked = visitor.token(grant_type="client_credentials")
    for answer in (asked, visitor.userinfo(plain)):
        assert said(answer) == (400, "invalid_request")
    assert HEADER in asked.json["error_description"]


@pytest.mark.parametrize("flipped", [0x01, 0x15, 0x80])
def test_no_byte_of_a_certificate_can_be_changed_into_an_error_of_ours(fronted: App, flipped: int) -> None:
    certificate = shown(fronted.clock(), names=[x509.DNSName("a.example.vn")])
    fronted.client(
        "machine", secret=None, **BY_CA | {"tls_client_auth_subject_dn": None, "tls_client_auth_san_dns": "b"}
    )
    visitor = with_certificate(fronted, certificate)
    answers = set()
    for place in range(len(certificate.der)):
        spoilt = bytearray(certificate.der)
        spoilt[place] ^= flipped
        visitor.headers[HEADER] = Shown(_Der(bytes(spoilt)), certificate.key).byte_sequence  # type: ignore[arg-type]
        answers.add(machine(visitor).status_code)

    assert answers == {400, 401}


class _Der:
    def __init__(self, der: bytes) -> None:
        self._der = der

    def public_bytes(self, _: object) -> bytes:
        return self._der


@pytest.mark.parametrize("x5c", [True, False])
def test_a_certificate_that_signs_itself_is_the_registered_one(fronted: App, x5c: bool) -> None:
    """RFC 8705, 2.2: another one of the same name is nobody; with `x5c` another one of the same key neither."""
    certificate = shown(fronted.clock())
    renewed, other = shown(fronted.clock(), key=certificate.key), shown(fronted.clock())
    keys = {"keys": [shown(fronted.clock()).jwk(), certificate.jwk(x5c=x5c)]}
    fronted.client("machine", secret=None, **SELF_SIGNED | {"jwks": keys})

    def answered(each: Shown) -> int:
        return machine(with_certificate(fronted, each, "FAILED:self-signed certificate")).status_code

    assert [answered(each) for each in (certificate, renewed, other)] == [200, 401 if x5c else 200, 401]


def test_a_certificate_is_no_other_clients_and_replaces_no_secret(fronted: App) -> None:
    certificate = shown(fronted.clock(), by=CA)
    fronted.client("machine", secret=None, **BY_CA)
    fronted.client("other", secret=None, **BY_CA | {"tls_client_auth_subject_dn": "CN=other,C=VN"})
    fronted.client("off", secret=None, **BY_CA | {"disabled": True})
    visitor = with_certificate(fronted, certificate)

    for client_id in ("other", "off", "portal", "nobody"):
        assert said(machine(visitor, client_id)) == (401, "invalid_client")
    assert visitor.token("machine", "x", grant_type="client_credentials").status_code == 401


@pytest.mark.parametrize("form", ["escaped", "byte_sequence"])
def test_a_bound_token_names_its_certificate(fronted: App, form: str) -> None:
    """G-03, RFC 8705 3: in the token, at introspection, and for refreshed ones."""
    fronted.client("portal", **BOUND)
    certificate = shown(fronted.clock())
    visitor = with_certificate(fronted, certificate)
    visitor.headers[HEADER] = getattr(certificate, form)

    first = visitor.tokens()
    again = visitor.refresh(first["refresh_token"]).json

    for answer in (first, again):
        assert answer["token_type"] == "Bearer"
        assert unverified_parts(answer["access_token"])[1]["cnf"] == {"x5t#S256": certificate.x5t}
    assert visitor.introspect(first["access_token"])["cnf"] == {"x5t#S256": certificate.x5t}
    assert visitor.userinfo(first["access_token"]).status_code == 200


def test_a_stolen_bound_token_opens_nothing(fronted: App) -> None:
    """G-03: without a certificate, with another, or with the right one in a header of the thief's own."""
    fronted.client("portal", **BOUND)
    certificate = shown(fronted.clock())
    stolen = with_certificate(fronted, certificate).tokens()["access_token"]
    forger = fronted.visitor("203.0.113.7")
    forger.headers = {HEADER: certificate.escaped, VERIFY: "SUCCESS"}

    answers = [
        fronted.visitor().userinfo(stolen),
        with_certificate(fronted, shown(fronted.clock())).userinfo(stolen),
        forger.userinfo(stolen),
        fronted.visitor().post("/userinfo", {"access_token": stolen}),
        BoundApp(fronted.visitor()).userinfo(stolen),
        fronted.visitor().get("/testing/resource", headers={"Authorization": f"Bearer {stolen}"}),
    ]

    assert [said(answer) for answer in answers] == [(401, "invalid_token")] * len(answers)


def test_a_token_that_is_not_bound_may_come_over_any_connection(fronted: App) -> None:
    visitor = fronted.visitor()
    plain = visitor.tokens()["access_token"]

    assert with_certificate(fronted, shown(fronted.clock())).userinfo(plain).status_code == 200


def test_without_a_certificate_nothing_is_issued_and_the_code_is_not_spent(fronted: App) -> None:
    fronted.client("portal", **BOUND)
    visitor = with_certificate(fronted, shown(fronted.clock()))
    code = visitor.code()

    assert said(fronted.visitor().redeem(code)) == (400, "invalid_request")
    assert visitor.redeem(code).status_code == 200


@pytest.mark.parametrize("public", [True, False])
def test_a_refresh_token_of_a_public_client_stays_with_its_certificate(fronted: App, public: bool) -> None:
    """RFC 8705, 4 and 7.1: one that authenticates may renew its certificate, but not leave it out."""
    kind = {"token_endpoint_auth_method": "none", "application_type": "native"} if public else {}
    secret = None if public else SECRET
    fronted.client("app", secret=secret, **BOUND | kind)
    visitor = with_certificate(fronted, shown(fronted.clock()))
    redeemed = visitor.redeem(visitor.code(client_id="app", scope="openid offline_access"), "app", secret)
    token = redeemed.json["refresh_token"]
    other = with_certificate(fronted, shown(fronted.clock()))

    assert said(fronted.visitor().refresh(token, "app", secret)) == (400, "invalid_request")
    if public:
        assert said(other.refresh(token, "app", None)) == (400, "invalid_grant")
        assert visitor.refresh(token, "app", None).status_code == 200
    else:
        assert other.refresh(token, "app", secret).status_code == 200
    fronted.client("app", secret=secret, **kind)
    assert said(fronted.visitor().refresh(token, "app", secret)) == (400, "invalid_grant")


def test_with_a_proof_and_a_certificate_both_are_needed(fronted: App) -> None:
    """G-03: a token has one `cnf`, and whoever uses it shows everything that is in it."""
    fronted.client("portal", **BOUND | {"dpop_bound_access_tokens": True})
    certificate = shown(fronted.clock())
    portal = BoundApp(with_certificate(fronted, certificate), "portal", SECRET)

    answer = portal.redeem(portal.code()).json
    token = answer["access_token"]

    assert answer["token_type"] == "DPoP"
    bound = {"jkt": portal.key.jkt, "x5t#S256": certificate.x5t}
    assert unverified_parts(token)[1]["cnf"] == bound
    assert portal.userinfo(token).status_code == 200
    assert said(portal.visitor.userinfo(token)) == (401, "invalid_token")
    portal.visitor = fronted.visitor()
    assert said(portal.userinfo(token)) == (401, "invalid_token")


def test_where_there_is_a_host_of_its_own_certificates_count_there_alone(start: Callable[..., App]) -> None:
    """A proxy may forget to clear the header at the other host."""
    app = start(mtls_url=MTLS)
    app.client("machine", secret=None, **BY_CA | BOUND)
    visitor = with_certificate(app, shown(app.clock(), by=CA))

    at_issuer = machine(visitor)
    visitor.headers["Host"] = "mtls.id.example.test"
    at_its_own = machine(visitor)

    assert (said(at_issuer), at_its_own.status_code) == ((401, "invalid_client"), 200)


def test_the_metadata_name_the_aliases_and_proofs_are_for_the_url_that_was_called(start: Callable[..., App]) -> None:
    """RFC 8705, 5; RFC 9449, 4.3"""
    app = start(mtls_url=MTLS)
    told = app.visitor().get("/.well-known/openid-configuration").json
    aliases = told["mtls_endpoint_aliases"]
    app.client("portal", dpop_bound_access_tokens=True)
    visitor = app.visitor()
    portal = BoundApp(visitor, "portal", SECRET)
    code = portal.code()
    visitor.headers["Host"] = "mtls.id.example.test"

    assert told["tls_client_certificate_bound_access_tokens"] is True
    assert aliases["token_endpoint"] == f"{MTLS}/token"
    assert {url.removeprefix(MTLS) for url in aliases.values()} >= {"/userinfo", "/introspect", "/revoke"}
    fields = {"grant_type": "refresh_token", "refresh_token": "x"}
    answers = []
    for url in (ISSUER, MTLS):
        proof = portal.key.proof("POST", url + "/token", now=app.clock(), nonce=portal.proof and None)
        first = portal.send("POST", "/token", proof, fields)
        again = portal.key.proof("POST", url + "/token", now=app.clock(), nonce=portal.nonce)
        answers.append((said(first)[1], said(portal.send("POST", "/token", again, fields))[1]))
    assert code
    assert answers == [("invalid_dpop_proof", "invalid_dpop_proof"), ("use_dpop_nonce", "invalid_grant")]
