"""The phone's API as an OpenAPI 3.1 document, made from the table that the endpoints themselves read."""

from typing import Any

from qr_login.contract import OPERATIONS, REFUSALS, Field, PhoneRoute, answer_schemas, refusals_of

PROBLEM = {
    "type": "object",
    "description": "RFC 9457. `code` is for programs, `detail` for the person; some codes carry more members.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "enum": sorted(REFUSALS)},
        "detail": {"type": "string"},
        "field": {"type": "string"},
        "why": {"type": "string", "description": "Of a proof, for the developer of the app."},
        "left": {"type": "integer", "description": "Tries that are left."},
        "ended": {"$ref": "#/components/schemas/DeviceState/properties/ended"},
        "device": {"$ref": "#/components/schemas/Device"},
    },
    "required": ["type", "title", "status", "code", "detail"],
}


def document(issuer: str) -> dict[str, Any]:
    """The document for the provider at `issuer`."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "BHXH login: the phone's API",
            "version": "1",
            "description": "For apps registered with `one_device`. Every request carries a DPoP proof (RFC 9449).",
        },
        "servers": [{"url": issuer}],
        "paths": paths,
        "components": {
            "schemas": {**answer_schemas(), "Problem": PROBLEM},
            "securitySchemes": {
                "token": {"type": "http", "scheme": "DPoP", "description": "An access token with scope `device`."},
                "key": {"type": "apiKey", "in": "header", "name": "DPoP", "description": "A proof by the phone's key."},
            },
        },
    }


def _operation(operation: PhoneRoute) -> dict[str, Any]:
    answers = {str(status): _content("application/json", name) for status, name in operation.answers.items()}
    codes: dict[int, list[str]] = {}
    for code in refusals_of(operation):
        codes.setdefault(REFUSALS[code].status, []).append(code)
    refused = {
        str(status): _content("application/problem+json", "Problem", summary=f"`code`: {', '.join(sorted(names))}")
        for status, names in sorted(codes.items())
    }
    operation_object: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "security": [{"token": [], "key": []} if operation.by == "token" else {"key": []}],
        "responses": answers | refused,
    }
    if operation.method == "POST":
        operation_object["requestBody"] = {
            "required": bool(operation.fields),
            "content": {"application/json": _body(operation)},
        }
    return operation_object


def _content(media_type: str, schema: str, *, summary: str = "") -> dict[str, Any]:
    content = {media_type: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": summary or schema, "content": content}


def _body(operation: PhoneRoute) -> dict[str, Any]:
    return {
        "schema": {
            "type": "object",
            "properties": {field.name: _field(field) for field in operation.fields},
            "required": [field.name for field in operation.fields if field.required],
            "additionalProperties": False,
        }
    }


def _field(field: Field) -> dict[str, Any]:
    if field.kind == "flag":
        return {"type": "boolean", "description": field.summary}
    pattern = {"pattern": f"^{field.pattern}$"} if field.pattern else {}
    return {"type": "string", "maxLength": field.longest, "description": field.summary, **pattern}
