"""The panel that makes a simulated upstream lie, dawdle or break, for one made-up person or for all of them.

`/faults` is its page, `GET /faults.json` lists, and `POST /faults` changes: a form, or JSON with `person` and `faults`
(exactly these are on for that person from now on), `settings`, or `reset`. Each upstream asks the panel before it says
something. `/faults/trap` counts who follows a redirect to an address that is none of their business.
"""

import gzip
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from flask import Blueprint, Flask, Response, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from sandbox.upstream_people import Person

ALL = "*"
PATHS = ("/faults", "/faults.json", "/faults/trap")
LARGE = 10 * 1024 * 1024
BOMB = 48 * 1024 * 1024
_WAF = "<html><head><title>Request Rejected</title></head><body>The requested URL was rejected.</body></html>"
_CLOSED = "<html><head><title>503</title></head><body>Hệ thống đang bảo trì. Vui lòng thử lại sau.</body></html>"
_DRIP_BYTES = 120

ANSWERS = {
    "html": "Tường lửa trả trang HTML với mã 200",
    "unauthorised": "Trả 401",
    "slow": "Trả lời từng byte một",
    "large": "Trả lời 10 MB",
    "bomb": "Bom gzip (48 MB trong 48 KB)",
    "redirect": "Chuyển hướng đến một địa chỉ nội bộ",
    "outage": "Ngừng hoạt động (503)",
}
"""Faults of any answer to the provider; what each upstream can say wrongly comes on top."""


class BadRequest(ValueError):
    """There is no such person, fault or setting."""


@dataclass(frozen=True, slots=True)
class Number:
    """A setting that is a number between two others."""

    least: float
    most: float

    def read(self, text: str) -> str:
        if not self.least <= float(text) <= self.most:
            raise ValueError(text)
        return text


@dataclass(frozen=True, slots=True)
class Word:
    """A setting that is one of some words."""

    words: tuple[str, ...]

    def read(self, text: str) -> str:
        if text not in self.words:
            raise ValueError(text)
        return text


SECONDS = Number(0, 600)


@dataclass
class Panel:
    """What is switched on at one upstream. `lies` are its own faults; `settings` start at `usual`."""

    upstream: str
    people: Mapping[str, Person]
    lies: Mapping[str, str]
    kinds: Mapping[str, Number | Word]
    usual: Mapping[str, str]
    trap: str
    on: dict[str, set[str]] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    trapped: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.settings = dict(self.usual)

    @property
    def faults(self) -> dict[str, str]:
        return {**ANSWERS, **self.lies}

    def is_on(self, fault: str, login: str = "") -> bool:
        """Whether it holds for this person; without one, whether it holds for all."""
        return fault in self.on.get(ALL, ()) or fault in self.on.get(login, ())

    def switch(self, login: str, faults: set[str]) -> None:
        """Exactly these for that person, or for `*`. Raises `BadRequest`."""
        if login != ALL and login not in self.people:
            raise BadRequest("no such person")
        if not faults <= set(self.faults):
            raise BadRequest("no such fault")
        with self.lock:
            self.on = {name: on for name, on in {**self.on, login: faults}.items() if on}

    def set(self, settings: Mapping[str, str]) -> None:
        """Change settings. Raises `BadRequest`, and then nothing has changed."""
        try:
            read = {name: self.kinds[name].read(str(value)) for name, value in settings.items()}
        except (KeyError, ValueError):
            raise BadRequest("no such setting, or out of range") from None
        with self.lock:
            self.settings = {**self.settings, **read}

    def reset(self) -> None:
        """Everything as it was at the start."""
        with self.lock:
            self.on, self.settings, self.trapped = {}, dict(self.usual), 0

    def answer(self, good: Callable[[], AnyResponse], login: str = "") -> AnyResponse:
        """The good answer, or what the faults that are on for this person make of it."""
        if self.is_on("outage", login):
            return closed()
        if self.is_on("html", login):
            return Response(_WAF, 200, mimetype="text/html")
        if self.is_on("unauthorised", login):
            return Response("<html><body>401</body></html>", 401, mimetype="text/html")
        if self.is_on("redirect", login):
            return redirect(self.trap, 302)
        if self.is_on("large", login):
            return Response(_chunks(LARGE), 200, {"Content-Length": str(LARGE)}, mimetype="application/json")
        if self.is_on("bomb", login):
            return Response(_bomb(), 200, {"Content-Encoding": "gzip"}, mimetype="application/json")
        answer = good()
        return self._dripping(answer) if self.is_on("slow", login) else answer

    def as_json(self) -> dict[str, Any]:
        people = [{"login": each.login, "name": each.name, "story": each.story} for each in self.people.values()]
        return {
            "upstream": self.upstream,
            "faults": self.faults,
            "people": people,
            "on": {login: sorted(on) for login, on in self.on.items()},
            "settings": self.settings,
            "trapped": self.trapped,
        }

    def _dripping(self, answer: AnyResponse) -> AnyResponse:
        body = answer.get_data().ljust(_DRIP_BYTES)
        answer.response = _drip(body, float(self.settings["drip_seconds"]))
        answer.headers["Content-Length"] = str(len(body))
        return answer


