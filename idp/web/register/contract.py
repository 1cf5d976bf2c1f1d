"""The registration API as apps see it: requests, responses, and every way in which a request is refused.

It can only create a request that an agency decides: no member of it sets a state, a role, an account or a decision.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, RootModel, WithJsonSchema, create_model

from idp.http.json_api import COMMON, ApiModel, ApiRefusal, Moment, ProblemBody, QueryModel
from idp.sentences import N_

ROOT = "/api/registrations"
LONGEST = 400
"""Characters of one field; what a field accepts is decided by its rule."""


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("no store takes NUL")
    return text


Text = Annotated[str, Field(max_length=LONGEST), AfterValidator(_storable)]
ByField = dict[str, str]
Base64 = Annotated[str, Field(json_schema_extra={"contentEncoding": "base64"})]
Short = Annotated[str, Field(json_schema_extra={"maxLength": 8})]


class FormBody(ApiModel, title="Form"):
    """Form 01 as far as it could be read, each field in its canonical form."""

    name: str
    code: str
    paper_kind: str
    paper_number: str
    birth_date: str
    province: str
    commune: str
    street: str
    contact_person: str
    email: str
    phone: str
    starts_on: str
    transact_at: str
    ivan: str
    agency: str
    submission: str
    agrees: bool


class BeginRequest(ApiModel):
    """Who registers."""

    kind: Annotated[Text, WithJsonSchema({"type": "string", "enum": ["individual", "organisation"]})]


_TYPED: Any = {name: (bool, False) if name == "agrees" else (Text, "") for name in FormBody.model_fields}
FillRequest: type[ApiModel] = create_model("FillRequest", __base__=ApiModel, **_TYPED)
"""Fields as they were typed; those not listed stay unchanged."""


class CodeAsked(ApiModel):
    """Requests a code; with the captcha answer and the proof of work, if they were asked for."""

    captcha_id: Text = ""
    captcha: Text = ""
    altcha: Text = ""


class HandInRequest(ApiModel):
    """The code that was received."""

    code: Text


class StatusRequest(ApiModel):
    """The reference and phone number of a declaration."""

    reference: Text
    phone: Text


class ProvinceQuery(QueryModel):
    """The province whose communes are requested."""

    province: Short = ""


class RegionQuery(QueryModel):
    """The region whose agencies are requested; without it, the regions."""

    region: Short = ""


class SecretBody(ApiModel):
    """The secret that opens a draft. It is sent once."""

    secret: str


class DraftBody(ApiModel, title="Draft"):
    """A draft as its holder sees it."""

    reference: str
    kind: str
    state: str
    form: FormBody
    photos: list[str]
    problems: ByField
    sentences: ByField
    grades: list[str]
    expires_at: Moment


class BegunBody(DraftBody, SecretBody, title="Begun"):
    """A new draft, with its secret."""


class EmailedBody(ApiModel, title="CodeSent"):
    """Where a code was sent, and when another can be requested."""

    sent_to: str
    next_at: Moment


class StatusBody(ApiModel, title="Status"):
    """The state of a declaration, and the next step."""

    reference: str
    state: str
    summary: Annotated[str, Field(alias="says")]
    then: str
    reason: str | None = None
    note: str | None = None


class PlaceBody(ApiModel, title="Place"):
    """A province, a commune or an agency."""

    code: str
    name: str
    address: str | None = None
    phone: str | None = None


class PlacesBody(RootModel[list[PlaceBody]]):
    """Places to choose from."""

    model_config = ConfigDict(title="Places")


class WorkBody(ApiModel, title="Work"):
    """The proof of work that an app computes with a captcha (ALTCHA, version 1)."""

    algorithm: str
    challenge: str
    most: Annotated[int, Field(alias="maxNumber")]
    salt: str
    signature: str


class DraftProblemBody(ProblemBody, title="Problem"):
    """RFC 9457. `code` is for programs, `detail` for the person; some codes have further members."""

    captcha_id: str | None = None
    captcha_png: Base64 | None = None
    captcha_wav: Base64 | None = None
    altcha: WorkBody | None = None
    why: str | None = None
    problems: ByField | None = None
    sentences: ByField | None = None


REFUSALS: Mapping[str, ApiRefusal] = COMMON | {
    "kind": ApiRefusal(400, N_("Hãy chọn cá nhân hoặc tổ chức.")),
    "closed": ApiRefusal(403, N_("Hiện không tiếp nhận đăng ký ở đây.")),
    "no_draft": ApiRefusal(401, N_("Tờ khai không còn. Hãy bắt đầu lại.")),
    "handed_in": ApiRefusal(409, N_("Tờ khai đã được gửi.")),
    "picture": ApiRefusal(400, N_("Ảnh không dùng được.")),
    "incomplete": ApiRefusal(409, N_("Tờ khai chưa đầy đủ.")),
    "code_wrong": ApiRefusal(403, N_("Mã xác thực không đúng hoặc đã hết hạn.")),
    "code_exhausted": ApiRefusal(403, N_("Đã nhập sai mã quá nhiều lần. Hãy bắt đầu lại.")),
    "over_budget": ApiRefusal(429, N_("Đã gửi quá nhiều mã. Hãy thử lại sau.")),
    "captcha_first": ApiRefusal(403, N_("Hãy nhập các ký tự trong hình để nhận mã xác thực.")),
    "work_first": ApiRefusal(429, N_("Hãy tính lời giải của `altcha` hoặc chờ rồi gửi lại cùng câu trả lời.")),
    "no_such_pair": ApiRefusal(404, N_("Mã số tờ khai và số điện thoại không khớp hoặc không có.")),
}  # fmt: skip
