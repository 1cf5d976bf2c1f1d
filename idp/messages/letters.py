"""What mail says, in both languages side by side: paragraphs, and a link where there is one."""

from collections.abc import Mapping
from dataclasses import dataclass

from idp.messages.message import Language
from idp.messages.words import HOTLINE


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail in one language: paragraphs, and above `then` a link when there is one."""

    subject: str
    paragraphs: tuple[str, ...]
    link: str = ""
    link_says: str = ""
    then: str = ""


MAIL: Mapping[str, Mapping[Language, Letter]] = {
    "otp": {
        "vi": Letter(
            "BHXH: mã xác thực để {purpose}",
            (
                "Mã xác thực của bạn để {purpose}: {code}",
                "Mã có hiệu lực {minutes} phút và chỉ dùng được một lần. Không cung cấp mã này cho bất kỳ ai, kể cả "
                "cán bộ BHXH.",
                "Nếu bạn không yêu cầu mã này, hãy bỏ qua thư. Không ai vào được tài khoản nếu không có mã.",
            ),
        ),
        "en": Letter(
            "VSS: code for {purpose}",
            (
                "Your code for {purpose}: {code}",
                "It is valid for {minutes} minutes and works once. Do not share it with anyone, not even VSS staff.",
                "If you did not ask for this code, ignore this mail. Nobody gets into the account without the code.",
            ),
        ),
    },
    "recovery_link": {
        "vi": Letter(
            "BHXH: đặt lại mật khẩu",
            (
                "Có người, có lẽ là bạn, yêu cầu đặt lại mật khẩu của tài khoản BHXH dùng địa chỉ này.",
                "Mở đường dẫn sau trong {minutes} phút. Đường dẫn chỉ dùng được một lần.",
            ),
            "{url}",
            "Đặt lại mật khẩu",
            "Nếu bạn không yêu cầu, hãy bỏ qua thư này: mật khẩu của bạn không thay đổi. Không chuyển thư này cho ai.",
        ),
        "en": Letter(
            "VSS: reset your password",
            (
                "Somebody, probably you, asked to reset the password of the VSS account that uses this address.",
                "Open this link within {minutes} minutes. It works once.",
            ),
            "{url}",
            "Reset the password",
            "If you did not ask, ignore this mail: your password stays as it is. Do not forward this mail to anyone.",
        ),
    },
    "activation": {
        "vi": Letter(
            "BHXH: tài khoản đã được kích hoạt",
            (
                "Cơ quan BHXH đã duyệt đăng ký của bạn. Tài khoản {account} đã được cấp và kích hoạt.",
                "Mở đường dẫn sau trong {hours} giờ để đặt mật khẩu. Mã xác thực sẽ gửi tới điện thoại đã đăng ký.",
            ),
            "{url}",
            "Đặt mật khẩu",
            "Nếu bạn không đăng ký, gọi " + HOTLINE + ". Không chuyển thư này cho ai.",
        ),
        "en": Letter(
            "VSS: your account is active",
            (
                "The agency approved your registration. Account {account} was issued and activated.",
                "Open this link within {hours} hours to set a password. Your registered phone gets a code for it.",
            ),
            "{url}",
            "Set a password",
            "If you did not register, call " + HOTLINE + ". Do not forward this mail to anyone.",
        ),
    },
    "temporary_password": {
        "vi": Letter(
            "BHXH: tài khoản đã được kích hoạt",
            (
                "Cơ quan BHXH đã duyệt đăng ký của bạn. Tài khoản {account} đã được cấp và kích hoạt.",
                "Mật khẩu tạm: {password}",
                "Mật khẩu này dùng được một lần trong {hours} giờ; khi đăng nhập bạn phải đổi mật khẩu.",
                "Không cung cấp mật khẩu cho bất kỳ ai, kể cả cán bộ BHXH.",
            ),
        ),
        "en": Letter(
            "VSS: your account is active",
            (
                "The agency approved your registration. Account {account} was issued and activated.",
                "Temporary password: {password}",
                "It works once within {hours} hours; you change it at the first login.",
                "Do not tell it to anyone, not even VSS staff.",
            ),
        ),
    },
    "declaration_received": {
        "vi": Letter(
            "BHXH: đã ghi nhận tờ khai số {reference}",
            (
                "Đã ghi nhận tờ khai số {reference}. Vui lòng mang giấy tờ tới {agency} để hoàn tất thủ tục.",
                "Giữ mã số tờ khai: bạn cần mã này và số điện thoại đã khai để xem tình trạng hồ sơ.",
            ),
            "{url}",
            "Xem tình trạng hồ sơ",
            "Nếu bạn không gửi tờ khai này, gọi " + HOTLINE + ".",
        ),
        "en": Letter(
            "VSS: declaration {reference} recorded",
            (
                "Declaration {reference} is recorded. Bring your papers to {agency} to finish.",
                "Keep the reference: with it and the phone number that you declared you can see how it stands.",
            ),
            "{url}",
            "See how it stands",
            "If you did not send this declaration, call " + HOTLINE + ".",
        ),
    },
    "declaration_approved": {
        "vi": Letter(
            "BHXH: tờ khai số {reference} đã được duyệt",
            ("Cơ quan BHXH đã duyệt tờ khai số {reference}. Thay đổi đã có hiệu lực.",),
        ),
        "en": Letter(
            "VSS: declaration {reference} was approved",
            ("The agency approved declaration {reference}. The change is in effect.",),
        ),
    },
    "declaration_rejected": {
        "vi": Letter(
            "BHXH: tờ khai số {reference} chưa được chấp nhận",
            (
                "Cơ quan BHXH chưa chấp nhận tờ khai số {reference}. Lý do: {reason}.",
                "{note}",
                "Bạn có thể gửi tờ khai mới, đến bộ phận tiếp nhận và trả kết quả hồ sơ, hoặc gọi " + HOTLINE + ".",
            ),
            "{url}",
            "Xem tình trạng hồ sơ",
        ),
        "en": Letter(
            "VSS: declaration {reference} was not accepted",
            (
                "The agency did not accept declaration {reference}. Reason: {reason}.",
                "{note}",
                "You may send a new declaration, come to the reception desk, or call " + HOTLINE + ".",
            ),
            "{url}",
            "See how it stands",
        ),
    },
    "declaration_returned": {
        "vi": Letter(
            "BHXH: tờ khai số {reference} cần sửa",
            ("Cơ quan BHXH đề nghị bạn sửa tờ khai số {reference}. Lý do: {reason}.", "{note}"),
            "{url}",
            "Sửa tờ khai",
        ),
        "en": Letter(
            "VSS: please correct declaration {reference}",
            ("The agency asks you to correct declaration {reference}. Reason: {reason}.", "{note}"),
            "{url}",
            "Correct the declaration",
        ),
    },
    "data_erased": {
        "vi": Letter(
            "BHXH: dữ liệu của bạn đã được xóa",
            (
                "Theo yêu cầu {reference}, dữ liệu tài khoản của bạn đã được xóa và tài khoản đã đóng.",
                "Mã số và tờ khai đã duyệt được lưu theo thời hạn luật định, không kèm ảnh.",
            ),
        ),
        "en": Letter(
            "VSS: your data were erased",
            (
                "By request {reference} the data of your account were erased and the account was closed.",
                "Numbers and decided declarations are kept for as long as the law says, without pictures.",
            ),
        ),
    },
    "data_refused": {
        "vi": Letter(
            "BHXH: yêu cầu xóa dữ liệu chưa được chấp nhận",
            ("Yêu cầu {reference} chưa được chấp nhận.", "{note}", "Bạn có thể khiếu nại hoặc gọi " + HOTLINE + "."),
        ),
        "en": Letter(
            "VSS: your request to erase was not accepted",
            ("Request {reference} was not accepted.", "{note}", "You may complain or call " + HOTLINE + "."),
        ),
    },
    "notice": {
        "vi": Letter(
            "BHXH: {event}",
            ("{event} lúc {time}.", "Trình duyệt: {browser}", "Nếu đó là bạn, bạn không cần làm gì thêm."),
            "{undo_url}",
            "Không phải tôi",
            "Nếu không phải bạn, mở đường dẫn trên trong 72 giờ: trang đó cho biết điều gì sẽ được hủy, và mọi "
            "phiên đăng nhập sẽ kết thúc khi bạn xác nhận. Cần giúp đỡ, gọi " + HOTLINE + ".",
        ),
        "en": Letter(
            "VSS: {event}",
            ("{event} at {time}.", "Browser: {browser}", "If it was you, there is nothing to do."),
            "{undo_url}",
            "It was not me",
            "If it was not you, open the link above within 72 hours: the page says what will be undone, and all "
            "sessions end when you confirm. For help call " + HOTLINE + ".",
        ),
    },
}
