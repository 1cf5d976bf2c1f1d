"""The texts of the console: Vietnamese is the source, the catalogues translate."""

from collections.abc import Mapping

from flask_babel import LazyString, lazy_gettext

DOOR: Mapping[str, LazyString] = {
    "refused": lazy_gettext("Sai tên đăng nhập, mật khẩu hoặc mã xác thực"),
    "wait": lazy_gettext("Bạn đã thử quá nhiều lần. Vui lòng thử lại sau %(wait)s."),
    "idle": lazy_gettext("Phiên làm việc đã kết thúc vì không có thao tác trong 15 phút, hoặc đã quá 8 giờ."),
    "ended": lazy_gettext("Phiên làm việc đã kết thúc. Vui lòng đăng nhập lại."),
    "passkey": lazy_gettext("Chưa đăng nhập được bằng khóa truy cập. Hãy thử lại hoặc dùng mật khẩu và mã."),
    "out": lazy_gettext("Bạn đã đăng xuất"),
    "enrolled": lazy_gettext("Đã đặt mật khẩu và ứng dụng xác thực. Hãy đợi mã mới rồi đăng nhập."),
    "wrong_code": lazy_gettext("Mã xác thực không đúng. Hãy kiểm tra giờ của điện thoại và nhập mã mới nhất."),
    "short": lazy_gettext("Mật khẩu của cán bộ phải có ít nhất 14 ký tự"),
}

REQUESTS: Mapping[str, LazyString] = {
    "register": lazy_gettext("Đăng ký sử dụng"),
    "amend": lazy_gettext("Điều chỉnh thông tin"),
    "stop": lazy_gettext("Ngừng sử dụng"),
}

STATES: Mapping[str, LazyString] = {
    "draft": lazy_gettext("Bản nháp"),
    "submitted": lazy_gettext("Chờ duyệt"),
    "returned": lazy_gettext("Chờ bổ sung"),
    "approved": lazy_gettext("Đã phê duyệt"),
    "rejected": lazy_gettext("Không chấp nhận"),
    "superseded": lazy_gettext("Đã thay bằng tờ khai mới"),
    "cancelled": lazy_gettext("Đã hủy"),
    "lapsed": lazy_gettext("Quá hạn"),
}

REASONS: Mapping[str, LazyString] = {
    "identity_mismatch": lazy_gettext("Thông tin nhân thân không khớp"),
    "paper_unreadable": lazy_gettext("Ảnh giấy tờ không đọc được"),
    "photo_mismatch": lazy_gettext("Ảnh chân dung không khớp giấy tờ"),
    "code_unknown": lazy_gettext("Không tìm thấy mã số"),
    "phone_mismatch": lazy_gettext("Số điện thoại không khớp"),
    "duplicate": lazy_gettext("Trùng với hồ sơ hoặc tài khoản khác"),
    "wrong_agency": lazy_gettext("Không thuộc cơ quan này"),
    "incomplete": lazy_gettext("Thiếu thông tin"),
    "under_age": lazy_gettext("Chưa đủ tuổi, cần người giám hộ"),
    "other": lazy_gettext("Lý do khác"),
}

GRADES: Mapping[str, LazyString] = {
    "WARN_PROVINCE": lazy_gettext("Số CCCD có mã tỉnh lạ"),
    "WARN_CENTURY": lazy_gettext("Số CCCD có mã thế kỷ lạ"),
    "WARN_FUTURE": lazy_gettext("Số CCCD ghi năm sinh trong tương lai"),
    "MISMATCH_DOB": lazy_gettext("Năm sinh khác với số CCCD"),
    "WARN_CMND": lazy_gettext("CMND không còn giá trị sử dụng"),
    "WARN_TAX": lazy_gettext("Mã số thuế sai số kiểm tra"),
}

FIELDS: Mapping[str, LazyString] = {
    "code": lazy_gettext("Mã số BHXH"),
    "name": lazy_gettext("Họ và tên"),
    "birth_date": lazy_gettext("Ngày sinh"),
    "citizen_number": lazy_gettext("Số giấy tờ"),
    "phone": lazy_gettext("Điện thoại di động"),
}

