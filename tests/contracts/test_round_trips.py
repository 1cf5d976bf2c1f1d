"""Design 4: what each operation asks of its stores is counted, on both pairs of stores, and equals its budget.

Caches are warm: clients and key ring are asked for by revision at most every few seconds, whatever the load, and the
clock stands still here.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from idp.oidc.client_secrets import NOTED_EVERY
from tests.support.app import App, Visitor, answer_of, attempt_of
from tests.support.details import allowed, detail, details, granted
from tests.support.pushed import go, pushed
from tests.support.token_exchange import exchange, exchanged, exchanger
from tests.support.trips import Trips, counted

SECRET = "a secret of a service that is long enough"


@pytest.fixture
def visitor(everywhere: App) -> Visitor:
    """A browser with a live session, whose portal has everything warm."""
    everywhere.client("service", SECRET, grant_types=["client_credentials"], redirect_uris=[], scope="reports.read")
    visitor = everywhere.visitor()
    tokens = visitor.tokens()
    visitor.userinfo(tokens["access_token"])
    visitor.refresh(tokens["refresh_token"])
    visitor.token("service", SECRET, grant_type="client_credentials")
    return visitor


def warm(visitor: Visitor) -> None:
    """Let the caches of keys and clients look again, as they do every few seconds."""
    visitor.get("/jwks")
    visitor.authorize(client_id="nobody")


@contextmanager
def budget(visitor: Visitor, expected: Trips) -> Iterator[None]:
    with counted(visitor.app) as trips:
        yield
    assert trips == expected, "\n".join(trips.said)


@pytest.mark.parametrize(
    "path", ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/jwks"]
)
def test_metadata_and_keys_ask_no_store(visitor: Visitor, path: str) -> None:
    with budget(visitor, Trips()):
        assert visitor.get(path).status_code == 200


def test_client_credentials_ask_no_store(visitor: Visitor) -> None:
    with budget(visitor, Trips()):
        answer = visitor.token("service", SECRET, grant_type="client_credentials", scope="reports.read")
    assert answer.status_code == 200, answer.text


def test_once_an_hour_the_use_of_a_secret_is_noted(visitor: Visitor) -> None:
    for seconds, expected in ((NOTED_EVERY - 1, Trips()), (1, Trips(writes=1))):
        visitor.app.clock.move(seconds)
        warm(visitor)
        with budget(visitor, expected):
            assert visitor.token("service", SECRET, grant_type="client_credentials").status_code == 200


def test_a_live_session_costs_one_joined_read_and_one_code(visitor: Visitor) -> None:
    with budget(visitor, Trips(short_lived=1, reads=1)):
        visitor.code()


def test_a_pushed_request_costs_one_write_and_one_take_more(visitor: Visitor) -> None:
    """RFC 9126: and nothing for clients that do not push, as the test before says."""
    with budget(visitor, Trips(short_lived=1)):
        name = pushed(visitor)
    with budget(visitor, Trips(short_lived=2, reads=1)):
        assert go(visitor, name).status_code == 303


def test_authorization_details_cost_nothing_but_the_page(visitor: Visitor) -> None:
    """RFC 9396: what was agreed to is read with the gate's other facts, and what was granted is kept with the grant."""
    allowed(visitor.app)
    refresh_token = granted(visitor, (2015, 2020))["refresh_token"]
    warm(visitor)
    asked = {"client_id": "records", "authorization_details": details((2016, 2016)), "scope": "openid"}

    with budget(visitor, Trips(short_lived=1, reads=1)):
        code = answer_of(visitor.authorize(**asked))["code"]
    with budget(visitor, Trips(short_lived=1, reads=1)):
        token = visitor.redeem(code, "records").json["access_token"]
    with budget(visitor, Trips(reads=1)):
        assert visitor.introspect(token, "records")["authorization_details"] == [detail(2016, 2016)]
    with budget(visitor, Trips(reads=1, writes=1)):
        assert visitor.refresh(refresh_token, "records").status_code == 200


def test_once_in_a_while_a_live_session_is_noted_as_seen(visitor: Visitor) -> None:
    """The one write that is not in the budget: at most once a minute for each session."""
    visitor.app.clock.move(visitor.app.provider.login.sessions.limits.touch_every)
    warm(visitor)

    with budget(visitor, Trips(short_lived=1, reads=1, writes=1)):
        visitor.code()


