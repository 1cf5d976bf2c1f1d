"""JSON for apps, as plain WSGI: operations are declared once, and served and described by that.

A handler is given a validated model and returns one; a refusal is a code out of a table, and becomes a problem (RFC
9457). The OpenAPI 3.1 document is made of the same models, so neither can say what the other does not do.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache, partial
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from idp.errors import BadRequest, Busy, TooMany
from idp.http.forms import LARGEST_BODY, TooLarge, read_body, read_query, single
from idp.http.gateway import Endpoint, EndpointResponse, Environ, problem, reply, unavailable
from idp.http.headers import Headers
from idp.http.openapi import Schemas, answer_content, components
from idp.http.store_errors import STORE_DOWN
from idp.sentences import N_, Language, translated
from keys.strict_json import strict_object

Moment = Annotated[int, Field(description="Seconds since the epoch.")]
CACHED = ("Cache-Control", "public, max-age=3600")


class ApiModel(BaseModel):
    """What an app sends or is sent: exactly these members, each of its own type. Members that are None are left out."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class Nothing(ApiModel):
    """An object without members, and a request without a body."""


class QueryModel(ApiModel):
    """What the query of a GET says; parameters that it does not name are not looked at."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as the body. It is read when the handler asks, so that whoever may not send it hears so unread."""

    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class RefusedAs:
    """Beside the type of a member: the code of the refusal when it is missing or has another form."""

    code: str


def text(longest: int, summary: str, pattern: str = "") -> Any:
    """What a text has to be: at most `longest` characters, and as a whole of this regular expression."""
    return Field(max_length=longest, description=summary, pattern=f"^{pattern}$" if pattern else None)


class ApiRefusal(NamedTuple):
    """A refusal: its HTTP status, and its sentence in Vietnamese."""

    status: int
    summary: str


COMMON: dict[str, ApiRefusal] = {
    "bad_request": ApiRefusal(400, N_("Yêu cầu không đọc được.")),
    "too_large": ApiRefusal(413, N_("Yêu cầu quá lớn.")),
    "too_many": ApiRefusal(429, N_("Thao tác quá nhanh. Hãy thử lại sau.")),
    "busy": ApiRefusal(503, N_("Hệ thống đang bận. Hãy thử lại.")),
}
"""With these every operation of every API can be refused."""


class ProblemBody(ApiModel):
    """A refusal as it is sent (RFC 9457, 3.1). `code` is for programs, `detail` for the person."""

    type: str
    title: str
    status: int
    code: str
    detail: str


class ApiProblem(Exception):
    """A refusal by its code; `more` are further members of the answer, `retry_after` is in seconds.

    Members that are None are left out.
    """

    def __init__(self, code: str, *, retry_after: int | None = None, headers: Headers | None = None, **more: object):
        super().__init__(code)
        self.code = code
        self.retry_after = retry_after
        self.headers = headers or []
        self.more = more


Api = TypeVar("Api")
Caller = TypeVar("Caller")
Request = TypeVar("Request", bound=ApiModel | Upload)


@dataclass(frozen=True, slots=True)
class Operation(Generic[Api, Caller, Request]):
    """One operation. `handler` is given the API, who calls, and the request, and returns one of `answers` by status.

    `by` is what the caller has to show, a key of `Contract.security`. `takes` says what is read: the JSON object of a
    POST, a query, or an upload of at most `largest` bytes. `refusals` are the codes that no other part of the
    declaration brings with it. What is `cached` is the same for everybody.
    """

    name: str
    method: Literal["GET", "POST"]
    path: str
    summary: str
    by: str
    handler: Callable[[Api, Caller, Request], BaseModel]
    takes: type[Request]
    answers: Mapping[int, type[BaseModel]]
    refusals: tuple[str, ...] = ()
    largest: int = LARGEST_BODY
    cached: bool = False

    def request(self, environ: Environ) -> Request:
        """What was sent, validated. Raises `ApiProblem`, `BadRequest`, `TooLarge`."""
        body = partial(read_body, environ, self.largest)
        if issubclass(self.takes, Upload):
            return self.takes(body)
        members: dict[str, Any] = {}
        if issubclass(self.takes, QueryModel):
            query = single(read_query(environ))
            members = {name: query[name] for name in self.takes.model_fields if name in query}
        elif self.method == "POST":
            members = _object(body())
        try:
            return self.takes.model_validate(members)
        except ValidationError as invalid:
            raise self._refused(invalid) from None

    def _refused(self, invalid: ValidationError) -> ApiProblem:
        """The first member that was refused, by its own code if it has one; pydantic tells unknown members last."""
        errors = invalid.errors(include_url=False, include_context=False, include_input=False)
        refused = {member.name: member.refused for member in self.fields}.get(name := str(errors[0]["loc"][0]))
        if not refused or errors[-1]["type"] == "extra_forbidden":
            return ApiProblem("bad_request")
        return ApiProblem(refused, field=name)

    @property
    def fields(self) -> tuple["RequestField", ...]:
        """The members of the request."""
        known = {} if issubclass(self.takes, Upload) else self.takes.model_fields
        codes = {n: [m.code for m in info.metadata if isinstance(m, RefusedAs)] for n, info in known.items()}
        return tuple(RequestField(n, info.is_required(), "".join(codes[n])) for n, info in known.items())


