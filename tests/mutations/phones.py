"""Mistakes in what people hold in their hands: passkeys, enrolled phones and logins by QR code."""

from tests.mutations.mutation import Mutation

MUTATIONS = (
    Mutation(
        "a passkey answers without knowing its owner",
        "idp/accounts/passkeys.py",
        "credential_current_sign_count=0,\n                require_user_verification=True,",
        "credential_current_sign_count=0,\n                require_user_verification=False,",
        ("attacks/test_passkeys.py::test_no_lie_comes_in",),
    ),
    Mutation(
        "the origin of a passkey's answer is the one that it tells itself",
        "idp/accounts/passkeys.py",
        "expected_origin=self._party.origin,\n                credential_public_key",
        "expected_origin=parse_client_data_json("
        'base64url_to_bytes(given["response"]["clientDataJSON"])).origin,\n                credential_public_key',
        ("attacks/test_passkeys.py::test_no_lie_comes_in",),
    ),
    Mutation(
        "a passkey's count may stand still",
        "idp/accounts/passkeys.py",
        "if (count or passkey.sign_count) and count <= passkey.sign_count:",
        "if (count or passkey.sign_count) and count < passkey.sign_count:",
        ("attacks/test_passkeys.py::test_a_copied_passkey_ends_and_its_owner_is_told",),
    ),
    Mutation(
        "a QR login is confirmed without its number",
        "qr_login/flow.py",
        "    if number != login.number:\n",
        "    if number and number != login.number:\n",
        ("rules/qr_login/test_flow.py::test_the_third_wrong_number_ends_the_login",),
    ),
    Mutation(
        "a scan alone lets the browser in",
        "qr_login/flow.py",
        "    if login.state is not State.CONFIRMED:\n",
        "    if login.state is State.PENDING:\n",
        ("rules/qr_login/test_flow.py::test_nobody_confirms_or_denies_what_they_did_not_scan",),
    ),
    Mutation(
        "a phone has a sixth passcode",
        "idp/store/devices.py",
        "_d.wrong_passcodes < most)",
        "_d.wrong_passcodes <= most)",
        ("contracts/test_devices.py::test_of_passcodes_tried_at_once_five_are_judged",),
    ),
)
