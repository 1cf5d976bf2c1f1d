"""One registered client of the provider, spoken through `idpyoidc`: a library of another family than the provider's.

Discovery happens at the first use and again after any failure, so the portal may start before the provider and
outlives its restarts.
"""

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptojwt.key_jar import KeyJar  # type: ignore[import-untyped]
from idpyoidc.client.exception import OidcServiceError
from idpyoidc.client.oauth2.stand_alone_client import StandAloneClient
from idpyoidc.message import Message
from idpyoidc.message.oidc import verified_claim_name
from idpyoidc.message.oidc.session import BackChannelLogoutRequest

_OIDC, _OAUTH = "idpyoidc.client.oidc", "idpyoidc.client.oauth2"
_SERVICES = {
    "discovery": {"class": f"{_OIDC}.provider_info_discovery.ProviderInfoDiscovery"},
    "authorization": {"class": f"{_OIDC}.authorization.Authorization"},
    "access_token": {"class": f"{_OIDC}.access_token.AccessToken"},
    "refresh_access_token": {"class": f"{_OIDC}.refresh_access_token.RefreshAccessToken"},
    "userinfo": {"class": f"{_OIDC}.userinfo.UserInfo"},
    "end_session": {"class": f"{_OIDC}.end_session.EndSession"},
}
_PKCE = {
    "function": f"{_OAUTH}.add_on.pkce.add_support",
    "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
}
_SECONDS = 10


class Refused(Exception):
    """The provider said no, in the words of OAuth."""

    def __init__(self, error: str, description: str = "") -> None:
        super().__init__(error)
        self.error = error
        self.description = description


class Unreachable(Exception):
    """The provider gave no usable answer."""


@dataclass(frozen=True, slots=True)
class Login:
    """What a completed login gave: tokens as received, claims as verified, the provider's name of the session."""

    state: str
    sid: str
    tokens: Mapping[str, Any]
    person: Mapping[str, Any]


