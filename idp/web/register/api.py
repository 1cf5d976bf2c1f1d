"""The API of registration for apps: JSON over HTTPS, as plain WSGI. `contract` is its table.

The secret of a draft is the bearer. No cookie is read, and no page of another origin may read an answer. The rules are
those of the pages.
"""

import hashlib
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, cast

from idp.accounts.account import LOGIN_KINDS, Kind
from idp.accounts.masking import masked_contact
from idp.accounts.one_time import OneTimeCodes
from idp.desk.agencies import Agencies
from idp.desk.declaration import Declaration, Role, WrongState
from idp.desk.declarations import Applicant, Closed, Declarations, Incomplete
from idp.desk.divisions import divisions
from idp.desk.photos import LARGEST, BadPhoto
from idp.desk.reading import FIELDS
from idp.errors import BadRequest, Busy, Expired, StaleState, TooMany
from idp.limits.budgets import CaptchaFirst, OverBudget
from idp.login.challenge import Challenges
from idp.messages.message import Language
from idp.store.store_errors import STORE_DOWN
from idp.web.captcha_picture import draw
from idp.web.captcha_sound import speak
from idp.web.forms import LARGEST_BODY, TooLarge, read_body, read_query, single
from idp.web.gateway import Endpoint, EndpointResponse, Environ, problem, reply, unavailable
from idp.web.headers import Headers
from idp.web.network import TrustedProxies
from idp.web.register.choices import REGIONS, within
from idp.web.register.contract import LONGEST, OPERATIONS, REFUSALS, ROOT, ApiRoute, document
from idp.web.register.wording import REASONS, STATES
from idp.web.register.wording import problem as sentence

ApiResponse = tuple[int, Any]
Speaking = Callable[[Language], AbstractContextManager[object]]
"""Within it sentences are in that language."""

CACHED = ("Cache-Control", "public, max-age=3600")


