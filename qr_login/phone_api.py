"""The phone's API: JSON over HTTPS for apps, as plain WSGI. `contract` is its table, docs/mobile.md its guide.

`phone_authenticator` says who calls; each operation here has the name that it has in the table, and every refusal that
a rule knows becomes a problem with its code.
"""

from collections.abc import Callable, Mapping
from typing import Any

from idp.accounts.credentials import Credentials
from idp.accounts.devices import Device, DeviceHolder, DeviceRefused, Devices, EnrolmentRequest
from idp.accounts.masking import masked_phone
from idp.accounts.notices import Scene
from idp.accounts.people import People
from idp.errors import Busy, StaleState, TooMany
from idp.limits.budgets import CaptchaFirst, OverBudget
from idp.web.agents import browser_name
from idp.web.gateway import Endpoint, EndpointResponse, Environ, problem, reply
from qr_login.contract import NUMBER_OVER, OPERATIONS, PhoneRoute
from qr_login.flow import WRONG_NUMBERS, QrRefused
from qr_login.openapi import document
from qr_login.phone import Phone
from qr_login.phone_authenticator import (
    REFUSING,
    Caller,
    PhoneAuthenticator,
    PhoneProblem,
    language_of,
    problem_of,
    read_object,
)

Given = Mapping[str, Any]
ApiResponse = tuple[int, Mapping[str, Any]]
OF_QR = {"other_device": "scanned_by_other"}
"""Reasons of a login that have another code here."""


