"""What operators watch: health, readiness that names what is missing, metrics, log lines."""

import logging

import pytest
from sqlalchemy import text

from tests.support.app import App, attempt_of


def metrics(app: App) -> str:
    return app.visitor().get("/metrics").text


def test_health_asks_no_store_and_readiness_names_what_is_missing(everywhere: App) -> None:
    visitor = everywhere.visitor()
    assert visitor.get("/readyz").json["missing"] == []
    with everywhere.base.database.write.begin() as connection:
        connection.execute(text("ALTER TABLE counter RENAME TO gone"))

    answer = visitor.get("/readyz")
    assert (answer.status_code, answer.json["missing"]) == (503, ["database"])
    assert visitor.get("/healthz").status_code == 200


def test_the_metrics_tell_requests_logins_hash_queue_store_latency_and_key_age(everywhere: App) -> None:
    visitor = everywhere.visitor()
    visitor.tokens()
    visitor.try_to_log_in(attempt_of(visitor.authorize(prompt="login")), "0000000001", "wrong guess")
    found = metrics(everywhere)

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

    assert "random-" not in metrics(app)


def test_every_answer_is_one_log_line_with_its_request_id(app: App, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "idp.requests"):
        answer = app.visitor().get("/healthz")
    line = next(r for r in caplog.records if getattr(r, "request_id", "") == answer.headers["X-Request-Id"])

    assert (line.route, line.status) == ("/healthz", 200)


def test_the_line_of_an_error_page_has_its_support_code(app: App, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "idp.requests"):
        page = app.visitor().authorize(client_id="nobody").text
    line = next(r for r in caplog.records if getattr(r, "support_code", ""))

    assert line.support_code.replace("-", "") in page.replace("-", "")