class RegistrationProblem(Exception):
    """A refusal by its code; `more` are further members of the answer."""

    def __init__(self, code: str, more: Mapping[str, Any] | None = None, *, retry_after: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.more = more or {}
        self.retry_after = retry_after


class Api:
    """The endpoints. `speaking` gives sentences their language."""

    def __init__(
        self,
        issuer: str,
        declarations: Declarations,
        agencies: Agencies,
        codes: OneTimeCodes,
        challenges: Challenges,
        peers: TrustedProxies,
        speaking: Speaking,
    ) -> None:
        self._issuer = issuer
        self._declarations = declarations
        self._agencies = agencies
        self._codes = codes
        self._challenges = challenges
        self._peers = peers
        self._speaking = speaking

    def table(self) -> Mapping[str, Endpoint]:
        """Paths and endpoints; one path may take several methods."""
        by_path: dict[str, dict[str, ApiRoute]] = {}
        for operation in OPERATIONS:
            by_path.setdefault(operation.path, {})[operation.method] = operation
        answer = document(self._issuer)
        served: dict[str, Endpoint] = {path: self._endpoint(methods) for path, methods in by_path.items()}
        return served | {f"{ROOT}/openapi.json": lambda environ: reply(200, answer, [])}

    def _endpoint(self, methods: Mapping[str, ApiRoute]) -> Endpoint:
        def endpoint(environ: Environ) -> EndpointResponse:
            operation = methods.get("GET" if environ["REQUEST_METHOD"] == "HEAD" else environ["REQUEST_METHOD"])
            if operation is None:
                return problem(405, "method_not_allowed", [("Allow", ", ".join(methods))])
            language: Language = "en" if environ.get("HTTP_ACCEPT_LANGUAGE", "")[:2].lower() == "en" else "vi"
            try:
                with self._speaking(language):
                    status, body = self._answered(operation, environ, language)
            except REFUSING as error:
                return _refused(_problem_of(error), language)
            return _cached(environ, status, body) if operation.answers[1] == "Places" else reply(status, body, [])

        return endpoint

    def _answered(self, operation: ApiRoute, environ: Environ, language: Language) -> ApiResponse:
        if operation.query or operation.answers[1] == "Places":
            return 200, self._places(operation.name, single(read_query(environ)).get(operation.query, ""))
        if operation.picture:
            return self._photo(environ, cast(Role, operation.path.rpartition("/")[2]))
        given = _read_object(operation, environ)
        answer: ApiResponse = getattr(self, f"_{operation.name}")(environ, given, language)
        return answer

    def _begin(self, environ: Environ, given: Mapping[str, Any], language: Language) -> ApiResponse:
        if given["kind"] not in LOGIN_KINDS:
            raise RegistrationProblem("kind")
        asker = Applicant(self._peers.network(environ), language, "app")
        secret, draft = self._declarations.begin(cast(Kind, given["kind"]), asker)
        return 201, {"secret": secret, **self._told(draft)}

    def _draft(self, environ: Environ, given: Mapping[str, Any], language: Language) -> ApiResponse:
        return 200, self._told(self._holder(environ))

    def _fill(self, environ: Environ, given: Mapping[str, Any], language: Language) -> ApiResponse:
        draft = self._holder(environ)
        if set(given) - set(FIELDS[draft.kind]):
            raise RegistrationProblem("bad_request")
        typed = {name: ("1" if value else "0") if name == "agrees" else value for name, value in given.items()}
        filled, problems = self._declarations.fill(draft, typed)
        return 200, self._told(filled, {name: why for name, why in problems.items() if name in given})

    def _photo(self, environ: Environ, role: Role) -> ApiResponse:
        draft = self._holder(environ)
        # Somewhat over the bound it is read all the same: whoever is cut off while sending hears no reason.
        self._declarations.keep_photo(draft, role, read_body(environ, 2 * LARGEST))
        return 200, self._told(draft)

    def _code(self, environ: Environ, given: Mapping[str, Any], language: Language) -> ApiResponse:
        draft = self._complete(environ)
        ask, address = self._declarations.code_for(draft), self._peers.household(environ)
        if self._codes.is_exhausted(ask):
            raise RegistrationProblem("code_exhausted")
        captcha, typed = str(given.get("captcha_id", "")), str(given.get("captcha", ""))
        network = self._peers.network(environ)
        if wait := self._challenges.owed(captcha, str(given.get("altcha", "")), network):
            raise RegistrationProblem("work_first", retry_after=wait)
        solved = bool(captcha) and self._challenges.is_right(captcha, typed, _shown_to(draft))
        if solved:
            self._challenges.work.count_wrong(network)
        try:
            next_at = self._codes.send(ask, address, language=language, trusted=solved)
        except CaptchaFirst:
            raise RegistrationProblem("captcha_first", self._challenge(draft, network, language)) from None
        return 202, {"sent_to": masked_contact("email", draft.form.email), "next_at": int(next_at)}

    def _challenge(self, draft: Declaration, network: str, language: Language) -> Mapping[str, object]:
        """A captcha for the app to show, as picture and as sound, and the work that goes with it."""
        shown_to = _shown_to(draft)
        handle = self._challenges.new(shown_to, shown_to)
        answer = self._challenges.answer_for(handle, shown_to) or ""
        png, wav = (b64encode(made).decode() for made in (draw(answer), speak(answer, language)))
        work = self._challenges.work.challenge(handle, network)
        return {"captcha_id": handle, "captcha_png": png, "captcha_wav": wav} | ({"altcha": work} if work else {})

    def _hand_in(self, environ: Environ, given: Mapping[str, Any], language: Language) -> ApiResponse:
        draft = self._holder(environ)
        if draft.state not in ("draft", "returned"):
            return 200, self._told(draft)
        draft = self._complete(environ)
        verdict = self._codes.check(self._declarations.code_for(draft), given["code"])
        if verdict != "right":
            later = self._holder(environ)
            if later.state == "submitted":
                return 200, self._told(later)
            raise RegistrationProblem("code_exhausted" if verdict == "exhausted" else "code_wrong")
        return 200, self._told(self._declarations.hand_in(draft, language))

    def _status(self, environ: Environ, given: Mapping[str, Any], language: Language) -> ApiResponse:
        found = self._declarations.look(given["reference"], given["phone"], self._peers.network(environ))
        if found is None:
            raise RegistrationProblem("no_such_pair")
        summary, then = STATES[found.state]
        answer = {"reference": found.shown_reference, "state": found.state, "says": str(summary), "then": str(then)}
        if found.state in ("returned", "rejected") and found.reason:
            answer |= {"reason": str(REASONS[found.reason]), "note": found.note or ""}
        return 200, answer

    def _places(self, name: str, chosen: str) -> list[dict[str, str]]:
        day = self._declarations.today
        if name == "provinces":
            return [{"code": one.code, "name": one.name} for one in divisions().provinces(day)]
        if name == "communes":
            return [{"code": one.code, "name": one.name} for one in divisions().communes(chosen)]
        tree = self._agencies.tree()
        found = within(tree, chosen, day) if chosen else [one for one in tree.open(day) if one.kind in REGIONS]
        return [{"code": a.code, "name": a.name, "address": a.address, "phone": a.phone} for a in found]

    def _holder(self, environ: Environ) -> Declaration:
        """The draft of whoever shows its secret. Raises `RegistrationProblem`."""
        scheme, _, secret = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            raise RegistrationProblem("no_draft")
        try:
            return self._declarations.of_secret(secret.strip())
        except Expired:
            raise RegistrationProblem("no_draft") from None

    def _complete(self, environ: Environ) -> Declaration:
        draft = self._holder(environ)
        if draft.state not in ("draft", "returned"):
            raise RegistrationProblem("handed_in")
        if problems := self._declarations.problems(draft):
            raise RegistrationProblem("incomplete", self._wrong(draft, problems))
        return draft

    def _told(self, draft: Declaration, problems: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The draft as its holder is told of it."""
        open_ones = self._declarations.problems(draft) if draft.state in ("draft", "returned") else {}
        return {
            "reference": draft.shown_reference,
            "kind": draft.kind,
            "state": draft.state,
            "form": {name: getattr(draft.form, name) for name in FIELDS["individual"]},
            "photos": sorted(self._declarations.photos(draft)),
            **self._wrong(draft, open_ones | dict(problems or {})),
            "grades": list(self._declarations.grades(draft)),
            "expires_at": int(draft.expires_at or 0),
        }

    def _wrong(self, draft: Declaration, problems: Mapping[str, str]) -> dict[str, Any]:
        organisation = draft.kind == "organisation"
        by_field = {name: sentence(name, why, organisation=organisation) for name, why in problems.items()}
        return {"problems": dict(problems), "sentences": by_field}


OTHERS: tuple[type[Exception], ...] = (
    BadRequest, TooLarge, TooMany, Busy, Closed, StaleState, WrongState, Incomplete, BadPhoto, OverBudget,
)  # fmt: skip
"""What rules and reading raise; each becomes a problem."""

REFUSING: tuple[type[Exception], ...] = (RegistrationProblem, *OTHERS, *STORE_DOWN)

CODES: Mapping[type[Exception], str] = {
    BadRequest: "bad_request", TooLarge: "too_large", TooMany: "too_many", Busy: "busy", Closed: "closed",
    StaleState: "busy", WrongState: "handed_in", Incomplete: "incomplete", OverBudget: "over_budget",
}  # fmt: skip


def _problem_of(error: Exception) -> RegistrationProblem:
    if isinstance(error, RegistrationProblem):
        return error
    if isinstance(error, BadPhoto):
        return RegistrationProblem("picture", {"why": error.why})
    if isinstance(error, Incomplete):
        return RegistrationProblem("incomplete", {"problems": dict(error.problems)})
    if type(error) in CODES:
        return RegistrationProblem(CODES[type(error)], retry_after=getattr(error, "retry_after", None))
    unavailable(error)
    return RegistrationProblem("busy", retry_after=2)


def _refused(refused: RegistrationProblem, language: Language) -> EndpointResponse:
    known = REFUSALS[refused.code]
    retry: Headers = [("Retry-After", str(refused.retry_after))] if refused.retry_after else []
    asks: Headers = [("WWW-Authenticate", "Bearer")] if known.status == 401 else []
    body = {
        "type": f"urn:bhxh:problem:{refused.code}",
        "title": refused.code,
        "status": known.status,
        "code": refused.code,
        "detail": known.summary[language == "en"],
        **refused.more,
    }
    status, made, encoded = reply(known.status, body, [*retry, *asks])
    return status, [("Content-Type", "application/problem+json"), *made[1:]], encoded


def _cached(environ: Environ, status: int, body: Any) -> EndpointResponse:
    """What is the same for everybody: kept by browsers, and told again only when it changed."""
    _, made, encoded = reply(status, body, [CACHED])
    tag = f'"{hashlib.sha256(encoded).hexdigest()[:16]}"'
    headers = [*made, ("ETag", tag)]
    return (304, headers, b"") if environ.get("HTTP_IF_NONE_MATCH") == tag else (status, headers, encoded)


def _read_object(operation: ApiRoute, environ: Environ) -> Mapping[str, Any]:
    """The JSON object of a request: the members of the table, each of its type. Raises `RegistrationProblem`."""
    if operation.method == "GET":
        return {}
    try:
        body = read_body(environ, LARGEST_BODY)
        given = json.loads(body.decode(), object_pairs_hook=_single) if body else {}
    except (ValueError, RecursionError):
        raise RegistrationProblem("bad_request") from None
    takes = dict(operation.takes)
    if not isinstance(given, dict) or set(given) - set(takes):
        raise RegistrationProblem("bad_request")
    if any(needed and name not in given for name, needed in takes.items()):
        raise RegistrationProblem("bad_request")
    if not all(_takes(name, value) for name, value in given.items()):
        raise RegistrationProblem("bad_request")
    return given


def _takes(name: str, value: object) -> bool:
    if name == "agrees":
        return isinstance(value, bool)
    if not isinstance(value, str) or len(value) > LONGEST:
        return False
    # No NUL and no half of a surrogate pair: no store takes them.
    return not any(c == "\0" or 0xD800 <= ord(c) <= 0xDFFF for c in value)


def _single(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    named = dict(pairs)
    if len(named) < len(pairs):
        raise ValueError("a member is given twice")
    return named


def _shown_to(draft: Declaration) -> str:
    """What a captcha of this draft is bound to, in the place of an attempt and of a browser."""
    return f"draft {draft.id}"
