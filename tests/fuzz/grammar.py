"""Makes hostile HTTP requests from a seed: made up of real names and bad words, or valid ones bent here and there."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

CANARY = "<x onerror=canary>'\""
METHODS = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "get", "BREW", ""]
NAMES = [
    "client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "claims", "prompt",
    "code_challenge_method", "max_age", "response_mode", "id_token_hint", "login_hint", "ui_locales", "acr_values",
    "resource", "request", "request_uri", "grant_type", "code", "code_verifier", "refresh_token", "client_secret",
    "client_assertion", "client_assertion_type", "token", "access_token", "attempt", "username", "password",
    "captcha", "captcha_id", "kind", "remember", "csrf", "session", "agree", "consent-allow", "login-cancel", "lang",
    "post_logout_redirect_uri", "token_type_hint", "logout-confirm", "subject_token", "subject_token_type",
    "requested_token_type", "actor_token", "audience", "authorization_details",
]  # fmt: skip
WORDS = [
    "portal", "openid", "code", "S256", "none", "login", "individual", "organisation", "authorization_code",
    "refresh_token", "client_credentials", "query", "form_post", "0077000001", "vi", "en", "", "0", "-1", "9" * 40,
    "null", "true", "[]", "{}", '{"userinfo":{"name":null}}', "[" * 900, '{"id_token":{"acr":{"essential":true}}}',
    "https://portal.example/callback", "https://evil.test/", "javascript:alert(1)", "//evil.test", CANARY,
    "\0", "\r\nSet-Cookie: canary=b", "%00", "%", "../../etc/passwd", "' OR 1=1 --", "ￂ", "\ud83d", "số", "A" * 3000,
    '[{"type":"bhxh_record_access","person":"self","from_year":2015,"to_year":2020}]',
    "a.b.c", "a.b.c.d.e", "eyJhbGciOiJub25lIn0.e30.", "r_" + "a" * 22 + ".1." + "a" * 43, "k_" + "a" * 43,
]  # fmt: skip
HEADERS = [
    "DPoP: ", "Authorization: DPoP ",
    "Authorization: Basic ", "Authorization: Bearer ", "Authorization: Basic cG9ydGFsOng=", "Cookie: idp-s=",
    "X-Forwarded-For: ", "X-Forwarded-Host: evil.test", "Origin: ", "Sec-Fetch-Site: cross-site", "If-None-Match: ",
    "Accept-Language: ", "Content-Encoding: gzip", "Expect: 100-continue", "Transfer-Encoding: chunked", "Range: ",
    "Cookie: idp-l=en; idp-b=", "User-Agent: ", "X_Forwarded_For: ", "Connection: keep-alive, ",
]  # fmt: skip
TYPES = ["application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x", "text/xml", ""]

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One request before it is written out; `headers` are whole lines."""

    method: str
    path: str
    query: Pairs = ()
    form: Pairs = ()
    headers: tuple[str, ...] = ()
    content_type: str = TYPES[0]


class Grammar:
    """Requests from one seed. `valid` ones are bent, `routes` are called with made-up parameters."""

    def __init__(self, seed: int, host: str, routes: Sequence[str]) -> None:
        self._random = random.Random(seed)
        self._host = host
        self._routes = routes

    def next(self, valid: Sequence[Request]) -> bytes:
        """The next request, as bytes for a socket."""
        r = self._random
        request = r.choice(valid) if valid and r.random() < 0.6 else self._made_up()
        for _ in range(r.choice((0, 1, 1, 1, 2, 3))):
            request = self._changed(request)
        return self._mangled(self._written(request))

    def _made_up(self) -> Request:
        r = self._random
        method = r.choices(METHODS, weights=[9, 9, 1, 1, 1, 1, 1, 1, 1, 1, 1])[0]
        path = r.choice(self._routes) if r.random() < 0.95 else "/" + self._bent(r.choice(WORDS))
        query = self._pairs() if r.random() < 0.6 else ()
        form = self._pairs() if method == "POST" or r.random() < 0.1 else ()
        headers = tuple(self._header() for _ in range(r.randrange(4)))
        return Request(method, path, query, form, headers, r.choice(TYPES))

    def _pairs(self) -> Pairs:
        return tuple((self._random.choice(NAMES), self._value()) for _ in range(self._random.randrange(12)))

    def _changed(self, request: Request) -> Request:
        """One thing is different."""
        r = self._random
        match r.randrange(8):
            case 0:
                return replace(request, method=r.choice(METHODS))
            case 1:
                return replace(request, path=r.choice(self._routes))
            case 2:
                return replace(request, headers=(*request.headers, self._header()))
            case 3:
                return replace(request, headers=tuple(self._maybe_bent(line) for line in request.headers))
            case 4:
                return replace(request, query=request.form, form=request.query)
            case 5:
                return replace(request, content_type=r.choice(TYPES))
            case _ if request.form:
                return replace(request, form=self._without_one_place(request.form))
            case _:
                return replace(request, query=self._without_one_place(request.query))

    def _without_one_place(self, pairs: Pairs) -> Pairs:
        """One pair is missing, doubled, renamed, bent or new."""
        r = self._random
        at = r.randrange(len(pairs) + 1)
        before, after = pairs[:at], pairs[at + 1 :]
        name, value = pairs[at] if at < len(pairs) else (r.choice(NAMES), "")
        new = [
            (),
            ((name, value),) * 2,
            ((r.choice(NAMES), value),),
            ((name, self._bent(value)),),
            ((name, self._value()),),
        ]
        return before + r.choice(new) + after

    def _value(self) -> str:
        value = self._random.choice(WORDS)
        return self._bent(value) if self._random.random() < 0.2 else value

    def _maybe_bent(self, line: str) -> str:
        return self._bent(line) if self._random.random() < 0.5 else line

    def _bent(self, text: str) -> str:
        """One character changed, dropped or doubled."""
        at = self._random.randrange(len(text) + 1)
        middle = self._random.choice(["", chr(self._random.randrange(1, 0x2FF)), text[at : at + 1] * 2])
        return text[:at] + middle + text[at + 1 :]

    def _header(self) -> str:
        return self._random.choice(HEADERS) + self._value()[:2000]

    def _written(self, request: Request) -> bytes:
        body, query = self._encoded(request.form), self._encoded(request.query)
        target = _bytes(request.path + (f"?{query}" if query else "")).replace(b" ", b"+").replace(b"\n", b"%0a")
        lines = [_bytes(request.method) + b" " + target.replace(b"\r", b"%0d") + b" HTTP/1.1"]
        lines += [b"Host: " + self._host.encode()]
        lines += [_bytes(line).translate(None, b"\r\n\0") for line in request.headers]
        if body or request.method == "POST":
            lines += [b"Content-Type: " + request.content_type.encode(), b"Content-Length: %d" % len(_bytes(body))]
        return b"\r\n".join([*lines, b"Connection: close", b"", b""]) + _bytes(body)

    def _encoded(self, pairs: Pairs) -> str:
        """Percent-encoded as a browser would, or, now and then, raw."""
        if self._random.random() < 0.1:
            return "&".join(f"{name}={value}" for name, value in pairs)
        return "&".join(f"{name}={quote(value, errors='replace')}" for name, value in pairs)

    def _mangled(self, raw: bytes) -> bytes:
        """Now and then a byte of the whole request is changed, or its end is missing."""
        r = self._random
        if r.random() > 0.08:
            return raw
        at = r.randrange(len(raw))
        return raw[:at] if r.random() < 0.3 else raw[:at] + bytes([r.randrange(256)]) + raw[at + 1 :]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
