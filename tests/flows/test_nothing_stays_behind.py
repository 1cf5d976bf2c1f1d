"""Every short-lived row is swept: after a thousand logins have expired the stores are empty of them."""

from sqlalchemy import func, select

from federation.tables import EXPIRING
from idp.store import tables as t
from idp.store.sweep import KEPT_AFTER, sweep
from tests.support.app import SECRET, App, attempt_of

TEN = 10


def a_life(app: App, number: int) -> None:
    """A login with a wrong try, tokens, a refresh, a revocation, a remembered device, an error page and a logout."""
    visitor = app.visitor(f"198.51.{number % 250}.9")
    attempt = attempt_of(visitor.authorize())
    visitor.try_to_log_in(attempt, "0000000001", "wrong guess")
    visitor.log_in(visitor.authorize(), remember="1")
    tokens = visitor.redeem(visitor.code(scope="openid offline_access")).json
    tokens = visitor.refresh(tokens["refresh_token"]).json
    visitor.post("/revoke", data={"token": tokens["access_token"]}, auth=("portal", SECRET))
    visitor.authorize(redirect_uri="https://evil.test/")
    visitor.get("/end_session")


def test_after_everything_has_expired_nothing_short_lived_is_left(everywhere: App) -> None:
    """Peers 23. A hundredth of the thousand logins here; `make soak` runs them all."""
    live_and_expire(everywhere, TEN)


def live_and_expire(app: App, lives: int) -> None:
    for number in range(lives):
        a_life(app, number)
    assert sum(rows(app).values()) > lives
    app.clock.move(app.settings.oidc.refresh_absolute + 400 * 86_400)
    sweep(app.base.database, app.clock())

    assert set(rows(app).values()) == {0}
    if app.base.redis is not None:
        still = [key for key in app.base.redis.scan_iter() if app.base.redis.ttl(key) < 0]
        assert still == [], "every key in Redis has a time to live"


def rows(app: App) -> dict[str, int]:
    with app.base.database.autocommit.connect() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in KEPT_AFTER
        }


def test_every_table_with_an_expiry_is_swept() -> None:
    """A new short-lived table fails here until the broom knows it."""
    expiring = {table for table in t.metadata.sorted_tables if "expires_at" in table.c}
    # Drafts go and requests lapse by rules of their own; what two officers decided stays.
    ruled = {t.declaration, t.proposal}

    assert expiring == set(KEPT_AFTER) | set(EXPIRING) | ruled
