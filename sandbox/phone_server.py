"""Serving the simulated phone: the app's files, and the one thing that a browser cannot do for an app.

Real apps speak to the provider themselves. Pages of another origin may not, because the phone's API allows no CORS,
so this server passes the app's calls on word by word. It adds nothing and keeps nothing: the key, its proofs and
the tokens are made and used in the page (`sandbox/phone/`), and what this server could change on the way, proofs
and signatures find out.
"""

import logging
import os
import re
from typing import Any

import urllib3
from flask import Flask, Response, jsonify, request, send_from_directory

from sandbox import serving
from sandbox.addresses import HERE, Addresses

CLIENT = "ung-dung-thu-nghiem"
SCOPE = "openid profile offline_access device"
_FILES = HERE / "phone"
_MAY = re.compile(r"/(token|userinfo|jwks|phone/[a-z/-]+|\.well-known/[a-z-]+)")
_THERE = ("Authorization", "DPoP", "Content-Type", "Accept-Language")
_BACK = ("DPoP-Nonce", "Content-Type", "Retry-After")
_LARGEST = 64 * 1024
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def create_app(where: Addresses, address: str = "") -> Flask:
    """The phone. Calls leave from `address` when one is given: 127.0.9.9 is in another network than 127.0.0.1."""
    app = Flask("sandbox.phone", root_path=str(HERE), static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST
    pool = urllib3.PoolManager(maxsize=8, **({"source_address": (address, 0)} if address else {}))

    def home() -> Response:
        return send_from_directory(_FILES, "index.html")

    def file(name: str) -> Response:
        return send_from_directory(_FILES, name)

    def settings() -> Response:
        return jsonify(settings_of(where))

    def pass_on(path: str) -> Response:
        if request.query_string or not _MAY.fullmatch(request.path):
            return Response(status=404)
        return _passed(pool, where.provider + request.path)

    app.add_url_rule("/", view_func=home)
    app.add_url_rule("/app.json", view_func=settings)
    app.add_url_rule("/app/<path:name>", view_func=file)
    app.add_url_rule("/<path:path>", view_func=pass_on, methods=["GET", "POST"])
    app.after_request(_add_headers)
    return app


def settings_of(where: Addresses) -> dict[str, Any]:
    """What a real app has built in: who it is, and whose pictures and statements it believes."""
    link = link_of(where.provider)
    return {"provider": where.provider, "link": link, "client": CLIENT, "scope": SCOPE, "inbox": where.inbox}


def link_of(provider: str) -> str:
    """With what the pictures of `provider` begin."""
    return os.environ.get("IDP_QR__LINK") or f"{provider}/q"


def _passed(pool: urllib3.PoolManager, url: str) -> Response:
    sent = {name: request.headers[name] for name in _THERE if name in request.headers}
    try:
        answer = pool.request(
            request.method, url, body=request.get_data(), headers=sent, timeout=30, retries=False, redirect=False
        )
    except urllib3.exceptions.HTTPError:
        # Not an answer of the provider: the app reads it as "no network".
        return Response(status=502)
    back = {name: answer.headers[name] for name in _BACK if name in answer.headers}
    return Response(answer.data, answer.status, back)


def _add_headers(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def serve(where: Addresses) -> None:
    """Serve the phone; `SANDBOX_PHONE_ADDRESS` puts it into another network than the browser's."""
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    serving.serve(create_app(where, os.environ.get("SANDBOX_PHONE_ADDRESS", "")), where.phone_port)
