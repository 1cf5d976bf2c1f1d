"""What the three connectors keep of `Connector`: what they ask an upstream, and which facts they take from it."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jws
from joserfc.jwk import RSAKey

from federation.connector import Arrival, Callback, Connector, Departure, Leaving, UpstreamFailed
from federation.connectors.dvcqg import DvcqgConnector, DvcqgUpstream
from federation.connectors.oidc import OidcConnector, OidcUpstream
from federation.connectors.vneid import VneidConnector, VneidUpstream
from federation.envelope import Envelopes
from federation.id_tokens import LOGOUT_EVENT
from idp.outbound import Outbound
from tests.support import liar as lies
from tests.support.clock import FrozenClock
from tests.support.liar import CLIENT_ID, CLIENT_SECRET, KEY, NUMBER, OURS, PERSON, RETURN_TO, Liar, Lie

ENVELOPES = Envelopes(lies.pem(OURS))
KINDS = ("oidc", "vneid", "dvcqg")


@pytest.fixture(scope="module")
def listening() -> Iterator[Liar]:
    with Liar(FrozenClock()).listening() as liar:
        yield liar


@pytest.fixture
def upstream(listening: Liar) -> Liar:
    listening.lie = Lie()
    listening.asked.clear()
    listening.heard.clear()
    return listening


def connector_to(upstream: Liar, kind: str, **more: Any) -> Connector:
    base = f"{upstream.url}/{kind}"
    outbound = Outbound(plain_http=True, hosts={urlsplit(base).netloc})
    settings: dict[str, Any] = {"id": kind, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    if kind == "oidc":
        settings |= {"issuer": base, "phone_verified": "claim"}
        return OidcConnector(OidcUpstream(**(settings | more)), outbound, upstream.clock)
    settings |= {
        "authorization_endpoint": f"{base}/authorize",
        "token_endpoint": f"{base}/token",
        "userinfo_endpoint": f"{base}/userinfo",
        "end_session_endpoint": f"{base}/logout",
        "ial": {"1": 1, "2": 2},
    }
    if kind == "vneid":
        return VneidConnector(VneidUpstream(**(settings | more)), ENVELOPES, outbound, upstream.clock)
    settings |= {"issuer": base, "jwks_uri": f"{base}/jwks", "phone_verified": "by_agreement"}
    return DvcqgConnector(DvcqgUpstream(**(settings | more)), outbound, upstream.clock)


def leave(connector: Connector, **more: Any) -> tuple[Departure, dict[str, str]]:
    """Where the browser goes, and what it is asked to say there."""
    departure = connector.start(Leaving(**({"state": "state-of-ours", "redirect_uri": RETURN_TO} | more)))
    return departure, {name: values[0] for name, values in parse_qs(urlsplit(departure.url).query).items()}


def visit(upstream: Liar, connector: Connector, **changes: lies.Change) -> Arrival:
    upstream.lie = Lie(changes)
    return connector.finish(upstream.came_back(leave(connector)[0]))


def told(**more: Any) -> lies.Change:
    return lambda document: {**document, **more}


def form(upstream: Liar) -> dict[str, str]:
    """The body of the last token request."""
    headers, body = upstream.heard["token"]
    assert headers["content-type"] == "application/x-www-form-urlencoded"
    return {name: values[0] for name, values in parse_qs(body, strict_parsing=True).items()}


# What is asked.


@pytest.mark.parametrize("kind", KINDS)
def test_the_browser_is_sent_with_our_state_and_our_address(upstream: Liar, kind: str) -> None:
    departure, asked = leave(connector_to(upstream, kind))

    assert departure.url.startswith(f"{upstream.url}/{kind}/authorize?")
    assert asked["state"] == "state-of-ours"
    assert asked["redirect_uri"] == RETURN_TO
    assert (asked["response_type"], asked["client_id"], asked["scope"]) == ("code", CLIENT_ID, "openid")
    assert "prompt" not in asked


@pytest.mark.parametrize("kind", ["oidc", "dvcqg"])
def test_nonce_and_verifier_are_new_each_time_and_stay_here(upstream: Liar, kind: str) -> None:
    """PKCE with S256 and a nonce for each departure; the verifier is told to nobody but the token endpoint."""
    connector = connector_to(upstream, kind)
    departures = [leave(connector) for _ in range(3)]

    for departure, asked in departures:
        assert asked["nonce"] == departure.kept["nonce"]
        assert asked["code_challenge_method"] == "S256"
        assert departure.kept["verifier"] not in departure.url
    assert len({departure.kept["nonce"] for departure, _ in departures}) == 3
    assert len({departure.kept["verifier"] for departure, _ in departures}) == 3

    connector.finish(upstream.came_back(departures[-1][0]))
    assert form(upstream)["code_verifier"] == departures[-1][0].kept["verifier"]


def test_vneid_gets_neither_nonce_nor_challenge(upstream: Liar) -> None:
    departure, asked = leave(connector_to(upstream, "vneid"))

    assert set(asked) == {"response_type", "client_id", "redirect_uri", "scope", "state"}
    assert departure.kept == {}


@pytest.mark.parametrize("kind", KINDS)
def test_a_fresh_login_is_asked_for_when_it_is_needed(upstream: Liar, kind: str) -> None:
    """D-04: the next person at a shared computer is not the one before."""
    assert leave(connector_to(upstream, kind), fresh=True)[1]["prompt"] == "login"


def test_an_openid_provider_must_say_that_the_login_was_fresh(upstream: Liar) -> None:
    """D-01, D-05"""
    connector = connector_to(upstream, "oidc")
    departure, asked = leave(connector, fresh=True)
    assert asked["max_age"] == "0"
    assert connector.finish(upstream.came_back(departure)).identity.subject == PERSON
    for old in (told(auth_time=int(upstream.clock()) - 60), lambda claims: claims | {"auth_time": None}):
        upstream.lie = Lie({"claims": old})
        with pytest.raises(UpstreamFailed, match="auth_time"):
            connector.finish(upstream.came_back(leave(connector, fresh=True)[0]))


def test_the_national_portal_may_say_that_the_login_was_not_fresh(upstream: Liar) -> None:
    """D-05: it need not say when; what it says counts."""
    connector = connector_to(upstream, "dvcqg")
    upstream.lie = Lie({"claims": lambda claims: {n: v for n, v in claims.items() if n != "auth_time"}})
    assert connector.finish(upstream.came_back(leave(connector, fresh=True)[0])).identity.subject
    upstream.lie = Lie({"claims": told(auth_time=int(upstream.clock()) - 60)})
    with pytest.raises(UpstreamFailed, match="auth_time"):
        connector.finish(upstream.came_back(leave(connector, fresh=True)[0]))
    assert connector.finish(upstream.came_back(leave(connector)[0])).identity.subject


@pytest.mark.parametrize(
    ("level", "wished"), [(1, None), (2, "LoA2 LoA3"), (3, "LoA3"), (4, None)], ids=["1", "2", "3", "4"]
)
def test_a_level_is_wished_by_their_names_for_it(upstream: Liar, level: int, wished: str | None) -> None:
    table = {"LoA3": 3, "LoA1": 1, "LoA2": 2}

    assert leave(connector_to(upstream, "oidc", acr=table), acr=level)[1].get("acr_values") == wished
    assert leave(connector_to(upstream, "dvcqg", acr=table), acr=level)[1]["acr_values"] == (wished or "LoA1")


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_an_openid_provider_is_told_our_secret_in_the_agreed_way(upstream: Liar, method: str) -> None:
    secret = "a:secret/with +everything%é"
    connector = connector_to(upstream, "oidc", token_auth=method, client_secret=secret)
    visit(upstream, connector)
    headers, sent = upstream.heard["token"][0], form(upstream)

    if method == "client_secret_post":
        assert (sent["client_id"], sent["client_secret"]) == (CLIENT_ID, secret)
        assert "authorization" not in headers
    else:
        name, _, value = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode().partition(":")
        assert parse_qs(f"n={name}&v={value}") == {"n": [CLIENT_ID], "v": [secret]}
        assert "client_secret" not in sent


@pytest.mark.parametrize("kind", ["vneid", "dvcqg"])
def test_the_state_systems_are_told_our_secret_in_the_form(upstream: Liar, kind: str) -> None:
    visit(upstream, connector_to(upstream, kind))

    assert form(upstream)["client_secret"] == CLIENT_SECRET
    assert "authorization" not in upstream.heard["token"][0]
    assert upstream.heard["userinfo"][0]["authorization"] == f"Bearer {lies.ACCESS_TOKEN}"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_asked_holds_no_token_in_an_address(upstream: Liar, kind: str) -> None:
    visit(upstream, connector_to(upstream, kind))

    assert not any("?" in path for path in upstream.asked)


def test_a_plus_in_vneids_code_stays_a_plus(upstream: Liar) -> None:
    """The code is plain base64 in an address, which frameworks turn into spaces."""
    connector = connector_to(upstream, "vneid")
    for _ in range(20):
        callback = upstream.came_back(leave(connector)[0])
        connector.finish(callback)
        sent = form(upstream)
        assert sent["code"] == "code-of-the-liar"
        assert sent["encrypt_key"] in callback.query.replace("%3D", "=").replace("%2F", "/")
        if "+" in sent["encrypt_key"]:
            return
    pytest.fail("no + in twenty keys")


@pytest.mark.parametrize("code", ["plain-code", "a+b/c=="])
def test_a_code_without_a_key_is_taken_as_it_is_by_agreement(upstream: Liar, code: str) -> None:
    connector = connector_to(upstream, "vneid", plain_codes=True)
    visit(upstream, connector, callback=lambda query: f"code={code}&state=s")

    assert form(upstream)["code"] == code
    assert "encrypt_key" not in form(upstream)


def test_l13_a_code_without_a_key_is_refused_before_any_request(upstream: Liar) -> None:
    """Nothing is ever taken undecrypted, unless the agreement says so."""
    with pytest.raises(UpstreamFailed, match="does not open"):
        visit(upstream, connector_to(upstream, "vneid"), callback=lambda query: "code=plain-code&state=s")

    assert upstream.asked == []


def test_who_answers_for_another_upstream_is_stopped_before_any_request(upstream: Liar) -> None:
    """B-13: also when metadata only promise `iss` and the callback has none."""
    connector = connector_to(upstream, "oidc")
    promise = told(authorization_response_iss_parameter_supported=True)
    with pytest.raises(UpstreamFailed, match="iss"):
        visit(upstream, connector, callback=lambda query: query + "&iss=https://other.example")
    with pytest.raises(UpstreamFailed, match="iss"):
        visit(upstream, connector_to(upstream, "oidc"), metadata=promise)
    assert "token" not in upstream.heard

    own = visit(upstream, connector, callback=lambda query: f"{query}&iss={upstream.url}/oidc")
    assert own.identity.subject == PERSON


# What is taken.


def test_an_openid_provider_names_a_person(upstream: Liar) -> None:
    arrival = visit(upstream, connector_to(upstream, "oidc"))

    identity = arrival.identity
    assert (identity.upstream, identity.subject, identity.kind) == ("oidc", PERSON, "individual")
    assert (identity.name, str(identity.birth_date)) == ("Nguyễn Văn Thử", "1990-05-17")
    assert (identity.citizen_number, identity.phone, identity.acr, identity.ial) == (None, None, 1, 0)
    assert arrival.sid == "session-of-the-liar"
    assert arrival.logout_hint.count(".") == 2


def test_an_openid_provider_is_not_asked_twice_for_what_its_token_tells(upstream: Liar) -> None:
    everything = told(name="A", birthdate="1990", phone_number="+84912000067", phone_number_verified=True)

    identity = visit(upstream, connector_to(upstream, "oidc"), claims=everything).identity

    assert (identity.name, str(identity.birth_date), str(identity.phone and identity.phone.e164)) == (
        "A",
        "1990",
        "+84912000067",
    )
    assert "userinfo" not in upstream.heard


@pytest.mark.parametrize("value", ["true", "True", 1, "1", None, False, "missing", [True], {"value": True}])
def test_a_number_that_is_not_said_to_be_verified_is_no_number(upstream: Liar, value: Any) -> None:
    """T-05"""
    verified = {} if value == "missing" else {"phone_number_verified": value}

    assert visit(upstream, connector_to(upstream, "oidc"), userinfo=told(**verified)).identity.phone is None


def test_a_number_is_verified_by_the_document_that_tells_it(upstream: Liar) -> None:
    """T-05: `true` beside another number says nothing of this one."""
    connector = connector_to(upstream, "oidc")
    both = {"claims": told(phone_number="+84912000068"), "userinfo": told(phone_number_verified=True)}
    assert visit(upstream, connector, **both).identity.phone is None

    phone = visit(upstream, connector, userinfo=told(phone_number_verified=True)).identity.phone
    assert phone is not None
    assert phone.e164 == "+84912000067"
    never = connector_to(upstream, "oidc", phone_verified="never")
    assert visit(upstream, never, userinfo=told(phone_number_verified=True)).identity.phone is None


def test_claims_of_other_names_are_taken_where_they_are_configured(upstream: Liar) -> None:
    names = {"citizen_number": "pid", "bhxh_code": "si", "tax_code": "tin", "name": "ho_ten", "birth_date": "ngay_sinh"}
    profile = told(pid=NUMBER, si="0099000001", tin="0100109106-001", ho_ten="Trần  Thị Thử", ngay_sinh="01/02/1988")
    table = {"acr": {"LoA2": 2}, "ial": {"full": 2}}

    connector = connector_to(upstream, "oidc", claims=names | {"ial": "proof"}, **table)
    identity = visit(
        upstream, connector, userinfo=lambda p: profile(p) | {"proof": "full"}, claims=told(acr="LoA2")
    ).identity

    assert (identity.citizen_number, identity.bhxh_code, identity.tax_code) == (NUMBER, "0099000001", "0100109106001")
    assert (identity.name, str(identity.birth_date)) == ("Trần Thị Thử", "1988-02-01")
    assert (identity.acr, identity.ial) == (2, 2)


def test_what_nobody_configured_is_not_taken(upstream: Liar) -> None:
    """An upstream cannot name a citizen by itself, nor raise its own level; only the signed token tells a level."""
    connector = connector_to(upstream, "oidc", acr={"LoA4": 4})
    profile = told(**{"": NUMBER, "citizen_number": NUMBER, "citizenPid": NUMBER, "acr": "LoA4", "ial": "2"})

    identity = visit(upstream, connector, userinfo=profile, claims=told(acr="urn:unknown")).identity

    assert (identity.citizen_number, identity.acr, identity.ial) == (None, 1, 0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["", "   ", 7, None, ["A"], "A" * 201, "A\u202eB", "A\u200bB", "A\x00B", "A\x1b[31m"])
def test_a_name_that_is_none_is_not_there(upstream: Liar, kind: str, name: Any) -> None:
    claim = {"oidc": "name", "vneid": "fullName", "dvcqg": "HoVaTen"}[kind]

    assert visit(upstream, connector_to(upstream, kind), userinfo=told(**{claim: name})).identity.name is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("born", ["", 7, None, True, "31/02/1990", "1990-13-01", "2999-01-01", "1700", "x" * 2000, []])
def test_a_date_that_is_none_is_not_there(upstream: Liar, kind: str, born: Any) -> None:
    claim = {"oidc": "birthdate", "vneid": "birthDate", "dvcqg": "NgayThangNamSinh"}[kind]

    assert visit(upstream, connector_to(upstream, kind), userinfo=told(**{claim: born})).identity.birth_date is None


@pytest.mark.parametrize(
    ("told_level", "ial"), [("1", 1), ("2", 2), (2, 2), ("3", 0), ("", 0), (None, 0), (True, 0), ("02", 0), ([2], 0)]
)
def test_a_level_that_nobody_mapped_is_no_elevation(upstream: Liar, told_level: Any, ial: int) -> None:
    vneid = visit(upstream, connector_to(upstream, "vneid"), userinfo=told(accountLevel=told_level)).identity
    dvcqg = visit(upstream, connector_to(upstream, "dvcqg"), userinfo=told(IAL=told_level)).identity

    assert (vneid.ial, vneid.acr, dvcqg.ial, dvcqg.acr) == (ial, 1, ial, 1)


def test_vneid_names_a_person_by_the_citizen_number(upstream: Liar) -> None:
    arrival = visit(
        upstream, connector_to(upstream, "vneid"), userinfo=told(accountType="anything", phone="0912000067")
    )

    identity = arrival.identity
    assert identity.subject == identity.citizen_number == NUMBER
    assert (identity.kind, identity.phone, identity.bhxh_code, arrival.sid, arrival.logout_hint) == (
        "individual",
        None,
        None,
        "",
        "",
    )


DRIFT: Mapping[str, Mapping[str, Any]] = {
    "as text": {},
    "as numbers": {
        "LoaiTaiKhoan": 1,
        "NgayThangNamSinh": 19900517,
        "SoDienThoai": 912000067,
    },
    "with spaces": {"LoaiTaiKhoan": " 1", "SoDinhDanh": f" {NUMBER} "},
    "in the older field": {"SoDinhDanh": "", "SoCMND": NUMBER},
    "in both fields": {"SoCMND": NUMBER},
    "beside an old number": {"SoCMND": "012345678"},
    "in the day-first form": {"NgayThangNamSinh": "17/05/1990"},
    "by VNeID, without a phone": {"SoDienThoai": None, "IAL": 2, "loginIdp": "BCA"},
}


@pytest.mark.parametrize("drift", DRIFT)
def test_the_portals_types_may_drift(upstream: Liar, drift: str) -> None:
    identity = visit(upstream, connector_to(upstream, "dvcqg"), userinfo=told(**DRIFT[drift])).identity

    assert (identity.subject, identity.kind, identity.citizen_number) == ("tech-1", "individual", NUMBER)
    assert str(identity.birth_date) == "1990-05-17"
    assert (identity.phone is None) == ("phone" in drift)


@pytest.mark.parametrize(
    ("number", "read"),
    [(99890990001, "099890990001"), (8990990001, "008990990001"), (890990001, None), (-1, None), (10**12, None)],
)
def test_a_citizen_number_without_its_zeros_gets_them_back(upstream: Liar, number: int, read: str | None) -> None:
    """Nine digits could be an old number, and are nobody's."""
    connector = connector_to(upstream, "dvcqg")

    assert visit(upstream, connector, userinfo=told(SoDinhDanh=number)).identity.citizen_number == read


