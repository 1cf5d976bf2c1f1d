"""What we say to people who come through an upstream: one sentence per reason, without disclosing any data."""

from collections.abc import Mapping

from flask_babel import LazyString, lazy_gettext

FAILED: Mapping[str, LazyString] = {
    "cancelled": lazy_gettext("Bạn đã hủy đăng nhập tại %(way)s. Bạn có thể thử lại hoặc đăng nhập bằng cách khác."),
    "unavailable": lazy_gettext(
        "%(way)s đang bận hoặc không trả lời. Vui lòng thử lại sau ít phút, hoặc đăng nhập bằng cách khác dưới đây."
    ),
    "refused": lazy_gettext(
        "Không xác nhận được kết quả từ %(way)s, nên chúng tôi không đăng nhập cho bạn. Vui lòng thử lại, "
        "hoặc đăng nhập bằng cách khác dưới đây."
    ),
    "misconfigured": lazy_gettext(
        "Kết nối với %(way)s đang có sự cố và cán bộ kỹ thuật đã được báo. Vui lòng đăng nhập bằng cách khác dưới đây."
    ),
    "expired": lazy_gettext("Lần đăng nhập tại %(way)s đã quá thời gian. Vui lòng thử lại."),
}
"""On the login page, after a failed upstream login."""

NOTES: Mapping[str, LazyString] = {
    "slow": lazy_gettext("Đang phản hồi chậm."),
    "down": lazy_gettext("Tạm thời không dùng được."),
}

REFUSED: Mapping[str, tuple[LazyString, LazyString]] = {
    "phone_differs": (
        lazy_gettext("Số điện thoại không trùng khớp"),
        lazy_gettext(
            "Số điện thoại tại %(way)s khác với số đã đăng ký với cơ quan BHXH, nên chúng tôi chưa thể liên kết."
        ),
    ),
    "identity": (
        lazy_gettext("Thông tin cá nhân không trùng khớp"),
        lazy_gettext(
            "Thông tin cá nhân tại %(way)s khác với thông tin đã đăng ký với cơ quan BHXH. Cán bộ BHXH sẽ xem xét."
        ),
    ),
    "recycled": (
        lazy_gettext("Cần cán bộ kiểm tra lại liên kết"),
        lazy_gettext(
            "Thông tin %(way)s gửi đến không còn giống với lúc liên kết. Để bảo vệ bạn, chúng tôi đã dừng đăng nhập "
            "theo cách này và chuyển cho cán bộ BHXH xem xét."
        ),
    ),
    "unnamed": (
        lazy_gettext("Cần xác nhận thêm một lần"),
        lazy_gettext(
            "Lần này %(way)s không cho biết họ tên, ngày sinh hay số định danh, nên chúng tôi chưa chắc đó là bạn. "
            "Hãy đăng nhập bằng cách khác, hoặc thử lại và đồng ý chia sẻ thông tin."
        ),
    ),
    "conflict": (
        lazy_gettext("Không thể liên kết tài khoản"),
        lazy_gettext(
            "Tài khoản này đã có liên kết khác, hoặc thông tin trùng với nhiều tài khoản. Cán bộ BHXH sẽ xem xét."
        ),
    ),
    "under_age": (
        lazy_gettext("Người dưới 16 tuổi"),
        lazy_gettext(
            "Người dưới 16 tuổi chưa thể tự mở tài khoản. Cha, mẹ hoặc người giám hộ mang giấy tờ của mình và của trẻ "
            "đến cơ quan BHXH để được hướng dẫn."
        ),
    ),
    "closed": (
        lazy_gettext("Tài khoản đang bị khóa"),
        lazy_gettext("Tài khoản BHXH của bạn đang bị khóa. Vui lòng liên hệ cơ quan BHXH nơi bạn tham gia."),
    ),
}
"""A separate page: title and sentence. `%(way)s` is the upstream's name."""

LOOKUP = {
    "none": lazy_gettext("Không tìm được tài khoản khớp với mã số này và thông tin bạn vừa xác nhận."),
    "wait": lazy_gettext("Bạn đã thử quá số lần cho phép trong ngày. Vui lòng thử lại sau, hoặc dùng cách khác."),
}
OLDER: Mapping[str, LazyString] = {
    "password": lazy_gettext("Mật khẩu"),
    "passkey": lazy_gettext("Khóa truy cập"),
    "link": lazy_gettext("Đăng nhập qua"),
    "phone": lazy_gettext("Số điện thoại"),
    "email": lazy_gettext("Thư điện tử"),
}
"""Older login methods and channels."""

CONTACTS: Mapping[str, LazyString] = {
    "phone": lazy_gettext("số điện thoại chưa được xác minh"),
    "email": lazy_gettext("địa chỉ thư điện tử chưa được xác minh"),
}
