"""An upstream that speaks all three protocols over real HTTP, tells the truth by itself, and lies as it is told.

A lie is a change of content (`Lie.changes`: place -> what becomes of it), or of the bytes that an address answers with
(`Lie.raw`). The test is the browser: `came_back` makes of a departure the callback that the upstream would bring about.
"""

import base64
import contextlib
import json
import os
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from joserfc.jwk import RSAKey

from federation.connector import Callback, Departure
from keys.signing import half_hash
from tests.support.clock import FrozenClock

CLIENT_ID = "bhxh-idp"
CLIENT_SECRET = "a-secret-of-the-liar-and-of-us"
ACCESS_TOKEN = "access-token-of-the-liar"
RETURN_TO = "https://idp.example.test/via/liar/callback"
PERSON = "nguoi-thu-1"
NUMBER = "000890990001"

Change = Callable[[Any], Any]
Raw = Callable[["socketserver.StreamRequestHandler", threading.Event], None]


def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


KEY, STRANGER, OURS = _key(), _key(), _key()
"""The liar's key, one that nobody published, and the one that VNeID seals envelopes for."""


def pem(key: rsa.RSAPrivateKey) -> bytes:
    """A private key as an operator's file holds it."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_jwk(key: rsa.RSAPrivateKey, kid: str = "liar-1", **more: Any) -> dict[str, Any]:
    """The public half as a JWK."""
    told = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {**RSAKey.import_key(told).as_dict(private=False), "kid": kid, "use": "sig", "alg": "RS256", **more}


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def rs256(signing_input: bytes, key: rsa.RSAPrivateKey = KEY) -> bytes:
    return key.sign(signing_input, padding.PKCS1v15(), hashes.SHA256())


def sealed(
    text: bytes, key: rsa.RSAPrivateKey = OURS, mode: str = "ecb", secret: bytes | None = None
) -> dict[str, str]:
    """VNeID's envelope."""
    secret = secret or os.urandom(32)
    padder = PKCS7(128).padder()
    padded = padder.update(text) + padder.finalize()
    start = os.urandom(16) if mode == "cbc" else b""
    cipher: modes.CBC | modes.ECB = modes.CBC(start) if start else modes.ECB()
    encryptor = Cipher(algorithms.AES(secret), cipher).encryptor()
    data = start + encryptor.update(padded) + encryptor.finalize()
    wrapped = key.public_key().encrypt(secret, padding.PKCS1v15())
    return {"data": base64.b64encode(data).decode(), "key": base64.b64encode(wrapped).decode()}


@dataclass(frozen=True)
class Lie:
    """What is not as it should be, by place."""

    changes: Mapping[str, Change] = field(default_factory=dict)
    raw: Mapping[str, Raw] = field(default_factory=dict)


