"""Mistakes in what upstreams tell: their tokens and keys, journeys to them and back, and whose account it is."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
    Mutation(
        "the audience of an upstream's ID token is not checked",
        "federation/id_tokens.py",
        '(claims.get("aud") in (expected.client_id, [expected.client_id]), "aud")',
        '("aud" in claims, "aud")',
        ("rules/federation/test_id_tokens.py::test_a_step_over_it_is_not",),
    ),
    Mutation(
        "the signature of an upstream's token is not verified",
        "federation/id_tokens.py",
        "jws.deserialize_compact(token, find_key(kid, algorithm), registry=registry)",
        "jws.extract_compact(token.encode(), registry=registry)",
        ("rules/federation/test_id_tokens.py::test_a_key_of_another_algorithm_verifies_nothing",),
    ),
    Mutation(
        "an upstream's ID token lives ten minutes longer",
        "federation/id_tokens.py",
        '(_is_date(exp) and now < exp + LEEWAY, "exp"),\n            (_is_at_hash_of',
        '(_is_date(exp) and now < exp + OLDEST, "exp"),\n            (_is_at_hash_of',
        ("rules/federation/test_id_tokens.py::test_a_step_over_it_is_not",),
    ),
    Mutation(
        "an ID token without a nonce is good",
        "federation/id_tokens.py",
        '(claims.get("nonce") == nonce, "nonce")',
        '(claims.get("nonce", nonce) == nonce, "nonce")',
        ("rules/federation/test_id_tokens.py::test_what_a_token_leaves_out_is_not_taken_for_granted",),
    ),
    Mutation(
        "a logout token of an upstream ends sessions again and again",
        "federation/web.py",
        'if not self._claim(digest("logout token", tokens[0].rpartition(".")[0]), until):',
        "if not tokens[0]:",
        ("attacks/test_federation_review.py::test_a_recorded_logout_message_ends_no_later_session",),
    ),
    Mutation(
        "an upstream's short RSA key is taken",
        "federation/remote_keys.py",
        "RSA_BITS = range(2048, 8193)",
        "RSA_BITS = range(1024, 8193)",
        ("rules/federation/test_remote_keys.py::test_a_bad_key_among_good_ones_does_not_hide_them",),
    ),
    Mutation(
        "a state is good in any browser",
        "federation/upstream_logins.py",
        "if pending.browser != browser:",
        "if not pending.browser:",
        ("attacks/test_brokered_login.py::test_a_callback_works_in_the_browser_that_began_it_only",),
    ),
    Mutation(
        "a link is confirmed although the account was secured meanwhile",
        "federation/linking_flow.py",
        "        if account is None or account.secured_at != taken.since:\n",
        "        if account is None:\n",
        ("attacks/test_brokered_login.py::test_a_ceremony_of_an_account_that_was_secured_meanwhile_is_dead",),
    ),
    Mutation(
        "a phone number that two accounts share is evidence",
        "federation/matching.py",
        "is_good = _is_phone_good(account, policy, now) and not shared",
        "is_good = _is_phone_good(account, policy, now)",
        ("rules/federation/test_matching.py::test_every_row",),
    ),
    Mutation(
        "a host that nobody listed is asked",
        "idp/outbound.py",
        "if self._hosts is not None and authority(read) not in self._hosts:",
        "if self._hosts is not None and not self._hosts:",
        ("contracts/test_outbound.py::test_no_address_that_is_not_on_the_list_is_connected_to",),
    ),
)
