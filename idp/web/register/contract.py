"""The API of registration as a table: what each operation takes and in which ways it is refused; OpenAPI is made of it.

It can only ever make a request that an agency decides: no member of it names a state, a role, an account or a decision.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from idp.desk.reading import FIELDS

Words = tuple[str, str]
"""Vietnamese and English."""

ROOT = "/api/registrations"
LONGEST = 400
"""Characters of one field; what a field takes is judged by its rule."""


@dataclass(frozen=True, slots=True)
class ApiRoute:
    """One endpoint. `draft` says that it takes the secret of a draft as bearer; `takes` names its members."""

    name: str
    method: Literal["GET", "POST"]
    path: str
    summary: str
    draft: bool = True
    takes: Mapping[str, bool] = ()  # type: ignore[assignment]
    query: str = ""
    picture: bool = False
    answers: tuple[int, str] = (200, "Draft")
    refusals: tuple[str, ...] = ()


_FORM = dict.fromkeys(FIELDS["individual"], False)
_STATUS = {"reference": True, "phone": True}

OPERATIONS = (
    ApiRoute("begin", "POST", ROOT, "Begin a draft; `secret` is shown once and opens it.", draft=False,
              takes={"kind": True}, answers=(201, "Begun"), refusals=("closed", "kind")),
    ApiRoute("draft", "GET", f"{ROOT}/draft", "The draft, what is left to do, and what looks odd."),
    ApiRoute("fill", "POST", f"{ROOT}/draft", "Fill in fields; those that are not named stay as they are.",
              takes=_FORM, refusals=("handed_in",)),
    *(ApiRoute(f"photo_{role}", "POST", f"{ROOT}/draft/{role}", "A picture: JPEG, PNG or WebP, at most 8 MiB.",
                picture=True, refusals=("picture", "handed_in")) for role in ("portrait", "front", "back")),
    ApiRoute("code", "POST", f"{ROOT}/draft/code", "Send a code to the address of the form.",
              takes={"captcha_id": False, "captcha": False, "altcha": False}, answers=(202, "CodeSent"),
              refusals=("incomplete", "handed_in", "code_exhausted", "over_budget", "captcha_first", "work_first")),
    ApiRoute("hand_in", "POST", f"{ROOT}/draft/submit", "Hand the draft in with the code, once.",
              takes={"code": True}, refusals=("incomplete", "code_wrong", "code_exhausted")),
    ApiRoute("status", "POST", f"{ROOT}/status", "How a declaration stands.", draft=False, takes=_STATUS,
              answers=(200, "Status"), refusals=("no_such_pair",)),
    ApiRoute("provinces", "GET", f"{ROOT}/provinces", "Provinces of today.", draft=False, answers=(200, "Places")),
    ApiRoute("communes", "GET", f"{ROOT}/communes", "Communes of a province.", draft=False, query="province",
              answers=(200, "Places")),
    ApiRoute("agencies", "GET", f"{ROOT}/agencies", "Regions, or the agencies of one.", draft=False, query="region",
              answers=(200, "Places")),
)  # fmt: skip

EVERYWHERE = ("bad_request", "too_large", "too_many", "busy")


@dataclass(frozen=True, slots=True)
class ApiRefusal:
    """A refusal: its status and its sentence in both languages."""

    status: int
    summary: Words


REFUSALS: Mapping[str, ApiRefusal] = {
    "bad_request": ApiRefusal(400, ("Yêu cầu không đọc được.", "The request cannot be read.")),
    "too_large": ApiRefusal(413, ("Yêu cầu quá lớn.", "The request is too large.")),
    "too_many": ApiRefusal(429, ("Thao tác quá nhanh. Hãy thử lại sau.", "Too fast. Try again later.")),
    "busy": ApiRefusal(503, ("Hệ thống đang bận. Hãy thử lại.", "The system is busy. Try again.")),
    "kind": ApiRefusal(400, ("Hãy chọn cá nhân hoặc tổ chức.", "Choose individual or organisation.")),
    "closed": ApiRefusal(403, ("Hiện không tiếp nhận đăng ký ở đây.", "Registration is closed here at present.")),
    "no_draft": ApiRefusal(401, ("Tờ khai không còn. Hãy bắt đầu lại.", "The draft is gone. Begin anew.")),
    "handed_in": ApiRefusal(409, ("Tờ khai đã được gửi.", "The declaration was handed in already.")),
    "picture": ApiRefusal(400, ("Ảnh không dùng được.", "The picture cannot be used.")),
    "incomplete": ApiRefusal(409, ("Tờ khai chưa đầy đủ.", "The declaration is not complete.")),
    "code_wrong": ApiRefusal(403, ("Mã xác thực không đúng hoặc đã hết hạn.", "The code is wrong or has expired.")),
    "code_exhausted": ApiRefusal(
        403, ("Đã nhập sai mã quá nhiều lần. Hãy bắt đầu lại.", "The code was wrong too often. Begin anew.")
    ),
    "over_budget": ApiRefusal(
        429, ("Đã gửi quá nhiều mã. Hãy thử lại sau.", "Too many codes were sent. Try again later.")
    ),
    "captcha_first": ApiRefusal(
        403, ("Hãy nhập các ký tự trong hình để nhận mã xác thực.", "Type the characters of the picture to get a code.")
    ),
    "work_first": ApiRefusal(
        429,
        (
            "Hãy tính lời giải của `altcha` hoặc chờ rồi gửi lại cùng câu trả lời.",
            "Send the solution of `altcha`, or wait and send the same answer again.",
        ),
    ),
    "no_such_pair": ApiRefusal(
        404,
        (
            "Mã số tờ khai và số điện thoại không khớp hoặc không có.",
            "Reference and phone number do not match, or there is no such declaration.",
        ),
    ),
}  # fmt: skip


def refusals_of(operation: ApiRoute) -> tuple[str, ...]:
    """Every code with which the operation can be refused."""
    return (*operation.refusals, *(["no_draft"] if operation.draft else []), *EVERYWHERE)


def document(issuer: str) -> dict[str, Any]:
    """The API as an OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    about = "For apps: a request that an agency decides. `secret` of the draft is the bearer; there are no cookies."
    bearer = {"draft": {"type": "http", "scheme": "bearer", "description": "The `secret` of a draft."}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "BHXH: registration for apps", "version": "1", "description": about},
        "servers": [{"url": issuer}],
        "paths": paths,
        "components": {"schemas": _schemas(), "securitySchemes": bearer},
    }


