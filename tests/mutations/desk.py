"""Mistakes at the desk: who may decide what, two persons, the second factor, first passwords, pictures and erasure."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
    Mutation(
        "an officer decides about oneself",
        "idp/officers/officers.py",
        "return bool(numbers & self.numbers)",
        "return numbers == self.numbers",
        ("attacks/test_officer_console.py::test_nobody_approves_ones_own_request",),
    ),
    Mutation(
        "two accounts of one person are two officers",
        "idp/officers/officers.py",
        "if self.id == other.id or self.is_among(other.numbers):",
        "if self.id == other.id:",
        ("attacks/test_two_officers.py::test_m6_one_person_with_two_accounts_cannot_propose_and_confirm",),
    ),
    Mutation(
        "a right in an agency holds in the one above it",
        "idp/officers/officers.py",
        "agency in tree.beneath(a)",
        "a in tree.beneath(agency)",
        ("attacks/test_officer_console.py::test_a_right_holds_beneath_its_agency_and_not_above_it",),
    ),
    Mutation(
        "an officer's code works twice",
        "idp/store/officers.py",
        "_o.totp_step < step",
        "_o.totp_step <= step",
        ("attacks/test_officer_console.py::test_a_code_of_the_authenticator_works_once",),
    ),
    Mutation(
        "an erasure does not wait for not me",
        "idp/officers/data_requests.py",
        "if now < request.erased_from:",
        "if now < request.asked_at:",
        ("attacks/test_erasure.py::test_l7_nothing_is_erased_while_the_owner_can_still_say_not_me",),
    ),
    Mutation(
        "a picture has any number of points",
        "idp/registration/photos.py",
        "    if longer * shorter > MOST_PIXELS",
        "    if longer + shorter > MOST_PIXELS",
        ("rules/desk/test_photos.py::test_too_large_too_many_and_too_small",),
    ),
)
