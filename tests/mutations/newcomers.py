"""Mistakes in what holds for clients that register themselves."""

from tests.mutations.mutation import Mutation

TESTS = "attacks/test_dynamic_registration.py::"
MUTATIONS = (
    Mutation(
        "any token registers while some invitation is open",
        "idp/store/client_registrations.py",
        "good = and_(_i.digest == token_digest, _i.uses_left > 0, _i.expires_at > now)",
        "good = and_(_i.uses_left > 0, _i.expires_at > now)",
        (TESTS + "test_nothing_is_registered_without_an_invitation_that_is_good",),
    ),
    Mutation(
        "a client is made before a use of the invitation is taken",
        "idp/store/client_registrations.py",
        "            if connection.execute(used).rowcount != 1:\n                return False\n",
        "            connection.execute(used)\n",
        (TESTS + "test_who_read_the_invitation_before_its_last_use_registers_nothing",),
    ),
    Mutation(
        "people are sent by a client that nobody approved",
        "idp/oidc/clients.py",
        "        if client is None or client.disabled:\n            refusal",
        "        if client is None:\n            refusal",
        (TESTS + "test_a_client_that_waits_can_do_nothing",),
    ),
    Mutation(
        "the token of a registration is not compared",
        "idp/oidc/dynamic_registration.py",
        "if registered is None or not hmac.compare_digest(registered.token_digest, digest):",
        "if registered is None:",
        (TESTS + "test_only_its_own_token_manages_a_client",),
    ),
    Mutation(
        "a change overwrites what an operator decided meanwhile",
        "idp/store/client_registrations.py",
        "            _c.metadata == before.stored,\n",
        "",
        (TESTS + "test_an_operators_decision_is_not_overwritten",),
    ),
    Mutation(
        "an approved client that changes stays approved",
        "idp/oidc/dynamic_registration.py",
        "    return after if _changed(before, after) else before\n",
        "    return replace(after, approval=before.approval, disabled=before.disabled)\n",
        ("flows/test_dynamic_registration.py::test_an_approved_client_that_changes_waits_again",),
    ),
    Mutation(
        "a stranger names privileges and is registered without them",
        "idp/oidc/requested_metadata.py",
        "(bool(decided), f",
        "(False, f",
        (TESTS + "test_no_stranger_gives_itself_a_privilege",),
    ),
    Mutation(
        "scopes go beyond the invitation",
        "idp/oidc/requested_metadata.py",
        'not set(str(whole["scope"]).split()) <= set(scope.split())',
        "False",
        (TESTS + "test_a_change_never_widens_the_scopes",),
    ),
    Mutation(
        "a client names a machine of ours as the place of its keys",
        "idp/oidc/requested_metadata.py",
        '    return "@" in parts.netloc or not',
        '    return "@" in parts.netloc and not',
        (TESTS + "test_nobody_is_asked_for_a_client_that_registers",),
    ),
    Mutation(
        "the signature of a software statement is not checked",
        "idp/oidc/software_statements.py",
        "            jws.deserialize_compact(str(text).encode(), keys, algorithms=list(ASSERTION_ALGS))\n",
        "            str(text).encode()\n",
        ("attacks/test_software_statements.py::test_what_proves_nothing_is_refused",),
    ),
)
