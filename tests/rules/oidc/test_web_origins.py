"""Which origins a client has, in the form in which browsers say them, and how long its pages may refresh."""

from dataclasses import replace
from typing import Any

import pytest

from idp.login.authentication import Authentication
from idp.oidc.clients import Client
from idp.oidc.families import FamilyLimits
from idp.oidc.grant import Grant
from idp.oidc.registration import BadClient, read_client
from idp.oidc.web_origins import web_origin

PAGE = {"client_id": "page", "token_endpoint_auth_method": "none", "redirect_uris": ["https://portal.example.vn/cb"]}


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://portal.example.vn/cb?x=1", "https://portal.example.vn"),
        ("HTTPS://Portal.Example.VN/CB", "https://portal.example.vn"),
        ("https://portal.example.vn:443/", "https://portal.example.vn"),
        ("https://portal.example.vn:0443/", "https://portal.example.vn"),
        ("https://portal.example.vn:8443/", "https://portal.example.vn:8443"),
        ("http://localhost:80/cb", "http://localhost"),
        ("http://[::1]:3000/cb", "http://[::1]:3000"),
        ("https://portal.example.vn:99999/", ""),
        ("https://[::1", ""),
        ("vn.example.app:/cb", ""),
        ("file:///etc/passwd", ""),
        ("null", ""),
    ],
)
def test_an_origin_is_as_browsers_say_it(url: str, origin: str) -> None:
    """RFC 6454, 6.2"""
    assert web_origin(url) == origin


def read(**more: Any) -> Client:
    return read_client(PAGE | more, secret_digest="x" if "token_endpoint_auth_method" in more else None)


def test_a_page_has_the_origins_of_its_redirect_uris_unless_others_are_given() -> None:
    uris = ["https://portal.example.vn/cb", "https://portal.example.vn/silent", "http://localhost:3000/cb"]

    assert read(redirect_uris=uris).origins == {"https://portal.example.vn", "http://localhost:3000"}
    assert read(web_origins=["https://pages.example.vn"]).origins == {"https://pages.example.vn"}


@pytest.mark.parametrize(
    "more",
    [
        {"token_endpoint_auth_method": "client_secret_basic"},
        {"token_endpoint_auth_method": "client_secret_post"},
        {"application_type": "native"},
    ],
)
def test_others_have_those_that_they_are_given(more: dict[str, Any]) -> None:
    assert read(**more).origins == frozenset()
    assert read(**more, web_origins=["https://pages.example.vn"]).origins == {"https://pages.example.vn"}


def test_a_disabled_client_has_none() -> None:
    assert read(disabled=True).origins == frozenset()


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "",
        "https://*.example.vn",
        "https://portal.example.vn/",
        "https://portal.example.vn/cb",
        "https://portal.example.vn?x",
        "https://portal.example.vn#x",
        "https://Portal.example.vn",
        "https://portal.example.vn:443",
        "https://person@portal.example.vn",
        "http://portal.example.vn",
        "https://portal.example.vn:99999",
        "vn.example.app:",
        "portal.example.vn",
    ],
)
def test_what_no_browser_says_is_not_registered(origin: str) -> None:
    with pytest.raises(BadClient, match="web_origins need the form https://portal"):
        read(web_origins=[origin])


@pytest.mark.parametrize("origins", ["https://portal.example.vn", [1], ["https://portal.example.vn"] * 51])
def test_origins_are_a_list_of_a_bounded_length(origins: Any) -> None:
    with pytest.raises(BadClient, match="web_origins must be a list of at most 50 texts"):
        read(web_origins=origins)


GRANT = Grant("page", Authentication("an account", 0.0), "a session", ("openid", "offline_access"))


@pytest.mark.parametrize(
    ("limits", "jkt", "in_browser", "seconds"),
    [
        (FamilyLimits(), "", True, 86_400),
        (FamilyLimits(), "a key", True, 7_776_000),
        (FamilyLimits(), "", False, 7_776_000),
        (FamilyLimits(absolute=3600), "", True, 3600),
    ],
)
def test_a_page_without_a_key_refreshes_for_a_day(
    limits: FamilyLimits, jkt: str, in_browser: bool, seconds: float
) -> None:
    """OAuth 2.0 for Browser-Based Apps: rotation and an end, or a proof of possession."""
    assert limits.life(replace(GRANT, jkt=jkt), in_browser=in_browser) == seconds
