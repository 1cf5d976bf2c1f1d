"""A proxy that nobody listed makes all people one address: it is an alarm, and nobody believes what it says (F-1)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.app import create_app
from config.proxy_watch import look_for_unlisted
from config.settings import BadSettings
from idp.http.metrics import Metrics
from idp.web.unlisted import FORWARDED
from tests.support import databases
from tests.support.app import App, running_app

PROXY = "10.0.0.9"
HEADERS = [name.removeprefix("HTTP_").replace("_", "-").title() for name in FORWARDED]


@pytest.fixture
def fronted(app_template: Path, tmp_path: Path) -> Iterator[App]:
    """The application behind a listed proxy."""
    import shutil

    shutil.copy(app_template / "master.key", tmp_path / "master.key")
    url = databases.sqlite_copy(app_template / "idp.db", tmp_path)
    with running_app(tmp_path, url, web={"trusted_proxies": (f"{PROXY}/32",)}) as app:
        yield app


def alarms(app: App) -> int:
    page = app.metrics_page()
    return int(float(page.partition("\nidp_forwarded_from_unlisted_total ")[2].partition("\n")[0]))


@pytest.mark.parametrize("header", HEADERS)
def test_a_forwarded_header_of_an_unlisted_peer_is_an_alarm(
    app: App, header: str, caplog: pytest.LogCaptureFixture
) -> None:
    """F-1, M-4: the metric counts each, the log tells one a minute, `idp doctor` for a day."""
    look_for_unlisted(app.base)

    for _ in range(3):
        assert app.visitor(PROXY).get("/jwks", headers={header: "203.0.113.7"}).status_code == 200

    told = [record for record in caplog.records if record.message == "forwarded header from an unlisted peer"]
    assert (alarms(app), len(told), told[0].peer) == (3, 1, "10.0.0.0/24")  # type: ignore[attr-defined]
    with pytest.raises(BadSettings, match="0 minutes ago"):
        look_for_unlisted(app.base)

    app.clock.move(61)
    app.visitor(PROXY).get("/jwks", headers={header: "203.0.113.7"})
    assert sum(r.message == "forwarded header from an unlisted peer" for r in caplog.records) == 2
    app.clock.move(86_400)
    assert "none listed" in look_for_unlisted(app.base)


@pytest.mark.parametrize("header", HEADERS[1:])
def test_a_listed_proxy_that_does_not_say_for_whom_is_an_alarm_too(fronted: App, header: str) -> None:
    """Only X-Forwarded-For is read, so with any other header alone all people are the proxy."""
    fronted.visitor(PROXY).get("/jwks", headers={header: "x"})

    assert alarms(fronted) == 1


def test_a_listed_proxy_that_says_for_whom_is_none(fronted: App) -> None:
    headers = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}

    fronted.visitor(PROXY).get("/jwks", headers=headers)
    fronted.visitor(PROXY).get("/jwks", headers={"X-Forwarded-For": "203.0.113.7"})
    fronted.visitor("203.0.113.7").get("/jwks")

    assert alarms(fronted) == 0
    assert look_for_unlisted(fronted.base) == f"{PROXY}/32"


def test_a_store_that_is_down_does_not_make_the_alarm_a_failure(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that needs no store is answered without one."""
    from sqlalchemy.exc import OperationalError

    def down(*_: object) -> None:
        raise OperationalError("", {}, Exception())

    monkeypatch.setattr("config.proxy_watch.put_counter", down)
    app.metrics = Metrics(shared=False)
    app.wsgi = create_app(app.provider, app.metrics, housekeeping=False)

    assert app.visitor(PROXY).get("/jwks", headers={"X-Real-IP": "203.0.113.7"}).status_code == 200
    assert alarms(app) == 1
