"""What operators watch: health, readiness that names what is missing, metrics, log lines."""

import json
import logging
import socket
import threading
import time
from typing import Any

import pytest
from sqlalchemy import text

from config.serving import operations
from idp.errors import StoreDown
from idp.http import health_endpoints
from idp.http.health_endpoints import HealthEndpoints
from tests.support.app import App, attempt_of
from tests.support.waiting import until


def told(operation: HealthEndpoints, path: str) -> tuple[int, Any]:
    status, _, body = operation.answer(path)
    return status, json.loads(body)


def test_health_asks_no_store_and_readiness_names_what_is_missing(everywhere: App) -> None:
    here = everywhere.operation()
    assert told(here, "/readyz") == (200, {"status": "ready", "missing": [], "testing": True})
    with everywhere.base.database.transaction.begin() as connection:
        connection.execute(text("ALTER TABLE counter RENAME TO gone"))

    status, said = told(here, "/readyz")
    assert (status, said["missing"]) == (503, ["database"])
    assert told(here, "/healthz") == (200, {"status": "ok"})


def test_a_check_that_hangs_is_named_after_a_second_and_keeps_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_endpoints, "PATIENCE", 0.05)
    go = threading.Event()
    asked: list[str] = []
    checks = {"frozen": lambda: asked.append("frozen") or go.wait(), "well": lambda: asked.append("well")}
    here = health_endpoints.HealthEndpoints(lambda: ("", b""), checks, {})
    try:
        for _ in range(3):
            assert told(here, "/readyz")[1]["missing"] == ["frozen"]
        assert (asked.count("frozen"), asked.count("well")) == (1, 3), "one that hangs is not asked a second time"
        go.set()
        until(lambda: told(here, "/readyz")[0] == 200)
    finally:
        go.set()
        here.close()


def test_busy_workers_are_not_gone_and_workers_that_are_gone_are_told_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        workers = operations._Workers(f"127.0.0.1:{listener.getsockname()[1]}", "localhost")
        began = time.monotonic()
        with pytest.raises(StoreDown):
            workers.check()
        assert time.monotonic() - began < 10, "whoever asks does not wait for a worker"
        with listener.accept()[0] as connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
        until(lambda: workers._asked.is_set())
        workers.check()

    def gone() -> bool:
        try:
            workers.check()
        except StoreDown:
            return True
        return False

    # What was waiting is cut off with the listener, and the next one is refused.
    until(gone)


def test_at_a_stop_it_is_not_ready_whatever_works() -> None:
    here = health_endpoints.HealthEndpoints(lambda: ("", b""), {}, {})
    here.is_stopping = True

    assert told(here, "/readyz") == (503, {"status": "stopping", "missing": []})
    assert told(here, "/healthz")[0] == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_what_operators_ask_is_not_where_the_public_is(app: App, path: str) -> None:
    assert app.visitor().get(path).status_code == 404
    assert app.operation().answer(path)[0] == 200
    assert app.operation().answer("/jwks")[0] == 404


def test_the_metrics_tell_requests_logins_hash_queue_store_latency_and_key_age(everywhere: App) -> None:
    visitor = everywhere.visitor()
    visitor.tokens()
    visitor.try_to_log_in(attempt_of(visitor.authorize(prompt="login")), "0000000001", "wrong guess")
    found = everywhere.metrics_page()

    assert 'idp_requests_total{method="POST",route="/token",status="200"} 1.0' in found
    assert 'idp_logins_total{method="password",outcome="succeeded"} 1.0' in found
    assert 'idp_logins_total{method="password",outcome="login_failed"} 1.0' in found
    assert "idp_hash_queue 0.0" in found
    assert 'idp_store_seconds_count{store="sql"}' in found
    assert ('idp_store_seconds_count{store="redis"}' in found) == (everywhere.base.redis is not None)
    assert 'idp_key_age_seconds{alg="RS256"}' in found


def test_paths_from_outside_never_become_labels(app: App) -> None:
    """N-25: labels stay few."""
    for number in range(50):
        app.visitor().get(f"/random-{number}")

    assert "random-" not in app.metrics_page()


def test_every_answer_is_one_log_line_with_its_request_id(app: App, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "idp.requests"):
        answer = app.visitor().get("/jwks")
    line = next(r for r in caplog.records if getattr(r, "request_id", "") == answer.headers["X-Request-Id"])

    assert (line.route, line.status) == ("/jwks", 200)


def test_the_line_of_an_error_page_has_its_support_code(app: App, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "idp.requests"):
        page = app.visitor().authorize(client_id="nobody").text
    line = next(r for r in caplog.records if getattr(r, "support_code", ""))

    assert line.support_code.replace("-", "") in page.replace("-", "")
