"""A secret is rotated while its portal runs on two machines: both secrets work, and then the new one alone."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from idp.oidc.client_secrets import NOTED_EVERY
from idp.oidc.clients import secret_digest
from tests.flows.test_commands import Operator, operator  # noqa: F401  a fixture
from tests.support.app import SECRET, App

SECOND, THIRD = "the second secret, long enough as well", "the third secret, long enough as well"
DAY = 86_400.0


def rotate(app: App, secret: str, overlap: float) -> None:
    digest = secret_digest(app.base.secrets.get("client-secret"), "portal", secret)
    app.base.clients.rotate_secret("portal", digest, app.clock(), old_until=app.clock() + overlap)
    app.provider.oidc.clients.forget()


def statuses(app: App, *secrets: str) -> list[int]:
    """Of a request that fails for another reason once the client is authenticated (400)."""
    return [app.visitor().token("portal", each, grant_type="refresh_token").status_code for each in secrets]


def test_both_secrets_work_until_the_old_one_ends(everywhere: App) -> None:
    rotate(everywhere, SECOND, DAY)
    assert statuses(everywhere, SECRET, SECOND, THIRD) == [400, 400, 401]

    everywhere.clock.move(DAY - 1)
    assert statuses(everywhere, SECRET) == [400]
    everywhere.clock.move(1)
    assert statuses(everywhere, SECRET, SECOND) == [401, 400]


def test_an_expired_secret_is_called_so_for_the_operator(app: App) -> None:
    rotate(app, SECOND, 0)
    answer = app.visitor().token("portal", SECRET, grant_type="refresh_token")

    kept = app.base.support_codes.find(answer.headers["X-Request-Id"])
    assert kept is not None
    assert (answer.status_code, kept.detail) == (401, "expired secret")


def test_at_most_two_secrets_live(everywhere: App) -> None:
    rotate(everywhere, SECOND, DAY)
    rotate(everywhere, THIRD, DAY)

    assert statuses(everywhere, SECRET, SECOND, THIRD) == [401, 400, 400]


def test_an_edit_of_the_client_ends_no_secret(everywhere: App) -> None:
    rotate(everywhere, SECOND, DAY)
    client = everywhere.base.clients.find("portal")
    assert client
    before = everywhere.base.clients.secrets_of("portal")
    everywhere.clock.move(60)
    everywhere.base.clients.put(client, everywhere.clock())
    everywhere.provider.oidc.clients.forget()

    assert everywhere.base.clients.secrets_of("portal") == before
    assert statuses(everywhere, SECRET, SECOND) == [400, 400]


def test_the_last_use_of_each_secret_is_known_within_an_hour(everywhere: App) -> None:
    rotated_at = everywhere.clock()
    rotate(everywhere, SECOND, DAY)
    everywhere.clock.move(10)
    statuses(everywhere, SECRET, SECRET)
    everywhere.clock.move(NOTED_EVERY - 1)
    statuses(everywhere, SECRET)

    current, old = everywhere.base.clients.secrets_of("portal")
    assert (current.made_at, current.used_at) == (rotated_at, None)
    assert (old.expires_at, old.used_at) == (rotated_at + DAY, rotated_at + 10)
    everywhere.clock.move(1)
    statuses(everywhere, SECRET, SECOND)
    current, old = everywhere.base.clients.secrets_of("portal")
    assert current.used_at == old.used_at == everywhere.clock()


def test_a_loaded_secret_is_dated_anew_only_if_it_is_another(app: App) -> None:
    made_at = app.base.clients.secrets_of("portal")[0].made_at
    app.clock.move(60)
    app.client()
    assert app.base.clients.secrets_of("portal")[0].made_at == made_at
    app.client(secret=SECOND)
    assert app.base.clients.secrets_of("portal")[0].made_at == app.clock()


def test_two_operators_rotate_at_once_and_the_last_two_secrets_stay(everywhere: App) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda secret: rotate(everywhere, secret, DAY), (SECOND, THIRD)))

    assert statuses(everywhere, SECRET, SECOND, THIRD) == [401, 400, 400]


def test_the_operator_rotates_looks_and_ends(operator: Operator) -> None:  # noqa: F811
    words = (
        "clients",
        "add",
        "Cổng",
        "--client-id",
        "portal-1",
        "--redirect-uri",
        "https://p.test/cb",
        "--reason",
        "r",
    )
    operator.does(*words)
    turned = operator.json("clients", "rotate-secret", "portal-1", "--overlap", "24h", "--reason", "r")
    secrets = operator.json("clients", "show", "portal-1")["secrets"]

    assert turned["client_secret"] not in str(secrets)
    assert [each["expires"] for each in secrets] == [None, turned["old_secret_until"]]
    assert all(each["made"] and each["last_used"] is None for each in secrets)
    operator.does("clients", "end-secret", "portal-1", "--reason", "rolled out")
    assert operator.json("clients", "show", "portal-1")["secrets"][1]["expires"] < turned["old_secret_until"]
    assert operator.run("clients", "end-secret", "portal-1", "--reason", "r").exit_code == 1


@pytest.mark.parametrize(
    "words", [("--overlap", "1y"), ("--overlap", "0h"), ("--overlap", "91d"), ("--now", "--overlap", "1h")]
)
def test_an_overlap_that_cannot_be_is_refused(operator: Operator, words: tuple[str, ...]) -> None:  # noqa: F811
    operator.does(
        "clients", "add", "C", "--client-id", "portal-1", "--redirect-uri", "https://p.test/cb", "--reason", "r"
    )
    done = operator.run("clients", "rotate-secret", "portal-1", *words, "--reason", "r")

    assert done.exit_code in (1, 2)
    assert len(operator.json("clients", "show", "portal-1")["secrets"]) == 1