class RequestField(NamedTuple):
    """A member of a request; `refused` is the code of `RefusedAs`, if it has one."""

    name: str
    required: bool
    refused: str


AnyOperation = Operation[Any, Any, Any]


@dataclass(frozen=True)
class Contract:
    """An API as a whole: what stands above its operations in its document, and every code with which it refuses.

    `security` is what OpenAPI demands for each `by`; `always` gives the codes that come with how an operation is
    called, besides its own and those of `COMMON`; `root` is the path of the document without its last part.
    """

    title: str
    summary: str
    root: str
    operations: Sequence[AnyOperation]
    refusals: Mapping[str, ApiRefusal]
    problem: type[ProblemBody]
    schemes: Mapping[str, Mapping[str, str]]
    security: Mapping[str, list[dict[str, list[str]]]]
    always: Callable[[Any], tuple[str, ...]]

    def refusals_of(self, operation: AnyOperation) -> tuple[str, ...]:
        """Every code with which the operation can be refused, once."""
        formal = [member.refused for member in operation.fields if member.refused]
        return tuple(dict.fromkeys((*operation.refusals, *formal, *self.always(operation), *COMMON)))

    def sentence(self, code: str, language: Language) -> str:
        """What a person reads."""
        return translated(self.refusals[code].summary, language)

    def document(self, issuer: str) -> dict[str, Any]:
        """The OpenAPI 3.1 document for the provider at `issuer`."""
        paths: dict[str, dict[str, Any]] = {}
        for operation in self.operations:
            paths.setdefault(operation.path, {})[operation.method.lower()] = self._described(operation)
        answers = [model for operation in self.operations for model in operation.answers.values()]
        return {
            "openapi": "3.1.0",
            "info": {"title": self.title, "version": "1", "description": self.summary},
            "servers": [{"url": issuer}],
            "paths": paths,
            "components": {"schemas": components([*answers, self.problem]), "securitySchemes": dict(self.schemes)},
        }

    def _described(self, operation: AnyOperation) -> dict[str, Any]:
        answers = {str(status): answer_content(model) for status, model in operation.answers.items()}
        codes: dict[int, list[str]] = {}
        for code in sorted(self.refusals_of(operation)):
            codes.setdefault(self.refusals[code].status, []).append(code)
        refused = {
            str(status): answer_content(self.problem, "application/problem+json", f"`code`: {', '.join(names)}")
            for status, names in sorted(codes.items())
        }
        named = {"operationId": operation.name, "summary": operation.summary}
        return {**named, "security": self.security[operation.by], "responses": answers | refused, **_request(operation)}


