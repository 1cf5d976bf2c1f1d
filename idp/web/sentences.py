"""What we tell people when something cannot continue: one sentence per reason, and always a way on.

Pages look up their reason here. Nothing from a request is put into a sentence, except how long to wait. The texts are
translated when they are shown, so this module can be imported before any request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from flask_babel import LazyString, format_timedelta, lazy_gettext


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """An error page: what happened, what the person can do now, and `ways` on (label, own address); else to home."""

    title: LazyString
    sentence: LazyString
    advice: tuple[LazyString, ...]
    ways: tuple[tuple[LazyString, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """What a portal learns through one scope, in the words of the consent page."""

    title: LazyString
    items: tuple[LazyString, ...]


KEPT: Mapping[str, LazyString] = {
    "declaration": lazy_gettext("Tờ khai đã duyệt"),
    "numbers": lazy_gettext("Mã số và số giấy tờ"),
}
"""The data that the law keeps after an erasure."""

PAGES: Mapping[str, ErrorPage] = {
    "unknown_client": ErrorPage(
        lazy_gettext("Không nhận ra trang yêu cầu đăng nhập"),
        lazy_gettext("Trang vừa chuyển bạn đến đây chưa được đăng ký với BHXH Việt Nam, nên chúng tôi đã dừng lại."),
        (
            lazy_gettext("Không nhập mật khẩu vào trang đó nếu bạn không chắc đó là trang chính thức."),
            lazy_gettext("Tự mở cổng dịch vụ từ địa chỉ bạn biết rõ rồi đăng nhập lại."),
        ),
    ),
    "unapproved_client": ErrorPage(
        lazy_gettext("Trang này chưa được duyệt"),
        lazy_gettext("Trang vừa chuyển bạn đến đây chưa được BHXH Việt Nam chấp thuận, nên chúng tôi đã dừng lại."),
        (lazy_gettext("Nếu bạn phụ trách trang đó, hãy hỏi nơi đã mời bạn đăng ký."),),
    ),
    "redirect_uri": ErrorPage(
        lazy_gettext("Địa chỉ quay lại không hợp lệ"),
        lazy_gettext("Bạn được yêu cầu chuyển đến một địa chỉ chưa đăng ký. Để bảo vệ bạn, chúng tôi đã dừng lại."),
        (
            lazy_gettext("Tự mở cổng dịch vụ từ địa chỉ bạn biết rõ rồi thử lại."),
            lazy_gettext("Nếu bạn đến đây từ một đường dẫn trong tin nhắn hoặc thư lạ, đừng dùng đường dẫn đó nữa."),
        ),
    ),
    "bad_request": ErrorPage(
        lazy_gettext("Yêu cầu không hợp lệ"),
        lazy_gettext("Trình duyệt đã gửi một yêu cầu mà hệ thống không hiểu được."),
        (
            lazy_gettext("Quay lại cổng dịch vụ và bắt đầu lại."),
            lazy_gettext("Dùng các nút trên màn hình, không sửa địa chỉ trang."),
        ),
    ),
    "expired": ErrorPage(
        lazy_gettext("Lần đăng nhập này đã hết hạn"),
        lazy_gettext("Lần đăng nhập đã quá thời gian cho phép hoặc đã hoàn tất."),
        (
            lazy_gettext("Quay lại cổng dịch vụ và bấm “Đăng nhập” lần nữa."),
            lazy_gettext("Nếu bạn đã đăng nhập xong ở một thẻ khác, hãy tiếp tục ở thẻ đó."),
        ),
    ),
    "notice_over": ErrorPage(
        lazy_gettext("Đường dẫn “Không phải tôi” không dùng được nữa"),
        lazy_gettext(
            "Mỗi đường dẫn chỉ dùng được một lần trong 72 giờ. Khi đã dùng, mọi phiên đăng nhập trước đó đã kết thúc "
            "và các đường dẫn cùng loại gửi sau đó cũng hết hiệu lực."
        ),
        (
            lazy_gettext("Nếu bạn vừa bấm “Không phải tôi”: việc đó đã được ghi nhận. Hãy đặt mật khẩu mới."),
            lazy_gettext("Nếu bạn lo có người lạ dùng tài khoản: hãy gọi Tổng đài 1900.9068 ngay."),
            lazy_gettext("Hoặc mang giấy tờ đến cơ quan BHXH gần nhất để cán bộ kiểm tra tài khoản."),
        ),
        ((lazy_gettext("Đặt mật khẩu mới"), "/recover"), (lazy_gettext("Xem lịch sử hoạt động"), "/account/activity")),
    ),
    "activation_over": ErrorPage(
        lazy_gettext("Đường dẫn kích hoạt không dùng được nữa"),
        lazy_gettext(
            "Đường dẫn đặt mật khẩu đầu tiên chỉ dùng được một lần, trong 72 giờ, và mỗi lần gửi mới thay cho lần "
            "trước."
        ),
        (
            lazy_gettext("Nếu bạn đã đặt mật khẩu: hãy đăng nhập bằng mật khẩu đó."),
            lazy_gettext("Nếu chưa: đề nghị cơ quan BHXH nơi nộp tờ khai gửi lại đường dẫn mới."),
            lazy_gettext("Nếu không phải bạn đã đặt mật khẩu: hãy gọi Tổng đài 1900.9068 ngay."),
        ),
        ((lazy_gettext("Đăng nhập"), "/login"), (lazy_gettext("Quên mật khẩu"), "/recover")),
    ),
    "recovery_over": ErrorPage(
        lazy_gettext("Đường dẫn đặt lại mật khẩu không dùng được nữa"),
        lazy_gettext(
            "Đường dẫn hoặc mã đặt lại mật khẩu chỉ dùng được một lần: trong 30 phút nếu gửi qua thư, 10 phút nếu "
            "gửi qua tin nhắn. Thay đổi khác của tài khoản cũng làm nó hết hiệu lực."
        ),
        (
            lazy_gettext("Nếu bạn đã đặt mật khẩu mới: hãy đăng nhập bằng mật khẩu đó."),
            lazy_gettext("Nếu chưa: bấm “Quên mật khẩu” để nhận đường dẫn hoặc mã mới."),
            lazy_gettext("Nếu không phải bạn đã đặt mật khẩu: hãy gọi Tổng đài 1900.9068 ngay."),
        ),
        ((lazy_gettext("Quên mật khẩu"), "/recover"), (lazy_gettext("Đăng nhập"), "/login")),
    ),
    "other_browser": ErrorPage(
        lazy_gettext("Không tiếp tục được trên trình duyệt này"),
        lazy_gettext("Lần đăng nhập này bắt đầu ở trình duyệt khác, hoặc trình duyệt của bạn đang chặn cookie."),
        (
            lazy_gettext("Cho phép cookie của trang này trong phần cài đặt trình duyệt."),
            lazy_gettext("Bắt đầu lại từ cổng dịch vụ và ở nguyên trong một trình duyệt."),
            lazy_gettext("Nếu ai đó gửi cho bạn đường dẫn đến trang này, đừng dùng đường dẫn đó để đăng nhập."),
        ),
    ),
    "too_many": ErrorPage(
        lazy_gettext("Quá nhiều lần thử"),
        lazy_gettext("Có quá nhiều yêu cầu trong thời gian ngắn. Tài khoản của bạn không bị khóa."),
        (lazy_gettext("Chờ vài phút rồi thử lại."),),
    ),
    "busy": ErrorPage(
        lazy_gettext("Hệ thống đang bận"),
        lazy_gettext("Hệ thống tạm thời chưa thể phục vụ bạn. Chưa có thao tác nào được thực hiện."),
        (
            lazy_gettext("Chờ khoảng một phút rồi tải lại trang."),
            lazy_gettext("Bạn không cần đổi mật khẩu hay đăng ký lại."),
        ),
    ),
    "not_found": ErrorPage(
        lazy_gettext("Không tìm thấy trang"),
        lazy_gettext("Địa chỉ này không có trang nào."),
        (lazy_gettext("Kiểm tra lại địa chỉ, hoặc quay lại cổng dịch vụ và bắt đầu lại."),),
    ),
    "method": ErrorPage(
        lazy_gettext("Không mở được trang theo cách này"),
        lazy_gettext("Địa chỉ này không dùng được theo cách trình duyệt vừa gọi."),
        (lazy_gettext("Quay lại cổng dịch vụ và bắt đầu lại."),),
    ),
    "internal": ErrorPage(
        lazy_gettext("Đã xảy ra lỗi"),
        lazy_gettext("Lỗi nằm ở phía hệ thống, không phải do bạn, và đã được ghi lại."),
        (
            lazy_gettext("Chờ khoảng một phút rồi thử lại từ cổng dịch vụ."),
            lazy_gettext("Nếu lỗi lặp lại, hãy gọi Tổng đài và đọc mã hỗ trợ dưới đây."),
        ),
    ),
    "forbidden": ErrorPage(
        lazy_gettext("Yêu cầu bị từ chối"),
        lazy_gettext("Biểu mẫu vừa gửi không đến từ trang của chúng tôi, hoặc phiên đăng nhập đã kết thúc."),
        (
            lazy_gettext("Mở lại trang bạn cần và thử lần nữa."),
            lazy_gettext("Nếu bạn không tự gửi biểu mẫu nào, hãy đóng thẻ vừa mở trước đó."),
        ),
    ),
    "no_right": ErrorPage(
        lazy_gettext("Bạn không có quyền ở phần này"),
        lazy_gettext("Tài khoản cán bộ của bạn chưa được giao quyền này. Chưa có thao tác nào được thực hiện."),
        (lazy_gettext("Nếu công việc cần, hãy đề nghị người quản trị giao quyền."),),
    ),
    "other_agency": ErrorPage(
        lazy_gettext("Hồ sơ thuộc cơ quan khác"),
        lazy_gettext("Bạn chỉ xem và quyết định được hồ sơ của cơ quan mình phụ trách."),
        (lazy_gettext("Chuyển người dân đến đúng cơ quan tiếp nhận, hoặc đề nghị người quản trị giao quyền."),),
    ),
    "own_request": ErrorPage(
        lazy_gettext("Đây là hồ sơ của chính bạn"),
        lazy_gettext("Không ai được xem xét hồ sơ của chính mình. Cán bộ khác phải quyết định."),
        (lazy_gettext("Mở hồ sơ khác trong danh sách."),),
    ),
    "views": ErrorPage(
        lazy_gettext("Bạn đã mở quá nhiều hồ sơ"),
        lazy_gettext("Số hồ sơ mở trong một giờ có giới hạn để bảo vệ dữ liệu của người dân. Việc này được ghi lại."),
        (lazy_gettext("Chờ đến hết giờ rồi mở tiếp. Nếu công việc cần nhiều hơn, hãy báo người quản trị."),),
    ),
    "alone": ErrorPage(
        lazy_gettext("Bạn không quyết định một mình được"),
        lazy_gettext("Tài khoản cán bộ của bạn chưa có đủ mã số BHXH và số CCCD, nên chưa có gì được thực hiện."),
        (lazy_gettext("Đề xuất để cán bộ khác xác nhận, hoặc đề nghị người quản trị bổ sung hai số của bạn."),),
    ),
    "invitation": ErrorPage(
        lazy_gettext("Đường dẫn không còn dùng được"),
        lazy_gettext("Đường dẫn đặt mật khẩu đã được dùng, đã quá một giờ, hoặc chưa từng có."),
        (lazy_gettext("Đề nghị người quản trị gửi đường dẫn mới."),),
    ),
    "too_large": ErrorPage(
        lazy_gettext("Dữ liệu gửi quá lớn"),
        lazy_gettext("Trình duyệt đã gửi nhiều dữ liệu hơn mức cho phép."),
        (lazy_gettext("Quay lại, nhập ít dữ liệu hơn rồi thử lại."),),
    ),
    "pictures": ErrorPage(
        lazy_gettext("Ảnh quá lớn"),
        lazy_gettext("Các ảnh gửi cùng lúc lớn hơn mức nhận được, nên lần gửi này chưa được ghi nhận."),
        (
            lazy_gettext("Mỗi ảnh tối đa 8 MB: chụp lại ở chế độ thường, hoặc thu nhỏ ảnh."),
            lazy_gettext("Những gì đã ghi nhận trước đó vẫn còn trong tờ khai."),
        ),
        ((lazy_gettext("Về tờ khai"), "/register/form"),),
    ),
}

LOGIN: Mapping[str, LazyString] = {
    "login_failed": lazy_gettext("Sai tên đăng nhập hoặc mật khẩu"),
    "captcha_wrong": lazy_gettext("Mã kiểm tra không đúng"),
    "captcha_needed": lazy_gettext("Vui lòng nhập mã kiểm tra"),
    # An f-string or an early `%` would fix the language; the caller fills in the time: LOGIN["wait"] % {...}.
    "wait": lazy_gettext(
        "Bạn đã thử quá nhiều lần từ mạng này. Vui lòng thử lại sau %(wait)s hoặc chọn cách đăng nhập khác. Tài khoản "
        "không bị khóa."
    ),
    "work": lazy_gettext(
        "Mạng bạn đang dùng có nhiều lần đăng nhập sai. Vui lòng nhập lại mật khẩu và thử lại sau %(wait)s."
    ),
    "busy": lazy_gettext("Đang có rất nhiều người đăng nhập. Vui lòng nhập lại mật khẩu và thử lại sau %(wait)s."),
    "disabled": lazy_gettext("Tài khoản không thể đăng nhập. Vui lòng liên hệ cơ quan BHXH"),
    "temporary_over": lazy_gettext(
        "Mật khẩu tạm chỉ dùng được một lần và đã hết hiệu lực. Hãy dùng “Quên mật khẩu” hoặc liên hệ cơ quan BHXH"
    ),
    "closed": lazy_gettext("Hiện không đăng nhập bằng mật khẩu ở đây được. Vui lòng chọn cách đăng nhập khác."),
    "expired": lazy_gettext("Lần đăng nhập đã hết hạn. Vui lòng đăng nhập lại"),
    "passkey": lazy_gettext("Không dùng được khóa truy cập này. Hãy thử lại hoặc chọn cách khác."),
}

PASSKEYS: Mapping[str, LazyString] = {
    "refused": lazy_gettext("Chưa thêm được khóa truy cập. Hãy thử lại."),
    "name": lazy_gettext("Tên khóa truy cập phải có từ 1 đến 64 ký tự."),
    "many": lazy_gettext("Mỗi tài khoản có tối đa 10 khóa truy cập. Hãy xóa một khóa trước."),
}

CODE: Mapping[str, LazyString] = {
    "wrong": lazy_gettext("Mã xác thực không đúng hoặc đã hết hạn"),
    "exhausted": lazy_gettext("Bạn đã nhập sai quá nhiều lần, mã này không dùng được nữa. Hãy bắt đầu lại."),
    "captcha": lazy_gettext("Mã kiểm tra không đúng"),
    "work": lazy_gettext("Mạng bạn đang dùng có nhiều lần thử sai. Vui lòng thử lại sau %(wait)s."),
    "budget": lazy_gettext("Đã gửi quá nhiều mã. Vui lòng chờ rồi thử lại. Tài khoản của bạn không bị khóa."),
}

PASSWORD: Mapping[str, LazyString] = {
    "first": lazy_gettext("Vui lòng đổi mật khẩu lần đầu để bảo vệ thông tin cá nhân"),
    "expired": lazy_gettext("Mật khẩu đã quá 06 tháng. Vui lòng đổi mật khẩu"),
    "expiring": lazy_gettext("Mật khẩu sắp hết hạn. Bạn có thể đổi ngay bây giờ."),
    "wrong": lazy_gettext("Mật khẩu cũ không đúng"),
    "wait": lazy_gettext("Bạn đã nhập sai mật khẩu cũ nhiều lần. Vui lòng thử lại sau %(wait)s."),
    "different": lazy_gettext("Hai lần nhập mật khẩu mới không giống nhau"),
    "too_short": lazy_gettext("Mật khẩu mới phải có ít nhất 8 ký tự"),
    "unusable": lazy_gettext("Mật khẩu mới quá dài hoặc có ký tự không dùng được"),
    "common": lazy_gettext("Nhiều người dùng mật khẩu này nên rất dễ đoán. Hãy chọn mật khẩu khác"),
    "own_number": lazy_gettext("Mật khẩu không được là mã số, số giấy tờ hoặc số điện thoại của bạn"),
    "own_name": lazy_gettext("Mật khẩu không được là tên hoặc địa chỉ thư của bạn"),
    "own_date": lazy_gettext("Mật khẩu không được là ngày sinh của bạn"),
    "same": lazy_gettext("Mật khẩu mới phải khác mật khẩu cũ"),
}

PROFILE: Mapping[str, LazyString] = {
    "over": lazy_gettext("Lần ghi nhận đó đã được gửi, đã hủy hoặc đã hết hạn. Yêu cầu đã gửi, nếu có, hiện ở dưới."),
    "nothing": lazy_gettext("Bạn chưa thay đổi mục nào. Hãy sửa mục cần thay đổi rồi bấm “Ghi nhận”."),
    "rests": lazy_gettext("Số điện thoại vừa được thay đổi. Sau 72 giờ mới thay đổi tiếp được."),
}

RECOVERY: Mapping[str, LazyString] = {
    "fact": lazy_gettext("Thông tin không khớp với tài khoản. Hãy kiểm tra lại."),
}

DEVICE: Mapping[str, LazyString] = {
    "form": lazy_gettext("Mã gồm 8 chữ cái, ví dụ BCDF-GHJK. Hãy xem lại mã trên thiết bị."),
    "unknown": lazy_gettext("Mã không đúng, đã được dùng hoặc đã hết hạn. Hãy xem lại, hoặc lấy mã mới trên thiết bị."),
    "wait": lazy_gettext("Bạn đã nhập sai nhiều lần. Vui lòng đợi một phút rồi nhập lại."),
}

NOTICES: Mapping[str, LazyString] = {
    "new_device": lazy_gettext("Tài khoản của bạn vừa được đăng nhập trên một thiết bị mới."),
    "password_changed": lazy_gettext("Mật khẩu của tài khoản vừa được đổi."),
    "password_recovered": lazy_gettext("Mật khẩu của tài khoản vừa được đặt lại bằng chức năng “Quên mật khẩu”."),
    "phone_changed": lazy_gettext("Số điện thoại của tài khoản vừa được thay đổi."),
    "email_changed": lazy_gettext("Địa chỉ thư điện tử của tài khoản vừa được thay đổi."),
    "link_added": lazy_gettext("Một cách đăng nhập mới vừa được liên kết với tài khoản."),
    "link_removed": lazy_gettext("Một cách đăng nhập vừa được gỡ khỏi tài khoản."),
    "passkey_added": lazy_gettext("Một khóa truy cập (passkey) vừa được thêm vào tài khoản."),
    "passkey_removed": lazy_gettext("Một khóa truy cập (passkey) vừa được xóa khỏi tài khoản."),
    "passkey_cloned": lazy_gettext("Một khóa truy cập (passkey) vừa bị dừng vì có dấu hiệu bị sao chép."),
    "device_enrolled": lazy_gettext("Một điện thoại vừa được đăng ký với tài khoản."),
    "device_removed": lazy_gettext("Một điện thoại đăng ký vừa bị gỡ khỏi tài khoản."),
    "device_locked": lazy_gettext("Một điện thoại đăng ký vừa bị gỡ vì nhập sai mã 5 lần."),
    "profile_changed": lazy_gettext("Thông tin tài khoản vừa được thay đổi tại cơ quan BHXH."),
    "activated": lazy_gettext("Mật khẩu đầu tiên của tài khoản vừa được đặt."),
    "erasure_asked": lazy_gettext("Vừa có yêu cầu xóa dữ liệu và đóng tài khoản."),
    "registration_asked": lazy_gettext("Vừa có tờ khai đăng ký mới ghi mã số của bạn."),
    "disavowed": lazy_gettext("Vừa có người báo “không phải tôi” về tài khoản."),
}

IDENTIFIERS: Mapping[str, LazyString] = {
    "bhxh": lazy_gettext("Mã số BHXH"),
    "cccd": lazy_gettext("Số định danh/CCCD"),
    "cmnd": lazy_gettext("Số CMND"),
    "passport": lazy_gettext("Hộ chiếu"),
    "unit": lazy_gettext("Mã đơn vị"),
    "tax": lazy_gettext("Mã số thuế"),
}

SCOPES: Mapping[str, Scope] = {
    "openid": Scope(
        lazy_gettext("Nhận ra tài khoản của bạn"),
        (lazy_gettext("Một mã nhận diện do hệ thống cấp, không phải mã số BHXH"),),
    ),
    "profile": Scope(
        lazy_gettext("Thông tin cá nhân cơ bản"),
        (lazy_gettext("Họ và tên"), lazy_gettext("Ngày sinh"), lazy_gettext("Giới tính")),
    ),
    "email": Scope(
        lazy_gettext("Địa chỉ thư điện tử"),
        (lazy_gettext("Địa chỉ thư điện tử và việc địa chỉ đã được xác minh hay chưa"),),
    ),
    "phone": Scope(
        lazy_gettext("Điện thoại di động"),
        (lazy_gettext("Số điện thoại và việc số đã được xác minh hay chưa"),),
    ),
    "address": Scope(
        lazy_gettext("Địa chỉ liên hệ"),
        (lazy_gettext("Địa chỉ liên hệ đã đăng ký"),),
    ),
    "bhxh": Scope(
        lazy_gettext("Thông tin bảo hiểm xã hội"),
        (
            lazy_gettext("Mã số BHXH"),
            lazy_gettext("Số định danh cá nhân/CCCD"),
            lazy_gettext("Loại tài khoản: cá nhân hay tổ chức"),
        ),
    ),
    "offline_access": Scope(
        lazy_gettext("Truy cập khi bạn không có mặt"),
        (lazy_gettext("Tiếp tục nhận các thông tin trên sau khi bạn rời đi, đến khi bạn rút lại sự đồng ý"),),
    ),
    "device": Scope(
        lazy_gettext("Xác nhận đăng nhập bằng điện thoại này"),
        (lazy_gettext("Đăng ký điện thoại này và dùng nó để đăng nhập trên máy khác bằng mã QR"),),
    ),
}


def waiting(seconds: int) -> str:
    """The waiting time in the person's language: "30 giây", "12 phút"."""
    return str(format_timedelta(timedelta(seconds=seconds), threshold=1.5))
