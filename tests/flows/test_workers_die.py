"""One worker that ends is replaced, and nobody but whom it was serving notices. A reload, and a stop, drop nobody."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.installation import installed
from tests.support.live import CHEAP_HASH, PORTAL, Visit, people
from tests.support.provider import Provider
from tests.support.waiting import until
from tests.support.wire import Closed, Wire

WORKERS = 2


@pytest.fixture
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Provider]:
    with installed(
        tmp_path,
        request,
        settings=CHEAP_HASH | {"IDP_WEB__GRACEFUL_TIMEOUT": "2"},
        people=people(1),
        clients=[PORTAL],
        workers=WORKERS,
    ) as ready:
        yield ready


def asked(provider: Provider, path: str = "/jwks") -> int:
    """The status that a newcomer hears; 0 when the connection is cut."""
    with Wire(provider.port, patience=10.0) as wire:
        wire.send(f"GET {path} HTTP/1.1\r\nHost: localhost:{provider.port}\r\nConnection: close\r\n\r\n".encode())
        try:
            return wire.read().status
        except Closed:
            return 0


def series(provider: Provider, name: str) -> dict[str, float]:
    found = re.findall(rf"^({name}(?:{{[^}}]*}})?) (\S+)$", provider.metrics(), re.MULTILINE)
    return {labels: float(value) for labels, value in found}


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGABRT, signal.SIGKILL])
def test_a_worker_that_ends_is_replaced_and_the_others_go_on(provider: Provider, how: signal.Signals) -> None:
    with provider.serving():
        assert provider.process
        Visit(provider.issuer).tokens()
        for _ in range(WORKERS):
            before = until_full(provider)
            victim = min(before)
            os.kill(victim, how)
            heard = heard_until_gone(provider, {victim})
            # Whom the dead worker had taken in already is cut off.
            assert sorted(heard)[1:] == [200] * (len(heard) - 1), heard
        until_full(provider)
        assert provider.process.poll() is None
        assert Visit(provider.issuer).tokens()
        assert provider.is_ready()


def heard_until_gone(provider: Provider, gone: set[int]) -> list[int]:
    """What newcomers hear, one after the other, until these workers have ended."""
    heard = [asked(provider)]
    until(lambda: not heard.append(asked(provider)) and not provider.worker_processes() & gone)
    return heard


def until_full(provider: Provider) -> set[int]:
    """Waits until as many workers as are wanted have answered somebody; gives them."""

    def full() -> bool:
        asked(provider)
        alive = provider.worker_processes()
        return len(alive) == WORKERS and alive <= set(provider.workers_by_request().values())

    until(full)
    return provider.worker_processes()


def test_one_that_cannot_start_in_anothers_place_is_tried_again(provider: Provider) -> None:
    database, aside = provider.home / "data" / "idp.db", provider.home / "idp.db"
    with provider.serving():
        assert provider.process
        victim = min(until_full(provider))
        database.rename(aside)
        os.kill(victim, signal.SIGKILL)
        until(lambda: any(line["message"] == "worker cannot start" for line in provider.logged()))
        assert asked(provider) == 200, "the other one goes on"
        for made in database.parent.glob("idp.db*"):
            made.unlink()
        aside.rename(database)

        until_full(provider)
        assert provider.process.poll() is None


def test_the_metrics_count_what_the_dead_have_done_and_show_the_living(provider: Provider) -> None:
    with provider.serving():
        assert [asked(provider, "/device/code.png") for _ in range(20)].count(0) == 0
        name = r'idp_requests_total{method="GET",route="/device/code.png",status="\d+"}'
        counted = series(provider, name)
        assert sum(counted.values()) == 20
        for _ in range(3):
            victim = min(until_full(provider))
            os.kill(victim, signal.SIGKILL)
            until(lambda victim=victim: victim not in provider.worker_processes())  # type: ignore[misc]
        alive = until_full(provider)

        assert series(provider, name) == counted
        assert {int(found) for found in re.findall(r'idp_key_ring_failing{pid="(\d+)"}', provider.metrics())} == alive


def test_a_hang_up_brings_new_workers_and_settings_and_drops_nobody(provider: Provider) -> None:
    file = provider.home / "idp.toml"
    file.write_text("[keys]\njwks_max_age = 300\n")
    provider.settings = {**provider.settings, "IDP_CONFIG": str(file)}
    with provider.serving():
        assert provider.process
        before = until_full(provider)
        file.write_text("[keys]\njwks_max_age = 77\n")
        provider.process.send_signal(signal.SIGHUP)
        heard = heard_until_gone(provider, before)

        assert set(heard) == {200}, heard
        until_full(provider)
        assert age_of_keys(provider) == "77"


def age_of_keys(provider: Provider) -> str:
    answer = Visit(provider.issuer).portal.send("GET", f"{provider.issuer}/jwks")
    found = re.search(r"max-age=(\d+)", answer.headers["Cache-Control"])
    return found[1] if found else ""


def test_settings_that_are_bad_are_not_reloaded(provider: Provider) -> None:
    file = provider.home / "idp.toml"
    file.write_text("[keys]\njwks_max_age = 300\n")
    provider.settings = {**provider.settings, "IDP_CONFIG": str(file)}
    with provider.serving():
        assert provider.process
        before = until_full(provider)
        file.write_text("[keys]\njwks_max_age = -1\n")
        provider.process.send_signal(signal.SIGHUP)
        until(lambda: any(line["message"] == "settings are not reloaded" for line in provider.logged()))

        assert provider.worker_processes() == before
        assert asked(provider) == 200


def test_a_stop_says_not_ready_first_and_goes_on_meanwhile(provider: Provider) -> None:
    provider.settings = {**provider.settings, "IDP_WEB__DRAIN_FOR": "300"}
    with provider.serving():
        assert provider.process
        until_full(provider)
        provider.process.send_signal(signal.SIGTERM)
        until(lambda: provider.operations("/readyz").status == 503)

        assert asked(provider) == 200
        assert provider.operations("/healthz").status == 200
        # A second word ends the wait.
        provider.process.send_signal(signal.SIGTERM)
        assert provider.process.wait(30) == 0


def test_nobody_serves_on_when_the_first_process_was_killed(provider: Provider) -> None:
    with provider.serving():
        assert provider.process
        master = provider.master_process()
        left = until_full(provider) | ({master} if master else set())
        provider.process.kill()
        provider.process.wait()

        until(lambda: not any(Path(f"/proc/{process}").exists() for process in left))