def test_the_portals_claims_may_come_in_any_case(upstream: Liar) -> None:
    for change in (str.lower, str.upper):
        identity = visit(
            upstream, connector_to(upstream, "dvcqg"), userinfo=lambda p, c=change: {c(k): v for k, v in p.items()}
        ).identity
        assert (identity.subject, identity.citizen_number) == ("tech-1", NUMBER)


def test_the_portals_person_is_the_tech_id_and_not_the_user_name(upstream: Liar) -> None:
    """D-03: a user name changes, and may be given to somebody else."""
    renamed = {"claims": told(sub="new-name"), "userinfo": told(sub="new-name", ThuDienTu="a@example.com")}

    assert visit(upstream, connector_to(upstream, "dvcqg"), **renamed).identity.subject == "tech-1"


def test_civil_data_are_dropped_at_the_door(upstream: Liar) -> None:
    names = ("TonGiao", "DanToc", "NhomMau", "TinhTrangHonNhan", "Cha", "Me", "VoChong", "ThuongTru", "ThuDienTu")
    civil = dict.fromkeys(names, "bí mật riêng")
    for kind in KINDS:
        assert "bí mật" not in repr(visit(upstream, connector_to(upstream, kind), userinfo=told(**civil)))


def test_an_enterprise_is_one(upstream: Liar) -> None:
    told_of = told(LoaiTaiKhoan=2, TenDoanhNghiep="Công ty Thử", MaSoThue="", MaSoDoanhNghiep="0100109106")

    identity = visit(upstream, connector_to(upstream, "dvcqg"), userinfo=told_of).identity

    assert (identity.kind, identity.name, identity.tax_code) == ("organisation", "Công ty Thử", "0100109106")
    assert (identity.citizen_number, identity.birth_date) == (None, None)