class Liar:
    """The upstream. `lie` may be changed while it runs.

    `asked` are the paths that were asked for, and `heard` tells by place the last headers and body.
    """

    def __init__(self, clock: FrozenClock) -> None:
        self.clock = clock
        self.lie = Lie()
        self.asked: list[str] = []
        self.heard: dict[str, tuple[dict[str, str], str]] = {}
        self.nonce = ""
        self.url = ""
        self.over = threading.Event()

    @contextlib.contextmanager
    def listening(self) -> Iterator["Liar"]:
        liar = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    liar.answer(self)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            block_on_close = False

        with Server(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_address[1]}"
            thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            yield self
            self.over.set()
            server.shutdown()

    def answer(self, handler: socketserver.StreamRequestHandler) -> None:
        line = handler.rfile.readline().decode("latin-1").split()
        if len(line) != 3:
            return
        path = line[1]
        headers: dict[str, str] = {}
        while (each := handler.rfile.readline().strip().decode("latin-1")) != "":
            name, _, value = each.partition(":")
            headers[name.lower()] = value.strip()
        body = handler.rfile.read(int(headers.get("content-length", 0))).decode()
        self.asked.append(path)
        place = path.rsplit("/", 1)[-1].replace("openid-configuration", "metadata")
        self.heard[place] = (headers, body)
        if place in self.lie.raw:
            self.lie.raw[place](handler, self.over)
        else:
            how = self.changed(f"{place}_http", {})
            handler.wfile.write(http(json.dumps(self._told(path, place)).encode(), **how))

    def came_back(self, departure: Departure) -> Callback:
        """As if the person had agreed there."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(departure.url).query).items()}
        self.nonce = asked.get("nonce", "")
        if "/vneid/" in departure.url:
            sealed_code = self.changed("code", sealed(b"code-of-the-liar"))
            # As VNeID does it: plain base64, whose `+` is not encoded.
            query = f"code={quote(sealed_code['data'], safe='+')}&encrypt_key={quote(sealed_code['key'], safe='+')}"
            query += f"&state={asked['state']}"
        else:
            query = urlencode({"code": "code-of-the-liar", "state": asked["state"]})
        return Callback(self.changed("callback", query), RETURN_TO, departure.kept)

    def changed(self, place: str, told: Any) -> Any:
        """What is told at a place, after the lie."""
        change = self.lie.changes.get(place)
        return change(told) if change else told

    def id_token(self, issuer: str) -> str:
        now = int(self.clock())
        header = self.changed("header", {"alg": "RS256", "typ": "JWT", "kid": "liar-1"})
        claims = {
            "iss": issuer,
            "sub": PERSON,
            "aud": CLIENT_ID,
            "exp": now + 300,
            "iat": now,
            "auth_time": now,
            "nonce": self.nonce,
            "at_hash": half_hash(ACCESS_TOKEN, "RS256"),
            "sid": "session-of-the-liar",
        }
        payload = self.changed("payload", json.dumps(self.changed("claims", claims)).encode())
        head = header if isinstance(header, bytes) else json.dumps(header).encode()
        signing_input = f"{base64url(head)}.{base64url(payload)}"
        signature = self.changed("signature", rs256)(signing_input.encode())
        token: str = self.changed("id_token", f"{signing_input}.{base64url(signature)}")
        return token

    def _told(self, path: str, place: str) -> Any:
        kind = path.split("/")[1]
        what: Any = {"metadata": self._metadata, "jwks": self._jwks, "token": self._tokens, "userinfo": self._userinfo}
        told = self.changed(place, what[place](kind))
        if kind == "vneid":
            text = told if isinstance(told, bytes) else json.dumps(told).encode()
            return self.changed(f"{place}_envelope", sealed(text))
        return told

    def _metadata(self, kind: str) -> dict[str, Any]:
        base = f"{self.url}/{kind}"
        return {
            "issuer": base,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "userinfo_endpoint": f"{base}/userinfo",
            "jwks_uri": f"{base}/jwks",
            "end_session_endpoint": f"{base}/logout",
        }

    def _jwks(self, kind: str) -> dict[str, Any]:
        return {"keys": [public_jwk(KEY)]}

    def _tokens(self, kind: str) -> dict[str, Any]:
        tokens = {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 300}
        return tokens if kind == "vneid" else tokens | {"id_token": self.id_token(f"{self.url}/{kind}")}

    def _userinfo(self, kind: str) -> dict[str, Any]:
        name, born = "Nguyễn Văn Thử", "17/05/1990"
        match kind:
            case "vneid":
                return {"citizenPid": NUMBER, "fullName": name, "birthDate": born, "accountLevel": "2"}
            case "dvcqg":
                return {
                    "sub": PERSON,
                    "TechID": "tech-1",
                    "LoaiTaiKhoan": "1",
                    "SoDinhDanh": NUMBER,
                    "HoVaTen": name.upper(),
                    "NgayThangNamSinh": "19900517",
                    "SoDienThoai": "0912000067",
                }
        return {"sub": PERSON, "name": name, "birthdate": "1990-05-17", "phone_number": "+84912000067"}


def http(body: bytes, *, status: str = "200 OK", content_type: str = "application/json", head: str = "") -> bytes:
    """One whole answer."""
    lines = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    return (lines + head + "\r\n").encode() + body
