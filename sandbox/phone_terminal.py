"""`python -m sandbox phone`: the simulated phone for scripts, a command for each thing that one does with the app.

The path: `enrol` logs in with a browser (RFC 8252: it shows an address and listens on the loopback for the answer) and
makes this phone the person's device; `scan` binds the login of a picture and prints the card once its signature is
verified; `confirm` or `deny` ends it; `state` tells what this phone is. Answers are JSON on standard output; what goes
wrong is `code: sentence` on standard error, and exit code 1.
"""

import argparse
import getpass
import hashlib
import json
import secrets
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import urllib3
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from sandbox.addresses import Addresses
from sandbox.phone_kept import Kept
from sandbox.phone_server import CLIENT, SCOPE, link_of

_PATIENCE = 300.0
_LARGEST_PICTURE = 20_000_000


class Refused(Exception):
    """Something that cannot be done: a code, and a sentence."""

    def __init__(self, code: str, says: str = "") -> None:
        super().__init__(f"{code}: {says}" if says else code)
        self.code = code


class Phone:
    """The phone: its key and tokens, and how it speaks to the provider."""

    def __init__(self, provider: str, kept: Kept) -> None:
        self._provider = provider
        self._kept = kept
        self._pool = urllib3.PoolManager(timeout=30, retries=False)
        self._nonce = ""

    def state(self) -> dict[str, Any]:
        return self._send("GET", "/phone/device")

    def enrol(self, name: str, passcode: str, code: str, *, take: bool) -> dict[str, Any]:
        """Log in, and enrol; without `code` one is asked for in the terminal. `take` ends the other phone there is."""
        if self.state()["state"] == "ended":
            self._kept.forget()
        self._log_in()
        present = self.state()
        if present["state"] == "active":
            return present
        wish = {"name": name, "passcode": passcode} | ({"replace": True} if take else {})
        told = self._call("/phone/device", wish)
        if "sent_to" not in told:
            return told
        typed = code or answered(f"Mã gửi tới (code sent to) {told['sent_to']}: ")
        return self._call("/phone/device", wish | {"code": typed})

    def scan(self, text: str) -> dict[str, Any]:
        """The card of the login, verified; nothing of a link that is not the provider's is sent."""
        if not text.startswith(link_of(self._provider) + "#"):
            raise Refused("not_ours", "This is no login code of the provider; nothing was sent.")
        scanned = self._call("/phone/qr/scan", {"picture": text})
        card = self._verified(scanned["card"], "qr-card+jwt")
        if card.get("ticket") != scanned["ticket"]:
            raise Refused("statement", "The card is about another login.")
        self._kept.put(ticket=scanned["ticket"])
        return card

    def confirm(self, number: str, passcode: str) -> dict[str, Any]:
        return self._call("/phone/qr/confirm", {"ticket": self._ticket(), "number": number, "passcode": passcode})

    def deny(self) -> dict[str, Any]:
        return self._call("/phone/qr/deny", {"ticket": self._ticket()})

    def _ticket(self) -> str:
        if not self._kept["ticket"]:
            raise Refused("not_scanned", "Scan a code first.")
        return self._kept["ticket"]

    def _log_in(self) -> None:
        """A login in a browser, whose answer comes to the loopback."""
        verifier, state, nonce = (secrets.token_urlsafe(32) for _ in range(3))
        with _Receiver() as receiver:
            redirect = f"http://127.0.0.1:{receiver.server_port}/callback"
            query = {
                "response_type": "code",
                "client_id": CLIENT,
                "redirect_uri": redirect,
                "scope": SCOPE,
                "state": state,
                "nonce": nonce,
                "code_challenge": _hash(verifier),
                "code_challenge_method": "S256",
                "dpop_jkt": self._kept.key.thumbprint(),
            }
            print(f"Mở trong trình duyệt (open): {self._provider}/authorize?{urlencode(query)}", file=sys.stderr)
            answer = receiver.answer()
        if answer.get("state") != state or answer.get("iss") != self._provider or "code" not in answer:
            raise Refused(answer.get("error", "no_answer"), "The login did not come back as it was begun.")
        grant = {"grant_type": "authorization_code", "code": answer["code"], "code_verifier": verifier}
        person = self._verified(self._take(grant | {"redirect_uri": redirect})["id_token"])
        if person.get("nonce") != nonce:
            raise Refused("statement", "The ID token is for another login.")

    def _take(self, grant: Mapping[str, str]) -> dict[str, Any]:
        tokens = self._send("POST", "/token", form={"client_id": CLIENT} | dict(grant))
        self._kept.put(access_token=tokens["access_token"], refresh_token=tokens["refresh_token"])
        return tokens

    def _call(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """A call with the token, which is renewed once when it is over."""
        try:
            return self._send("POST", path, body, token=self._kept["access_token"])
        except Refused as refused:
            if refused.code != "invalid_token" or not self._kept["refresh_token"]:
                raise
        self._take({"grant_type": "refresh_token", "refresh_token": self._kept["refresh_token"]})
        return self._send("POST", path, body, token=self._kept["access_token"])

    def _send(self, method: str, path: str, body: Any = None, *, form: Any = None, token: str = "") -> dict[str, Any]:
        """One request, sent again when a fresh nonce is asked for."""
        try:
            return self._send_once(method, path, body, form, token)
        except Refused as refused:
            if refused.code != "use_dpop_nonce":
                raise
        return self._send_once(method, path, body, form, token)

    def _send_once(self, method: str, path: str, body: Any, form: Any, token: str) -> dict[str, Any]:
        url = self._provider + path
        headers = {"DPoP": self._proof(method, url, token), "Accept-Language": "en"}
        headers |= {"Authorization": f"DPoP {token}"} if token else {}
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        data = urlencode(form) if form else json.dumps(body) if body is not None else None
        headers |= {"Content-Type": kind} if data else {}
        try:
            answer = self._pool.request(method, url, body=data, headers=headers, redirect=False)
            self._nonce = answer.headers.get("DPoP-Nonce", self._nonce)
            told: dict[str, Any] = answer.json()
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            raise Refused("lost", f"{self._provider} gave no answer ({type(error).__name__}).") from None
        if answer.status >= 300:
            code = told.get("code") or told.get("error") or "failed"
            raise Refused(code, told.get("detail") or told.get("error_description") or "")
        return told

    def _proof(self, method: str, url: str, token: str) -> str:
        key = self._kept.key
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}
        claims = {"jti": secrets.token_urlsafe(12), "htm": method, "htu": url, "iat": int(time.time())}
        claims |= {"nonce": self._nonce} if self._nonce else {}
        claims |= {"ath": _hash(token)} if token else {}
        return jwt.encode(header, claims, key, algorithms=["ES256"])

    def _verified(self, text: str, typ: str = "") -> dict[str, Any]:
        """The claims of a statement of the provider for this app."""
        try:
            keys = self._pool.request("GET", f"{self._provider}/jwks").json()
            token = jwt.decode(text, KeySet.import_key_set(keys), algorithms=["ES256"])
            needed = {"iss": {"essential": True, "value": self._provider}, "aud": {"essential": True, "value": CLIENT}}
            jwt.JWTClaimsRegistry(**needed, exp={"essential": True}).validate(token.claims)  # type: ignore[arg-type]
        except (JoseError, ValueError, urllib3.exceptions.HTTPError) as error:
            raise Refused("statement", f"The provider did not sign this ({type(error).__name__}).") from None
        if typ and token.header.get("typ") != typ:
            raise Refused("statement", "The provider signed something else.")
        return token.claims


