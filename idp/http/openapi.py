"""OpenAPI 3.1 out of pydantic models: their schemas as apps read them."""

import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema


class Schemas(GenerateJsonSchema):
    """Schemas as apps read them: a member that may be None is one that may be left out, and defaults are ours."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def components(models: Sequence[type[BaseModel]]) -> dict[str, Any]:
    """The schemas of answers and of what they consist of, by the titles of their models."""
    listed: Any = [(model, "validation") for model in dict.fromkeys(models)]
    _, made = models_json_schema(listed, ref_template="#/components/schemas/{model}", schema_generator=Schemas)
    text = json.dumps(made["$defs"])
    for name, schema in made["$defs"].items():
        text = text.replace(f'"#/components/schemas/{name}"', f'"#/components/schemas/{schema["title"]}"')
    named = {schema.pop("title"): schema for schema in json.loads(text).values()}
    return dict(sorted(named.items()))


def answer_content(model: type[BaseModel], media_type: str = "application/json", summary: str = "") -> dict[str, Any]:
    """What OpenAPI says of one status: the model that is answered, by its title."""
    title = model.model_config.get("title") or model.__name__
    content = {media_type: {"schema": {"$ref": f"#/components/schemas/{title}"}}}
    return {"description": summary or title, "content": content}
