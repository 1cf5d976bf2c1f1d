"""Makes hostile HTTP requests from a seed: real routes, real parameters and real handles, bent at random places."""

import random
from dataclasses import dataclass
from urllib.parse import quote

CANARY = "<x onerror=canary>'\""
METHODS = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "get", "BREW", ""]
ROUTES = [
    "/", "/authorize", "/login", "/consent", "/end_session", "/logout", "/logged-out", "/account", "/favicon.ico",
    "/account/end-session", "/account/withdraw", "/token", "/userinfo", "/introspect", "/revoke", "/jwks",
    "/healthz", "/readyz", "/metrics", "/.well-known/openid-configuration", "/static/page.css", "/testing/forget",
    "/.well-known/oauth-authorization-server", "/login/captcha/x.png", "/static/../config", "/nowhere",
]  # fmt: skip
NAMES = [
    "client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "claims", "prompt",
    "code_challenge_method", "max_age", "response_mode", "id_token_hint", "login_hint", "ui_locales", "acr_values",
    "resource", "request", "request_uri", "grant_type", "code", "code_verifier", "refresh_token", "client_secret",
    "client_assertion", "client_assertion_type", "token", "access_token", "attempt", "username", "password",
    "captcha", "captcha_id", "kind", "remember", "csrf", "session", "agree", "consent-allow", "login-cancel", "lang",
    "post_logout_redirect_uri", "token_type_hint",
]  # fmt: skip
WORDS = [
    "portal", "openid", "code", "S256", "none", "login", "individual", "organisation", "authorization_code",
    "refresh_token", "client_credentials", "query", "form_post", "0000000001", "vi", "en", "", "0", "-1", "9" * 40,
    "null", "true", "[]", "{}", '{"userinfo":{"name":null}}', "[" * 900, '{"id_token":{"acr":{"essential":true}}}',
    "https://portal.example.test/callback", "https://evil.test/", "javascript:alert(1)", "//evil.test", CANARY,
    "\0", "\r\nSet-Cookie: a=b", "%00", "%", "../../etc/passwd", "' OR 1=1 --", "ￂ", "\ud83d", "số", "A" * 3000,
    "a.b.c", "a.b.c.d.e", "eyJhbGciOiJub25lIn0.e30.", "r_" + "a" * 22 + ".1." + "a" * 43, "k_" + "a" * 43,
]  # fmt: skip
HEADERS = [
    "Authorization: Basic ", "Authorization: Bearer ", "Authorization: Basic cG9ydGFsOng=", "Cookie: idp-s=",
    "X-Forwarded-For: ", "X-Forwarded-Host: evil.test", "Origin: ", "Sec-Fetch-Site: cross-site", "If-None-Match: ",
    "Accept-Language: ", "Content-Encoding: gzip", "Expect: 100-continue", "Transfer-Encoding: chunked", "Range: ",
]  # fmt: skip
TYPES = ["application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x", "text/xml", ""]


@dataclass
class Grammar:
    """Requests from one seed; `known` are handles that really exist, so that mutations reach behind the first check."""

    seed: int
    host: str
    known: list[str]

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def request(self) -> bytes:
        """The next request, as bytes for a socket."""
        r = self._random
        method = r.choices(METHODS, weights=[9, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1])[0]
        path = r.choice(ROUTES) if r.random() < 0.95 else "/" + self._bent(r.choice(WORDS))
        body = self._form().encode("utf-8", "surrogatepass") if method == "POST" or r.random() < 0.1 else b""
        query = "?" + self._form() if r.random() < 0.6 else ""
        target = (path + query).encode("utf-8", "surrogatepass").replace(b" ", b"+").replace(b"\n", b"%0a")
        lines = [method.encode() + b" " + target.replace(b"\r", b"%0d") + b" HTTP/1.1", b"Host: " + self.host.encode()]
        lines += [self._header() for _ in range(r.randrange(4))]
        if body or method == "POST":
            lines += [b"Content-Type: " + r.choice(TYPES).encode(), b"Content-Length: %d" % len(body)]
        lines += [b"Connection: close", b"", b""]
        return self._mangled(b"\r\n".join(lines) + body)

    def _form(self) -> str:
        r = self._random
        pairs = [(r.choice(NAMES), self._value()) for _ in range(r.randrange(12))]
        encode = quote if r.random() < 0.85 else str
        return "&".join(
            f"{name}={encode(value, errors='replace') if encode is quote else value}" for name, value in pairs
        )

    def _value(self) -> str:
        r = self._random
        value = r.choice(self.known) if self.known and r.random() < 0.3 else r.choice(WORDS)
        return self._bent(value) if r.random() < 0.3 else value

    def _bent(self, text: str) -> str:
        """One character changed, dropped or doubled."""
        at = self._random.randrange(len(text) + 1)
        middle = self._random.choice(["", chr(self._random.randrange(1, 0x2FF)), text[at : at + 1] * 2])
        return text[:at] + middle + text[at + 1 :]

    def _header(self) -> bytes:
        value = self._random.choice(HEADERS) + self._value()[:2000]
        return value.encode("utf-8", "replace").replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"")

    def _mangled(self, raw: bytes) -> bytes:
        """Now and then a byte of the whole request is changed, or its end is missing."""
        r = self._random
        if r.random() > 0.08:
            return raw
        at = r.randrange(len(raw))
        return raw[:at] if r.random() < 0.3 else raw[:at] + bytes([r.randrange(256)]) + raw[at + 1 :]