class JsonApi(Generic[Caller]):
    """Serves a contract. Subclasses have the handlers, and say what the exceptions of their rules mean.

    `caller` says who calls, or raises `ApiProblem`; within `speaking` sentences are in a language; `headers` go with
    every answer of an operation; `observe` is told the operation and the code of each refusal. With `head`, HEAD is
    answered as GET.
    """

    def __init__(
        self,
        contract: Contract,
        issuer: str,
        caller: Callable[[Any, Environ, Language], Caller],
        *,
        speaking: Callable[[Language], AbstractContextManager[object]] = nullcontext,
        headers: Callable[[], Headers] = list,
        head: bool = False,
    ) -> None:
        self._contract = contract
        self._issuer = issuer
        self._caller = caller
        self._speaking = speaking
        self._headers = headers
        self.observe: Callable[[str, str], None] = lambda operation, code: None
        self._head = head

    def problem_of(self, error: Exception, language: Language) -> ApiProblem:
        """The problem that an exception means. Raises it again when it means none."""
        match error:
            case ApiProblem():
                return error
            case BadRequest():
                return ApiProblem("bad_request")
            case TooLarge():
                return ApiProblem("too_large")
            case TooMany():
                return ApiProblem("too_many", retry_after=error.retry_after)
            case Busy():
                return ApiProblem("busy", retry_after=error.retry_after or 2)
        if isinstance(error, STORE_DOWN):
            unavailable(error)
            return ApiProblem("busy", retry_after=2)
        raise error

    def table(self) -> Mapping[str, Endpoint]:
        """Paths and endpoints; one path may take several methods. The document is made when it is first asked for."""
        by_path: dict[str, dict[str, AnyOperation]] = {}
        for operation in self._contract.operations:
            by_path.setdefault(operation.path, {})[operation.method] = operation
        document = cache(lambda: self._contract.document(self._issuer))
        served: dict[str, Endpoint] = {path: partial(self._serve, methods) for path, methods in by_path.items()}
        return served | {f"{self._contract.root}/openapi.json": lambda environ: reply(200, document(), [])}

    def _serve(self, methods: Mapping[str, AnyOperation], environ: Environ) -> EndpointResponse:
        method = environ["REQUEST_METHOD"]
        operation = methods.get("GET" if method == "HEAD" and self._head else method)
        if operation is None:
            return problem(405, "method_not_allowed", [("Allow", ", ".join(methods))])
        language: Language = "en" if environ.get("HTTP_ACCEPT_LANGUAGE", "")[:2].lower() == "en" else "vi"
        try:
            with self._speaking(language):
                caller = self._caller(operation, environ, language)
                answer = operation.handler(self, caller, operation.request(environ))
        except Exception as error:
            refused = self.problem_of(error, language)
            self.observe(operation.name, refused.code)
            return self._refusal(refused, language)
        status = next(status for status, model in operation.answers.items() if type(answer) is model)
        body = _members(answer)
        return _cached(environ, body) if operation.cached else reply(status, body, self._headers())

    def _refusal(self, refused: ApiProblem, language: Language) -> EndpointResponse:
        """The problem as it is sent."""
        code, status = refused.code, self._contract.refusals[refused.code].status
        members: dict[str, object] = {"type": f"urn:bhxh:problem:{code}", "title": code, "status": status, "code": code}
        members["detail"] = self._contract.sentence(code, language)
        members |= {name: value for name, value in refused.more.items() if value is not None}
        body = _members(self._contract.problem.model_validate(members))
        retry = [("Retry-After", str(refused.retry_after))] if refused.retry_after else []
        _, made, encoded = reply(status, body, [*refused.headers, *retry, *self._headers()])
        return status, [("Content-Type", "application/problem+json"), *made[1:]], encoded


def _members(model: BaseModel) -> Any:
    """A model as JSON, without what is left out."""
    return model.model_dump(by_alias=True, exclude_none=True)


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object of a request; no body is an empty one. Raises `ApiProblem`."""
    try:
        # The models know no containers and no numbers, so that depth and constants are refused by the member.
        return strict_object(body, deepest=None, constants=True) if body else {}
    except ValueError:
        raise ApiProblem("bad_request") from None


def _cached(environ: Environ, body: object) -> EndpointResponse:
    """What is the same for everybody: kept by browsers, and sent again only when it changed (RFC 9110, 13.1.2)."""
    status, made, encoded = reply(200, body, [CACHED])
    tag = f'"{hashlib.sha256(encoded).hexdigest()[:16]}"'
    headers = [*made, ("ETag", tag)]
    return (304, headers, b"") if environ.get("HTTP_IF_NONE_MATCH") == tag else (status, headers, encoded)


def _request(operation: AnyOperation) -> dict[str, Any]:
    """What OpenAPI says of the parameters and the body of an operation."""
    if operation.takes is Upload:
        binary = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
        return {"requestBody": {"required": True, "content": {"application/octet-stream": binary}}}
    schema = operation.takes.model_json_schema(schema_generator=Schemas)
    if operation.method == "POST":
        bare = {name: value for name, value in schema.items() if name not in ("title", "description")}
        body = {"required": bool(operation.fields), "content": {"application/json": {"schema": bare}}}
        return {"requestBody": body}
    parameters = [{"name": name, "in": "query", "schema": value} for name, value in schema["properties"].items()]
    return {"parameters": parameters} if parameters else {}