@pytest.mark.parametrize("policy", ["never", "claim"])
def test_the_portals_phone_counts_only_by_agreement(upstream: Liar, policy: str) -> None:
    """T-05"""
    connector = connector_to(upstream, "dvcqg", phone_verified=policy)

    assert visit(upstream, connector, userinfo=told(phone_number_verified=True)).identity.phone is None


@pytest.mark.parametrize("missing", [None, "", "absent"])
def test_the_portal_need_not_send_an_id_token(upstream: Liar, missing: str | None) -> None:
    def change(answer: dict[str, Any]) -> dict[str, Any]:
        rest = {name: value for name, value in answer.items() if name != "id_token"}
        return rest if missing == "absent" else rest | {"id_token": missing}

    arrival = visit(upstream, connector_to(upstream, "dvcqg", issuer="", jwks_uri=""), token=change)

    assert (arrival.identity.subject, arrival.sid, arrival.logout_hint) == ("tech-1", "", "")


def test_an_id_token_that_cannot_be_checked_is_an_alarm(upstream: Liar) -> None:
    with pytest.raises(UpstreamFailed) as failure:
        visit(upstream, connector_to(upstream, "dvcqg", jwks_uri=""))
    assert failure.value.kind == "misconfigured"


# How it fails.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("access_denied", "cancelled"),
        ("temporarily_unavailable", "unavailable"),
        ("server_error", "unavailable"),
        ("invalid_scope", "misconfigured"),
        ("unauthorized_client", "misconfigured"),
        ("login_required", "refused"),
        ("<script>", "refused"),
    ],
)
def test_an_error_in_the_address_is_of_a_kind(upstream: Liar, kind: str, error: str, expected: str) -> None:
    with pytest.raises(UpstreamFailed) as failure:
        visit(upstream, connector_to(upstream, kind), callback=lambda query: f"error={error}&state=s")
    assert failure.value.kind == expected
    assert "script" not in str(failure.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        ("400 Bad Request", b'{"error":"invalid_grant"}', "expired"),
        ("400 Bad Request", b'{"error":"invalid_client"}', "misconfigured"),
        ("400 Bad Request", b'{"error":"invalid_request"}', "misconfigured"),
        ("400 Bad Request", b'{"error":{"a":1}}', "refused"),
        ("400 Bad Request", b"<html>", "unavailable"),
        ("401 Unauthorized", b"<html>no</html>", "misconfigured"),
        ("403 Forbidden", b"{}", "refused"),
        ("500 Internal Server Error", b"{}", "unavailable"),
    ],
)
def test_a_token_endpoint_that_says_no_says_why(
    upstream: Liar, kind: str, status: str, body: bytes, expected: str
) -> None:
    connector = connector_to(upstream, kind)
    upstream.lie = Lie(raw={"token": lambda handler, over: print_to(handler, lies.http(body, status=status))})
    with pytest.raises(UpstreamFailed) as failure:
        connector.finish(upstream.came_back(leave(connector)[0]))
    assert failure.value.kind == expected


