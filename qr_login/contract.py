"""The phone's API as apps see it: requests, responses, and every way in which a request is refused."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from idp.http.json_api import COMMON, ApiModel, ApiRefusal, Moment, ProblemBody, RefusedAs, text
from idp.sentences import N_

BAD = RefusedAs("bad_request")
Passcode = Annotated[str, Field(max_length=6, pattern="^[0-9]{6}$"), RefusedAs("passcode_form")]
_AGREED = "The person read which phone will be signed out, and agreed."
_READ = "The two digits that the person read on the screen and typed."


class EnrolRequest(ApiModel):
    """Make this phone the person's device."""

    name: Annotated[str, text(64, "What the person calls the phone, 1 to 64 characters."), RefusedAs("name")]
    passcode: Annotated[Passcode, Field(description="Six digits, of this device only.")]
    replace: Annotated[bool, Field(description=_AGREED), BAD] = False
    code: Annotated[str, text(12, "The code that was sent to the registered number.", "[0-9 ]*"), BAD] = ""


class PasscodeRequest(ApiModel):
    """Change the passcode."""

    old: Annotated[Passcode, Field(description="The passcode of now.")]
    new: Annotated[Passcode, Field(description="The passcode to be.")]


class ScanRequest(ApiModel):
    """The picture that the phone scanned."""

    picture: Annotated[str, text(200, "What the QR code says, the whole link."), RefusedAs("unreadable")]


class TicketRequest(ApiModel):
    """The login that was scanned."""

    ticket: Annotated[str, text(22, "As `scan` answered it.", "[A-Za-z0-9_-]{22}"), BAD]


class ConfirmRequest(TicketRequest):
    """What the person typed to let the browser in."""

    number: Annotated[str, text(2, _READ, "[0-9]{2}"), RefusedAs("number_form")]
    passcode: Annotated[Passcode, Field(description="Six digits, of this device only.")]


class DeviceBody(ApiModel, title="Device"):
    """A device as apps know it."""

    name: str
    network: str
    enrolled_at: Moment
    last_seen_at: Moment


class EndedBody(ApiModel, title="Ended"):
    """Why a phone is no longer accepted."""

    why: str
    at: Moment
    successor: str
    may_disown: bool


class DeviceStateBody(ApiModel, title="DeviceState"):
    """The state of a key."""

    state: Literal["none", "active", "ended"]
    device: DeviceBody | None = None
    ended: EndedBody | None = None


class CodeSentBody(ApiModel, title="CodeSent"):
    """Where a code was sent, and when another can be requested."""

    sent_to: str
    next_at: Moment


class DoneBody(ApiModel, title="Done"):
    """The result of an operation."""

    result: str


class ScannedBody(ApiModel, title="Scanned"):
    """A login bound to the phone, and the signed card of who asks."""

    ticket: str
    card: str
    expires_at: Moment


class LookBody(ApiModel, title="Look"):
    """The state of a login."""

    state: str
    tries_left: int
    intruded: bool


class SessionBody(ApiModel, title="Session"):
    """A browser that is logged in."""

    browser: str
    network: str
    since: Moment


class SessionsBody(ApiModel, title="Sessions"):
    """Where the person is logged in."""

    sessions: list[SessionBody]
    device: DeviceBody


