"""Every page in one place: URL, class, collaborators; and how every error becomes a page with a way on."""

import hashlib
import logging
import re
from collections.abc import Callable
from functools import lru_cache
from itertools import repeat
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, redirect, render_template, request
from flask_babel import Babel, gettext
from werkzeug.exceptions import HTTPException

from idp.dates import local_date
from idp.errors import LinkOver, UserError
from idp.http import request as current_request
from idp.http.headers import page_policy
from idp.http.store_errors import STORE_DOWN
from idp.limits.local import LocalRateLimiter
from idp.oidc.authorization import RedirectedError
from idp.sentences import Language, translated
from idp.web.browser import LANGUAGES, Browser, WebContext, this_browser
from idp.web.sentences import PAGES

log = logging.getLogger("idp.pages")
HERE = Path(__file__).resolve().parent.parent
KEPT = ("attempt", "kind", "request", "client_id", "ticket", "way", "c", "via", "why", "user_code", "slow", "now")
"""Parameters of our own pages that survive a change of language; no others are repeated in a page."""

UNTOLD = ("not_found", "method")
"""Errors that are not kept as incidents: strangers can cause any number of them."""

KINDS = {404: "not_found", 405: "method", 413: "too_large", 429: "too_many", 503: "busy"}
NoteIncident = Callable[[str, str, int, str, str | None, str], None]
Routes = list[tuple[str, str, Callable[..., Any]]]


def build(context: WebContext, routes: Routes, note_incident: NoteIncident, notes: LocalRateLimiter) -> Flask:
    """The Flask application: the routes, both languages, and one error handler."""
    app = Flask("idp", root_path=str(HERE), static_folder="static", template_folder="templates")
    app.config.update(MAX_CONTENT_LENGTH=65_536, MAX_FORM_PARTS=50, MAX_FORM_MEMORY_SIZE=65_536)
    app.config.update(BABEL_DEFAULT_LOCALE="vi", SEND_FILE_MAX_AGE_DEFAULT=86_400)
    Babel(
        app,
        locale_selector=lambda: this_browser(context).language(),
        default_translation_directories=str(HERE / "translations"),
    )
    app.jinja_env.globals["static"] = static_url
    sentences = _speak(app.jinja_env, context)
    app.add_url_rule("/favicon.ico", "favicon", lambda: redirect("/static/favicon.svg", 303))
    for url, name, view in routes:
        app.add_url_rule(url, view_func=view, endpoint=name)
    app.context_processor(lambda: _shared(context) | sentences[this_browser(context).language()])
    app.before_request(_name_route)
    app.after_request(lambda response: _finish(context, response))
    _answer_errors(app, context, note_incident, notes)
    return app


def _speak(jinja: Any, context: WebContext) -> dict[str, dict[str, Any]]:
    """Sentences of templates, straight from their catalogue: flask-babel looks for locale and domain each time.

    Returns the functions of each language, for pages; macros do not see what a page is given, and look for it.
    """
    pages: dict[str, dict[str, Any]] = {}
    for language in LANGUAGES:
        _install(jinja, repeat(language).__next__)
        pages[language] = {name: jinja.globals[name] for name in ("gettext", "ngettext")}
    _install(jinja, lambda: this_browser(context).language())
    return pages


def _install(jinja: Any, language: Callable[[], Language]) -> None:
    def gettext_of(sentence: str) -> str:
        return translated(sentence, language())

    def ngettext_of(one: str, many: str, number: int) -> str:
        return gettext_of(one if number == 1 else many)

    jinja.install_gettext_callables(gettext_of, ngettext_of, newstyle=True)


def _shared(context: WebContext) -> dict[str, Any]:
    """What every template gets."""
    browser = this_browser(context)
    language = browser.language()
    labels = {"vi": "Tiếng Việt", "en": "English"}
    # After a failed form the parameters are in its fields; a change of language must not lose the portal's request.
    query = {**_fields(browser), **request.args}
    kept = [(name, query[name]) for name in KEPT if name in query]
    languages = [
        {"code": code, "label": labels[code], "url": _url([*kept, ("lang", code)]), "current": code == language}
        for code in LANGUAGES
    ]
    return {"lang": language, "languages": languages, "testing": context.testing, "support_code": None}


