"""The portal of the sandbox lives longer than the provider: it starts before it and outlasts its restarts."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.addresses import Addresses
from sandbox.portal import registrations
from tests.support.browser import Browser, Page
from tests.support.installation import installed
from tests.support.ports import free_port
from tests.support.processes import running
from tests.support.provider import FIXED_CAPTCHA, Provider
from tests.support.sandbox import PROJECT, free_ports

PEOPLE: list[dict[str, Any]] = json.loads((PROJECT / "sandbox" / "people.json").read_text(encoding="utf-8"))


@contextlib.contextmanager
def portal(home: Path, issuer: str) -> Iterator[Addresses]:
    port = free_ports() + 1
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


def log_in(where: Addresses) -> Page:
    page = Browser(where.portal, where.provider).open(where.portal + "/login")
    assert page.name == "login", page.summary
    page.fill("username", "0012345678").fill("password", "Matkhau#2026").fill("captcha", FIXED_CAPTCHA)
    return page.press("login-submit")


def test_the_portal_outlives_a_missing_a_restarted_and_a_replaced_provider(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    port = free_port()
    with portal(tmp_path, f"http://localhost:{port}") as where, contextlib.ExitStack() as stack:

        def put(name: str) -> Provider:
            """An installation of its own on that port: its own people, and its own keys."""
            home, clients = tmp_path / name, registrations(where)
            home.mkdir()
            return stack.enter_context(
                installed(home, request, people=PEOPLE[:1], clients=clients, port=port, own_keys=True)
            )

        missing = Browser(where.portal).open(where.portal + "/login")
        assert (missing.status, missing.name) == (502, "portal-error")

        provider = put("first")
        with provider.serving():
            person = log_in(where)
            assert person.name == "portal-person", person.summary
        away = person.press("refresh")
        assert (away.status, away.name) == (502, "portal-error")

        with provider.serving():
            back = person.browser.open(where.portal + "/").press("refresh")
            assert back.name == "portal-person", back.summary

        with put("second").serving():
            assert log_in(where).name == "portal-person"
