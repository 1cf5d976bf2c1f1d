"""Mistakes in token exchange: the pair, the scopes, the gate and the binding of what is exchanged."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
    Mutation(
        "any client of the grant exchanges the tokens of any other",
        "idp/oidc/clients.py",
        "allowed = TOKEN_EXCHANGE in self.grant_types and owner.client_id in self.exchange_from",
        "allowed = TOKEN_EXCHANGE in self.grant_types",
        ("attacks/test_token_exchange.py::test_nobody_exchanges_what_the_operator_has_not_allowed",),
    ),
    Mutation(
        "a pair that is no longer allowed gives tokens that go on",
        "idp/oidc/inspection.py",
        "if owner is None or not client.may_exchange(owner, token.scopes):",
        "if owner is None:",
        ("attacks/test_exchanged_tokens.py::test_what_ends_the_exchange_ends_at_once_what_was_exchanged",),
    ),
    Mutation(
        "an exchange gives scopes that the subject token does not have",
        "idp/oidc/token_exchange.py",
        "tuple(scope for scope in subject.scopes if scope in owner.scopes_with(client))",
        "owner.scopes_with(client)",
        ("attacks/test_token_exchange.py::test_a_token_has_what_all_three_have_and_never_more",),
    ),
    Mutation(
        "an exchange gives scopes that the exchanging client does not have",
        "idp/oidc/token_exchange.py",
        "tuple(scope for scope in subject.scopes if scope in owner.scopes_with(client))",
        "tuple(scope for scope in subject.scopes if scope in owner.scopes)",
        ("attacks/test_token_exchange.py::test_a_token_has_what_all_three_have_and_never_more",),
    ),
    Mutation(
        "offline access is handed on",
        "idp/oidc/clients.py",
        'if scope in other.scopes and scope != "offline_access")',
        "if scope in other.scopes)",
        ("attacks/test_token_exchange.py::test_a_token_has_what_all_three_have_and_never_more",),
    ),
    Mutation(
        "a subject token that has ended is exchanged",
        "idp/oidc/token_exchange.py",
        "if self._inspection.state_of(subject, owner) is None:",
        "if owner.disabled:",
        ("attacks/test_the_gate.py::test_no_path_misses_the_gate",),
    ),
    Mutation(
        "the exchanging client does not meet the gate",
        "idp/oidc/token_exchange.py",
        "if self._issuing.standing_of_token(token, client) is None:",
        "if client.disabled:",
        ("attacks/test_exchanged_tokens.py::test_a_client_that_needs_consent_gets_nothing_without_it",),
    ),
    Mutation(
        "what was exchanged outlives what it came from",
        "idp/oidc/inspection.py",
        "return grant_state if self.state_of(source, owner, needs_binding=needs_binding) else None",
        "return grant_state",
        ("attacks/test_the_gate.py::test_no_path_misses_the_gate",),
    ),
    Mutation(
        "an exchange takes the binding to a key away",
        "idp/oidc/token_exchange.py",
        'if subject.jkt not in ("", jkt) or',
        'if jkt not in ("", subject.jkt) or',
        ("attacks/test_exchanged_tokens.py::test_a_token_that_is_bound_to_a_key_is_exchanged_by_that_key_alone",),
    ),
    Mutation(
        "an exchange takes the binding to a certificate away",
        "idp/oidc/token_exchange.py",
        'or subject.x5t not in ("", x5t):',
        'or x5t not in ("", subject.x5t):',
        ("attacks/test_exchanged_tokens.py::test_a_token_that_is_bound_to_a_certificate_keeps_it",),
    ),
    Mutation(
        "a token for another service is exchanged",
        "idp/oidc/token_exchange.py",
        "if subject.audience not in (self._tokens.issuer, *client.serves):",
        "if not subject.audience:",
        ("attacks/test_token_exchange.py::test_a_token_for_another_service_is_not_exchanged",),
    ),
    Mutation(
        "an exchange makes a token live longer",
        "idp/oidc/token_exchange.py",
        "expires_at=min(subject.expires_at, now + self._tokens.life.access_token),",
        "expires_at=now + self._tokens.life.access_token,",
        ("attacks/test_token_exchange.py::test_a_token_ends_no_later_than_the_one_it_came_from",),
    ),
)
