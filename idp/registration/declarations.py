"""`Declarations`: a person fills in form 01, proves an address, submits it, and sees the outcome.

The secret of a draft is all it takes to continue it. Nothing here reveals who has an account: a registered, pending or
locked code gets the same answers as an unknown one; only the officer sees the difference.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from idp.accounts.account import Kind
from idp.accounts.one_time import CodeRequest
from idp.accounts.phone import NotAMobileNumber, PhoneNumber
from idp.accounts.references import new_id, new_reference, read_reference
from idp.dates import local_day
from idp.ephemeral_records import digest, new_secret
from idp.errors import Expired, StaleState, TooMany
from idp.limits.local import LocalRateLimiter
from idp.limits.window import Window
from idp.messages.message import Message
from idp.ports import Clock, Event
from idp.registration.decisions import RegistrationStores
from idp.registration.declaration import ROLES, Channel, Declaration, Form, Photo, Role, WrongState
from idp.registration.grades import grades
from idp.registration.owners import Owners
from idp.registration.photos import PhotoProcessor
from idp.registration.reading import FIELDS, Reader, Reading
from idp.sentences import Language

MAIL_LIFE = 72 * 3600.0
NOBODY = "----------"
"""Not a reference: looked up in place of an invalid one, so that both take the same time."""


@dataclass(frozen=True, slots=True)
class DraftRules:
    """Our address, how long a draft and an undecided declaration live, in seconds, and when registration is open."""

    issuer: str
    draft_life: float
    lapse: float
    windows: Mapping[Kind, Window]


@dataclass(frozen=True, slots=True)
class DeclarationLimiters:
    """Limits: drafts started per network and in total; pictures per draft, per network and in total; status look-ups
    per network.
    """

    drafts: LocalRateLimiter
    all_drafts: LocalRateLimiter
    photos: LocalRateLimiter
    network_photos: LocalRateLimiter
    all_photos: LocalRateLimiter
    looks: LocalRateLimiter


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who starts: from which network, in which language, through which channel."""

    network: str
    language: Language
    channel: Channel = "web"