def test_redeeming_a_code_is_one_take_and_one_gate_read(visitor: Visitor) -> None:
    code = visitor.code(scope="openid profile")

    with budget(visitor, Trips(short_lived=1, reads=1)):
        assert visitor.redeem(code).status_code == 200


def test_only_a_portal_that_wants_to_be_told_of_logouts_is_noted(visitor: Visitor) -> None:
    visitor.app.client("told", backchannel_logout_uri="https://portal.example.test/told")
    code = visitor.code(client_id="told")
    visitor.redeem("nonsense", "told")
    warm(visitor)

    with budget(visitor, Trips(short_lived=1, reads=1, writes=1)):
        assert visitor.redeem(code, "told").status_code == 200


def test_only_offline_access_writes_a_family(visitor: Visitor) -> None:
    code = visitor.code(scope="openid offline_access")

    with budget(visitor, Trips(short_lived=1, reads=1, writes=1)):
        assert "refresh_token" in (visitor.redeem(code).json or {})


def test_refreshing_is_one_joined_read_and_one_spending(visitor: Visitor) -> None:
    token = visitor.tokens()["refresh_token"]

    with budget(visitor, Trips(reads=1, writes=1)):
        assert visitor.refresh(token).status_code == 200


def test_userinfo_is_one_joined_read(visitor: Visitor) -> None:
    token = visitor.tokens(scope="openid profile bhxh")["access_token"]

    with budget(visitor, Trips(reads=1)):
        assert visitor.userinfo(token).status_code == 200


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_introspection_is_one_joined_read(visitor: Visitor, kind: str) -> None:
    token = visitor.tokens()[kind]

    with budget(visitor, Trips(reads=1)):
        assert visitor.introspect(token)["active"]


def test_an_exchange_reads_each_client_once_and_is_put_on_record(visitor: Visitor) -> None:
    """RFC 8693: and a token that was exchanged is one read more at each use, for the one that it came from."""
    subject = visitor.tokens()["access_token"]
    token = exchanged(visitor, subject, exchanger(visitor.app))
    warm(visitor)

    with budget(visitor, Trips(reads=2, writes=1)):
        assert exchange(visitor, subject).status_code == 200
    with budget(visitor, Trips(reads=2)):
        assert visitor.userinfo(token).status_code == 200
    with budget(visitor, Trips()):
        assert exchange(visitor, "nonsense").status_code == 400


def test_what_is_no_token_asks_no_store(visitor: Visitor) -> None:
    with budget(visitor, Trips()):
        assert visitor.userinfo("nonsense").status_code == 401
        assert visitor.introspect("r_nonsense") == {"active": False}
        assert visitor.redeem("nonsense").status_code == 400


def test_a_password_costs_the_attempt_the_captcha_the_account_and_its_counts(visitor: Visitor) -> None:
    """`POST /login`: attempt read with the captcha used up, attempt proved; account; counts raised, and given back."""
    newcomer = visitor.app.visitor()
    attempt = attempt_of(newcomer.authorize())
    form = newcomer.login_form(attempt)

    with budget(visitor, Trips(short_lived=2, reads=1, writes=2)):
        assert newcomer.post("/login", data=form).status_code == 303


def test_the_return_from_a_login_is_one_read_one_transaction_and_one_code(visitor: Visitor) -> None:
    """`GET /authorize`: attempt read; taken, with the code; the gate; session and audit in one transaction."""
    newcomer = visitor.app.visitor()
    attempt = attempt_of(newcomer.authorize())
    back = newcomer.post("/login", data=newcomer.login_form(attempt)).headers["Location"]

    with budget(visitor, Trips(short_lived=2, reads=1, transactions=1)):
        assert newcomer.get(back).status_code == 303


def test_a_login_by_password_as_a_whole(visitor: Visitor) -> None:
    """`/authorize`, page, form, return: one, one, two and two trips; counts raised and given back, and the session."""
    newcomer = visitor.app.visitor()

    with budget(visitor, Trips(short_lived=6, reads=2, writes=2, transactions=1)):
        newcomer.code()


def test_the_login_page_reads_the_attempt_and_writes_nothing(visitor: Visitor) -> None:
    newcomer = visitor.app.visitor()
    attempt = attempt_of(newcomer.authorize())

    with budget(visitor, Trips(short_lived=1)):
        assert newcomer.get("/login", query_string={"attempt": attempt}).status_code == 200
