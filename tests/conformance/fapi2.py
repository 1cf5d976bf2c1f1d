"""A client as the FAPI 2.0 plans have two of: it signs, pushes, binds its tokens, and reads what comes back."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from werkzeug.test import TestResponse

from idp.oidc.assertions import ASSERTION_TYPE
from tests.support.app import ISSUER, REDIRECT, VERIFIER, App, Visitor, answer_of, attempt_of
from tests.support.client_certificates import PROXY, Shown, shown
from tests.support.dpop import ProofKey
from tests.support.pushed import asked
from tests.support.request_objects import signed

SECOND_REDIRECT = f"{REDIRECT}?dummy1=lorem&dummy2=ipsum"
BEHIND = {"X-Forwarded-For": "203.0.113.7"}


@dataclass(frozen=True)
class Plan:
    """Client authentication, sender constraint, and whether requests and answers are signed."""

    auth: str
    bound: str
    is_signed: bool = False

    def __str__(self) -> str:
        return f"{self.auth}-{self.bound}" + ("-signed" if self.is_signed else "")


PKJ_DPOP, PKJ_MTLS = Plan("private_key_jwt", "dpop"), Plan("private_key_jwt", "mtls")
MTLS_DPOP, MTLS_MTLS = Plan("mtls", "dpop"), Plan("mtls", "mtls")
SIGNED = (Plan("private_key_jwt", "dpop", is_signed=True), Plan("mtls", "mtls", is_signed=True))
ALL = (PKJ_DPOP, PKJ_MTLS, MTLS_DPOP, MTLS_MTLS, *SIGNED)


@dataclass
class Party:
    """One client of the plan, with the browser that it is reached by."""

    plan: Plan
    visitor: Visitor
    client_id: str = "first"
    redirect_uri: str = REDIRECT
    object_header: dict[str, Any] = field(default_factory=dict)
    key: Any = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": secrets.token_hex(4)}))
    proof_key: ProofKey = field(default_factory=ProofKey)
    certificate: Shown = field(init=False)
    nonce: str | None = None

    def __post_init__(self) -> None:
        self.certificate = shown(self.visitor.app.clock(), f"CN={self.client_id}")
        self.registered()

    def registered(self, *keys: Any) -> None:
        """Register it as its plan says, with more keys than its own."""
        jwks, more = [key.as_dict(private=False) for key in (self.key, *keys)], dict[str, Any]()
        if self.plan.auth == "mtls":
            more["token_endpoint_auth_method"] = "self_signed_tls_client_auth"
            jwks.append(self.certificate.jwk())
        more["tls_client_certificate_bound_access_tokens"] = self.plan.bound == "mtls"
        more["require_signed_request_object"] = self.plan.is_signed
        uris = [self.redirect_uri]
        self.app.client(self.client_id, None, profile="fapi2", jwks={"keys": jwks}, redirect_uris=uris, **more)

    @property
    def app(self) -> App:
        return self.visitor.app

    def assertion(self, key: Any = None, header: dict[str, Any] | None = None, **claims: Any) -> dict[str, str]:
        """A client assertion in a form; a claim that is given as None is left out."""
        now, key = int(self.app.clock()), key or self.key
        body = {"iss": self.client_id, "sub": self.client_id, "aud": ISSUER, "iat": now, "exp": now + 60}
        body = {n: v for n, v in (body | {"jti": secrets.token_urlsafe(12)} | claims).items() if v is not None}
        text = signed(body, key, **({"typ": None, "kid": key.kid} | (header or {})))
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": text}

    def proof(self, method: str, path: str, key: ProofKey | None = None, **more: Any) -> dict[str, str]:
        """A DPoP proof as a header; none where tokens are bound to certificates."""
        if self.plan.bound != "dpop":
            return {}
        made = (key or self.proof_key).proof(
            method, ISSUER + path, **{"now": self.app.clock(), "nonce": self.nonce} | more
        )
        return {"DPoP": made}

    def connection(self) -> dict[str, str]:
        """What the proxy says of the connection: every one of this client has its certificate."""
        return self.certificate.headers("FAILED:self-signed certificate") if self.plan != PKJ_DPOP else BEHIND

    def post(
        self,
        path: str,
        form: dict[str, Any],
        *,
        credentials: dict[str, str] | None = None,
        proof: dict[str, Any] | None = None,
        connection: dict[str, str] | None = None,
    ) -> TestResponse:
        """A request of this client; `proof` makes one of these claims, and is made again when a nonce is asked for."""
        if credentials is None:
            credentials = self.assertion() if self.plan.auth == "private_key_jwt" else {}
        headers = self.connection() if connection is None else connection
        shown_proof = {} if proof is None else self.proof("POST", path, **proof)
        whole = {"client_id": self.client_id} | credentials | form
        answer = self.visitor.post(path, whole, headers=headers | shown_proof)
        self.nonce = answer.headers.get("DPoP-Nonce", self.nonce)
        if (answer.json or {}).get("error") == "use_dpop_nonce":
            again = self.assertion() if "client_assertion" in credentials else {}
            shown_proof = self.proof("POST", path, **(proof or {}))
            answer = self.visitor.post(path, whole | again, headers=headers | shown_proof)
        return answer

    def push(self, *, says: dict[str, Any] | None = None, sealed: dict[str, Any] | None = None, **sent: Any) -> Any:
        """Push a request; `says` changes its parameters, `sealed` the claims of its object, `sent` is as in `post`."""
        usual = {"redirect_uri": self.redirect_uri, "scope": "openid profile offline_access"}
        params = asked(**(usual | (says or {})))
        if not self.plan.is_signed:
            return self.post("/par", params, **sent)
        return self.push_object(self.request_object(params, **(sealed or {})), **sent)

    def request_object(
        self, params: dict[str, Any], key: Any = None, header: dict[str, Any] | None = None, **claims: Any
    ) -> str:
        """A signed request; a claim that is given as None is left out."""
        now, key = int(self.app.clock()), key or self.key
        frame = {"iss": self.client_id, "aud": ISSUER, "client_id": self.client_id, "nbf": now, "exp": now + 300}
        mode = {"response_mode": "jwt"}
        body = {n: v for n, v in (frame | mode | params | claims).items() if v is not None}
        return signed(body, key, **({"kid": key.kid} | self.object_header | (header or {})))

    def push_object(self, text: str, **sent: Any) -> TestResponse:
        return self.post("/par", {"request": text}, **sent)

    def open(self, request_uri: str, **beside: Any) -> TestResponse:
        """Send the browser to `/authorize` with the name of a pushed request, and parameters beside it."""
        query = {"client_id": self.client_id, "request_uri": request_uri} | beside
        return self.visitor.get("/authorize", query_string=query, headers=BEHIND)

    def finish(self, begun: TestResponse) -> TestResponse:
        """Log in and agree where that is asked, and return where the browser ends."""
        answer = begun
        if "/login?" in answer.headers.get("Location", ""):
            answer = self.visitor.log_in(answer)
        if "/consent?" in answer.headers.get("Location", ""):
            form = {"attempt": attempt_of(answer), "agree": "1", "consent-allow": ""}
            answer = self.visitor.get(self.visitor.post("/consent", form).headers["Location"])
        return answer

    def authorized(self, beside: dict[str, Any] | None = None, **pushed: Any) -> TestResponse:
        """Push, open and log in."""
        answer = self.push(**pushed)
        assert answer.status_code == 201, answer.text
        return self.finish(self.open(answer.json["request_uri"], **(beside or {})))

    def read(self, answer: TestResponse) -> dict[str, str]:
        """What came back to the client, verified as the plan says."""
        back = answer_of(answer)
        if self.plan.is_signed:
            response = {name: value for name, value in back.items() if not name.startswith("dummy")}
            assert list(response) == ["response"]
            keys = KeySet.import_key_set(self.visitor.get("/jwks").json)
            token = jwt.decode(response["response"], keys, algorithms=["ES256"])
            back |= {name: str(value) for name, value in token.claims.items()}
            assert back["aud"] == self.client_id
        assert back["iss"] == ISSUER
        return back

    def outcome(self, answer: TestResponse) -> str:
        """`page`, `login`, `code`, or the error that the client is told."""
        place = answer.headers.get("Location", "")
        if not place:
            assert 400 <= answer.status_code < 500
            return "page"
        return "login" if "/login?" in place else next(v for n, v in self._told(answer) if n in ("error", "code"))

    def _told(self, answer: TestResponse) -> list[tuple[str, str]]:
        return [("code", "code") if name == "code" else (name, value) for name, value in self.read(answer).items()]

    def redeem(self, code: str, *, proof: dict[str, Any] | None = None, **form: Any) -> TestResponse:
        """Redeem a code; a parameter that is given as None is left out, and `proof` changes the proof."""
        sent = {name: form.pop(name) for name in ("credentials", "connection") if name in form}
        whole = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect_uri}
        whole |= {"code_verifier": VERIFIER} | form
        return self.post("/token", {n: v for n, v in whole.items() if v is not None}, proof=proof or {}, **sent)

    def code(self, **more: Any) -> str:
        return self.read(self.authorized(**more))["code"]

    def tokens(self, **more: Any) -> dict[str, Any]:
        """The whole flow."""
        answer = self.redeem(self.code(**more))
        assert answer.status_code == 200, answer.text
        return dict(answer.json or {})

    def refresh(self, refresh_token: str, **sent: Any) -> TestResponse:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self.post("/token", form, **{"proof": {}} | sent)

    def resource(self, access_token: str, *, scheme: str = "", **proof: Any) -> TestResponse:
        """Call userinfo with a token of whoever."""
        scheme = scheme or ("DPoP" if self.plan.bound == "dpop" else "Bearer")
        headers = self.connection() | self.proof("GET", "/userinfo", access_token=access_token, **proof)
        answer = self.visitor.get("/userinfo", headers=headers | {"Authorization": f"{scheme} {access_token}"})
        self.nonce = answer.headers.get("DPoP-Nonce", self.nonce)
        return answer


def behind_proxy(app: App) -> Visitor:
    """A browser that comes through the listed proxy, as clients with certificates do."""
    return app.visitor(PROXY)
