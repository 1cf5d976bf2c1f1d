"""A transcript of what goes through a WSGI application, in which the same run always reads the same.

Times stand still while recording, so they stay. Whatever is random becomes a placeholder of its kind, numbered in order
of its first appearance; the parts of a JWT are written out where it is first seen. Of a page for people stays what
programs meet: its name, its forms and its links; of other answers every byte.
"""

import base64
import io
import json
import re
from collections.abc import Callable, Iterable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, unquote

JWT = re.compile(r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+")
KINDS = [
    ("uuid", re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")),
    ("secret", re.compile(r"(?<![\w-])[a-z]{1,3}_[A-Za-z0-9_-]{43}(?![\w-])")),
    ("user code", re.compile(r"(?<![\w-])[B-DF-HJ-NP-TV-Z]{4}-[B-DF-HJ-NP-TV-Z]{4}(?![\w-])")),
    ("device code", re.compile(r"(?<![\w-])[B-DF-HJ-NP-TV-Z]{8}(?=\.)")),
    ("reference", re.compile(r"(?<![\w-])[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{2}(?![\w-])")),
]
LONG = re.compile(r"(?<![\w-])[A-Za-z0-9_-]{16,}={0,2}(?![\w-])")
WORDS = re.compile(r"-*(?:(?:[a-z]{3,}(?:[A-Z][a-z]{2,})+|[A-Z]?[a-z]+|[A-Z]+|[0-9]{1,13})(?:[-_]|$))+")
"""Longer than 16 letters and no secret: words and numbers with hyphens."""

FIXED = [
    (re.compile(r"Expires=[^;]+"), "Expires=<date>"),
    (re.compile(r"(?<=ref=)[0-9A-Z]{10}"), "<reference>"),
    (re.compile(r"\.\.\.[0-9A-Z]{2}"), "...<end>"),
    (re.compile(r'"\d{10}\.\d+-\d+-\d+"'), '"<file>"'),
    (re.compile(r'"number": "\d\d"'), '"number": "<number>"'),
    (re.compile(r"__Host-p[\w-]{12}="), "__Host-p<proof>="),
    (re.compile(r"\?v=[0-9a-f]{8}"), "?v=<version>"),
    (re.compile(r'"(n|x|y)":"[^"]+"'), r'"\1":"<\1>"'),
]
SIX = re.compile(r"(?<![\d.*])\d{6}(?!\d)")
MINUTE = re.compile(r"\d\d:\d\d \d\d/\d\d/\d{4}")
NOW = re.compile(r"(?<!\d)\d{10}(?:\.\d+)?(?!\d)")
SENTENCE = re.compile(r'"(title|detail|summary|description|sentence|message)": ?"(?:[^"\\]|\\.)*"')


USUAL = frozenset(
    (
        "X-Content-Type-Options: nosniff",
        "X-Frame-Options: DENY",
        "Referrer-Policy: no-referrer",
        "Cross-Origin-Opener-Policy: same-origin",
        "Cross-Origin-Resource-Policy: same-origin",
        "Permissions-Policy: camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cache-Control: no-store",
        "Strict-Transport-Security: max-age=63072000; includeSubDomains",
    )
)
"""The headers of nearly every answer."""

LEFT_OUT = ("Content-Length", "Date", "Expires", "Last-Modified")


class Names:
    """Placeholders for what is random; `now` is when a clock that goes by itself began, where there is one."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self.now: float | None = None
        self.fresh: list[str] = []

    def know(self, value: str, kind: str) -> str:
        """The placeholder of a value."""
        if value not in self._names:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[value] = f"<{kind} {self._counts[kind]}>"
            if kind == "jwt":
                self.fresh.append(f"  {self._names[value]} = {self._parts(value)}")
        return self._names[value]

    def clean(self, text: str) -> str:
        """The text with placeholders."""
        text = JWT.sub(lambda found: self.know(found[0], "jwt"), text)
        for shape, instead in FIXED:
            text = shape.sub(instead, text)
        for value, name in self._names.items():
            if value.startswith("http"):
                text = text.replace(value, name)
        for kind, shape in KINDS:
            text = shape.sub(lambda found, kind=kind: self.know(found[0], kind), text)  # type: ignore[misc]
        text = LONG.sub(self._opaque, text)
        return MINUTE.sub("<minute>", NOW.sub(self._moment, text)) if self.now else text

    def typed(self, text: str) -> str:
        """The same of what somebody typed, where six digits are a code."""
        return SIX.sub(lambda found: self.know(found[0], "six digits"), self.clean(text))

    def _opaque(self, found: re.Match[str]) -> str:
        return found[0] if WORDS.fullmatch(found[0]) else self.know(found[0], f"opaque of {len(found[0])}")

    def _moment(self, found: re.Match[str]) -> str:
        away = float(found[0]) - (self.now or 0)
        return f"<now{int(round(away, -2)):+d}>" if abs(away) < 1e8 else found[0]

    def _parts(self, token: str) -> str:
        header, claims = (base64.urlsafe_b64decode(part + "==").decode() for part in token.split(".")[:2])
        return f"{self.clean(header)} {self.clean(claims)}"


class Page(HTMLParser):
    """What a program meets in a page: its name, where its forms go with which fields, and where it leads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.name = ""
        self.forms: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        have = {name: value or "" for name, value in attrs}
        self.name = have.get("data-page") or self.name
        if tag == "form":
            self.forms.append(f"{have.get('method', 'get')} {have.get('action', '')}:")
        elif have.get("name") and tag in ("input", "button", "select", "textarea") and self.forms:
            value = f"={have.get('value', '')}" if have.get("type") == "hidden" else ""
            self.forms[-1] += f" {have['name']}{value}"
        elif tag in ("a", "img"):
            self.links.append(have.get("href") or have.get("src") or "")

    def __str__(self) -> str:
        ours = [link for link in self.links if link.startswith(("/", "http")) and not link.startswith("/static")]
        links = [link for n, link in enumerate(ours) if link not in ours[:n]]
        return "\n".join([f"page {self.name}", *(f"  form {f}" for f in self.forms), f"  leads to {' '.join(links)}"])


class Transcript:
    """A WSGI application that writes down what another one is asked and answers."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.names = Names()
        self.lines: list[str] = []
        self._heads: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)
        self.lines += self.names.fresh
        self.names.fresh.clear()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        asked = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(asked)
        heads: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            heads[:] = [status, headers]
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        answer = self.inner(environ, start)
        body = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        self._write(environ, asked, heads[0], heads[1], body)
        return [body]

    def _write(
        self, environ: dict[str, Any], asked: bytes, status: str, headers: list[tuple[str, str]], body: bytes
    ) -> None:
        query = unquote(environ.get("QUERY_STRING", "").replace("+", " "))
        if environ["PATH_INFO"].startswith("/via/"):
            query = re.sub(r"(code|encrypt_key)=[^&]+", r"\1=<of the upstream>", query)
        target = environ["PATH_INFO"] + (f"?{query}" if query else "")
        self.note(f"> {environ['REQUEST_METHOD']} {self.names.typed(target)}{self._sent(environ, asked)}")
        kind = dict(headers).get("Content-Type", "").partition(";")[0]
        self.note(f"< {status}{self._head(headers)}")
        if (text := self._body(kind, body)) and "Location" not in dict(headers):
            self.note(text)

    def _sent(self, environ: dict[str, Any], asked: bytes) -> str:
        kind = environ.get("CONTENT_TYPE", "")
        scheme = environ.get("HTTP_AUTHORIZATION", "").partition(" ")[0]
        said = f" [{scheme}]" if scheme else ""
        if kind.startswith("multipart"):
            names = re.findall(rb'name="([^"]+)"', asked)
            return f"{said} {sorted({name.decode() for name in names})}"
        if kind.startswith("application/x-www-form-urlencoded"):
            fields = parse_qsl(asked.decode(errors="replace"), keep_blank_values=True)
            return said + " " + " ".join(f"{n}={self.names.typed(v)}" for n, v in fields if n != "altcha")
        text = asked[:1000].decode(errors="replace")
        return f"{said} {self.names.typed(text) if text.isprintable() else f'{len(asked)} bytes'}" if asked else said

    def _head(self, headers: list[tuple[str, str]]) -> str:
        """The headers; those that an answer of this section had before are named by its number."""
        lines = [f"{n}: {self.names.clean(unquote(v))}" for n, v in headers if n not in LEFT_OUT]
        own = [line for line in lines if line.startswith(("Location", "Set-Cookie", "DPoP-Nonce", "WWW-", "ETag"))]
        rest = [line for line in lines if line not in own and not line.startswith("X-Request-Id")]
        if set(rest) >= USUAL:
            rest = [*(line for line in rest if line not in USUAL), "(and the usual)"]
        common = "\n".join(f"  {line}" for line in rest)
        out = "".join(f"\n  {line}" for line in own)
        if common in self._heads:
            return f" (headers {self._heads.index(common) + 1}){out}"
        self._heads.append(common)
        return f" (headers {len(self._heads)}:)\n{common}{out}"

    def _body(self, kind: str, body: bytes) -> str:
        if kind == "text/html":
            return self.names.clean(str(Page(body.decode())))
        if kind in ("application/json", "application/problem+json"):
            text = SENTENCE.sub(r'"\1":<sentence>', body.decode())
            text = text.replace('},"', '},\n"') if '"openapi":' in text else self.names.clean(text)
            return _sorted_keys(text) if '"kty":' in text else text
        text = body.decode(errors="replace")
        return self.names.clean(text) if len(text) < 500 and text.isprintable() else f"({kind})"


def _sorted_keys(text: str) -> str:
    """A key set, whose order is that of random names, in the order of what else the keys are."""
    keys = json.loads(text)["keys"]
    return compact({"keys": sorted(keys, key=lambda key: (key["alg"], key["kid"]))})


def compact(value: Any) -> str:
    """A value as one line."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