def print_to(handler: Any, answer: bytes) -> None:
    handler.wfile.write(answer)


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_that_is_there_is_well_and_a_closed_door_is_not(upstream: Liar, kind: str) -> None:
    page = "metadata" if kind == "oidc" else "authorize"
    connector = connector_to(upstream, kind)
    if kind != "oidc":
        upstream.lie = Lie(raw={page: lambda handler, over: print_to(handler, lies.http(b"x" * 200_000))})
    connector.check()
    upstream.lie = Lie(raw={page: lambda handler, over: print_to(handler, lies.http(b"", status="503 No"))})
    with pytest.raises(UpstreamFailed) as failure:
        connector.check()
    assert failure.value.kind == "unavailable"


# How it ends.


def test_a_logout_there_begins_at_its_page(upstream: Liar) -> None:
    for kind in KINDS:
        address = connector_to(upstream, kind).logout_url("a-hint", "https://idp.example/goodbye", "s")
        assert address is not None
        asked = parse_qs(urlsplit(address).query)
        assert address.startswith(f"{upstream.url}/{kind}/logout?")
        assert asked["id_token_hint"] == ["a-hint"]
        assert asked["post_logout_redirect_uri"] == ["https://idp.example/goodbye"]
        assert asked["state"] == ["s"]


def test_no_page_no_logout(upstream: Liar) -> None:
    for kind in ("vneid", "dvcqg"):
        assert connector_to(upstream, kind, end_session_endpoint="").logout_url("h", "https://a.example", "s") is None
    assert connector_to(upstream, "dvcqg").logout_url("", "https://a.example", "s") is None
    upstream.lie = Lie({"metadata": lambda m: {k: v for k, v in m.items() if k != "end_session_endpoint"}})
    assert connector_to(upstream, "oidc").logout_url("h", "https://a.example", "s") is None
    upstream.lie = Lie({"metadata": told(issuer="https://other.example")})
    assert connector_to(upstream, "oidc").logout_url("h", "https://a.example", "s") is None


