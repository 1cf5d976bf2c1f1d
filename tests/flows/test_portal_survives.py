"""The portal of the sandbox lives longer than the provider: it starts before it and outlasts its restarts."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox.addresses import Addresses
from sandbox.portal import registrations
from tests.support.browser import Browser, Page
from tests.support.ports import free_port
from tests.support.processes import running
from tests.support.provider import FIXED_CAPTCHA, TESTING, Provider
from tests.support.sandbox import PROJECT, three_ports_in_a_row

PEOPLE: list[dict[str, Any]] = json.loads((PROJECT / "sandbox" / "people.json").read_text(encoding="utf-8"))


@contextlib.contextmanager
def portal(home: Path, issuer: str) -> Iterator[Addresses]:
    port = three_ports_in_a_row() + 1
    where = Addresses(port - 1, port, port + 1, issuer, home)
    environment = os.environ | {"SANDBOX_PORT_OFFSET": str(port - 8001), "IDP_ISSUER": issuer}
    asked = Browser(where.portal)

    def answers() -> bool:
        try:
            return asked.open(where.portal + "/").status == 200
        except Exception:
            return False

    command = [sys.executable, "-m", "sandbox", "portal"]
    with running(command, log=home / "portal.log", answers=answers, environment=environment, directory=PROJECT):
        yield where


def installed(home: Path, port: int, where: Addresses) -> Provider:
    """An installation of its own on that port: its own people, and its own keys."""
    home.mkdir()
    provider = Provider(home, TESTING, port=port)
    provider.command("db", "upgrade")
    provider.load("accounts", PEOPLE[:1])
    provider.load("clients", registrations(where))
    return provider


def log_in(where: Addresses) -> Page:
    page = Browser(where.portal, where.provider).open(where.portal + "/login")
    assert page.name == "login", page.summary
    page.fill("username", "0012345678").fill("password", "Matkhau#2026").fill("captcha", FIXED_CAPTCHA)
    return page.press("login-submit")


def test_the_portal_outlives_a_missing_a_restarted_and_a_replaced_provider(tmp_path: Path) -> None:
    port = free_port()
    with portal(tmp_path, f"http://localhost:{port}") as where:
        missing = Browser(where.portal).open(where.portal + "/login")
        assert (missing.status, missing.name) == (502, "portal-error")

        provider = installed(tmp_path / "first", port, where)
        with provider.serving():
            person = log_in(where)
            assert person.name == "portal-person", person.summary
        away = person.press("refresh")
        assert (away.status, away.name) == (502, "portal-error")

        with provider.serving():
            back = person.browser.open(where.portal + "/").press("refresh")
            assert back.name == "portal-person", back.summary

        with installed(tmp_path / "second", port, where).serving():
            assert log_in(where).name == "portal-person"