def _described(operation: ApiRoute) -> dict[str, Any]:
    status, schema = operation.answers
    codes: dict[int, list[str]] = {}
    for code in refusals_of(operation):
        codes.setdefault(REFUSALS[code].status, []).append(code)
    refused = {
        str(s): _content("application/problem+json", "Problem", f"`code`: {', '.join(sorted(names))}")
        for s, names in sorted(codes.items())
    }
    operation_object: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "security": [{"draft": []}] if operation.draft else [],
        "responses": {str(status): _content("application/json", schema, schema)} | refused,
    }
    if operation.query:
        operation_object["parameters"] = [
            {"name": operation.query, "in": "query", "schema": {"type": "string", "maxLength": 8}}
        ]
    if operation.picture:
        binary = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
        operation_object["requestBody"] = {"required": True, "content": {"application/octet-stream": binary}}
    elif operation.method == "POST":
        operation_object["requestBody"] = {
            "required": bool(operation.takes),
            "content": {"application/json": _body(operation)},
        }
    return operation_object


def _body(operation: ApiRoute) -> dict[str, Any]:
    takes = dict(operation.takes)
    text = {"type": "string", "maxLength": LONGEST}
    properties: dict[str, Any] = {name: {"type": "boolean"} if name == "agrees" else text for name in takes}
    if "kind" in takes:
        properties["kind"] = {"type": "string", "enum": ["individual", "organisation"]}
    required = [name for name, needed in takes.items() if needed]
    return {"schema": _object(properties, *required) | {"required": required}}


def _content(media_type: str, schema: str, summary: str) -> dict[str, Any]:
    return {"description": summary, "content": {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


def _schemas() -> dict[str, Any]:
    text, moment = {"type": "string"}, {"type": "integer", "description": "Seconds since the epoch."}
    by_field = {"type": "object", "additionalProperties": text}
    texts = {"type": "array", "items": text}
    form = {name: {"type": "boolean"} if name == "agrees" else text for name in _FORM}
    draft = {
        "reference": text, "kind": text, "state": text, "form": _object(form), "photos": texts, "problems": by_field,
        "sentences": by_field, "grades": texts, "expires_at": moment,
    }  # fmt: skip
    place = _object({"code": text, "name": text, "address": text, "phone": text}, "code", "name")
    status = {"reference": text, "state": text, "says": text, "then": text, "reason": text, "note": text}
    problem = {"type": text, "title": text, "status": {"type": "integer"}, "code": text, "detail": text}
    encoded = {"type": "string", "contentEncoding": "base64"}
    work = {"algorithm": text, "challenge": text, "maxNumber": {"type": "integer"}, "salt": text, "signature": text}
    captcha = {"captcha_id": text, "captcha_png": encoded, "captcha_wav": encoded, "altcha": _object(work)}
    more = captcha | {"why": text, "problems": by_field, "sentences": by_field}
    return {
        "Draft": _object(draft),
        "Begun": _object({"secret": text, **draft}),
        "CodeSent": _object({"sent_to": text, "next_at": moment}),
        "Status": _object(status, "reference", "state", "says", "then"),
        "Places": {"type": "array", "items": place},
        "Problem": _object(problem | more, *problem),
    }


def _object(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    names = list(required) or list(properties)
    return {"type": "object", "properties": dict(properties), "required": names, "additionalProperties": False}
