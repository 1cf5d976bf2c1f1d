"""The API of registration for apps: JSON over HTTPS, as `OPERATIONS` declares it. `contract` has the models.

The secret of a draft is the bearer token. No cookie is read, and pages of other origins cannot read a response. The
rules are those of the pages.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import cast

from idp.accounts.account import LOGIN_KINDS, Kind
from idp.accounts.masking import masked_contact
from idp.accounts.one_time import OneTimeCodes
from idp.errors import Expired, StaleState
from idp.http.gateway import Environ
from idp.http.json_api import (
    AnyOperation,
    ApiModel,
    ApiProblem,
    Contract,
    JsonApi,
    Nothing,
    Operation,
    QueryModel,
    Upload,
)
from idp.limits.budgets import CaptchaFirst, OverBudget
from idp.login.challenge import Challenges
from idp.officers.agencies import Agencies
from idp.registration.declaration import ROLES, Declaration, Role, WrongState
from idp.registration.declarations import Applicant, Closed, Declarations, Incomplete
from idp.registration.divisions import divisions
from idp.registration.photos import LARGEST, BadPhoto
from idp.registration.reading import FIELDS
from idp.sentences import Language
from idp.web.browser import WebContext
from idp.web.captcha_picture import draw
from idp.web.captcha_sound import speak
from idp.web.register import contract as api
from idp.web.register.choices import REGIONS, within
from idp.web.register.contract import ROOT
from idp.web.register.wording import REASONS, STATES
from idp.web.register.wording import problem as sentence

Speaking = Callable[[Language], AbstractContextManager[object]]
"""A context in which sentences are in that language."""


@dataclass(frozen=True, slots=True)
class DraftCaller:
    """The caller: network, language, and the secret of a draft, empty if none was sent."""

    network: str
    household: str
    language: Language
    secret: str


class RegistrationApi(JsonApi[DraftCaller]):
    """The endpoints. `speaking` sets the language of sentences."""

    def __init__(
        self,
        context: WebContext,
        declarations: Declarations,
        agencies: Agencies,
        codes: OneTimeCodes,
        challenges: Challenges,
        speaking: Speaking,
    ) -> None:
        super().__init__(CONTRACT, context.issuer, self._caller_of, speaking=speaking, head=True)
        self._declarations = declarations
        self._agencies = agencies
        self._codes = codes
        self._challenges = challenges
        self._peers = context.peers

    def _caller_of(self, operation: AnyOperation, environ: Environ, language: Language) -> DraftCaller:
        """The caller; the handler looks up the draft itself, after the request was parsed."""
        scheme, _, secret = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        bearer = secret.strip() if scheme.lower() == "bearer" else ""
        return DraftCaller(self._peers.network(environ), self._peers.household(environ), language, bearer)

    def problem_of(self, error: Exception, language: Language) -> ApiProblem:
        match error:
            case Closed():
                return ApiProblem("closed")
            case StaleState():
                return ApiProblem("busy")
            case WrongState():
                return ApiProblem("handed_in")
            case Incomplete():
                return ApiProblem("incomplete", problems=dict(error.problems))
            case OverBudget():
                return ApiProblem("over_budget", retry_after=error.retry_after)
            case BadPhoto():
                return ApiProblem("picture", why=error.why)
        return super().problem_of(error, language)

    def begin(self, caller: DraftCaller, asked: api.BeginRequest) -> api.BegunBody:
        if asked.kind not in LOGIN_KINDS:
            raise ApiProblem("kind")
        asker = Applicant(caller.network, caller.language, "app")
        secret, draft = self._declarations.begin(cast(Kind, asked.kind), asker)
        return api.BegunBody(secret=secret, **dict(self._described(draft)))

    def draft(self, caller: DraftCaller, asked: Nothing) -> api.DraftBody:
        return self._described(self._holder(caller))

    def fill(self, caller: DraftCaller, asked: ApiModel) -> api.DraftBody:
        draft, values = self._holder(caller), asked.model_dump(exclude_unset=True)
        if set(values) - set(FIELDS[draft.kind]):
            raise ApiProblem("bad_request")
        typed = {name: ("1" if value else "0") if name == "agrees" else value for name, value in values.items()}
        filled, problems = self._declarations.fill(draft, typed)
        return self._described(filled, {name: why for name, why in problems.items() if name in values})

    def code(self, caller: DraftCaller, asked: api.CodeAsked) -> api.EmailedBody:
        draft = self._complete(caller)
        ask = self._declarations.code_for(draft)
        if self._codes.is_exhausted(ask):
            raise ApiProblem("code_exhausted")
        if wait := self._challenges.owed(asked.captcha_id, asked.altcha, caller.network):
            raise ApiProblem("work_first", retry_after=wait)
        solved = bool(asked.captcha_id) and self._challenges.is_right(asked.captcha_id, asked.captcha, _shown_to(draft))
        if solved:
            self._challenges.work.count_wrong(caller.network)
        try:
            next_at = self._codes.send(ask, caller.household, language=caller.language, trusted=solved)
        except CaptchaFirst:
            raise self._captcha_first(draft, caller) from None
        return api.EmailedBody(sent_to=masked_contact("email", draft.form.email), next_at=int(next_at))

    def hand_in(self, caller: DraftCaller, asked: api.HandInRequest) -> api.DraftBody:
        draft = self._holder(caller)
        if draft.state not in ("draft", "returned"):
            return self._described(draft)
        draft = self._complete(caller)
        verdict = self._codes.check(self._declarations.code_for(draft), asked.code)
        if verdict != "right":
            later = self._holder(caller)
            if later.state == "submitted":
                return self._described(later)
            raise ApiProblem("code_exhausted" if verdict == "exhausted" else "code_wrong")
        return self._described(self._declarations.hand_in(draft, caller.language))

    def status(self, caller: DraftCaller, asked: api.StatusRequest) -> api.StatusBody:
        declaration = self._declarations.look(asked.reference, asked.phone, caller.network)
        if declaration is None:
            raise ApiProblem("no_such_pair")
        summary, then = STATES[declaration.state]
        why = declaration.reason if declaration.state in ("returned", "rejected") else None
        return api.StatusBody(
            reference=declaration.formatted_reference,
            state=declaration.state,
            summary=str(summary),
            then=str(then),
            reason=str(REASONS[why]) if why else None,
            note=(declaration.note or "") if why else None,
        )

    def provinces(self, caller: DraftCaller, asked: QueryModel) -> api.PlacesBody:
        return api.PlacesBody(
            [api.PlaceBody(code=one.code, name=one.name) for one in divisions().provinces(self._declarations.today)]
        )

    def communes(self, caller: DraftCaller, asked: api.ProvinceQuery) -> api.PlacesBody:
        return api.PlacesBody(
            [api.PlaceBody(code=one.code, name=one.name) for one in divisions().communes(asked.province)]
        )

    def agencies(self, caller: DraftCaller, asked: api.RegionQuery) -> api.PlacesBody:
        day, tree = self._declarations.today, self._agencies.tree()
        chosen = within(tree, asked.region, day) if asked.region else [a for a in tree.open(day) if a.kind in REGIONS]
        return api.PlacesBody(
            [api.PlaceBody(code=a.code, name=a.name, address=a.address, phone=a.phone) for a in chosen]
        )

    def photo(self, caller: DraftCaller, file: Upload, *, role: Role) -> api.DraftBody:
        draft = self._holder(caller)
        self._declarations.keep_photo(draft, role, file.read())
        return self._described(draft)

    def _captcha_first(self, draft: Declaration, caller: DraftCaller) -> ApiProblem:
        """A captcha for the app to show, as picture and sound, and the proof of work that goes with it."""
        shown_to = _shown_to(draft)
        handle = self._challenges.new(shown_to, shown_to)
        answer = self._challenges.answer_for(handle, shown_to) or ""
        png, wav = (b64encode(made).decode() for made in (draw(answer), speak(answer, caller.language)))
        work = self._challenges.work.challenge(handle, caller.network)
        return ApiProblem("captcha_first", captcha_id=handle, captcha_png=png, captcha_wav=wav, altcha=work)

    def _holder(self, caller: DraftCaller) -> Declaration:
        """The draft whose secret the caller sent. Raises `ApiProblem`."""
        try:
            if caller.secret:
                return self._declarations.of_secret(caller.secret)
        except Expired:
            pass
        raise ApiProblem("no_draft", headers=[("WWW-Authenticate", "Bearer")])

    def _complete(self, caller: DraftCaller) -> Declaration:
        draft = self._holder(caller)
        if draft.state not in ("draft", "returned"):
            raise ApiProblem("handed_in")
        if problems := self._declarations.problems(draft):
            raise ApiProblem("incomplete", problems=problems, sentences=_sentences(draft, problems))
        return draft

    def _described(self, draft: Declaration, problems: Mapping[str, str] | None = None) -> api.DraftBody:
        """The draft as its holder sees it."""
        open_ones = self._declarations.problems(draft) if draft.state in ("draft", "returned") else {}
        wrong = open_ones | dict(problems or {})
        return api.DraftBody(
            reference=draft.formatted_reference,
            kind=draft.kind,
            state=draft.state,
            form=api.FormBody.model_validate(draft.form, from_attributes=True),
            photos=sorted(self._declarations.photos(draft)),
            problems=wrong,
            sentences=_sentences(draft, wrong),
            grades=list(self._declarations.grades(draft)),
            expires_at=int(draft.expires_at or 0),
        )


def _sentences(draft: Declaration, problems: Mapping[str, str]) -> dict[str, str]:
    organisation = draft.kind == "organisation"
    return {name: sentence(name, why, organisation=organisation) for name, why in problems.items()}


def _shown_to(draft: Declaration) -> str:
    """What a captcha of this draft is bound to, in place of an attempt and a browser."""
    return f"draft {draft.id}"


_PICTURE = "A picture: JPEG, PNG or WebP, at most 8 MiB."

OPERATIONS: tuple[AnyOperation, ...] = (
    Operation("begin", "POST", ROOT, "Begin a draft; `secret` is shown once and opens it.", "",
              RegistrationApi.begin, api.BeginRequest, {201: api.BegunBody}, ("closed", "kind")),
    Operation("draft", "GET", f"{ROOT}/draft", "The draft, what is left to do, and what looks odd.", "draft",
              RegistrationApi.draft, Nothing, {200: api.DraftBody}),
    Operation("fill", "POST", f"{ROOT}/draft", "Fill in fields; those that are not named stay as they are.", "draft",
              RegistrationApi.fill, api.FillRequest, {200: api.DraftBody}, ("handed_in",)),
    # A picture slightly over the limit is still read: a client cut off while sending would not get the reason.
    *(Operation(f"photo_{role}", "POST", f"{ROOT}/draft/{role}", _PICTURE, "draft",
                partial(RegistrationApi.photo, role=role), Upload, {200: api.DraftBody}, ("picture", "handed_in"),
                2 * LARGEST) for role in ROLES),
    Operation("code", "POST", f"{ROOT}/draft/code", "Send a code to the address of the form.", "draft",
              RegistrationApi.code, api.CodeAsked, {202: api.EmailedBody},
              ("incomplete", "handed_in", "code_exhausted", "over_budget", "captcha_first", "work_first")),
    Operation("hand_in", "POST", f"{ROOT}/draft/submit", "Hand the draft in with the code, once.", "draft",
              RegistrationApi.hand_in, api.HandInRequest, {200: api.DraftBody},
              ("incomplete", "code_wrong", "code_exhausted")),
    Operation("status", "POST", f"{ROOT}/status", "How a declaration stands.", "",
              RegistrationApi.status, api.StatusRequest, {200: api.StatusBody}, ("no_such_pair",)),
    Operation("provinces", "GET", f"{ROOT}/provinces", "Provinces of today.", "",
              RegistrationApi.provinces, QueryModel, {200: api.PlacesBody}, cached=True),
    Operation("communes", "GET", f"{ROOT}/communes", "Communes of a province.", "",
              RegistrationApi.communes, api.ProvinceQuery, {200: api.PlacesBody}, cached=True),
    Operation("agencies", "GET", f"{ROOT}/agencies", "Regions, or the agencies of one.", "",
              RegistrationApi.agencies, api.RegionQuery, {200: api.PlacesBody}, cached=True),
)  # fmt: skip


def _always(operation: AnyOperation) -> tuple[str, ...]:
    return ("no_draft",) if operation.by else ()


CONTRACT = Contract(
    title="BHXH: registration for apps",
    summary="For apps: a request that an agency decides. `secret` of the draft is the bearer; there are no cookies.",
    root=ROOT,
    operations=OPERATIONS,
    refusals=api.REFUSALS,
    problem=api.DraftProblemBody,
    schemes={"draft": {"type": "http", "scheme": "bearer", "description": "The `secret` of a draft."}},
    security={"draft": [{"draft": []}], "": []},
    always=_always,
)