REFUSALS: Mapping[str, ApiRefusal] = COMMON | {
    "token_missing": ApiRefusal(401, N_("Hãy đăng nhập ứng dụng.")),
    "invalid_token": ApiRefusal(401, N_("Phiên đăng nhập của ứng dụng đã hết. Hãy đăng nhập lại.")),
    "invalid_dpop_proof": ApiRefusal(401, N_("Không xác minh được điện thoại này.")),
    "use_dpop_nonce": ApiRefusal(401, N_("Hãy thử lại.")),
    "insufficient_scope": ApiRefusal(403, N_("Ứng dụng không được phép làm việc này.")),
    "no_device": ApiRefusal(403, N_("Điện thoại này chưa được đăng ký. Hãy đăng ký trước.")),
    "ended": ApiRefusal(403, N_("Điện thoại này không còn là thiết bị của bạn nên đã bị thoát.")),
    "other_device": ApiRefusal(409,
        N_("Tài khoản đang dùng trên điện thoại khác. Nếu tiếp tục, điện thoại đó sẽ bị thoát.")),
    "code_wrong": ApiRefusal(403, N_("Mã xác thực không đúng.")),
    "code_exhausted": ApiRefusal(403, N_("Đã nhập sai mã quá nhiều lần. Hãy đăng nhập lại rồi thử sau.")),
    "code_first": ApiRefusal(429, N_("Đang có quá nhiều yêu cầu gửi mã. Hãy thử lại sau ít phút.")),
    "over_budget": ApiRefusal(429, N_("Đã gửi quá nhiều mã. Hãy thử lại sau.")),
    "no_phone": ApiRefusal(409, N_("Tài khoản chưa có số điện thoại để nhận mã. Hãy liên hệ cơ quan BHXH.")),
    "name": ApiRefusal(400, N_("Tên điện thoại cần từ 1 đến 64 ký tự.")),
    "passcode_form": ApiRefusal(400, N_("Mật khẩu ứng dụng gồm 6 chữ số.")),
    "number_form": ApiRefusal(400, N_("Số trên màn hình có 2 chữ số.")),
    "passcode_weak": ApiRefusal(400, N_("Mật khẩu ứng dụng này quá dễ đoán. Hãy chọn 6 chữ số khác.")),
    "passcode_wrong": ApiRefusal(403, N_("Mật khẩu ứng dụng không đúng. Sai 5 lần, điện thoại này sẽ bị gỡ.")),
    "outdated": ApiRefusal(409, N_("Tài khoản vừa thay đổi. Hãy đăng nhập lại.")),
    "not_replaced": ApiRefusal(409, N_("Không có điện thoại nào vừa thay thế điện thoại này.")),
    "unreadable": ApiRefusal(400, N_("Đây không phải mã đăng nhập của BHXH. Đừng quét mã này ở nơi khác.")),
    "unknown": ApiRefusal(404, N_("Mã này không còn. Hãy bấm “Tải lại” trên màn hình.")),
    "forged": ApiRefusal(403, N_("Mã này không phải do BHXH tạo ra. Đừng đăng nhập ở trang đang hiện mã.")),
    "stale": ApiRefusal(410, N_("Mã này đã cũ: có thể là ảnh chụp. Hãy quét mã đang hiện trên màn hình của bạn.")),
    "expired": ApiRefusal(410, N_("Mã này đã hết hạn. Hãy bấm “Tải lại” trên màn hình.")),
    "already_scanned": ApiRefusal(409,
        N_("Mã này đã được một điện thoại quét. Nếu không phải bạn, hãy bấm “Tải lại” trên màn hình.")),
    "not_scanned": ApiRefusal(409, N_("Hãy quét mã trước.")),
    "scanned_by_other": ApiRefusal(403, N_("Một điện thoại khác đã quét mã này.")),
    "wrong_number": ApiRefusal(403, N_("Số không đúng. Hãy nhập số đang hiện trên màn hình trước mặt bạn.")),
    "other_network": ApiRefusal(403, N_("Cổng này chỉ cho đăng nhập khi điện thoại và máy dùng chung một mạng.")),
    "denied": ApiRefusal(410, N_("Lần đăng nhập này đã bị từ chối.")),
    "confirmed": ApiRefusal(409, N_("Bạn đã xác nhận rồi.")),
    "consumed": ApiRefusal(410, N_("Lần đăng nhập này đã xong.")),
}  # fmt: skip

NUMBER_OVER = N_("Số đã sai ba lần nên lần đăng nhập này đã bị hủy. Hãy bấm “Tải lại” trên màn hình.")
"""What the person reads instead after the last wrong number."""


class PhoneProblemBody(ProblemBody, title="Problem", extra="ignore"):
    """RFC 9457. `code` is for programs, `detail` for the person; some codes have further members."""

    code: Annotated[str, Field(json_schema_extra={"enum": sorted(REFUSALS)})]
    field: str | None = None
    why: Annotated[str | None, Field(description="Of a proof, for the developer of the app.")] = None
    left: Annotated[int | None, Field(description="Tries that are left.")] = None
    ended: EndedBody | None = None
    device: DeviceBody | None = None
