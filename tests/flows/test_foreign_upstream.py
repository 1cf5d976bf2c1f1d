"""An OpenID Provider that none of us wrote as an upstream: by configuration only, its keys and its logouts included."""

import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from federation.connector import Arrival, Callback, Leaving, UpstreamFailed
from federation.connectors.oidc import OidcConnector, OidcUpstream
from idp.outbound import Outbound
from tests.support.foreign_op import CLIENT_ID, CLIENT_SECRET, ForeignOp, foreign_op, log_in_there, visitor

OURS = "http://localhost:1/via/foreign"
PEOPLE = {
    "thu": {
        "name": "Đặng Thị Thử Nghiệm",
        "birthdate": "1990-05-17",
        "phone_number": "+84912000067",
        "phone_number_verified": True,
        "citizen_number": "000890990001",
        "proofing": "full",
    },
    "khac": {"name": "Người Khác", "phone_number": "+84912000068", "phone_number_verified": "true"},
}


@pytest.fixture(scope="module", params=["RS256", "ES256"])
def op(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForeignOp]:
    home, algorithm = tmp_path_factory.mktemp("op"), request.param
    client = {"id_token_signed_response_alg": algorithm}
    with foreign_op(home, OURS, PEOPLE, algorithm=algorithm, client=client) as running:
        yield running


def connector_to(op: ForeignOp, **more: Any) -> OidcConnector:
    configured = OidcUpstream(
        "foreign",
        op.issuer,
        CLIENT_ID,
        CLIENT_SECRET,
        scope="openid profile phone",
        algorithms=("RS256", "ES256"),
        claims={"citizen_number": "citizen_number", "ial": "proofing"},
        ial={"full": 2},
        phone_verified="claim",
        **more,
    )
    return OidcConnector(configured, Outbound(plain_http=True, hosts=configured.hosts), time.time)


def gone_there(connector: OidcConnector, op: ForeignOp, person: str, **more: Any) -> Callback:
    departure = connector.start(Leaving("state-of-ours", f"{OURS}/callback", **more))
    page = log_in_there(visitor(op).open(departure.url), person)
    assert page.location, page.summary
    return Callback(urlsplit(page.location).query, f"{OURS}/callback", departure.kept)


def arrived(connector: OidcConnector, op: ForeignOp, person: str, **more: Any) -> Arrival:
    return connector.finish(gone_there(connector, op, person, **more))


def test_a_person_comes_in_through_it(op: ForeignOp) -> None:
    identity = arrived(connector_to(op), op, "thu").identity

    assert (identity.upstream, identity.subject, identity.name) == ("foreign", "thu", "Đặng Thị Thử Nghiệm")
    assert (identity.citizen_number, str(identity.birth_date), identity.ial) == ("000890990001", "1990-05-17", 2)
    assert identity.phone is not None
    assert identity.phone.e164 == "+84912000067"
    # "true" as text is not true (T-05).
    assert arrived(connector_to(op), op, "khac").identity.phone is None


def test_a_fresh_login_there_is_one(op: ForeignOp) -> None:
    assert arrived(connector_to(op), op, "thu", fresh=True).identity.subject == "thu"


def test_a_code_works_once_and_with_its_own_verifier(op: ForeignOp) -> None:
    connector = connector_to(op)
    callback = gone_there(connector, op, "thu")
    other = gone_there(connector, op, "thu")
    with pytest.raises(UpstreamFailed, match="invalid_grant"):
        connector.finish(Callback(other.query, other.redirect_uri, callback.kept))
    connector.finish(callback)
    with pytest.raises(UpstreamFailed) as failure:
        connector.finish(callback)
    assert failure.value.kind == "expired"


def test_whoever_gives_up_there_is_back_without_harm(op: ForeignOp) -> None:
    connector = connector_to(op)
    departure = connector.start(Leaving("state-of-ours", f"{OURS}/callback"))
    page = visitor(op).open(departure.url).follow("[ Cancel ]")
    with pytest.raises(UpstreamFailed) as failure:
        connector.finish(Callback(urlsplit(page.location or "").query, f"{OURS}/callback", departure.kept))
    assert failure.value.kind == "cancelled"


def test_a_wrong_secret_is_an_alarm(op: ForeignOp) -> None:
    configured = OidcUpstream("foreign", op.issuer, CLIENT_ID, "not the secret", algorithms=("RS256", "ES256"))
    connector = OidcConnector(configured, Outbound(plain_http=True, hosts=configured.hosts), time.time)
    with pytest.raises(UpstreamFailed) as failure:
        arrived(connector, op, "thu")
    assert failure.value.kind == "misconfigured"


def test_it_changes_its_key_while_people_log_in(op: ForeignOp) -> None:
    """F-29: no login fails, and the keys are fetched once more."""
    connector = connector_to(op)
    arrived(connector, op, "thu")
    fetched = op.asked("/jwks")
    came: list[str] = []
    failed: list[UpstreamFailed] = []

    def log_in() -> None:
        for _ in range(4):
            try:
                came.append(arrived(connector, op, "thu").identity.subject)
            except UpstreamFailed as failure:
                failed.append(failure)

    threads = [threading.Thread(target=log_in) for _ in range(4)]
    for thread in threads:
        thread.start()
    op.rotate()
    for thread in threads:
        thread.join(60)

    assert (came, failed) == (["thu"] * 16, [])
    assert op.asked("/jwks") - fetched == 1


def test_a_logout_there_comes_back_here(op: ForeignOp) -> None:
    connector = connector_to(op)
    browser = visitor(op)
    departure = connector.start(Leaving("state-of-ours", f"{OURS}/callback"))
    page = log_in_there(browser.open(departure.url), "thu")
    callback = Callback(urlsplit(page.location or "").query, f"{OURS}/callback", departure.kept)
    hint = connector.finish(callback).logout_hint
    assert browser.open(departure.url).location, "it knows the person now, and asks nothing"

    address = connector.logout_url(hint, f"{OURS}/logged-out", "goodbye")
    assert address is not None
    page = browser.open(address).press("Yes, sign me out")
    assert page.location == f"{OURS}/logged-out?state=goodbye"
    assert browser.open(departure.url).has("login"), "and now it does not"


def test_it_is_there(op: ForeignOp) -> None:
    connector_to(op).check()
    with pytest.raises(UpstreamFailed):
        connector_to(ForeignOp(op.issuer.replace("localhost", "127.0.0.1"))).check()
