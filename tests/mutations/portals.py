"""Mistakes in what portals see: requests, codes, tokens, proofs, clients, the gate and the device grant."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
    Mutation(
        "PKCE is not compared",
        "idp/oidc/grants.py",
        'grant.register_hook("after_validate_token_request", self.validate_code_verifier)',
        'grant.register_hook("after_validate_token_request", lambda *_: None)',
        ("attacks/test_code_replay.py::test_a_code_is_bound_to_what_was_asked_and_a_wrong_try_burns_it",),
    ),
    Mutation(
        "a redirect URI is compared by its beginning",
        "idp/oidc/clients.py",
        'if hmac.compare_digest(registered.encode(), given.encode(errors="surrogatepass")):',
        "if given.startswith(registered):",
        ("attacks/test_redirect_uri.py::test_a_near_miss_gets_an_error_page_and_no_redirect",),
    ),
    Mutation(
        "a logout without a client goes back anywhere",
        "idp/web/logout.py",
        "if client is None or uri not in client.post_logout_redirect_uris:",
        "if client is not None and uri not in client.post_logout_redirect_uris:",
        ("attacks/test_redirect_uri.py::test_a_logout_that_names_no_client_goes_back_nowhere",),
    ),
    Mutation(
        "a code shown twice ends nothing",
        "idp/oidc/codes.py",
        "            self._families.revoke_grant(grant_id_of(handle))\n",
        "",
        ("attacks/test_code_replay.py::test_a_second_redemption_fails_and_ends_what_the_first_one_got",),
    ),
    Mutation(
        "a reused refresh token ends no family",
        "idp/oidc/families.py",
        'if state == "reused":',
        'if state == "dead":',
        ("attacks/test_refresh_reuse.py::test_after_the_grace_reuse_ends_the_family",),
    ),
    Mutation(
        "tokens are minted before the proof is claimed",
        "idp/oidc/server.py",
        "            if request.proof:\n                self.proofs.use(request.proof)\n"
        "            return self.handle_response(*grant.create_token_response())",
        "            answer = grant.create_token_response()\n            if request.proof:\n"
        "                self.proofs.use(request.proof)\n            return self.handle_response(*answer)",
        ("attacks/test_rows_that_strangers_write.py::test_a_proof_is_used_before_anything_is_issued",),
    ),
    Mutation(
        "of the URL of a DPoP proof only the host counts",
        "idp/oidc/dpop.py",
        'return parts.scheme, parts.hostname or "", port, parts.path or "/"',
        'return parts.scheme, parts.hostname or "", port, "/"',
        ("rules/oidc/test_dpop.py::test_a_proof_is_for_one_url",),
    ),
    Mutation(
        "a DPoP proof is not tied to its token",
        "idp/oidc/dpop.py",
        'claims.get("ath") == ath,',
        '"ath" in claims,',
        ("rules/oidc/test_dpop.py::test_a_token_is_shown_with_a_proof_for_it",),
    ),
    Mutation(
        "a DPoP proof at a resource is good twice",
        "idp/web/access.py",
        "        if proof.jkt == bound_to:\n            proofs.use(proof)\n",
        "",
        ("attacks/test_dpop.py::test_a_recorded_request_cannot_be_sent_again",),
    ),
    Mutation(
        "a bound token is good as a bearer token",
        "idp/oidc/inspection.py",
        "if jkt is not None and token.jkt != jkt:",
        "if jkt and token.jkt != jkt:",
        ("attacks/test_dpop.py::test_a_bound_token_is_no_bearer_token",),
    ),
    Mutation(
        "a wrong client secret is enough",
        "idp/oidc/client_auth.py",
        "if not right or stored is None:",
        "if not right and stored is None:",
        ("attacks/test_tokens.py::test_unknown_client_and_wrong_secret_read_the_same",),
    ),
    Mutation(
        "an assertion may be meant for others too",
        "idp/oidc/assertions.py",
        "bool(given) and set(map(str, given)) <= set(audiences)",
        "not set(map(str, given)).isdisjoint(audiences)",
        ("attacks/test_tokens.py::test_a_client_assertion_with_wrong_claims_is_refused",),
    ),
    Mutation(
        "a token is issued for a closed account",
        "idp/oidc/gate.py",
        '        (grant_state.account is not None and not grant_state.account.is_active, "account_disabled"),\n',
        "",
        ("attacks/test_refresh_reuse.py::test_refresh_tokens_die_when_the_account_is_closed",),
    ),
    Mutation(
        "consent to one scope is consent to all",
        "idp/oidc/gate.py",
        "return not set(request.scopes) <= set(agreed)",
        "return set(request.scopes).isdisjoint(agreed)",
        ("attacks/test_the_gate.py::test_consent_to_a_part_is_none_to_the_rest",),
    ),
    Mutation(
        "who serves any audience learns of every token",
        "idp/oidc/inspection.py",
        "token.audience in caller.serves",
        "bool(caller.serves)",
        ("attacks/test_introspection_and_revocation.py::test_a_client_sees_its_own_tokens_and_those_for_its_resource",),
    ),
    Mutation(
        "tokens are given to a device before the delivery is claimed",
        "idp/oidc/device_grant.py",
        "        if not self._claim(value.secret, value.expires_at + REMEMBERED):\n            raise _invalid()\n",
        "",
        ("rules/oidc/test_device_grant.py::test_a_store_that_forgot_its_last_seconds_delivers_nothing_twice",),
    ),
)
