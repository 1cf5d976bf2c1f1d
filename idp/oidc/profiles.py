"""Further requirements for registering a client: what certificates (RFC 8705) and a chosen profile demand of it."""

from idp.oidc.certificates import SUBJECT_MEMBERS, expected_subject
from idp.oidc.clients import Client


def certificate_rules(client: Client) -> list[tuple[bool, str]]:
    """The table of refusals for what is said of certificates: (is bad, why)."""
    subjects, by_ca = client.tls_subjects, client.may_authenticate_by("tls_client_auth")
    bound = client.tls_client_certificate_bound_access_tokens
    return [
        (by_ca and len(subjects) != 1, f"tls_client_auth needs exactly one of {', '.join(SUBJECT_MEMBERS)}"),
        (bool(subjects) and not by_ca, f"{', '.join(name for name, _ in subjects)}: only for tls_client_auth"),
        *((_is_bad_subject(*subject), f"{subject[0]}: {subject[1][:200]!r} is no such name") for subject in subjects),
        (bound and client.one_device, "one_device binds its tokens by dpop, not to a certificate"),
    ]


def _is_bad_subject(member: str, value: str) -> bool:
    try:
        expected_subject(member, value)
    except ValueError:
        return True
    return False
