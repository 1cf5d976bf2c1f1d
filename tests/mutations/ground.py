"""Mistakes in the ground that all stand on: forms, cookies, addresses, the trail, keys, seals and the outbox."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
    Mutation(
        "a form without its anti-forgery value is taken",
        "idp/web/browser.py",
        "if not expected or not hmac.compare_digest(csrf.encode(), expected.encode()):",
        "if not expected and not hmac.compare_digest(csrf.encode(), expected.encode()):",
        ("attacks/test_every_route.py::test_forms_of_a_session_need_its_anti_forgery_value",),
    ),
    Mutation(
        "the origin of a form is compared by its beginning",
        "idp/web/browser.py",
        'if origin not in (None, "null") and origin != self.context.issuer:',
        'if origin not in (None, "null") and not origin.startswith(self.context.issuer):',
        ("attacks/test_every_route.py::test_a_form_from_another_site_is_refused",),
    ),
    Mutation(
        "every origin may read answers",
        "idp/http/headers.py",
        '("Cross-Origin-Resource-Policy", "same-origin"),',
        '("Access-Control-Allow-Origin", "*"),',
        ("attacks/test_every_route.py::test_no_cross_origin_reading",),
    ),
    Mutation(
        "the first address of X-Forwarded-For is believed",
        "idp/http/network.py",
        "for hop in reversed(hops[-20:]):",
        "for hop in hops[-20:]:",
        ("attacks/test_every_route.py::test_addresses_are_believed_from_listed_proxies_only",),
    ),
    Mutation(
        "the chain of the trail has no secret",
        "idp/audit.py",
        'if record["number"] < self.since:',
        'if record["number"] >= self.since:',
        ("contracts/test_audit_trail.py::test_f6_a_trail_that_was_hashed_anew_without_the_secret_is_found",),
    ),
    Mutation(
        "what is sealed opens in another place",
        "keys/sealing.py",
        '"\\0".join((_VERSION, self.id, context))',
        '"\\0".join((_VERSION, self.id))',
        ("rules/keys/test_sealing.py::test_a_record_does_not_open_in_the_place_of_another",),
    ),
    Mutation(
        "what a revoked key signed is good",
        "keys/signing.py",
        '        if key.is_revoked:\n            raise BadToken("the key is revoked")\n',
        "",
        (
            "rules/keys/test_token_signing.py::test_f_34_a_revoked_key_is_good_for_nothing_even_when_its_tokens_were_seen_before",
        ),
    ),
    Mutation(
        "a message that is being sent is taken again",
        "idp/store/outbox.py",
        'values(state="sending", next_at=now + seconds)',
        'values(state="sending", next_at=now)',
        ("contracts/test_outbox.py::test_of_many_takers_at_once_one_gets_each_message",),
    ),
    Mutation(
        "portals are not told that a session ended",
        "idp/store/sessions.py",
        "        self._clients.tell(connection, account_id, sid=sid, but=but, now=now)\n",
        "",
        ("flows/test_back_channel_logout.py::test_however_a_session_ends_its_portals_are_told_once",),
    ),
)
