"""The texts of registration: labels of form 01, a sentence for every problem and every state."""

from collections.abc import Mapping

from flask_babel import LazyString, lazy_gettext

LABELS: Mapping[str, LazyString] = {
    "portrait": lazy_gettext("Ảnh cá nhân"),
    "name": lazy_gettext("Tên cơ quan/tổ chức/cá nhân"),
    "code": lazy_gettext("Mã số bảo hiểm xã hội"),
    "unit": lazy_gettext("Mã đơn vị hoặc mã số thuế"),
    "paper_kind": lazy_gettext("Loại giấy tờ"),
    "paper_number": lazy_gettext("Số CMND/HC/CC"),
    "front": lazy_gettext("Mặt trước"),
    "back": lazy_gettext("Mặt sau"),
    "birth_date": lazy_gettext("Ngày sinh"),
    "address": lazy_gettext("Địa chỉ liên hệ"),
    "province": lazy_gettext("Tỉnh/thành phố"),
    "commune": lazy_gettext("Xã/phường/đặc khu"),
    "street": lazy_gettext("Số nhà, đường, thôn"),
    "contact_person": lazy_gettext("Người liên hệ"),
    "email": lazy_gettext("Địa chỉ thư điện tử"),
    "phone": lazy_gettext("Điện thoại di động"),
    "starts_on": lazy_gettext("Sử dụng từ ngày"),
    "transact_at": lazy_gettext("Đăng ký giao dịch tại"),
    "ivan": lazy_gettext("Tên tổ chức I-VAN"),
    "agency": lazy_gettext("Chọn cơ quan BHXH tiếp nhận"),
    "region": lazy_gettext("BHXH tỉnh/thành phố"),
    "submission": lazy_gettext("Chọn hình thức nộp hồ sơ"),
    "agrees": lazy_gettext("Cam kết"),
}

_CHOOSE = lazy_gettext("Hãy chọn một mục trong danh sách.")
_LONG = lazy_gettext("Nội dung này quá dài. Tối đa 200 ký tự.")
MISSING = lazy_gettext("Vui lòng điền đầy đủ thông tin")

PROBLEMS: Mapping[tuple[str, str], LazyString] = {
    ("name", "form"): lazy_gettext("Tên chỉ gồm chữ cái, dấu cách, dấu nháy, dấu chấm và gạch nối, như trên giấy tờ."),
    ("name", "long"): _LONG,
    ("contact_person", "form"): lazy_gettext("Ghi họ và tên của người liên hệ, không có số hay ký hiệu."),
    ("contact_person", "long"): _LONG,
    ("code", "form"): lazy_gettext("Mã số BHXH có 10 chữ số, như trên sổ BHXH. Nhập số định danh 12 chữ số cũng được."),
    ("code", "unit"): lazy_gettext("Mã đơn vị có 7 chữ và số; mã số thuế có 10, 12 hoặc 13 chữ số."),
    ("code", "differs"): lazy_gettext("Số định danh ở đây khác số giấy tờ bên dưới. Hãy kiểm tra lại cả hai."),
    ("paper_kind", "choose"): _CHOOSE,
    ("paper_number", "cccd"): lazy_gettext("Số căn cước/CCCD có 12 chữ số."),
    ("paper_number", "cmnd"): lazy_gettext("Số CMND có 9 chữ số."),
    ("paper_number", "passport"): lazy_gettext("Số hộ chiếu gồm 5 đến 20 chữ cái và chữ số, ví dụ C1234567."),
    ("birth_date", "form"): lazy_gettext(
        "Nhập ngày sinh dạng 17/05/1990. Nếu giấy tờ chỉ ghi năm, nhập năm, ví dụ 1990."
    ),
    ("birth_date", "under_age"): lazy_gettext(
        "Người dưới 16 tuổi không tự đăng ký ở đây. Cha mẹ hoặc người giám hộ mang giấy tờ đến cơ quan BHXH để đăng ký."
    ),
    ("province", "choose"): _CHOOSE,
    ("commune", "choose"): _CHOOSE,
    ("commune", "missing"): lazy_gettext("Hãy chọn xã/phường của tỉnh đã chọn. Nếu danh sách trống, bấm “Chọn tỉnh”."),
    ("street", "form"): lazy_gettext("Ghi số nhà và đường, hoặc thôn, bằng chữ và số."),
    ("street", "long"): _LONG,
    ("email", "form"): lazy_gettext("Địa chỉ thư không đúng. Ví dụ: ten@example.com"),
    ("phone", "form"): lazy_gettext(
        "Nhập số di động Việt Nam có 10 chữ số, ví dụ 0981 234 567, không phải số cố định."
    ),
    ("starts_on", "form"): lazy_gettext("Nhập ngày dạng 05/08/2026."),
    ("starts_on", "range"): lazy_gettext("Ngày bắt đầu là từ hôm nay đến một năm sau."),
    ("transact_at", "choose"): _CHOOSE,
    ("ivan", "choose"): _CHOOSE,
    ("ivan", "missing"): lazy_gettext("Hãy chọn tổ chức I-VAN mà bạn giao dịch."),
    ("agency", "choose"): lazy_gettext("Cơ quan này không còn tiếp nhận. Hãy chọn cơ quan khác."),
    ("agency", "missing"): lazy_gettext("Hãy chọn cơ quan BHXH tiếp nhận tờ khai."),
    ("submission", "choose"): _CHOOSE,
    ("agrees", "unticked"): lazy_gettext("Hãy đọc và đánh dấu vào ô cam kết."),
    ("portrait", "missing"): lazy_gettext("Hãy thêm ảnh chân dung của bạn."),
    ("front", "missing"): lazy_gettext(
        "Vui lòng cung cấp ảnh CCCD để hoàn tất việc đăng ký GDĐT với cơ quan BHXH Việt Nam"
    ),
    ("back", "missing"): lazy_gettext(
        "Vui lòng cung cấp ảnh CCCD để hoàn tất việc đăng ký GDĐT với cơ quan BHXH Việt Nam"
    ),
}

