"""The words that templates take in: what a code is for, what happened, why something was not accepted."""

from collections.abc import Mapping

from idp.messages.message import Language

Words = Mapping[Language, str]
HOTLINE = "1900.9068"

PURPOSES_SMS: Mapping[str, Words] = {
    "login": {"vi": "dang nhap", "en": "login"},
    "step_up": {"vi": "xac nhan thao tac", "en": "confirming your action"},
    "password": {"vi": "doi mat khau", "en": "changing the password"},
    "recovery": {"vi": "lay lai mat khau", "en": "password recovery"},
    "contact": {"vi": "xac nhan so dien thoai", "en": "confirming this number"},
    "link": {"vi": "lien ket tai khoan", "en": "linking your account"},
    "device": {"vi": "dang ky dien thoai", "en": "enrolling a phone"},
    "registration": {"vi": "dang ky giao dich", "en": "your registration"},
    "activation": {"vi": "kich hoat tai khoan", "en": "activating the account"},
    "profile": {"vi": "thay doi thong tin", "en": "changing your details"},
}
PURPOSES_MAIL: Mapping[str, Words] = {
    "login": {"vi": "đăng nhập", "en": "logging in"},
    "step_up": {"vi": "xác nhận thao tác", "en": "confirming your action"},
    "password": {"vi": "đổi mật khẩu", "en": "changing the password"},
    "recovery": {"vi": "lấy lại mật khẩu", "en": "password recovery"},
    "contact": {"vi": "xác nhận địa chỉ thư điện tử", "en": "confirming this e-mail address"},
    "link": {"vi": "liên kết tài khoản", "en": "linking your account"},
    "device": {"vi": "đăng ký điện thoại", "en": "enrolling a phone"},
    "registration": {"vi": "xác nhận địa chỉ thư khi đăng ký", "en": "confirming the address of your registration"},
    "activation": {"vi": "kích hoạt tài khoản", "en": "activating the account"},
    "profile": {"vi": "thay đổi thông tin tài khoản", "en": "changing your account details"},
}
EVENTS_SMS: Mapping[str, Words] = {
    "new_device": {"vi": "Dang nhap tren thiet bi moi", "en": "Login on a new device"},
    "password_changed": {"vi": "Mat khau da doi", "en": "Password changed"},
    "password_recovered": {"vi": "Mat khau da dat lai", "en": "Password reset"},
    "phone_changed": {"vi": "So dien thoai da doi", "en": "Phone number changed"},
    "email_changed": {"vi": "Dia chi e-mail da doi", "en": "E-mail address changed"},
    "link_added": {"vi": "Da lien ket tai khoan moi", "en": "Account link added"},
    "link_removed": {"vi": "Da huy lien ket tai khoan", "en": "Account link removed"},
    "device_enrolled": {"vi": "Da dang ky dien thoai moi", "en": "New phone enrolled"},
    "device_removed": {"vi": "Da go dien thoai dang ky", "en": "Enrolled phone removed"},
    "device_locked": {"vi": "Dien thoai bi go: sai ma 5 lan", "en": "Phone removed: 5 wrong codes"},
    "passkey_added": {"vi": "Da them khoa truy cap", "en": "Passkey added"},
    "passkey_removed": {"vi": "Da xoa khoa truy cap", "en": "Passkey removed"},
    "passkey_cloned": {"vi": "Xoa khoa truy cap nghi bi lo", "en": "Passkey ended: maybe copied"},
    "profile_changed": {"vi": "Thong tin tai khoan da doi", "en": "Account details changed"},
    "activated": {"vi": "Da dat mat khau dau tien", "en": "First password set"},
    "erasure_asked": {"vi": "Co yeu cau xoa tai khoan", "en": "Erasure asked for"},
    "disavowed": {"vi": "Da bao khong phai toi", "en": "'Not me' was reported"},
    "registration_asked": {"vi": "Co to khai ghi ma so cua ban", "en": "A form for your number came in"},
}
EVENTS_MAIL: Mapping[str, Words] = {
    "new_device": {"vi": "Đăng nhập trên thiết bị mới", "en": "Login on a new device"},
    "password_changed": {"vi": "Mật khẩu đã được đổi", "en": "Your password was changed"},
    "password_recovered": {"vi": "Mật khẩu đã được đặt lại", "en": "Your password was reset"},
    "phone_changed": {"vi": "Số điện thoại đã được thay đổi", "en": "Your phone number was changed"},
    "email_changed": {"vi": "Địa chỉ thư điện tử đã được thay đổi", "en": "Your e-mail address was changed"},
    "link_added": {"vi": "Tài khoản liên kết đã được thêm", "en": "A linked account was added"},
    "link_removed": {"vi": "Tài khoản liên kết đã được hủy", "en": "A linked account was removed"},
    "device_enrolled": {"vi": "Điện thoại mới đã được đăng ký", "en": "A new phone was enrolled"},
    "device_removed": {"vi": "Điện thoại đăng ký đã được gỡ", "en": "An enrolled phone was removed"},
    "passkey_added": {"vi": "Khóa truy cập (passkey) mới đã được thêm", "en": "A new passkey was added"},
    "passkey_removed": {"vi": "Khóa truy cập (passkey) đã được xóa", "en": "A passkey was removed"},
    "passkey_cloned": {
        "vi": "Khóa truy cập (passkey) đã bị dừng vì có dấu hiệu bị sao chép",
        "en": "A passkey was ended because it seems to have been copied",
    },
    "device_locked": {
        "vi": "Điện thoại đăng ký đã bị gỡ vì nhập sai mã 5 lần",
        "en": "Your enrolled phone was removed after 5 wrong passcodes",
    },
    "activated": {
        "vi": "Mật khẩu đầu tiên của tài khoản đã được đặt",
        "en": "The first password of your account was set",
    },
    "registration_asked": {
        "vi": "Có tờ khai đăng ký mới ghi mã số của bạn",
        "en": "A new registration form names your number",
    },
    "disavowed": {
        "vi": "Có người đã bấm “Không phải tôi” trong một thông báo của tài khoản",
        "en": "Somebody pressed “It was not me” in a notice of your account",
    },
    "erasure_asked": {
        "vi": "Có yêu cầu xóa dữ liệu và đóng tài khoản",
        "en": "Somebody asked to erase your data and close the account",
    },
    "profile_changed": {
        "vi": "Thông tin tài khoản đã được thay đổi tại cơ quan BHXH",
        "en": "Your account details were changed at the agency",
    },
}
REASONS_SMS: Mapping[str, Words] = {
    "identity_mismatch": {"vi": "sai thong tin nhan than", "en": "identity data differ"},
    "paper_unreadable": {"vi": "anh giay to khong ro", "en": "paper not readable"},
    "photo_mismatch": {"vi": "anh chan dung khong khop", "en": "portrait does not match"},
    "code_unknown": {"vi": "sai ma so BHXH", "en": "unknown insurance code"},
    "phone_mismatch": {"vi": "sai so dien thoai", "en": "phone number differs"},
    "duplicate": {"vi": "trung ho so khac", "en": "repeats another request"},
    "wrong_agency": {"vi": "sai co quan tiep nhan", "en": "wrong agency"},
    "incomplete": {"vi": "thieu thong tin", "en": "incomplete"},
    "under_age": {"vi": "nguoi dang ky duoi 16 tuoi", "en": "person under 16"},
    "other": {"vi": "xem chi tiet ho so", "en": "see your request"},
}
REASONS_MAIL: Mapping[str, Words] = {
    "identity_mismatch": {
        "vi": "thông tin nhân thân không khớp với dữ liệu của cơ quan BHXH",
        "en": "the identity data differ from the agency's",
    },
    "paper_unreadable": {"vi": "ảnh giấy tờ không rõ", "en": "the picture of the paper cannot be read"},
    "photo_mismatch": {
        "vi": "ảnh chân dung không khớp với giấy tờ",
        "en": "the portrait does not match the paper",
    },
    "code_unknown": {"vi": "mã số BHXH không đúng", "en": "the social insurance number is not known"},
    "phone_mismatch": {"vi": "số điện thoại không đúng", "en": "the phone number differs"},
    "duplicate": {"vi": "trùng với hồ sơ khác", "en": "it repeats another request"},
    "wrong_agency": {
        "vi": "cơ quan tiếp nhận không phù hợp",
        "en": "it was sent to an agency that cannot decide it",
    },
    "incomplete": {"vi": "thông tin chưa đầy đủ", "en": "it is incomplete"},
    "under_age": {
        "vi": "người đăng ký chưa đủ 16 tuổi; cha mẹ hoặc người giám hộ cần đến cơ quan BHXH",
        "en": "the person is under 16; a parent or guardian comes to the agency",
    },
    "other": {"vi": "xem ghi chú của cơ quan BHXH", "en": "see the agency's remark"},
}
