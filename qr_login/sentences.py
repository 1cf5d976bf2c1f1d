"""What the page of a QR login says: one sentence for each thing that can happen.

The page contains all of them and shows one; its script gets the name from `poll`. `{device}` is filled in on display.
"""

from collections.abc import Mapping

from flask_babel import LazyString, lazy_gettext

from qr_login.logins import Polled

SENTENCES: Mapping[str, LazyString] = {
    "pending": lazy_gettext("Đang chờ bạn quét mã."),
    "scanned": lazy_gettext("Đã quét, đang chờ xác nhận trên thiết bị {device}."),
    "wrong": lazy_gettext("Số vừa nhập trên thiết bị {device} không đúng. Hãy nhập lại số đang hiện ở đây."),
    "intruded": lazy_gettext(
        "Đang chờ xác nhận trên thiết bị {device}. Một điện thoại khác cũng vừa quét mã này và đã bị từ chối."
    ),
    "delivered": lazy_gettext("Đã xác nhận. Đang chuyển tiếp…"),
    "denied": lazy_gettext("Lần đăng nhập này đã bị từ chối trên điện thoại."),
    "not_me": lazy_gettext("Chủ điện thoại báo rằng đây không phải là họ, nên lần đăng nhập này đã bị chặn."),
    "wrong_number": lazy_gettext("Số nhập trên điện thoại đã sai ba lần, nên mã này đã bị hủy."),
    "wrong_passcode": lazy_gettext("Mật khẩu ứng dụng đã bị nhập sai quá nhiều lần, nên lần đăng nhập này đã bị hủy."),
    "other_network": lazy_gettext(
        "Dịch vụ này chỉ nhận mã QR khi điện thoại và máy này dùng chung một mạng, nên lần đăng nhập này đã dừng."
    ),
    "expired": lazy_gettext("Mã này đã hết hạn. Hãy bấm “Tải lại” để lấy mã mới."),
    "gone": lazy_gettext(
        "Mã này không còn dùng được. Có thể bạn vừa mở mã khác ở một thẻ khác, hoặc đã đăng nhập xong."
    ),
    "lost": lazy_gettext("Mất kết nối mạng. Trang này vẫn đang thử lại."),
}
REFUSED: Mapping[str, LazyString] = {
    "off": lazy_gettext("Dịch vụ này không cho phép đăng nhập bằng mã QR. Vui lòng đăng nhập bằng cách khác dưới đây."),
    "blocked": lazy_gettext(
        "Không dùng mã QR được nữa trong lần đăng nhập này: chủ điện thoại đã báo rằng đây không phải là họ."
    ),
}
"""Shown on the login page when there is no picture."""


def sentence_of(polled: Polled) -> str:
    """The sentence that describes the state."""
    login = polled.login
    if login is None or polled.kind not in ("scanned", "denied"):
        return polled.kind
    if polled.kind == "denied":
        return "expired" if login.denied_by == "clock" else login.denied_by or "denied"
    if login.intruded:
        return "intruded"
    return "wrong" if login.wrong_numbers else "scanned"
