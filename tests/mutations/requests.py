"""Mistakes in how portals ask and are answered: pushed and signed requests, signed and encrypted answers."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
    Mutation(
        "a pushed request can be opened again",
        "idp/oidc/pushed_requests.py",
        "pushed = self._records.take(name.removeprefix(PREFIX))",
        "pushed = self._records.find(name.removeprefix(PREFIX))",
        ("attacks/test_pushed_requests.py::test_a_name_is_worth_one_visit_also_after_the_login",),
    ),
    Mutation(
        "a pushed request is anybody's",
        "idp/oidc/pushed_requests.py",
        "if pushed.client_id != client.client_id:",
        "if pushed.client_id is client:",
        ("attacks/test_pushed_requests.py::test_a_name_is_for_the_client_that_pushed",),
    ),
    Mutation(
        "a client that has to push may leave it",
        "idp/oidc/pushed_requests.py",
        "if self.required or client.require_pushed_authorization_requests:",
        "if self.required:",
        ("attacks/test_pushed_requests.py::test_a_client_may_be_held_to_pushing",),
    ),
    Mutation(
        "a client that has to sign may leave it",
        "idp/oidc/request_objects.py",
        "if client.require_signed_request_object:",
        "if client.require_signed_request_object and not client.has_keys:",
        ("attacks/test_request_objects.py::test_a_client_may_be_held_to_signing",),
    ),
    Mutation(
        "the signature of a request object is not checked",
        "idp/oidc/request_objects.py",
        "            check_signature(text, keys, allowed)\n",
        "            pass\n",
        ("attacks/test_request_objects.py::test_only_the_client_signs",),
    ),
    Mutation(
        "a request object for another provider is taken",
        "idp/oidc/request_objects.py",
        '(self._issuer in aud, "its aud is not this issuer"),',
        '(bool(aud), "its aud is not this issuer"),',
        ("attacks/test_request_objects.py::test_what_an_object_says_wrongly_is_refused",),
    ),
    Mutation(
        "a request object is good a second time",
        "idp/oidc/request_objects.py",
        "if jti is not None and not self._claim_jti(",
        "if jti is not None and self._claim_jti is None and not self._claim_jti(",
        ("attacks/test_request_objects.py::test_an_object_with_an_id_is_used_once",),
    ),
    Mutation(
        "a request object is fetched from where it begins like a registered address",
        "idp/oidc/request_objects.py",
        'uri == each or (each.endswith("/") and uri.startswith(each) and _SEGMENT.fullmatch(uri.removeprefix(each)))',
        "uri.startswith(each)",
        ("attacks/test_request_objects.py::test_no_other_address_is_ever_asked",),
    ),
    Mutation(
        "what is encrypted to us counts as signed",
        "idp/oidc/request_objects.py",
        "claims = self._verified(client, self._inner(text))",
        "inner = self._inner(text)\n"
        "        claims = self._verified(client, text) if inner == text else unverified_parts(inner)[1]",
        ("attacks/test_encrypted_requests.py::test_what_cannot_be_opened_or_is_not_signed_inside_is_refused",),
    ),
    Mutation(
        "a request is opened with a key that signs",
        "keys/encryption.py",
        "if key is not None and key.alg == ENCRYPTION and key.is_published(now):",
        "if key is not None and key.is_published(now):",
        ("attacks/test_encrypted_requests.py::test_an_object_is_encrypted_to_a_key_for_that_which_is_published",),
    ),
    Mutation(
        "a signed authorization response is for nobody in particular",
        "idp/oidc/response_jwt.py",
        'return {"iss": self._issuer, "aud": client.client_id}',
        'return {"iss": self._issuer, "aud": self._issuer}',
        ("attacks/test_signed_responses.py::test_code_and_errors_come_as_one_signed_parameter",),
    ),
    Mutation(
        "a signed introspection passes for what it describes",
        "idp/oidc/response_jwt.py",
        '"token_introspection": dict(answer)}',
        "**answer}",
        ("attacks/test_jwt_answers.py::test_introspection_comes_signed_to_who_asks_for_it",),
    ),
    Mutation(
        "an ID token that should be encrypted is not",
        "idp/oidc/tokens.py",
        'return encrypted(self._signer.sign(body, alg=alg, typ=ID_TOKEN), client, "id_token")',
        "return self._signer.sign(body, alg=alg, typ=ID_TOKEN)",
        ("attacks/test_jwt_answers.py::test_a_refreshed_id_token_is_encrypted_too",),
    ),
    Mutation(
        "answers are encrypted to a key that the client signs with",
        "idp/oidc/response_encryption.py",
        'if key.get("use") not in (None, "enc") or',
        "if",
        ("attacks/test_jwt_answers.py::test_what_cannot_be_kept_is_refused_at_registration",),
    ),
)
