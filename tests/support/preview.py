"""Shows every page in all its states with made-up data: `python -m tests.support.preview` prints the address.

It renders the product's own templates, style and catalogues without the product behind them, so that a page can be
looked at, and judged by a browser, in states that are hard to reach.
"""

import argparse
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]
from flask import Flask, Response, render_template, request
from flask_babel import Babel
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from idp.web.captcha_picture import draw
from idp.web.captcha_sound import speak
from idp.web.routes import static_url
from tests.support.preview_scenes import LANGUAGES, Scene, scenes

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
AXE = "/axe.js"
"""What judges a page. A script that has an address is compiled once for all pages."""
HEADERS = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


def create_preview() -> Flask:
    """A Flask application with one address per page, state and language: `/login/plain?lang=vi`."""
    app = Flask("idp")
    app.jinja_env.globals["static"] = static_url
    Babel(app, default_locale="vi", locale_selector=_language)
    app.after_request(_dress)
    # As the product has it: what no page changes is asked for once.
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 86_400
    app.add_url_rule("/", view_func=_contents, endpoint="contents")
    app.add_url_rule(AXE, view_func=_axe, endpoint="axe")
    app.add_url_rule("/<page>/<state>", view_func=_show, endpoint="show")
    app.add_url_rule("/login/captcha/<answer>.<form>", view_func=_captcha, endpoint="captcha")
    app.add_url_rule("/register/photo/<answer>", view_func=_photo, endpoint="photo")
    app.add_url_rule("/login/qr/poll", view_func=_wait, methods=["POST"], endpoint="wait")
    app.add_url_rule("/<path:anything>", view_func=_received, methods=["POST"], endpoint="received")
    return app


def serve(port: int = 0) -> BaseWSGIServer:
    """A server on 127.0.0.1, on a free port when none is named; the caller runs `serve_forever`."""
    return make_server("127.0.0.1", port, create_preview(), threaded=True, request_handler=_Quiet)


class _Quiet(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Hundreds of pictures and style sheets would bury whatever else a test run prints."""


@contextlib.contextmanager
def previewing() -> Iterator[str]:
    """The preview on a free port, in a thread, for as long as the block runs; yields its address."""
    server = serve()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def addresses() -> list[str]:
    """The path of every page and state, without the language."""
    with create_preview().test_request_context("/"):
        return [f"/{scene.page}/{scene.state}" for scene in scenes()]


def _language() -> str:
    asked = request.args.get("lang", "vi")
    return asked if asked in LANGUAGES else "vi"


def _dress(response: Response) -> Response:
    response.headers.update(HEADERS)
    return response


def _contents() -> str:
    lines = [f'<li><a href="{path}?lang={lang}">{path} {lang}</a>' for path in addresses() for lang in LANGUAGES]
    return f"<!doctype html><title>Preview</title><ul>{''.join(lines)}</ul>"


def _show(page: str, state: str) -> Response:
    scene = next((s for s in scenes() if (s.page, s.state) == (page, state)), None)
    if scene is None:
        return Response("no such page", 404)
    return Response(render_template(scene.template, **_shared(scene), **scene.context), mimetype="text/html")


def _shared(scene: Scene) -> dict[str, Any]:
    current = _language()
    languages = [
        {"code": code, "label": label, "url": f"/{scene.page}/{scene.state}?lang={code}", "current": code == current}
        for code, label in LANGUAGES.items()
    ]
    return {"lang": current, "languages": languages, "testing": scene.testing}


def _captcha(answer: str, form: str) -> Response:
    if form == "wav":
        return Response(speak(answer, _language()), mimetype="audio/wav")
    return Response(draw(answer), mimetype="image/png")


def _axe() -> Response:
    return Response(AXE_SCRIPT, mimetype="text/javascript", headers={"Cache-Control": "max-age=86400"})


def _photo(answer: str) -> Response:
    return Response(draw(answer[:4].upper()), mimetype="image/png")


def _wait() -> Response:
    """The page of a QR code stays as it is."""
    return Response(
        '{"state":"slow_down","say":"slow_down"}', mimetype="application/json", headers={"Retry-After": "600"}
    )


def _received(anything: str) -> Response:
    """What a form sent, for tests to read; `303` to a page when that is asked for."""
    if "next" in request.args:
        return Response(status=303, headers={"Location": request.args["next"]})
    sent = "\n".join(f"{name}={value}" for name, value in request.form.items(multi=True))
    return Response(f"/{anything}\n{sent}", mimetype="text/plain")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    server = serve(parser.parse_args().port)
    print(f"http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
