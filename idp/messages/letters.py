"""The text of mails: paragraphs, and a link if there is one."""

from collections.abc import Mapping
from dataclasses import dataclass

from idp.sentences import N_, P_

BUTTON = "mail"
"""The context of `link_says`: pages have buttons with the same words."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail: paragraphs, and a link, if there is one, above `then`."""

    subject: str
    paragraphs: tuple[str, ...]
    link: str = ""
    link_says: str = ""
    then: str = ""


MAIL: Mapping[str, Letter] = {
    "otp": Letter(
        N_("BHXH: mã xác thực để {purpose}"),
        (
            N_("Mã xác thực của bạn để {purpose}: {code}"),
            N_(
                "Mã có hiệu lực {minutes} phút và chỉ dùng được một lần. Không cung cấp mã này cho "
                "bất kỳ ai, kể cả cán bộ BHXH."
            ),
            N_("Nếu bạn không yêu cầu mã này, hãy bỏ qua thư. Không ai vào được tài khoản nếu không có mã."),
        ),
    ),
    "recovery_link": Letter(
        N_("BHXH: đặt lại mật khẩu"),
        (
            N_("Có người, có lẽ là bạn, yêu cầu đặt lại mật khẩu của tài khoản BHXH dùng địa chỉ này."),
            N_("Mở đường dẫn sau trong {minutes} phút. Đường dẫn chỉ dùng được một lần."),
        ),
        "{url}",
        P_("mail", "Đặt lại mật khẩu"),
        N_("Nếu bạn không yêu cầu, hãy bỏ qua thư này: mật khẩu của bạn không thay đổi. Không chuyển thư này cho ai."),
    ),
    "activation": Letter(
        N_("BHXH: tài khoản đã được kích hoạt"),
        (
            N_("Cơ quan BHXH đã duyệt đăng ký của bạn. Tài khoản {account} đã được cấp và kích hoạt."),
            N_("Mở đường dẫn sau trong {hours} giờ để đặt mật khẩu. Mã xác thực sẽ gửi tới điện thoại đã đăng ký."),
        ),
        "{url}",
        P_("mail", "Đặt mật khẩu"),
        N_("Nếu bạn không đăng ký, gọi {hotline}. Không chuyển thư này cho ai."),
    ),
    "temporary_password": Letter(
        N_("BHXH: tài khoản đã được kích hoạt"),
        (
            N_("Cơ quan BHXH đã duyệt đăng ký của bạn. Tài khoản {account} đã được cấp và kích hoạt."),
            N_("Mật khẩu tạm: {password}"),
            N_("Mật khẩu này dùng được một lần trong {hours} giờ; khi đăng nhập bạn phải đổi mật khẩu."),
            N_("Không cung cấp mật khẩu cho bất kỳ ai, kể cả cán bộ BHXH."),
        ),
    ),
    "declaration_received": Letter(
        N_("BHXH: đã ghi nhận tờ khai số {reference}"),
        (
            N_("Đã ghi nhận tờ khai số {reference}. Vui lòng mang giấy tờ tới {agency} để hoàn tất thủ tục."),
            N_("Giữ mã số tờ khai: bạn cần mã này và số điện thoại đã khai để xem tình trạng hồ sơ."),
        ),
        "{url}",
        P_("mail", "Xem tình trạng hồ sơ"),
        N_("Nếu bạn không gửi tờ khai này, gọi {hotline}."),
    ),
    "declaration_approved": Letter(
        N_("BHXH: tờ khai số {reference} đã được duyệt"),
        (N_("Cơ quan BHXH đã duyệt tờ khai số {reference}. Thay đổi đã có hiệu lực."),),
    ),
    "declaration_rejected": Letter(
        N_("BHXH: tờ khai số {reference} chưa được chấp nhận"),
        (
            N_("Cơ quan BHXH chưa chấp nhận tờ khai số {reference}. Lý do: {reason}."),
            "{note}",
            N_("Bạn có thể gửi tờ khai mới, đến bộ phận tiếp nhận và trả kết quả hồ sơ, hoặc gọi {hotline}."),
        ),
        "{url}",
        P_("mail", "Xem tình trạng hồ sơ"),
    ),
    "declaration_returned": Letter(
        N_("BHXH: tờ khai số {reference} cần sửa"),
        (
            N_("Cơ quan BHXH đề nghị bạn sửa tờ khai số {reference}. Lý do: {reason}."),
            "{note}",
        ),
        "{url}",
        P_("mail", "Sửa tờ khai"),
    ),
    "data_erased": Letter(
        N_("BHXH: dữ liệu của bạn đã được xóa"),
        (
            N_("Theo yêu cầu {reference}, dữ liệu tài khoản của bạn đã được xóa và tài khoản đã đóng."),
            N_("Mã số và tờ khai đã duyệt được lưu theo thời hạn luật định, không kèm ảnh."),
        ),
    ),
    "data_refused": Letter(
        N_("BHXH: yêu cầu xóa dữ liệu chưa được chấp nhận"),
        (
            N_("Yêu cầu {reference} chưa được chấp nhận."),
            "{note}",
            N_("Bạn có thể khiếu nại hoặc gọi {hotline}."),
        ),
    ),
    "notice": Letter(
        N_("BHXH: {event}"),
        (
            N_("{event} lúc {time}."),
            N_("Trình duyệt: {browser}"),
            N_("Nếu đó là bạn, bạn không cần làm gì thêm."),
        ),
        "{undo_url}",
        P_("mail", "Không phải tôi"),
        N_(
            "Nếu không phải bạn, mở đường dẫn trên trong 72 giờ: trang đó cho biết điều gì sẽ được "
            "hủy, và mọi phiên đăng nhập sẽ kết thúc khi bạn xác nhận. Cần giúp đỡ, gọi {hotline}."
        ),
    ),
}
