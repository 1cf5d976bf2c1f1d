"""What the national portal says of a person: drifting types, empty strings, and civil data that nobody asked for."""

from typing import Any

from sandbox.faults import Panel
from sandbox.upstream_people import SHARED_PHONE, Person, another, changed

CIVIL = {
    "QuocTich": "Việt Nam",
    "DanToc": "Dân tộc thử nghiệm",
    "TonGiao": "Tôn giáo thử nghiệm",
    "NhomMau": "Nhóm máu thử nghiệm",
    "TinhTrangHonNhan": "Hôn nhân thử nghiệm",
    "NoiDangKyKhaiSinh": "Khai sinh thử nghiệm",
    "QueQuan": "Quê quán thử nghiệm",
    "ThuongTru": "Thường trú thử nghiệm",
    "NoiOHienNay": "Nơi ở thử nghiệm",
    "Cha": {"HoVaTen": "Cha Thử Nghiệm", "SoDinhDanh": ""},
    "Me": {"HoVaTen": "Mẹ Thử Nghiệm", "SoDinhDanh": ""},
    "VoChong": {"HoVaTen": "Vợ Chồng Thử Nghiệm", "SoDinhDanh": ""},
    "ChuHo": {"HoVaTen": "Chủ Hộ Thử Nghiệm", "SoDinhDanh": ""},
    "NguoiDaiDien": {"HoVaTen": "Đại Diện Thử Nghiệm", "SoDinhDanh": ""},
}
"""Words that stand nowhere else, so that a search finds whoever kept them."""


def profile_of(person: Person, *, by_vneid: bool, panel: Panel, url: str) -> dict[str, Any]:
    """The profile of a login, as the panel wants it."""
    told = another(person, panel.people) if panel.is_on("foreign", person.login) else person
    facts = _from_vneid(told, url) if by_vneid else _own(told)
    if told.is_organisation:
        facts |= {"MaSoThue": told.tax_code, "MaSoDoanhNghiep": "", "TenDoanhNghiep": told.name}
    if panel.is_on("changed_number", person.login):
        facts["SoDinhDanh"] = changed(told.citizen_number)
    if panel.is_on("duplicate_phone", person.login):
        facts["SoDienThoai"] = SHARED_PHONE
    return {**facts, **CIVIL}


def _own(person: Person) -> dict[str, Any]:
    """An account of the portal itself: everything is a string, and what is missing is an empty one."""
    return {
        "sub": person.login,
        "TechID": person.subject,
        "LoaiTaiKhoan": "2" if person.is_organisation else "1",
        "SoCMND": "",
        "SoDinhDanh": person.citizen_number,
        "MaBHXH": person.bhxh_code,
        "HoChieu": "",
        "HoVaTen": person.name.upper(),
        "NgayThangNamSinh": person.born("{d}/{m}/{y}"),
        "GioiTinh": 2,
        "SoDienThoai": person.phone,
        "SoDienThoaiBan": "",
        "ThuDienTu": "",
        "TrangThai": "1",
        "loAs": "LoA1",
        "IAL": person.level,
    }


def _from_vneid(person: Person, url: str) -> dict[str, Any]:
    """An account that VNeID brought: no phone number, no mail, and integers."""
    return {
        "sub": person.login,
        "TechID": person.subject,
        "LoaiTaiKhoan": 2 if person.is_organisation else 1,
        "SoDinhDanh": person.citizen_number,
        "HoVaTen": person.name.upper(),
        "NgayThangNamSinh": person.born("{y}{m}{d}"),
        "loAs": "LoA2",
        "userProfileUri": f"{url}/profile",
        "logoutUri": f"{url}/oidc/logout",
        "IAL": int(person.level),
        "loginIdp": "BCA",
    }