VERDICTS: Mapping[str, LazyString] = {
    "same": lazy_gettext("Trùng khớp"),
    "close": lazy_gettext("Khác cách viết"),
    "differs": lazy_gettext("Khác"),
    "unknown": lazy_gettext("Không có để đối chiếu"),
}

BEWARE: Mapping[str, LazyString] = {
    "unknown": lazy_gettext("không có trong dữ liệu người tham gia"),
    "split": lazy_gettext("mã số và số CCCD thuộc hai người"),
    "rivals": lazy_gettext("còn tờ khai khác đang mở"),
}
"""Reasons against an approval other than the fields that differ."""

PARTS: Mapping[str, LazyString] = {
    "family": lazy_gettext("họ"),
    "middle": lazy_gettext("tên đệm"),
    "given": lazy_gettext("tên"),
    "accents": lazy_gettext("dấu hoặc cách viết"),
    "day": lazy_gettext("ngày"),
    "month": lazy_gettext("tháng"),
    "year": lazy_gettext("năm"),
    "digits": lazy_gettext("một hoặc hai chữ số"),
    "all": lazy_gettext("số khác hẳn"),
}
"""Which part of a field differs from the register."""

PICTURES: Mapping[str, LazyString] = {
    "portrait": lazy_gettext("Ảnh chân dung"),
    "front": lazy_gettext("Mặt trước"),
    "back": lazy_gettext("Mặt sau"),
}

DONE: Mapping[str, LazyString] = {
    "approved": lazy_gettext("Đã phê duyệt hồ sơ %(reference)s."),
    "rejected": lazy_gettext("Đã từ chối hồ sơ %(reference)s."),
    "returned": lazy_gettext("Đã yêu cầu bổ sung hồ sơ %(reference)s."),
    "resent": lazy_gettext("Đã gửi lại đường dẫn kích hoạt của hồ sơ %(reference)s."),
}

ENDS: Mapping[str, LazyString] = {
    "changed": lazy_gettext("Hồ sơ vừa thay đổi. Hãy xem lại trước khi quyết định; chưa có quyết định nào được ghi."),
    "approved": lazy_gettext("Hồ sơ đã được phê duyệt bởi %(who)s."),
    "rejected": lazy_gettext("Hồ sơ đã bị từ chối bởi %(who)s."),
    "returned": lazy_gettext("Hồ sơ đã được trả lại để bổ sung bởi %(who)s."),
    "superseded": lazy_gettext("Người dân đã nộp tờ khai mới thay cho hồ sơ này."),
    "cancelled": lazy_gettext("Hồ sơ này đã được hủy."),
    "lapsed": lazy_gettext("Hồ sơ này đã quá hạn và không còn hiệu lực."),
    "draft": lazy_gettext("Hồ sơ này chưa được nộp."),
    "submitted": lazy_gettext("Hồ sơ đang chờ duyệt."),
    "own_request": lazy_gettext("Đây là hồ sơ của chính bạn. Cán bộ khác phải quyết định."),
    "agency": lazy_gettext("Hồ sơ thuộc cơ quan khác."),
    "right": lazy_gettext("Bạn không có quyền duyệt hồ sơ."),
    "same_officer": lazy_gettext("Người đề xuất không được tự xác nhận, kể cả bằng một tài khoản khác của mình."),
    "alone": lazy_gettext(
        "Tài khoản cán bộ của bạn chưa có đủ mã số BHXH và số CCCD, nên bạn không quyết định một mình được."
    ),
    "account_exists": lazy_gettext("Mã số hoặc số giấy tờ này đã có tài khoản. Hãy dùng yêu cầu điều chỉnh thông tin."),
    "no_account": lazy_gettext("Không còn tài khoản đang hoạt động cho yêu cầu này, hoặc tài khoản đã có mật khẩu."),
    "secured_meanwhile": lazy_gettext(
        "Tài khoản đã được bảo vệ lại sau khi gửi yêu cầu này, nên yêu cầu không còn hiệu lực. Hãy từ chối hồ sơ."
    ),
    "held": lazy_gettext("Yêu cầu này đang trong thời gian chờ và chưa thể phê duyệt."),
    "sent_just_now": lazy_gettext("Đường dẫn kích hoạt vừa được gửi. Hãy đợi 10 phút rồi mới gửi lại."),
    "taken": lazy_gettext("Tài khoản khác vừa nhận mã số hoặc số giấy tờ này."),
    "reason": lazy_gettext("Hãy chọn lý do."),
    "nothing": lazy_gettext("Hãy chọn ít nhất một hồ sơ và ghi lý do."),
    "unknown": lazy_gettext("Không tìm thấy hồ sơ."),
}