class RelyingParty:
    """The portal in one of its roles. `registration` is its client metadata, as the provider holds it."""

    def __init__(self, provider: str, registration: Mapping[str, Any]) -> None:
        self._provider = provider
        self._registration = registration
        self._lock = threading.Lock()
        self._client: StandAloneClient | None = None
        self._told: dict[str, float] = {}

    def start(self, details: str | None = None) -> tuple[str, str]:
        """The address to send the browser to, and the state that its answer must carry.

        `details` are authorization details (RFC 9396) as they are, good or bad.
        """
        client = self._ready_client()
        more = {} if details is None else {"authorization_details": details}
        # The scope goes with the request: as configuration idpyoidc would intersect it with what discovery lists.
        url = client.init_authorization(req_args={"scope": self._registration["scope"].split(), **more})
        return url, dict(_parameters(url))["state"]

    def finish(self, answer: Mapping[str, str]) -> Login:
        """Redeem the code, validate the ID token, ask who it is. Raises `Refused` or `Unreachable`."""
        client, state = self._ready_client(), answer["state"]
        with _Speaking(self):
            _raise_if_error(client.finalize_auth(dict(answer)))
            known = client.get_context().cstate.get(state)
            code = {name: known[name] for name in ("code", "redirect_uri", "state")}
            # The library's own `get_tokens` authenticates with Basic, whatever was registered.
            self._ask(client, "accesstoken", state, code | {"grant_type": "authorization_code"})
            return self._login(client, state)

    def refresh(self, state: str) -> Login:
        """Spend the refresh token for a new set. Raises `Refused` or `Unreachable`."""
        client = self._ready_client()
        with _Speaking(self):
            self._ask(client, "refresh_token", state, {})
            return self._login(client, state)

    def goodbye(self, state: str, return_to: str) -> str:
        """The address that ends the session at the provider (RP-initiated logout), with the ID token as the hint."""
        url: str = self._ready_client().logout(state, post_logout_redirect_uri=return_to)["url"]
        return url

    def ended(self, logout_token: str) -> str:
        """The session that a genuine logout token names, once. Raises `Refused` or `Unreachable`."""
        client = self._ready_client()
        request = BackChannelLogoutRequest(logout_token=logout_token)
        try:
            request.verify(
                keyjar=client.get_attribute("keyjar"),
                iss=self._provider,
                aud=self._registration["client_id"],
                allowed_sign_alg=self._registration["id_token_signed_response_alg"],
            )
        except Exception as error:
            raise Refused("invalid_request", type(error).__name__) from error
        token = request[verified_claim_name("logout_token")]
        if token.jws_header.get("typ") != "logout+jwt" or not self._is_new(token):
            raise Refused("invalid_request", "expired, of another kind or seen before")
        return str(token["sid"])

    def _is_new(self, token: Message) -> bool:
        """Whether it has not expired and was not here before: the library asks neither."""
        now = time.time()
        with self._lock:
            self._told = {jti: until for jti, until in self._told.items() if until > now}
            if token["jti"] in self._told or not token.get("exp", 0) > now:
                return False
            self._told[token["jti"]] = token["exp"]
        return True

    def forget(self, state: str) -> None:
        """Drop what is remembered of one login."""
        if self._client is not None:
            self._client.clear_session(state)

    def discover_again(self) -> None:
        """Let the next login read the provider's metadata and keys anew; present logins keep their tokens."""
        if self._client is not None:
            self._client.get_context().provider_info = {}

    def _ask(self, client: StandAloneClient, service: str, state: str, arguments: dict[str, str]) -> None:
        _raise_if_error(
            client.do_request(service, state=state, request_args=arguments, authn_method=self._authentication())
        )

    def _login(self, client: StandAloneClient, state: str) -> Login:
        person = client.get_user_info(state)
        _raise_if_error(person)
        tokens = dict(client.get_context().cstate.get(state))
        return Login(state, tokens["__verified_id_token"]["sid"], tokens, person.to_dict())

    def _authentication(self) -> str:
        return str(self._registration["token_endpoint_auth_method"])

    def _ready_client(self) -> StandAloneClient:
        with self._lock, _Speaking(self):
            if self._client is None:
                self._client = self._new_client()
            if not self._client.get_context().provider_info:
                self._client.do_provider_info()
                self._client.do_client_registration()
                # Without this the library takes any algorithm for the ID token, not only the registered one.
                self._client.get_context().registration_response = dict(self._registration)
            return self._client

    def _new_client(self) -> StandAloneClient:
        names = ("client_id", "client_secret", "redirect_uris", "post_logout_redirect_uris", "response_types")
        configuration = {name: self._registration[name] for name in names} | {
            "issuer": self._provider,
            "token_endpoint_auth_method": self._authentication(),
            "client_authn_methods": [self._authentication(), "bearer_header"],
            "id_token_signed_response_alg": self._registration["id_token_signed_response_alg"],
            "add_ons": {"pkce": _PKCE},
        }
        client = StandAloneClient(
            config=configuration,
            services=_SERVICES,
            keyjar=KeyJar(),
            httpc_params={"timeout": _SECONDS},
            client_type="oidc",
        )
        client.get_service("authorization").post_construct.append(_without_prompt)
        return client


class _Speaking:
    """Turns what the library raises into `Refused` when it is an error of OAuth, and else into `Unreachable`.

    After the latter the next login discovers the provider again.
    """

    def __init__(self, party: RelyingParty) -> None:
        self._party = party

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, Refused | Unreachable) or not isinstance(error, Exception):
            return
        if isinstance(error, OidcServiceError) and re.fullmatch("[a-z_]+", str(error)):
            raise Refused(str(error)) from error
        self._party.discover_again()
        raise Unreachable(f"{type(error).__name__}: {error}") from error


def _raise_if_error(message: Message) -> None:
    if "error" in message:
        raise Refused(message["error"], message.get("error_description", ""))


def _without_prompt(request: Message, **_: Any) -> Message:
    """With `offline_access` the library forces the consent page; whether consent is owed is the provider's to say."""
    request.pop("prompt", None)
    return request


def _parameters(url: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(url).query)