class _Receiver(HTTPServer):
    """Listens on the loopback for the one answer of a login."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.timeout = 1.0
        self.given: dict[str, str] = {}

    def answer(self) -> dict[str, str]:
        until = time.monotonic() + _PATIENCE
        while not self.given and time.monotonic() < until:
            self.handle_request()
        return self.given


class _Answer(BaseHTTPRequestHandler):
    server: _Receiver

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        is_answer = parts.path == "/callback"
        self.send_response(200 if is_answer else 404)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        if is_answer:
            self.server.given = dict(parse_qsl(parts.query))
            self.wfile.write("Xong. Hãy quay lại cửa sổ lệnh. (Done: back to the terminal.)".encode())

    def log_message(self, *_: object) -> None:
        """Nothing: the address holds a code."""


def _hash(text: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def answered(prompt: str, *, secret: bool = False) -> str:
    """What is typed, or the next line of a script."""
    if secret and sys.stdin.isatty():
        return getpass.getpass(prompt)
    print(prompt, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def read(picture: str) -> str:
    """What a picture says: its text, or a file, which needs the development tool zxing-cpp."""
    file = Path(picture)
    if picture.startswith(("http://", "https://")) or not file.is_file():
        return picture
    try:
        import zxingcpp
        from PIL import Image
    except ImportError:
        raise Refused("no_reader", "Reading pictures needs zxing-cpp; give the text of the code.") from None
    if file.stat().st_size > _LARGEST_PICTURE:
        raise Refused("too_large", "The picture is larger than 20 MB.")
    try:
        found = zxingcpp.read_barcodes(Image.open(file))
    except OSError:
        raise Refused("no_picture", "This file is no picture.") from None
    if not found:
        raise Refused("no_code", "There is no code in this picture.")
    return str(found[0].text)


def run(where: Addresses, words: list[str]) -> int:
    """One command; gives the exit code."""
    given = _parser(where).parse_args(words)
    phone = Phone(given.provider, Kept(where.records / "phone.json"))
    try:
        told = _done(phone, given)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 1
    print(json.dumps(told, ensure_ascii=False, indent=2))
    return 0


def _parser(where: Addresses) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox phone", description="The simulated phone, for scripts.")
    parser.add_argument("--provider", default=where.provider, help="issuer (default: %(default)s)")
    commands = parser.add_subparsers(dest="command", required=True)
    enrol = commands.add_parser("enrol", help="log in with a browser and make this phone the person's device")
    enrol.add_argument("--name", default="Terminal")
    enrol.add_argument("--passcode", help="six digits (asked for when left out)")
    enrol.add_argument("--code", default="", help="the code of the text message (asked for when left out)")
    enrol.add_argument("--take-over", action="store_true", help="sign the other phone out")
    scan = commands.add_parser("scan", help="bind the login of a picture; prints who asks")
    scan.add_argument("picture", help="what the code says, or a picture file")
    confirm = commands.add_parser("confirm", help="let the browser in")
    confirm.add_argument("--number", help="the two digits on the screen (asked for when left out)")
    confirm.add_argument("--passcode", help="asked for when left out")
    commands.add_parser("deny", help="refuse the browser")
    commands.add_parser("state", help="what this phone is: a device, an ended one, or none")
    return parser


def _done(phone: Phone, given: argparse.Namespace) -> dict[str, Any]:
    match given.command:
        case "enrol":
            passcode = given.passcode or answered("Mật khẩu ứng dụng, 6 chữ số (passcode): ", secret=True)
            return phone.enrol(given.name, passcode, given.code, take=given.take_over)
        case "scan":
            return phone.scan(read(given.picture))
        case "confirm":
            number = given.number or answered("Số trên màn hình (number on the screen): ")
            return phone.confirm(number, given.passcode or answered("Mật khẩu ứng dụng (passcode): ", secret=True))
        case "deny":
            return phone.deny()
    return phone.state()