def _fields(browser: Browser) -> dict[str, str]:
    try:
        return browser.form if request.method == "POST" else {}
    except UserError:
        return {}


@lru_cache
def static_url(name: str) -> str:
    """Where a static file is; the address changes with its content, so no cache shows that of an earlier release."""
    digest = hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:8]
    return f"/static/{name}?v={digest}"


def _url(params: list[tuple[str, str]]) -> str:
    return f"?{urlencode(params)}"


def _name_route() -> None:
    current_request.current().route = str(request.url_rule) if request.url_rule else "unknown page"


def _finish(context: WebContext, response: Response) -> Response:
    """Remember a chosen language; pages without a content policy get the default one."""
    chosen = request.args.get("lang")
    if chosen in LANGUAGES and response.status_code < 400:
        context.cookies.set(response, "l", chosen, max_age=31_536_000)
    this_browser(context).hand_over(response)
    if response.mimetype == "text/html" and "Content-Security-Policy" not in response.headers:
        response.headers["Content-Security-Policy"] = page_policy()
    if response.mimetype == "text/html":
        response.headers["Vary"] = "Cookie"
    return response


def _note(note_incident: NoteIncident, current: current_request.Current, kind: str, status: int) -> None:
    """Store what `idp explain` shows; an error page is shown even when that fails."""
    try:
        note_incident(current.support_code, kind, status, current.route, current.client_id, current.detail)
    except Exception as error:
        log.warning("incident not stored", extra={"support_code": current.support_code, "reason": type(error).__name__})


def without_personal(detail: str) -> str:
    """`detail` without long numbers and handles: it repeats user input, and goes to log and incident."""
    return re.sub(r"[0-9]{6,}|[A-Za-z0-9_-]{32,}", "…", detail)


def _answer_errors(app: Flask, context: WebContext, note_incident: NoteIncident, notes: LocalRateLimiter) -> None:
    def answer(
        kind: str, status: int, detail: str, retry_after: int | None = None, used_at: float | None = None
    ) -> Response:
        current = current_request.current()
        current.detail = without_personal(detail)
        if kind not in UNTOLD and notes.hit(this_browser(context).network):
            _note(note_incident, current, kind, status)
        page = _error_page(kind, current.support_code, context.home, used_at)
        response = Response(page, status, mimetype="text/html")
        if retry_after:
            response.headers["Retry-After"] = str(retry_after)
        return response

    @app.errorhandler(UserError)
    def refused(error: UserError) -> Response:
        used_at = error.used_at if isinstance(error, LinkOver) else None
        return answer(error.kind, error.status, error.detail, error.retry_after, used_at)

    def store_down(error: Exception) -> Response:
        log.error("store down", extra={"reason": type(error).__name__})
        return answer("busy", 503, f"store: {type(error).__name__}", 2)

    for kind_of_error in STORE_DOWN:
        app.register_error_handler(kind_of_error, store_down)

    @app.errorhandler(RedirectedError)
    def out_of_date(error: RedirectedError) -> Response:
        return answer("expired", 400, f"the client was changed meanwhile: {error.error.error}")

    @app.errorhandler(HTTPException)
    def http(error: HTTPException) -> Response:
        status = error.code or 500
        return answer(KINDS.get(status, "bad_request"), status, error.name)

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        log.exception("unexpected error", extra={"request_id": current_request.current().id})
        return answer("internal", 500, type(error).__name__)


def _error_page(kind: str, code: str, home: str, used_at: float | None) -> str:
    error_page = PAGES.get(kind, PAGES["bad_request"])
    label = gettext("Về trang tài khoản") if home == "/account" else gettext("Về danh sách hồ sơ")
    actions = [{"label": label, "url": url} for label, url in error_page.ways or ((label, home),)]
    return render_template(
        "error.html",
        title=error_page.title,
        happened=gettext("Đường dẫn này đã được dùng lúc %(time)s.", time=local_date(used_at)) if used_at else None,
        sentence=error_page.sentence,
        advice=error_page.advice,
        support_code=code,
        actions=actions,
    )