def logout_token(upstream: Liar, **more: Any) -> str:
    claims = {
        "iss": f"{upstream.url}/oidc",
        "aud": CLIENT_ID,
        "iat": int(upstream.clock()),
        "jti": "once",
        "sid": "session-of-the-liar",
        "events": {LOGOUT_EVENT: {}},
    }
    key = RSAKey.import_key(lies.pem(KEY))
    return jws.serialize_compact({"alg": "RS256", "kid": "liar-1", "typ": "logout+jwt"}, json.dumps(claims | more), key)


def test_an_openid_provider_may_end_a_session_here(upstream: Liar) -> None:
    """D-13"""
    connector = connector_to(upstream, "oidc")

    assert connector.ended(logout_token(upstream)) == (None, "session-of-the-liar")
    assert connector.ended(logout_token(upstream, sub=PERSON)) == (PERSON, "session-of-the-liar")
    for wrong in ({"iss": "https://other.example"}, {"aud": "other"}, {"nonce": "n"}, {"events": {}}):
        with pytest.raises(UpstreamFailed):
            connector.ended(logout_token(upstream, **wrong))
    for kind in ("vneid", "dvcqg"):
        with pytest.raises(UpstreamFailed):
            connector_to(upstream, kind).ended(logout_token(upstream))


def test_secrets_are_not_in_what_a_configuration_prints(upstream: Liar) -> None:
    shown = [
        repr(OidcUpstream("a", "https://op.example", CLIENT_ID, CLIENT_SECRET)),
        repr(VneidUpstream("a", CLIENT_ID, CLIENT_SECRET, "https://a", "https://b", "https://c")),
        repr(DvcqgUpstream("a", CLIENT_ID, CLIENT_SECRET, "https://a", "https://b", "https://c")),
    ]

    assert not any(CLIENT_SECRET in text for text in shown)


def test_a_connector_names_the_hosts_that_it_must_ask() -> None:
    dvcqg = DvcqgUpstream("a", "c", "s", "https://A.example/x", "https://b.example:8443/t", "https://c.example/u")
    assert dvcqg.hosts == {"a.example", "b.example:8443", "c.example"}
    assert OidcUpstream("a", "https://op.example/realm", "c", "s").hosts == {"op.example"}
    assert Callback("", "").kept == {}
