"""`idp clients` with the FAPI 2.0 profile: by `add`, `edit` and `load` the same promise, kept or refused."""

import json
from pathlib import Path

from joserfc.jwk import ECKey

from tests.flows.test_commands import Operator, operator  # noqa: F401  a fixture

USUAL = ("--redirect-uri", "https://p.test/cb", "--reason", "r")
KEYS = ("--jwks-uri", "https://p.test/jwks")


def test_a_client_of_the_profile_gets_no_secret_and_cannot_be_weakened(operator: Operator) -> None:  # noqa: F811
    """J-01"""
    added = operator.run("clients", "add", "A", "--client-id", "fapi-a", "--profile", "fapi2", *KEYS, *USUAL, "--json")

    assert json.loads(added.output)["client_secret"] is None
    facts = operator.json("clients", "show", "fapi-a")
    assert (facts["profile"], facts["require_pushed_authorization_requests"]) == ("fapi2", True)
    for weaker in (["--no-dpop"], ["--auth-method", "none"], ["--id-token-alg", "RS256"], ["--no-require-pkce"]):
        refused = operator.run("clients", "edit", "fapi-a", *weaker, "--reason", "r")
        assert (refused.exit_code, "profile fapi2: " in refused.output) == (1, True), refused.output
    assert operator.json("clients", "show", "fapi-a") == facts


def test_an_existing_client_becomes_one_in_one_step(operator: Operator) -> None:  # noqa: F811
    operator.run("clients", "add", "B", "--client-id", "fapi-b", *USUAL)
    assert (
        "needs public keys" in operator.run("clients", "edit", "fapi-b", "--profile", "fapi2", "--reason", "r").output
    )

    done = operator.run("clients", "edit", "fapi-b", "--profile", "fapi2", *KEYS, "--reason", "r")

    assert done.exit_code == 0, done.output
    assert "token_endpoint_auth_method: client_secret -> private_key_jwt" in done.output
    assert "dpop_bound_access_tokens: False -> True" in done.output


def test_a_file_makes_the_same_promise(operator: Operator) -> None:  # noqa: F811
    jwks = {"keys": [ECKey.generate_key("P-256").as_dict(private=False)]}
    entry = {"client_id": "fapi-c", "redirect_uris": ["https://p.test/cb"], "profile": "fapi2", "jwks": jwks}
    Path("c.json").write_text(json.dumps([entry, entry | {"client_id": "fapi-d", "dpop_bound_access_tokens": False}]))
    refused = operator.run("clients", "load", "c.json", "--reason", "r")
    Path("c.json").write_text(json.dumps([entry]))
    done = operator.run("clients", "load", "c.json", "--reason", "r", "--json")

    assert "client 2 (fapi-d): profile fapi2: tokens are bound" in refused.output
    assert json.loads(done.output) == {"registered": 1, "secrets": []}