def closed() -> Response:
    """What an upstream under repair says."""
    return Response(_CLOSED, 503, mimetype="text/html")


def add_to(app: Flask, panel: Panel) -> None:
    """The panel's pages; and nothing else is there while it is out of order for all."""

    def out_of_order() -> Response | None:
        is_ours = request.path in PATHS or request.path.startswith("/static/")
        return closed() if panel.is_on("outage") and not is_ours else None

    app.before_request(out_of_order)
    app.register_blueprint(_pages(panel))


def _pages(panel: Panel) -> Blueprint:
    pages = Blueprint("faults", __name__)

    def page() -> str:
        chosen = request.args.get("person", ALL)
        return render_template("faults.html", panel=panel, chosen=chosen, kinds=panel.kinds)

    def change() -> AnyResponse | tuple[Response, int]:
        wants_json = request.is_json
        wish = _from_json() if wants_json else _from_form(panel)
        try:
            _obey(panel, wish)
        except BadRequest as error:
            return jsonify(error=str(error)), 400
        return jsonify(panel.as_json()) if wants_json else redirect(f"/faults?person={wish.get('person', ALL)}", 303)

    def trap() -> tuple[str, int]:
        with panel.lock:
            panel.trapped += 1
        return "Nobody should be here.", 200

    pages.add_url_rule("/faults", view_func=page)
    pages.add_url_rule("/faults", view_func=change, methods=["POST"], endpoint="change")
    pages.add_url_rule("/faults.json", view_func=lambda: jsonify(panel.as_json()), endpoint="list")
    pages.add_url_rule("/faults/trap", view_func=trap)
    return pages


def _from_json() -> dict[str, Any]:
    wish = request.get_json(silent=True)
    return wish if isinstance(wish, dict) else {"person": ""}


def _from_form(panel: Panel) -> dict[str, Any]:
    if "reset" in request.form:
        return {"reset": True}
    settings = {name: request.form[name] for name in panel.kinds if name in request.form}
    person = {"person": request.form["person"]} if "person" in request.form else {}
    return {**person, "faults": request.form.getlist("fault"), "settings": settings}


def _obey(panel: Panel, wish: Mapping[str, Any]) -> None:
    faults, settings = wish.get("faults", []), wish.get("settings", {})
    if not isinstance(faults, list) or not isinstance(settings, dict):
        raise BadRequest("faults is a list, settings is an object")
    if wish.get("reset") is True:
        panel.reset()
    panel.set(settings)
    if "person" in wish:
        panel.switch(str(wish["person"]), {str(each) for each in faults})


def _chunks(total: int) -> Iterator[bytes]:
    piece = b'{"padding": "'.ljust(65_536, b"x")
    yield piece
    for _ in range(total // 65_536 - 1):
        yield b"x" * 65_536


def _drip(body: bytes, pause: float) -> Iterator[bytes]:
    for place in range(len(body)):
        yield body[place : place + 1]
        time.sleep(pause)


@cache
def _bomb() -> bytes:
    return gzip.compress(b" " * BOMB, 9)
