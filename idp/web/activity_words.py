"""The text for each event in the history of an account."""

from collections.abc import Mapping

from flask_babel import LazyString, lazy_gettext

HAPPENED: Mapping[str, LazyString] = {
    "login.succeeded": lazy_gettext("Đăng nhập"),
    "login.failed": lazy_gettext("Đăng nhập không thành công"),
    "session.ended": lazy_gettext("Kết thúc phiên đăng nhập"),
    "consent.given": lazy_gettext("Đồng ý chia sẻ thông tin với một cổng"),
    "consent.withdrawn": lazy_gettext("Rút lại đồng ý chia sẻ thông tin"),
    "password.changed": lazy_gettext("Đổi mật khẩu"),
    "password.recovered": lazy_gettext("Đặt lại mật khẩu"),
    "recovery.asked": lazy_gettext("Có người yêu cầu lấy lại mật khẩu"),
    "account.activated": lazy_gettext("Đặt mật khẩu đầu tiên"),
    "account.changed": lazy_gettext("Thay đổi thông tin được cơ quan BHXH duyệt"),
    "account.phone_set": lazy_gettext("Cơ quan BHXH ghi số điện thoại mới"),
    "account.not_me": lazy_gettext("Bạn báo “không phải tôi”"),
    "phone.verified": lazy_gettext("Xác minh số điện thoại"),
    "email.verified": lazy_gettext("Xác minh địa chỉ thư điện tử"),
    "link.added": lazy_gettext("Thêm liên kết tài khoản"),
    "link.removed": lazy_gettext("Hủy liên kết tài khoản"),
    "device.enrolled": lazy_gettext("Đăng ký điện thoại"),
    "device.ended": lazy_gettext("Gỡ điện thoại đăng ký"),
    "passkey.added": lazy_gettext("Thêm khóa truy cập"),
    "passkey.ended": lazy_gettext("Xóa khóa truy cập"),
    "qr.confirmed": lazy_gettext("Xác nhận đăng nhập bằng mã QR"),
    "qr.denied": lazy_gettext("Từ chối đăng nhập bằng mã QR"),
    "data.exported": lazy_gettext("Tải dữ liệu của tôi"),
    "data.asked": lazy_gettext("Gửi yêu cầu về dữ liệu cá nhân"),
}
THROUGH: Mapping[str, LazyString] = {
    "password": lazy_gettext("bằng mật khẩu"),
    "passkey": lazy_gettext("bằng khóa truy cập"),
    "qr": lazy_gettext("bằng mã QR"),
}