class Incomplete(Exception):
    """The draft cannot be submitted; `problems` are reasons by field, including pictures."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(", ".join(problems))
        self.problems = problems


class Closed(Exception):
    """Registration is not open for this kind."""


class Declarations:
    """The citizen's side of the desk. `issuer` is our address, for messages."""

    def __init__(
        self,
        stores: RegistrationStores,
        photos: PhotoProcessor,
        owners: Owners,
        limiters: DeclarationLimiters,
        clock: Clock,
        rules: DraftRules,
    ) -> None:
        self._store = stores.declarations
        self._decided = stores.decisions
        self._agencies = stores.agencies
        self._photos = photos
        self._owners = owners
        self._limiters = limiters
        self._clock = clock
        self.rules = rules

    @property
    def today(self) -> date:
        """The current day in Vietnam."""
        return local_day(self._clock())

    def is_open(self, kind: Kind) -> bool:
        """Whether this kind of registrant may register now."""
        return self.rules.windows[kind].is_open(self._clock())

    def begin(self, kind: Kind, asker: Applicant) -> tuple[str, Declaration]:
        """A new draft and the secret that opens it. Raises `Closed`, `TooMany`."""
        if not self.is_open(kind):
            raise Closed
        if not self._limiters.drafts.hit(asker.network) or not self._limiters.all_drafts.hit("all"):
            raise TooMany("too many declarations begun", retry_after=self._limiters.drafts.retry_after)
        secret, now = new_secret("r"), self._clock()
        draft = Declaration(
            id=new_id(),
            reference=new_reference(),
            kind=kind,
            request="register",
            secret_digest=secret_digest(secret),
            created_at=now,
            form=Form(starts_on=str(self.today)),
            channel=asker.channel,
            network=asker.network,
            language=asker.language,
            expires_at=now + self.rules.draft_life,
        )
        self._store.add(draft)
        return secret, draft

    def of_secret(self, secret: str) -> Declaration:
        """The draft with this secret, or its recent outcome. Raises `Expired`."""
        declaration = self._store.find_by_secret(secret_digest(secret)) if len(secret) == 45 else None
        if declaration is None:
            raise Expired("no such draft")
        handed = declaration.submitted_at is not None and declaration.state != "returned"
        until = (declaration.submitted_at or 0.0) + self.rules.draft_life if handed else declaration.expires_at
        if until is None or self._clock() >= until:
            raise Expired("the draft is over")
        return declaration

    def photos(self, draft: Declaration) -> list[Role]:
        """Which pictures the draft holds."""
        return self._store.photos(draft.id)

    def photo(self, draft: Declaration, role: Role) -> bytes | None:
        """A picture, for the holder of the draft."""
        return self._store.photo(draft.id, role)

    def fill(self, draft: Declaration, typed: Mapping[str, str]) -> tuple[Declaration, Mapping[str, str]]:
        """Store the readable input; returns what is wrong by field. Raises `WrongState`, `StaleState`."""
        for _ in range(3):
            if draft.state not in ("draft", "returned"):
                raise WrongState(draft.state)
            reading = self._read(draft, typed)
            if reading.form == draft.form:
                return draft, reading.problems
            filled = draft.filled(reading.form)
            if self._store.replace(filled):
                return filled, reading.problems
            # Another window of the same person wrote first: the last input wins.
            draft = self._store.find(draft.id) or draft
        raise StaleState

    def keep_photo(self, draft: Declaration, role: Role, file: bytes) -> None:
        """Re-encode a picture and store it. Raises `BadPhoto`, `WrongState`, `TooMany`, `Busy`."""
        limiters = self._limiters
        hits = ((limiters.photos, draft.id), (limiters.network_photos, draft.network), (limiters.all_photos, "all"))
        for limiter, key in hits:
            if not limiter.hit(key):
                raise TooMany("too many pictures", retry_after=limiter.retry_after)
        if draft.state not in ("draft", "returned"):
            raise WrongState(draft.state)
        made, now = self._photos.develop(role, file), self._clock()
        until = draft.expires_at or now + self.rules.draft_life
        photo = Photo(draft.id, role, made.jpeg, made.width, made.height, now, until)
        if not self._store.put_photo(photo):
            raise WrongState("submitted")

    def problems(self, draft: Declaration) -> dict[str, str]:
        """What is left to do before the draft can be submitted, by field."""
        form = draft.form
        # The agency may have been dissolved since: its successor takes the declaration.
        fields = (name for name in FIELDS[draft.kind] if name != "agency")
        typed = {name: value for name in fields if isinstance(value := getattr(form, name), str)}
        problems = dict(self._read(draft, typed).problems)
        kept = self._store.photos(draft.id)
        return problems | {role: "missing" for role in needed(draft) if role not in kept}

    def grades(self, draft: Declaration) -> tuple[str, ...]:
        """What looks odd: shown to the person now, and to the officer later."""
        return grades(draft.form, self.today)

    def code_for(self, draft: Declaration) -> CodeRequest:
        """The code that proves the address; a new address or a second submission needs a new code."""
        bound = f"{draft.id} {draft.submitted_at or 0}"
        return CodeRequest("registration", bound, draft.id, "email", draft.form.email, account_id=draft.id)

    def hand_in(self, draft: Declaration, language: Language) -> Declaration:
        """Submit a draft whose address was proved just now, once: a repeat returns the same declaration.

        A newer declaration replaces an older one about the same code when both proved the same address. Otherwise both
        wait and the officer sees both: knowing the number is not enough to end a stranger's declaration. An owner of an
        account with the code is notified. Raises `Incomplete`, `WrongState`, `StaleState`.
        """
        if problems := self.problems(draft):
            raise Incomplete(problems)
        agency = self._agencies.tree().receiving(draft.form.agency, self.today)
        if agency is None:
            raise Incomplete({"agency": "choose"})
        now = self._clock()
        routed = replace(draft, form=replace(draft.form, agency=agency.code), language=language)
        handed = routed.submitted(now, lapses_at=now + self.rules.lapse, proved_at=now)
        owner = self._owners.notice_of(handed)
        letters, older = [self._letter(handed, agency.name)], self._older(handed)
        if self._store.submit(handed, older, letters, daily=owner.name, told_daily=owner.messages):
            return handed
        stored = self._store.find(draft.id)
        if stored is None or stored.state != "submitted":
            raise StaleState
        return stored

    def look(self, reference: str, phone: str, network: str) -> Declaration | None:
        """The declaration with this reference and number; None for every other pair. Raises `TooMany`."""
        if not self._limiters.looks.hit(network):
            raise TooMany("too many looks at declarations", retry_after=self._limiters.looks.retry_after)
        declaration = self._store.find_by_reference(read_reference(reference) or NOBODY)
        if declaration is not None and declaration.state == "draft":
            declaration = None
        same = hmac.compare_digest(
            (declaration.form.phone if declaration else NOBODY).encode(), _number(phone).encode()
        )
        return declaration if same else None

    def find(self, declaration_id: str) -> Declaration:
        """A declaration that was looked up a moment ago. Raises `Expired`."""
        declaration = self._store.find(declaration_id)
        if declaration is None:
            raise Expired("no such declaration")
        return declaration

    def open_again(self, declaration: Declaration) -> tuple[str, Declaration]:
        """Turn a registration returned for correction into a draft for its proven sender; returns its new secret. An
        account owner makes the request again in a session instead. Raises `WrongState`, `StaleState`.
        """
        if declaration.request != "register":
            raise WrongState(declaration.state)
        secret = new_secret("r")
        draft = declaration.held_by(secret_digest(secret))
        if not self._store.replace(draft):
            raise StaleState
        return secret, draft

    def cancel(self, declaration: Declaration) -> Declaration:
        """Withdraw it; its pictures are deleted. Raises `WrongState`, `StaleState`."""
        now = self._clock()
        cancelled = declaration.cancelled(now)
        event = Event("declaration.cancelled", declaration.account_id, facts={"request": declaration.request})
        self._decided.settle(cancelled, event, [], photos_until=now)
        return cancelled

    def forget(self, draft: Declaration) -> None:
        """Start over: the draft and its pictures are deleted; submitted declarations stay."""
        self._store.forget(draft)

    def _read(self, draft: Declaration, typed: Mapping[str, str]) -> Reading:
        asks = draft.kind == "organisation" or draft.channel == "app"
        return Reader(draft.kind, self._agencies.tree(), self.today, contact=asks).read(typed, draft.form)

    def _older(self, handed: Declaration) -> list[Declaration]:
        form = handed.form
        same = self._store.open_for(handed.kind, form.code, form.citizen_number)
        return [
            older
            for older in same
            if older.id != handed.id
            and older.request == handed.request
            and older.email_verified_at
            and older.form.email == form.email
        ]

    def _letter(self, handed: Declaration, agency: str) -> Message:
        facts = {
            "reference": handed.formatted_reference,
            "agency": agency,
            "url": f"{self.rules.issuer}/register/status",
        }
        until = self._clock() + MAIL_LIFE
        return Message("email", handed.form.email, "declaration_received", until, facts, handed.language)


def needed(draft: Declaration) -> tuple[Role, ...]:
    """The pictures that a draft needs; a passport has its data on one page."""
    if draft.kind == "organisation":
        return ()
    return ("portrait", "front") if draft.form.paper_kind == "passport" else ROLES


def secret_digest(secret: str) -> str:
    """What is stored of a draft's secret."""
    return digest("draft", secret)


def _number(typed: str) -> str:
    try:
        return PhoneNumber.parse(typed).e164
    except NotAMobileNumber:
        return "nobody"
