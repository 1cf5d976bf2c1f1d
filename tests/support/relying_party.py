"""A portal written on `idpyoidc`, a library of another family than the provider's: one whole login as one journey.

`journey` gives the same record of what happened as `tests/foreign/journey.mjs` does with npm's openid-client, so that
one set of assertions judges both.
"""

from collections.abc import Mapping
from typing import Any

from cryptojwt.key_jar import KeyJar  # type: ignore[import-untyped]
from idpyoidc.client.oauth2.stand_alone_client import StandAloneClient
from idpyoidc.message import Message

from tests.support.browser import Browser, Page

_OIDC, _OAUTH = "idpyoidc.client.oidc", "idpyoidc.client.oauth2"
_SERVICES = {
    "discovery": {"class": f"{_OIDC}.provider_info_discovery.ProviderInfoDiscovery"},
    "authorization": {"class": f"{_OIDC}.authorization.Authorization"},
    "access_token": {"class": f"{_OIDC}.access_token.AccessToken"},
    "refresh_access_token": {"class": f"{_OIDC}.refresh_access_token.RefreshAccessToken"},
    "userinfo": {"class": f"{_OIDC}.userinfo.UserInfo"},
    "introspection": {"class": f"{_OAUTH}.introspection.Introspection"},
    "revocation": {"class": f"{_OAUTH}.token_revocation.TokenRevocation"},
    "end_session": {"class": f"{_OIDC}.end_session.EndSession"},
}
_PKCE = {
    "function": f"{_OAUTH}.add_on.pkce.add_support",
    "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
}


class Portal:
    """One client of the provider. `registration` is its RFC 7591 metadata, `private_key` a JWK for private_key_jwt."""

    def __init__(
        self, issuer: str, registration: Mapping[str, Any], private_key: Mapping[str, Any] | None = None
    ) -> None:
        self.registration = registration
        self._authentication = str(registration["token_endpoint_auth_method"])
        self._library = StandAloneClient(
            config=self._configuration(issuer),
            services=_SERVICES,
            keyjar=_keys(private_key),
            httpc_params={"timeout": 10},
            client_type="oidc",
        )
        self._library.do_provider_info()
        self._library.do_client_registration()
        # Without this the library takes any algorithm for the ID token, not only the registered one.
        self._library.get_context().registration_response = dict(registration)

    @property
    def metadata(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._library.get_context().provider_info
        return found

    def authorization_url(self, **more: str) -> str:
        url: str = self._library.init_authorization(
            req_args={"scope": str(self.registration["scope"]).split(), "prompt": "consent"} | more
        )
        return url

    def redeem(self, answer: Mapping[str, str]) -> dict[str, Any]:
        """Validate the answer, redeem the code, validate the ID token: everything known of this login so far."""
        state = answer["state"]
        _no_error(self._library.finalize_auth(dict(answer)))
        request = {name: self._known(state)[name] for name in ("code", "redirect_uri", "state")}
        _no_error(self._ask("accesstoken", state=state, request_args=request | {"grant_type": "authorization_code"}))
        return self._known(state)

    def userinfo(self, state: str) -> dict[str, Any]:
        found: dict[str, Any] = _no_error(self._library.get_user_info(state)).to_dict()
        return found

    def refresh(self, state: str) -> dict[str, Any]:
        _no_error(self._ask("refresh_token", state=state))
        return self._known(state)

    def refused_refresh(self, state: str) -> str:
        """The error that refreshing meets."""
        return str(self._ask("refresh_token", state=state)["error"])

    def introspect(self, token: str) -> dict[str, Any]:
        found: dict[str, Any] = _no_error(self._ask("introspection", request_args={"token": token})).to_dict()
        return found

    def revoke(self, token: str) -> None:
        _no_error(self._ask("token_revocation", request_args={"token": token}, response_body_type="html"))

    def end_session_url(self, state: str) -> str:
        url: str = self._library.logout(state)["url"]
        return url

    def _ask(self, service: str, **arguments: Any) -> Any:
        if self._authentication == "private_key_jwt":
            arguments |= {"algorithm": "ES256", "audience": self.metadata["issuer"]}
        return self._library.do_request(service, authn_method=self._authentication, **arguments)

    def _known(self, state: str) -> dict[str, Any]:
        return dict(self._library.get_context().cstate.get(state))

    def _configuration(self, issuer: str) -> dict[str, Any]:
        names = ("client_id", "client_secret", "redirect_uris", "post_logout_redirect_uris")
        return {name: self.registration[name] for name in names if name in self.registration} | {
            "id_token_signed_response_alg": self.registration["id_token_signed_response_alg"],
            "issuer": issuer,
            "response_types": ["code"],
            "token_endpoint_auth_method": self._authentication,
            "client_authn_methods": [self._authentication, "bearer_header"],
            "add_ons": {"pkce": _PKCE},
        }


def log_in(browser: Browser, url: str, person: Mapping[str, str]) -> Page:
    """Go to the authorization URL and do what the pages ask of a person; ends where the provider sends the browser."""
    page = browser.open(url)
    if page.name == "login":
        page.fill("username", person["username"]).fill("password", person["password"])
        page = page.fill("captcha", person["captcha"]).press("login-submit")
    if page.name == "consent":
        page = page.tick("agree").press("consent-allow")
    return page


def journey(issuer: str, registration: Mapping[str, Any], person: Mapping[str, str], key: Any = None) -> dict[str, Any]:
    """Log in, ask who it is, refresh, introspect, revoke, log out; gives what happened."""
    portal, browser = Portal(issuer, registration, key), Browser(issuer)
    answer = log_in(browser, portal.authorization_url(), person).answer
    state = answer["state"]
    tokens = portal.redeem(answer)
    userinfo = portal.userinfo(state)
    again = portal.refresh(state)
    introspected = portal.introspect(again["access_token"])
    portal.revoke(again["refresh_token"])
    revoked = {"active": portal.introspect(again["refresh_token"])["active"], "refresh": portal.refused_refresh(state)}
    logged_out = browser.open(portal.end_session_url(state)).location
    return {
        "issuer": portal.metadata["issuer"],
        "claims": tokens["__verified_id_token"],
        "userinfo": userinfo,
        "scope": _text(tokens["scope"]),
        "refreshed": {
            "sub": again["__verified_id_token"]["sub"],
            "access_token_changed": again["access_token"] != tokens["access_token"],
            "refresh_token_changed": again["refresh_token"] != tokens["refresh_token"],
        },
        "introspected": introspected,
        "after_revocation": revoked,
        "logged_out": logged_out,
        "asked_silently_after_logout": browser.open(portal.authorization_url(prompt="none")).answer["error"],
    }


def _keys(private_key: Mapping[str, Any] | None) -> KeyJar:
    jar = KeyJar()
    if private_key is not None:
        jar.import_jwks({"keys": [dict(private_key)]}, "")
    return jar


def _no_error(message: Message) -> Message:
    assert "error" not in message, f"the provider refused: {message}"
    return message


def _text(scope: str | list[str]) -> str:
    return scope if isinstance(scope, str) else " ".join(scope)
