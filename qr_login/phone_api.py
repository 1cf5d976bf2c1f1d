"""The phone's API: JSON over HTTPS for apps, as `OPERATIONS` declares it. docs/mobile.md is its guide.

`contract` has the models, `phone_authenticator` finds the caller; every refusal by a rule becomes a problem with its
code.
"""

from idp.accounts.credentials import Credentials
from idp.accounts.devices import Device, DeviceHolder, DeviceRefused, Devices, EnrolmentRequest
from idp.accounts.masking import masked_phone
from idp.accounts.notices import Scene
from idp.accounts.people import People
from idp.errors import StaleState
from idp.http.json_api import ApiProblem, Contract, JsonApi, Nothing
from idp.limits.budgets import CaptchaFirst, OverBudget
from idp.sentences import Language, translated
from idp.web.agents import browser_name
from qr_login import contract as api
from qr_login.flow import WRONG_NUMBERS, QrRefused
from qr_login.phone import Phone
from qr_login.phone_authenticator import AnyPhoneOperation, PhoneAuthenticator, PhoneCaller, PhoneOperation

OF_QR = {"other_device": "scanned_by_other"}
"""Reasons of a login that have a different code here."""


class PhoneApi(JsonApi[PhoneCaller]):
    """The endpoints. `observe` is called with the operation and the code of each refusal."""

    def __init__(
        self,
        issuer: str,
        door: PhoneAuthenticator,
        phone: Phone,
        devices: Devices,
        credentials: Credentials,
        people: People,
    ) -> None:
        super().__init__(CONTRACT, issuer, door.caller, headers=door.nonce)
        self._door = door
        self._phone = phone
        self._devices = devices
        self._credentials = credentials
        self._people = people

    def problem_of(self, error: Exception, language: Language) -> ApiProblem:
        match error:
            case DeviceRefused():
                return self._of_device(error)
            case QrRefused():
                return _of_qr(error, language)
            case OverBudget():
                return ApiProblem("over_budget", retry_after=error.retry_after)
            case CaptchaFirst():
                return ApiProblem("code_first", retry_after=60)
            case StaleState():
                return ApiProblem("outdated")
        return super().problem_of(error, language)

    def _of_device(self, refused: DeviceRefused) -> ApiProblem:
        if refused.why == "ended" and refused.device is not None:
            return ApiProblem("ended", ended=self._door.end(refused.device))
        if refused.why == "other_device" and refused.device is not None:
            return ApiProblem("other_device", device=described(refused.device))
        return ApiProblem(refused.why, left=refused.left or None)

    def device(self, caller: PhoneCaller, asked: Nothing) -> api.DeviceStateBody:
        device = caller.device
        if device is None:
            return api.DeviceStateBody(state="none")
        if device.ended_at is None:
            return api.DeviceStateBody(state="active", device=described(device))
        return api.DeviceStateBody(state="ended", device=described(device), ended=self._door.end(device))

    def enrol(self, caller: PhoneCaller, asked: api.EnrolRequest) -> api.DeviceBody | api.CodeSentBody:
        holder = person_of(caller)
        try:
            wish = EnrolmentRequest(asked.name, asked.passcode, asked.replace, asked.code)
            return described(self._devices.enrol(holder, wish))
        except DeviceRefused as refused:
            if refused.why != "code_needed":
                raise
        number = masked_phone(holder.account.phone or "")
        return api.CodeSentBody(sent_to=number, next_at=int(self._devices.next_code(holder) or 0))

    def remove(self, caller: PhoneCaller, asked: Nothing) -> api.DoneBody:
        self._devices.unenrol(device_of(caller), person_of(caller).account)
        return api.DoneBody(result="removed")

    def passcode(self, caller: PhoneCaller, asked: api.PasscodeRequest) -> api.DoneBody:
        self._devices.change_passcode(device_of(caller), asked.old, asked.new, person_of(caller).account)
        return api.DoneBody(result="changed")

    def disown(self, caller: PhoneCaller, asked: Nothing) -> api.DoneBody:
        replaced = self._devices.disowned(caller.jkt)
        account = self._people.find(replaced.account_id) if replaced else None
        if replaced is None or account is None:
            raise ApiProblem("not_replaced")
        self._credentials.disown_device(account, Scene(replaced.name, caller.language))
        return api.DoneBody(result="ended")

    def scan(self, caller: PhoneCaller, asked: api.ScanRequest) -> api.ScannedBody:
        scanned = self._phone.scan(device_of(caller), caller.network, asked.picture)
        return api.ScannedBody(ticket=scanned.ticket, card=scanned.card, expires_at=int(scanned.login.expires_at))

    def look(self, caller: PhoneCaller, asked: api.TicketRequest) -> api.LookBody:
        login = self._phone.look(device_of(caller), asked.ticket)
        left = WRONG_NUMBERS - login.wrong_numbers
        return api.LookBody(state=login.state.value, tries_left=left, intruded=login.intruded)

    def confirm(self, caller: PhoneCaller, asked: api.ConfirmRequest) -> api.DoneBody:
        account = person_of(caller).account
        self._phone.confirm(device_of(caller), account, asked.ticket, asked.number, asked.passcode)
        return api.DoneBody(result="confirmed")

    def deny(self, caller: PhoneCaller, asked: api.TicketRequest) -> api.DoneBody:
        self._phone.deny(device_of(caller), asked.ticket)
        return api.DoneBody(result="denied")

    def not_me(self, caller: PhoneCaller, asked: api.TicketRequest) -> api.SessionsBody:
        device = device_of(caller)
        sessions = [
            api.SessionBody(browser=browser_name(one.user_agent), network=one.network, since=int(one.created_at))
            for one in self._phone.not_me(device, asked.ticket)
        ]
        return api.SessionsBody(sessions=sessions, device=described(device))


