"""The layer beneath both APIs for apps: what is read, what is refused with which code, and what is answered."""

import io
import json
from typing import Annotated, Any

import pytest

from idp.errors import Busy, TooMany
from idp.http.gateway import Environ
from idp.http.json_api import (
    COMMON,
    ApiModel,
    ApiProblem,
    ApiRefusal,
    Contract,
    JsonApi,
    Nothing,
    Operation,
    ProblemBody,
    QueryModel,
    RefusedAs,
    Upload,
    text,
)
from idp.sentences import Language


class Wish(ApiModel):
    word: Annotated[str, text(3, "A short word.", "[a-z]*"), RefusedAs("word")]
    loud: bool = False


class Which(QueryModel):
    size: str = "s"


class Said(ApiModel, title="Echo"):
    echo: str
    note: str | None = None


class WordProblem(ProblemBody, title="Problem"):
    field: str | None = None
    left: int | None = None


class Echo(JsonApi[Language]):
    def __init__(self, raises: Exception | None = None, *, head: bool = True) -> None:
        super().__init__(CONTRACT, "https://id.example.test", lambda o, e, language: language, head=head)
        self.raises = raises

    def echo(self, caller: Language, wish: Wish) -> Said:
        if self.raises:
            raise self.raises
        return Said(echo=wish.word)

    def which(self, caller: Language, which: Which) -> Said:
        return Said(echo=which.size)

    def nothing(self, caller: Language, asked: Nothing) -> Said:
        return Said(echo=caller, note="")

    def keep(self, caller: Language, file: Upload) -> Said:
        return Said(echo=str(len(file.read())))


CONTRACT = Contract(
    title="Echo",
    summary="",
    root="/e",
    operations=(
        Operation("echo", "POST", "/e", "", "", Echo.echo, Wish, {201: Said}),
        Operation("which", "GET", "/e", "", "", Echo.which, Which, {200: Said}, cached=True),
        Operation("nothing", "GET", "/e/n", "", "", Echo.nothing, Nothing, {200: Said}),
        Operation("keep", "POST", "/e/f", "", "", Echo.keep, Upload, {200: Said}, largest=4),
    ),
    refusals=COMMON | {"word": ApiRefusal(400, "Sai.")},
    problem=WordProblem,
    schemes={},
    security={"": []},
    always=lambda operation: (),
)


def asked(
    api: Echo, path: str, body: bytes | None = None, query: str = "", **more: Any
) -> tuple[int, dict[str, str], Any]:
    environ: Environ = {"REQUEST_METHOD": "GET" if body is None else "POST", "QUERY_STRING": query}
    environ |= {"CONTENT_LENGTH": str(len(body or b"")), "wsgi.input": io.BytesIO(body or b"")} | more
    status, headers, answer = api.table()[path](environ)
    return status, dict(headers), json.loads(answer) if answer else None


def refused(body: bytes) -> tuple[int, str, str | None]:
    status, headers, answer = asked(Echo(), "/e", body)
    assert headers["Content-Type"] == "application/problem+json"
    assert list(answer)[:5] == ["type", "title", "status", "code", "detail"]
    return status, answer["code"], answer.get("field")


def test_a_request_is_read_by_its_model() -> None:
    assert asked(Echo(), "/e", b'{"word":"abc","loud":true}')[::2] == (201, {"echo": "abc"})
    assert asked(Echo(), "/e", query="size=xl&other=1")[2] == {"echo": "xl"}
    assert asked(Echo(), "/e/n", HTTP_ACCEPT_LANGUAGE="en-GB")[2] == {"echo": "en", "note": ""}
    assert asked(Echo(), "/e/f", b"1234")[2] == {"echo": "4"}


@pytest.mark.parametrize(
    "body", [b"[]", b"{", b'{"word":"a","word":"b"}', b'{"word":"a","more":1}', b'{"word":"TOO BIG","more":1}',
             b'{"word":"a","loud":1}', b'{"word":"a","loud":null}', b"\xff", b"[" * 30_000],
)  # fmt: skip
def test_what_nobody_takes_is_a_bad_request(body: bytes) -> None:
    assert refused(body) == (400, "bad_request", None)


@pytest.mark.parametrize("word", [b"null", b"1", b'"abcd"', b'"A"', b'"a\\n"', b'"\\ud800"', b"NaN", b"[[[]]]"])
def test_a_member_with_a_code_of_its_own_is_refused_by_it(word: bytes) -> None:
    assert refused(b'{"word":' + word + b"}") == (400, "word", "word")
    assert refused(b"{}") == refused(b"") == (400, "word", "word")


def test_bounds_of_bodies_and_queries() -> None:
    assert refused(b" " * 65_537) == (413, "too_large", None)
    assert asked(Echo(), "/e/f", b"12345")[2]["code"] == "too_large"
    assert asked(Echo(), "/e", query="size=a&size=b")[2]["code"] == "bad_request"


def test_exceptions_become_problems_or_are_raised_again() -> None:
    late = asked(Echo(TooMany(retry_after=7)), "/e", b'{"word":"a"}')
    busy = asked(Echo(Busy()), "/e", b'{"word":"a"}', HTTP_ACCEPT_LANGUAGE="en")
    more = asked(Echo(ApiProblem("word", left=2, field=None, detail="Twice.")), "/e", b'{"word":"a"}')

    assert (late[0], late[1]["Retry-After"]) == (429, "7")
    assert (busy[0], busy[1]["Retry-After"], busy[2]["detail"]) == (503, "2", "The system is busy. Try again.")
    assert list(more[2].items())[4:] == [("detail", "Twice."), ("left", 2)]
    with pytest.raises(KeyError):
        asked(Echo(KeyError("a bug")), "/e", b'{"word":"a"}')


def test_methods_tags_and_head() -> None:
    status, headers, _ = asked(Echo(), "/e")

    assert (status, headers["Cache-Control"]) == (200, "public, max-age=3600")
    assert asked(Echo(), "/e", HTTP_IF_NONE_MATCH=headers["ETag"])[::2] == (304, None)
    assert asked(Echo(), "/e", REQUEST_METHOD="HEAD")[0] == 200
    assert asked(Echo(head=False), "/e", REQUEST_METHOD="HEAD")[1]["Allow"] == "POST, GET"


def test_the_document_says_what_the_models_say() -> None:
    document = asked(Echo(), "/e/openapi.json")[2]
    body = document["paths"]["/e"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    word = {"type": "string", "maxLength": 3, "pattern": "^[a-z]*$", "description": "A short word."}

    assert body["properties"] == {"word": word, "loud": {"type": "boolean"}}
    assert (body["required"], body["additionalProperties"]) == (["word"], False)
    assert document["paths"]["/e"]["get"]["parameters"] == [
        {"name": "size", "in": "query", "schema": {"type": "string"}}
    ]
    assert document["paths"]["/e"]["post"]["responses"]["400"]["description"] == "`code`: bad_request, word"
    assert set(document["components"]["schemas"]) == {"Echo", "Problem"}
    assert document["components"]["schemas"]["Echo"]["properties"]["note"] == {"type": "string"}
