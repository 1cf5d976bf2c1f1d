"""Configurations of client libraries: each page is what the command prints, and every `idp` in it is a command."""

import re
import shlex
from pathlib import Path

import click
import pytest

from config.cli.libraries import EXAMPLE, LIBRARIES, SCOPE, read_library
from config.cli.main import main
from idp.oidc.registration import MEMBERS, read_client

PAGES = Path(__file__).parents[2] / "docs" / "portals"
BACK = "https://mot.portal.example.test:8443/deep/back"


@pytest.mark.parametrize("name", LIBRARIES)
def test_the_page_is_made_from_the_text_of_the_command(name: str) -> None:
    """Run `tools/libraries.py` after a change."""
    assert (PAGES / f"{name}.md").read_text(encoding="utf-8") == read_library(name).page()


def test_every_page_is_named_in_the_overview_and_none_is_left_of_a_library_that_went() -> None:
    overview = (PAGES / "README.md").read_text(encoding="utf-8")
    pages = {file.stem: file.read_text(encoding="utf-8") for file in PAGES.glob("*.md") if file.stem != "README"}

    assert {name for name, text in pages.items() if text.startswith("<!-- Generated from")} == set(LIBRARIES)
    assert {name for name in pages if f"]({name}.md)" not in overview} == set()


@pytest.mark.parametrize("name", LIBRARIES)
def test_every_value_has_its_place(name: str) -> None:
    library = read_library(name)
    metadata = library.metadata({"client_id": "a-client", "redirect_uris": (BACK,)})
    text = library.configuration(metadata, "a secret", "https://issuer.example.test")

    assert "{{" not in text
    assert not {each for each in [*EXAMPLE.values(), "portal.example.vn"] if each in text}
    assert {"a-client", "https://issuer.example.test"} <= set(re.findall(r"a-client|https://issuer.example.test", text))
    public = metadata.get("token_endpoint_auth_method") == "none"
    assert ("a secret" in text) != public
    assert set(metadata) <= MEMBERS
    assert read_client(metadata, secret_digest=None if public else "digest").redirect_uris == (BACK,)
    assert len(library.text.splitlines()) <= 60
    assert max(map(len, library.text.splitlines())) <= 120
    assert len(library.title) + len(library.tried) <= 160


@pytest.mark.parametrize("name", LIBRARIES)
def test_the_commands_and_options_of_a_page_exist(name: str) -> None:
    page = read_library(name).page()
    add = main.get_command(click.Context(main), "clients").get_command(click.Context(main), "add")
    known = {option for each in add.params for option in each.opts + each.secondary_opts}

    commands = re.findall(r"^idp (?:.*\\\n)*.*", page, re.MULTILINE)
    assert len(commands) == 1
    words = shlex.split(commands[0].replace("\\\n", " "))
    assert words[:3] == ["idp", "clients", "add"]
    given = add.make_context("add", words[3:]).params
    assert (given["library"], given["redirect_uris"]) == (name, (read_library(name).callback,))
    assert set(re.findall(r"(?<=`)--[a-z-]+", page)) - {"--code-challenge-method"} <= known


def test_what_the_operator_gives_goes_before_what_the_library_needs() -> None:
    passport = read_library("passport")
    chosen = passport.metadata({"redirect_uris": (BACK,), "scope": "openid", "require_pkce": True})

    assert (chosen["scope"], chosen["require_pkce"]) == ("openid", True)
    usual = passport.metadata({"redirect_uris": (BACK,)})
    assert (usual["scope"], usual["require_pkce"]) == (SCOPE, False)
    assert usual["post_logout_redirect_uris"] == ("https://mot.portal.example.test:8443/",)


def test_only_what_has_no_pkce_does_without() -> None:
    without = {name for name in LIBRARIES if "require_pkce" in read_library(name).client}

    assert without == {"flask-pyoidc", "passport"}
    assert all("has no PKCE" in read_library(name).because for name in without)


def test_the_settings_of_a_page_are_those_that_run_in_chromium() -> None:
    block = re.compile(r"```js\nconst settings = (.*?)```", re.DOTALL)
    pages = [(PAGES / name).read_text(encoding="utf-8") for name in ("oidc-client-ts.md", "browser-pages.md")]
    one, other = (block.findall(page)[0] for page in pages)

    assert one == other