def _of_qr(refused: QrRefused, language: Language) -> ApiProblem:
    after = refused.after
    if refused.why != "wrong_number" or after is None:
        return ApiProblem(OF_QR.get(refused.why, refused.why))
    left = WRONG_NUMBERS - after.wrong_numbers
    over = None if left else translated(api.NUMBER_OVER, language)
    return ApiProblem("wrong_number", left=left, detail=over)


def described(device: Device) -> api.DeviceBody:
    """A device as apps know it."""
    return api.DeviceBody(
        name=device.name,
        network=device.network,
        enrolled_at=int(device.enrolled_at),
        last_seen_at=int(device.last_seen_at),
    )


def device_of(caller: PhoneCaller) -> Device:
    """The device that the authenticator found: the contract requires one for this operation."""
    assert caller.device is not None  # noqa: S101
    return caller.device


def person_of(caller: PhoneCaller) -> DeviceHolder:
    """The person that the authenticator found: the contract requires a token for this operation."""
    assert caller.holder is not None  # noqa: S101
    return caller.holder


_ENROL = (
    "ended", "other_device", "code_wrong", "code_exhausted", "no_phone", "name", "passcode_weak", "outdated",
    "over_budget", "code_first",
)  # fmt: skip
_QR = ("unknown", "scanned_by_other", "denied", "consumed", "expired")

OPERATIONS: tuple[AnyPhoneOperation, ...] = (
    PhoneOperation("device", "GET", "/phone/device", "What this key is: a device, an ended one, or none.", "key",
                   PhoneApi.device, Nothing, {200: api.DeviceStateBody}, binding="any"),
    PhoneOperation("enrol", "POST", "/phone/device", "Make this phone the person's device.", "token",
                   PhoneApi.enrol, api.EnrolRequest, {201: api.DeviceBody, 202: api.CodeSentBody}, _ENROL,
                   binding="any"),
    PhoneOperation("remove", "POST", "/phone/device/remove", "Take this phone out: its key opens nothing again.",
                   "token", PhoneApi.remove, Nothing, {200: api.DoneBody}),
    PhoneOperation("passcode", "POST", "/phone/device/passcode", "Another passcode.", "token",
                   PhoneApi.passcode, api.PasscodeRequest, {200: api.DoneBody},
                   ("passcode_wrong", "passcode_weak", "ended")),
    PhoneOperation("disown", "POST", "/phone/device/not-me",
                   "The phone that took this one's place is not the person's.", "key",
                   PhoneApi.disown, Nothing, {200: api.DoneBody}, ("not_replaced",), binding="any"),
    PhoneOperation("scan", "POST", "/phone/qr/scan", "Bind the login of a picture to this phone.", "token",
                   PhoneApi.scan, api.ScanRequest, {200: api.ScannedBody},
                   ("unreadable", "forged", "stale", "already_scanned", "other_network", *_QR)),
    PhoneOperation("look", "POST", "/phone/qr/look", "How the login stands.", "token",
                   PhoneApi.look, api.TicketRequest, {200: api.LookBody}, ("not_scanned", *_QR)),
    PhoneOperation("confirm", "POST", "/phone/qr/confirm", "Let the browser in.", "token",
                   PhoneApi.confirm, api.ConfirmRequest, {200: api.DoneBody},
                   ("not_scanned", "wrong_number", "passcode_wrong", "ended", "confirmed", *_QR)),
    PhoneOperation("deny", "POST", "/phone/qr/deny", "Refuse the browser.", "token",
                   PhoneApi.deny, api.TicketRequest, {200: api.DoneBody}, ("not_scanned", *_QR)),
    PhoneOperation("not_me", "POST", "/phone/qr/not-me", "The person asked for no login.", "token",
                   PhoneApi.not_me, api.TicketRequest, {200: api.SessionsBody}, ("not_scanned", *_QR)),
)  # fmt: skip


def _always(operation: AnyPhoneOperation) -> tuple[str, ...]:
    with_token = ("token_missing", "invalid_token", "insufficient_scope", "ended") if operation.by == "token" else ()
    with_device = ("no_device",) if operation.binding == "device" else ()
    return (*with_device, *with_token, "invalid_dpop_proof", "use_dpop_nonce")


CONTRACT = Contract(
    title="BHXH login: the phone's API",
    summary="For apps registered with `one_device`. Every request carries a DPoP proof (RFC 9449).",
    root="/phone",
    operations=OPERATIONS,
    refusals=api.REFUSALS,
    problem=api.PhoneProblemBody,
    schemes={
        "token": {"type": "http", "scheme": "DPoP", "description": "An access token with scope `device`."},
        "key": {"type": "apiKey", "in": "header", "name": "DPoP", "description": "A proof by the phone's key."},
    },
    security={"token": [{"token": [], "key": []}], "key": [{"key": []}]},
    always=_always,
)
