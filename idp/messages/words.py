"""The words used in messages: what a code is for, what happened, why something was not accepted."""

from collections.abc import Mapping

from idp.sentences import N_

HOTLINE = "1900.9068"

PURPOSES_SMS: Mapping[str, str] = {
    "login": N_("dang nhap"),
    "step_up": N_("xac nhan thao tac"),
    "password": N_("doi mat khau"),
    "recovery": N_("lay lai mat khau"),
    "contact": N_("xac nhan so dien thoai"),
    "link": N_("lien ket tai khoan"),
    "device": N_("dang ky dien thoai"),
    "registration": N_("dang ky giao dich"),
    "activation": N_("kich hoat tai khoan"),
    "profile": N_("thay doi thong tin"),
}
PURPOSES_MAIL: Mapping[str, str] = {
    "login": N_("đăng nhập"),
    "step_up": N_("xác nhận thao tác"),
    "password": N_("đổi mật khẩu"),
    "recovery": N_("lấy lại mật khẩu"),
    "contact": N_("xác nhận địa chỉ thư điện tử"),
    "link": N_("liên kết tài khoản"),
    "device": N_("đăng ký điện thoại"),
    "registration": N_("xác nhận địa chỉ thư khi đăng ký"),
    "activation": N_("kích hoạt tài khoản"),
    "profile": N_("thay đổi thông tin tài khoản"),
}
EVENTS_SMS: Mapping[str, str] = {
    "new_device": N_("Dang nhap tren thiet bi moi"),
    "password_changed": N_("Mat khau da doi"),
    "password_recovered": N_("Mat khau da dat lai"),
    "phone_changed": N_("So dien thoai da doi"),
    "email_changed": N_("Dia chi e-mail da doi"),
    "link_added": N_("Da lien ket tai khoan moi"),
    "link_removed": N_("Da huy lien ket tai khoan"),
    "device_enrolled": N_("Da dang ky dien thoai moi"),
    "device_removed": N_("Da go dien thoai dang ky"),
    "device_locked": N_("Dien thoai bi go: sai ma 5 lan"),
    "passkey_added": N_("Da them khoa truy cap"),
    "passkey_removed": N_("Da xoa khoa truy cap"),
    "passkey_cloned": N_("Xoa khoa truy cap nghi bi lo"),
    "profile_changed": N_("Thong tin tai khoan da doi"),
    "activated": N_("Da dat mat khau dau tien"),
    "erasure_asked": N_("Co yeu cau xoa tai khoan"),
    "disavowed": N_("Da bao khong phai toi"),
    "registration_asked": N_("Co to khai ghi ma so cua ban"),
}
EVENTS_MAIL: Mapping[str, str] = {
    "new_device": N_("Đăng nhập trên thiết bị mới"),
    "password_changed": N_("Mật khẩu đã được đổi"),
    "password_recovered": N_("Mật khẩu đã được đặt lại"),
    "phone_changed": N_("Số điện thoại đã được thay đổi"),
    "email_changed": N_("Địa chỉ thư điện tử đã được thay đổi"),
    "link_added": N_("Tài khoản liên kết đã được thêm"),
    "link_removed": N_("Tài khoản liên kết đã được hủy"),
    "device_enrolled": N_("Điện thoại mới đã được đăng ký"),
    "device_removed": N_("Điện thoại đăng ký đã được gỡ"),
    "passkey_added": N_("Khóa truy cập (passkey) mới đã được thêm"),
    "passkey_removed": N_("Khóa truy cập (passkey) đã được xóa"),
    "passkey_cloned": N_("Khóa truy cập (passkey) đã bị dừng vì có dấu hiệu bị sao chép"),
    "device_locked": N_("Điện thoại đăng ký đã bị gỡ vì nhập sai mã 5 lần"),
    "activated": N_("Mật khẩu đầu tiên của tài khoản đã được đặt"),
    "registration_asked": N_("Có tờ khai đăng ký mới ghi mã số của bạn"),
    "disavowed": N_("Có người đã bấm “Không phải tôi” trong một thông báo của tài khoản"),
    "erasure_asked": N_("Có yêu cầu xóa dữ liệu và đóng tài khoản"),
    "profile_changed": N_("Thông tin tài khoản đã được thay đổi tại cơ quan BHXH"),
}
REASONS_SMS: Mapping[str, str] = {
    "identity_mismatch": N_("sai thong tin nhan than"),
    "paper_unreadable": N_("anh giay to khong ro"),
    "photo_mismatch": N_("anh chan dung khong khop"),
    "code_unknown": N_("sai ma so BHXH"),
    "phone_mismatch": N_("sai so dien thoai"),
    "duplicate": N_("trung ho so khac"),
    "wrong_agency": N_("sai co quan tiep nhan"),
    "incomplete": N_("thieu thong tin"),
    "under_age": N_("nguoi dang ky duoi 16 tuoi"),
    "other": N_("xem chi tiet ho so"),
}
REASONS_MAIL: Mapping[str, str] = {
    "identity_mismatch": N_("thông tin nhân thân không khớp với dữ liệu của cơ quan BHXH"),
    "paper_unreadable": N_("ảnh giấy tờ không rõ"),
    "photo_mismatch": N_("ảnh chân dung không khớp với giấy tờ"),
    "code_unknown": N_("mã số BHXH không đúng"),
    "phone_mismatch": N_("số điện thoại không đúng"),
    "duplicate": N_("trùng với hồ sơ khác"),
    "wrong_agency": N_("cơ quan tiếp nhận không phù hợp"),
    "incomplete": N_("thông tin chưa đầy đủ"),
    "under_age": N_("người đăng ký chưa đủ 16 tuổi; cha mẹ hoặc người giám hộ cần đến cơ quan BHXH"),
    "other": N_("xem ghi chú của cơ quan BHXH"),
}