PHOTOS: Mapping[str, LazyString] = {
    "not_a_picture": lazy_gettext("Tệp này không phải ảnh JPEG, PNG hay WebP. Hãy chọn ảnh khác."),
    "empty": lazy_gettext("Tệp này không có nội dung. Hãy chọn ảnh khác."),
    "several": lazy_gettext("Chỉ gửi một ảnh ở mục này."),
    "heic": lazy_gettext(
        "Ảnh HEIC của iPhone chưa nhận được. Hãy gửi ảnh JPEG: mở Cài đặt, Camera, Định dạng, chọn “Tương thích nhất” "
        "rồi chụp lại; hoặc chụp màn hình ảnh đó và gửi ảnh chụp màn hình."
    ),
    "too_large": lazy_gettext("Ảnh lớn hơn 8 MB. Hãy chụp lại với chất lượng thấp hơn."),
    "too_many_pixels": lazy_gettext(
        "Ảnh có quá nhiều điểm ảnh (JPEG tối đa 50 triệu, PNG và WebP 24 triệu). Hãy chụp lại ở chế độ thường."
    ),
    "too_small": lazy_gettext("Ảnh quá nhỏ. Ảnh chân dung cần ít nhất 300 × 300, ảnh giấy tờ 400 × 250 điểm ảnh."),
    "moving": lazy_gettext("Đây là ảnh động. Hãy chọn ảnh chụp thường."),
    "broken": lazy_gettext("Tệp ảnh bị hỏng hoặc tải lên chưa hết. Hãy thử lại hoặc chọn ảnh khác."),
}

GRADES: Mapping[str, LazyString] = {
    "WARN_PROVINCE": lazy_gettext("Ba chữ số đầu của số căn cước không phải mã tỉnh quen thuộc."),
    "WARN_CENTURY": lazy_gettext("Chữ số thứ tư của số căn cước ứng với thế kỷ sau."),
    "WARN_FUTURE": lazy_gettext("Năm sinh trong số căn cước chưa đến."),
    "MISMATCH_DOB": lazy_gettext("Năm sinh trong số căn cước khác năm sinh bạn ghi."),
    "WARN_CMND": lazy_gettext("CMND 9 số đã hết giá trị từ 01/01/2025. Nếu có căn cước, hãy ghi số căn cước."),
    "WARN_TAX": lazy_gettext("Chữ số kiểm tra của mã số thuế không khớp."),
}

