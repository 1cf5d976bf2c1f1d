"""Mistakes at the desk: who may decide what, two persons, the second factor, first passwords, pictures and erasure."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
    Mutation(
        "an officer decides about oneself",
        "idp/desk/officers.py",
        "return bool(numbers & self.numbers)",
        "return numbers == self.numbers",
        ("attacks/test_officer_console.py::test_nobody_approves_ones_own_request",),
    ),
    Mutation(
        "two accounts of one person are two officers",
        "idp/desk/officers.py",
        "if self.id == other.id or self.is_among(other.numbers):",
        "if self.id == other.id:",
        ("attacks/test_two_officers.py",),
    ),
    Mutation(
        "a right in an agency holds in the one above it",
        "idp/desk/officers.py",
        "agency in tree.beneath(a)",
        "a in tree.beneath(agency)",
        ("attacks/test_officer_console.py::test_a_request_of_another_agency_is_out_of_reach",),
    ),
    Mutation(
        "who proposed may have lost the right since",
        "idp/desk/proposals.py",
        "if first is None or not self.may(proposal, first):",
        "if first is None:",
        ("attacks/test_two_officers.py", "flows/test_officer_pairs.py"),
    ),
    Mutation(
        "an officer's code works twice",
        "idp/store/officers.py",
        "_o.totp_step < step",
        "_o.totp_step <= step",
        ("attacks/test_officer_console.py::test_a_code_of_the_authenticator_works_once",),
    ),
    Mutation(
        "an officer comes in with the password alone",
        "idp/desk/officer_logins.py",
        "        if step is None or not self._officers.spend_step(officer.id, step):\n"
        '            raise self.refused(officer, "code")\n'
        "        self._limits.codes.clear(officer.id)\n        self._limits.own.clear(own)",
        "        if step is not None and not self._officers.spend_step(officer.id, step):\n"
        '            raise self.refused(officer, "code")\n'
        "        self._limits.codes.clear(officer.id)\n        self._limits.own.clear(own)",
        ("attacks/test_officer_console.py::test_every_wrong_login_has_one_answer",),
    ),
    Mutation(
        "a session of a disabled officer goes on",
        "idp/desk/officer_logins.py",
        'if session.ended_at is not None or officer.status != "active" or session.created_at < officer.secured_at:',
        "if session.ended_at is not None and session.created_at < officer.secured_at:",
        ("flows/test_officer_console.py::test_logout_disabling_and_reset_end_the_session_at_once",),
    ),
    Mutation(
        "a number alone opens an account that the desk opened",
        "idp/desk/activation.py",
        "known=by_mail)",
        "known=not by_mail)",
        ("attacks/test_mistyped_number.py::test_m7_with_a_number_alone_the_paper_is_the_second_proof",),
    ),
    Mutation(
        "an erasure does not wait for not me",
        "idp/desk/data_requests.py",
        "if now < request.erased_from:",
        "if now < request.asked_at:",
        ("attacks/test_erasure.py::test_l7_nothing_is_erased_while_the_owner_can_still_say_not_me",),
    ),
    Mutation(
        "two decisions about one request both hold",
        "idp/store/decisions.py",
        "            if not replace_within(connection, new):\n                raise Decided\n"
        "            if approval.secures:",
        "            replace_within(connection, new)\n            if approval.secures:",
        ("attacks/test_officer_console.py::test_a_superseded_request_cannot_be_approved",),
    ),
    Mutation(
        "a picture has any number of points",
        "idp/desk/photos.py",
        "    if longer * shorter > MOST_PIXELS",
        "    if longer + shorter > MOST_PIXELS",
        ("rules/desk/test_photos.py",),
    ),
    Mutation(
        "a picture's scans are not counted",
        "idp/desk/photos.py",
        "if image.format in _STILL and _has_many_scans(file):",
        "if image.format not in _STILL and _has_many_scans(file):",
        ("attacks/test_desk_review.py::test_a_picture_of_a_thousand_scans_is_refused_before_it_is_decoded",),
    ),
)