class PhoneApi:
    """The endpoints. `observe` is told the operation and the code of each refusal."""

    def __init__(
        self,
        issuer: str,
        door: PhoneAuthenticator,
        phone: Phone,
        devices: Devices,
        credentials: Credentials,
        people: People,
        observe: Callable[[str, str], None],
    ) -> None:
        self._issuer = issuer
        self._door = door
        self._phone = phone
        self._devices = devices
        self._credentials = credentials
        self._people = people
        self._observe = observe

    def table(self) -> Mapping[str, Endpoint]:
        """Paths and endpoints; one path may take several methods."""
        by_path: dict[str, dict[str, PhoneRoute]] = {}
        for operation in OPERATIONS:
            by_path.setdefault(operation.path, {})[operation.method] = operation
        answer = document(self._issuer)
        served: dict[str, Endpoint] = {path: self._endpoint(methods) for path, methods in by_path.items()}
        return served | {"/phone/openapi.json": lambda environ: reply(200, answer, [])}

    def _endpoint(self, methods: Mapping[str, PhoneRoute]) -> Endpoint:
        def endpoint(environ: Environ) -> EndpointResponse:
            operation = methods.get(environ["REQUEST_METHOD"])
            if operation is None:
                return problem(405, "method_not_allowed", [("Allow", ", ".join(methods))])
            language = language_of(environ)
            try:
                caller = self._door.caller(operation, environ, language)
                status, body = self._answered(operation, caller, read_object(operation, environ))
                return reply(status, body, self._door.nonce())
            except REFUSING as error:
                refused = problem_of(error)
                self._observe(operation.name, refused.code)
                return self._door.refused(refused, language)

        return endpoint

    def _answered(self, operation: PhoneRoute, caller: Caller, given: Given) -> ApiResponse:
        try:
            answer: ApiResponse = getattr(self, f"_{operation.name}")(caller, given)
        except DeviceRefused as refused:
            raise self._of_device(refused) from None
        except QrRefused as refused:
            raise _of_qr(refused, caller) from None
        except OverBudget as refused:
            raise PhoneProblem("over_budget", retry_after=refused.retry_after) from None
        except CaptchaFirst:
            raise PhoneProblem("code_first", retry_after=60) from None
        except TooMany as refused:
            raise PhoneProblem("too_many", retry_after=refused.retry_after) from None
        except Busy as refused:
            raise PhoneProblem("busy", retry_after=refused.retry_after or 2) from None
        except StaleState:
            raise PhoneProblem("outdated") from None
        return answer

    def _of_device(self, refused: DeviceRefused) -> PhoneProblem:
        if refused.why == "ended" and refused.device is not None:
            return PhoneProblem("ended", {"ended": self._door.end(refused.device)})
        if refused.why == "other_device" and refused.device is not None:
            return PhoneProblem("other_device", {"device": described(refused.device)})
        return PhoneProblem(refused.why, {"left": refused.left} if refused.left else {})

    def _device(self, caller: Caller, given: Given) -> ApiResponse:
        device = caller.device
        if device is None:
            return 200, {"state": "none"}
        answer = {"device": described(device)}
        if device.ended_at is None:
            return 200, {"state": "active", **answer}
        return 200, {"state": "ended", **answer, "ended": self._door.end(device)}

    def _enrol(self, caller: Caller, given: Given) -> ApiResponse:
        holder = person_of(caller)
        wish = EnrolmentRequest(given["name"], given["passcode"], given.get("replace", False), given.get("code", ""))
        try:
            return 201, described(self._devices.enrol(holder, wish))
        except DeviceRefused as refused:
            if refused.why != "code_needed":
                raise
        number = masked_phone(holder.account.phone or "")
        return 202, {"sent_to": number, "next_at": int(self._devices.next_code(holder) or 0)}

    def _remove(self, caller: Caller, given: Given) -> ApiResponse:
        self._devices.unenrol(device_of(caller), person_of(caller).account)
        return 200, {"result": "removed"}

    def _passcode(self, caller: Caller, given: Given) -> ApiResponse:
        self._devices.change_passcode(device_of(caller), given["old"], given["new"], person_of(caller).account)
        return 200, {"result": "changed"}

    def _disown(self, caller: Caller, given: Given) -> ApiResponse:
        replaced = self._devices.disowned(caller.jkt)
        account = self._people.find(replaced.account_id) if replaced else None
        if replaced is None or account is None:
            raise PhoneProblem("not_replaced")
        self._credentials.disown_device(account, Scene(replaced.name, caller.language))
        return 200, {"result": "ended"}

    def _scan(self, caller: Caller, given: Given) -> ApiResponse:
        scanned = self._phone.scan(device_of(caller), caller.network, given["picture"])
        expires_at = int(scanned.login.expires_at)
        return 200, {"ticket": scanned.ticket, "card": scanned.card, "expires_at": expires_at}

    def _look(self, caller: Caller, given: Given) -> ApiResponse:
        login = self._phone.look(device_of(caller), given["ticket"])
        left = WRONG_NUMBERS - login.wrong_numbers
        return 200, {"state": login.state.value, "tries_left": left, "intruded": login.intruded}

    def _confirm(self, caller: Caller, given: Given) -> ApiResponse:
        account = person_of(caller).account
        self._phone.confirm(device_of(caller), account, given["ticket"], given["number"], given["passcode"])
        return 200, {"result": "confirmed"}

    def _deny(self, caller: Caller, given: Given) -> ApiResponse:
        self._phone.deny(device_of(caller), given["ticket"])
        return 200, {"result": "denied"}

    def _not_me(self, caller: Caller, given: Given) -> ApiResponse:
        device = device_of(caller)
        sessions = self._phone.not_me(device, given["ticket"])
        listed = [
            {"browser": browser_name(session.user_agent), "network": session.network, "since": int(session.created_at)}
            for session in sessions
        ]
        return 200, {"sessions": listed, "device": described(device)}


def _of_qr(refused: QrRefused, caller: Caller) -> PhoneProblem:
    after = refused.after
    if refused.why != "wrong_number" or after is None:
        return PhoneProblem(OF_QR.get(refused.why, refused.why))
    left = WRONG_NUMBERS - after.wrong_numbers
    over = {} if left else {"detail": NUMBER_OVER[caller.language == "en"]}
    return PhoneProblem("wrong_number", {"left": left, **over})


def described(device: Device) -> Mapping[str, Any]:
    """A device as apps are told of it."""
    return {
        "name": device.name,
        "network": device.network,
        "enrolled_at": int(device.enrolled_at),
        "last_seen_at": int(device.last_seen_at),
    }


def device_of(caller: Caller) -> Device:
    """The device that the door saw to: the contract says that this operation needs one."""
    assert caller.device is not None  # noqa: S101
    return caller.device


def person_of(caller: Caller) -> DeviceHolder:
    """The person whom the door saw to: the contract says that this operation needs a token."""
    assert caller.holder is not None  # noqa: S101
    return caller.holder