STATES: Mapping[str, tuple[LazyString, LazyString]] = {
    "submitted": (
        lazy_gettext("Đang chờ cơ quan BHXH duyệt"),
        lazy_gettext("Mang giấy tờ đến cơ quan tiếp nhận và ký tờ khai để hoàn tất thủ tục."),
    ),
    "returned": (
        lazy_gettext("Cần sửa"),
        lazy_gettext("Cơ quan BHXH đề nghị bạn sửa tờ khai rồi gửi lại."),
    ),
    "approved": (
        lazy_gettext("Đã được duyệt"),
        lazy_gettext("Hướng dẫn tiếp theo đã được gửi tới số điện thoại và thư điện tử đã khai."),
    ),
    "rejected": (
        lazy_gettext("Không được chấp nhận"),
        lazy_gettext("Bạn có thể gửi tờ khai mới, hoặc đến bộ phận tiếp nhận và trả kết quả hồ sơ."),
    ),
    "superseded": (
        lazy_gettext("Đã được thay bằng tờ khai khác cho cùng mã số"),
        lazy_gettext(
            "Hãy xem tình trạng bằng mã của tờ khai mới. Nếu bạn không gửi tờ khai nào khác, hãy đến cơ quan BHXH "
            "hoặc gọi 1900.9068."
        ),
    ),
    "cancelled": (
        lazy_gettext("Đã hủy"),
        lazy_gettext("Bạn có thể gửi tờ khai mới bất cứ lúc nào."),
    ),
    "lapsed": (
        lazy_gettext("Hết hạn vì chưa hoàn tất thủ tục"),
        lazy_gettext("Bạn có thể gửi tờ khai mới bất cứ lúc nào."),
    ),
}

REASONS: Mapping[str, LazyString] = {
    "identity_mismatch": lazy_gettext("Thông tin nhân thân không khớp với dữ liệu của cơ quan BHXH."),
    "paper_unreadable": lazy_gettext("Ảnh giấy tờ không rõ."),
    "photo_mismatch": lazy_gettext("Ảnh chân dung không khớp với giấy tờ."),
    "code_unknown": lazy_gettext("Mã số BHXH không đúng."),
    "phone_mismatch": lazy_gettext("Số điện thoại không đúng."),
    "duplicate": lazy_gettext("Trùng với hồ sơ khác."),
    "wrong_agency": lazy_gettext("Cơ quan tiếp nhận không phù hợp."),
    "incomplete": lazy_gettext("Thông tin chưa đầy đủ."),
    "under_age": lazy_gettext("Người đăng ký chưa đủ 16 tuổi. Cha mẹ hoặc người giám hộ cần đến cơ quan BHXH."),
    "other": lazy_gettext("Xem ghi chú của cơ quan BHXH."),
}

UNKNOWN = lazy_gettext("Mã số tờ khai và số điện thoại không khớp hoặc không có. Hãy kiểm tra lại, hoặc gọi 1900.9068.")
TAKEN = lazy_gettext("Tờ khai đã được gửi hoặc vừa thay đổi ở cửa sổ khác. Hãy tải lại trang.")

REQUESTS: Mapping[str, LazyString] = {
    "register": lazy_gettext("Đăng ký sử dụng"),
    "amend": lazy_gettext("Điều chỉnh thông tin"),
    "stop": lazy_gettext("Ngừng sử dụng"),
}
PAPERS: Mapping[str, LazyString] = {
    "cccd": lazy_gettext("Căn cước/CCCD"),
    "cmnd": lazy_gettext("CMND"),
    "passport": lazy_gettext("Hộ chiếu"),
}
TRANSACT_AT: Mapping[str, LazyString] = {
    "portal": lazy_gettext("Cổng thông tin điện tử của Bảo hiểm xã hội Việt Nam"),
    "ivan": lazy_gettext("Tổ chức I-VAN"),
}
SUBMISSION: Mapping[str, LazyString] = {
    "desk": lazy_gettext("Tại nơi tiếp nhận hồ sơ theo quy định"),
    "post": lazy_gettext("Tại nhà thông qua dịch vụ bưu chính công ích (cước do cá nhân tự trả)"),
}


def problem(field: str, why: str, *, organisation: bool = False) -> str:
    """The sentence for what is wrong with a field."""
    if why in PHOTOS:
        return str(PHOTOS[why])
    if (field, why) == ("code", "form") and organisation:
        why = "unit"
    return str(PROBLEMS.get((field, why), MISSING))


def label(field: str, *, organisation: bool = False) -> str:
    """The label of a field."""
    return str(LABELS["unit" if field == "code" and organisation else field])