RESULTS: Mapping[str, LazyString] = {
    **ENDS,
    "approved": lazy_gettext("Đã phê duyệt"),
    "linked": lazy_gettext("Đã liên kết"),
    "changed": lazy_gettext("Đã thay đổi sau khi đề xuất, nên để nguyên"),
}

PROPOSALS: Mapping[str, LazyString] = {
    "approve": lazy_gettext("Phê duyệt cùng lúc"),
    "link": lazy_gettext("Liên kết bắt buộc"),
}

CONFLICTS: Mapping[str, LazyString] = {
    "recycled": lazy_gettext("Định danh từng thuộc người khác"),
    "identity": lazy_gettext("Họ tên hoặc ngày sinh không khớp"),
    "conflict": lazy_gettext("Nhiều tài khoản, hoặc tài khoản đã liên kết với người khác"),
    "phone_differs": lazy_gettext("Số điện thoại không khớp"),
    "number": lazy_gettext("Đề nghị bổ sung số CCCD"),
    "disavowed": lazy_gettext("Có người báo “không phải tôi” về thay đổi đã được xác nhận"),
}

SAID: Mapping[str, LazyString] = {
    "proposed": lazy_gettext("Đã ghi đề xuất. Cán bộ thứ hai phải xác nhận."),
    "refused": lazy_gettext("Đã bác đề xuất."),
    "link_refused": lazy_gettext("Đã giữ nguyên việc không liên kết."),
    "over": lazy_gettext("Việc này vừa được quyết định, đã hết hạn hoặc đã thay đổi. Chưa có gì được thực hiện."),
    "reason": lazy_gettext("Hãy ghi lý do."),
}

DATA: Mapping[str, LazyString] = {
    "acknowledge": lazy_gettext("Đã ghi việc xác nhận."),
    "prolong": lazy_gettext("Đã gia hạn 15 ngày."),
    "refuse": lazy_gettext("Đã từ chối và báo cho người dân."),
    "erase": lazy_gettext("Đã xóa dữ liệu và báo cho người dân."),
    "reason": lazy_gettext("Hãy chọn lý do và ghi thêm cho người dân."),
    "sure": lazy_gettext("Hãy đánh dấu vào ô xác nhận trước khi xóa."),
    "early": lazy_gettext("Chưa đến giờ được xóa: người gửi yêu cầu còn quyền báo “Không phải tôi”."),
    "answered": lazy_gettext("Yêu cầu này vừa được trả lời, rút lại hoặc đã gia hạn. Chưa có gì được thực hiện."),
}

DATA_STATES: Mapping[str, LazyString] = {
    "open": lazy_gettext("Mới nhận"),
    "acknowledged": lazy_gettext("Đã xác nhận đã nhận"),
    "done": lazy_gettext("Đã xóa"),
    "refused": lazy_gettext("Đã từ chối"),
    "withdrawn": lazy_gettext("Người dân đã rút lại"),
}

DATA_REASONS: Mapping[str, LazyString] = {
    "proceedings": lazy_gettext("Đang có khiếu nại hoặc vụ việc cần dữ liệu này"),
    "debt": lazy_gettext("Còn nghĩa vụ chưa thực hiện"),
    "identity": lazy_gettext("Chưa xác định được người yêu cầu"),
    "other": lazy_gettext("Lý do khác"),
}

OUTCOMES: Mapping[str, LazyString] = {
    "confirmed": lazy_gettext("Đã xác nhận"),
    "refused": lazy_gettext("Đã bác"),
}
