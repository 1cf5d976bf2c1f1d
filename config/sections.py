"""The sections of the settings: values with bounds, defaults and meaning. `settings.py` reads and checks them."""

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, IPvAnyNetwork, SecretStr


class Section(BaseModel):
    """A group of settings; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Store(Section):
    """Where accounts, sessions and short-lived things are kept."""

    database_url: str = Field("", description="sqlite:///path or postgresql://…; empty: idp.db in the data directory")
    redis_url: str = Field("", description="redis://, rediss:// or unix://; empty: short-lived things stay in SQL")
    redis_sentinels: tuple[str, ...] = Field(
        (), description="host:port of each Sentinel; then redis_url gives user and db"
    )
    redis_service: str = Field("idp", description="name of the Sentinel service")
    redis_ca_file: Path | None = Field(None, description="CA of Redis over TLS")
    pool_size: int = Field(16, ge=1, le=200, description="SQL connections per worker; on PostgreSQL one more listens")
    timeout: float = Field(2.0, gt=0, le=30, description="seconds until a store counts as down")


class Keys(Section):
    """The master key that seals private keys and secrets, and the life of signing keys (docs/keys.md)."""

    master_key_file: Path | None = Field(
        None, description="file with the master keys, newest last, mode 0600; made in development"
    )
    master_key: SecretStr | None = Field(None, description="the master keys themselves, base64url, newest last")
    master_key_command: tuple[str, ...] = Field(
        (), description="command, without a shell, that prints the master keys, for example of a KMS"
    )
    algorithms: tuple[Literal["RS256", "PS256", "ES256", "EdDSA", "ECDH-ES"], ...] = Field(
        ("RS256", "ES256"), description="algorithms for which the ring always has keys; ECDH-ES to be encrypted to"
    )
    jwks_max_age: int = Field(300, ge=1, le=86_400, description="seconds that portals may keep /jwks and metadata")
    lead: int = Field(86_400, ge=1, le=7_776_000, description="seconds that a key is published before it may sign")
    clock_skew: int = Field(60, ge=0, le=600, description="seconds that the clocks of our machines may differ")
    rotate_every: int | None = Field(
        None, ge=1, description="seconds after which `idp serve` rotates signing keys automatically; empty: never"
    )


class Web(Section):
    """The listening socket and what stands in front of it."""

    bind: str = Field("127.0.0.1:8000", description="address and port to listen on")
    workers: int = Field(2, ge=1, le=64, description="worker processes")
    threads: int = Field(8, ge=1, le=64, description="threads per worker")
    trusted_proxies: tuple[str, ...] = Field((), description="networks whose X-Forwarded-For is trusted")
    client_certificate_header: str = Field(
        "",
        pattern="^[A-Za-z0-9-]{0,64}$",
        description="header in which a trusted proxy hands on client certificates (docs/portals/mtls.md); empty: none",
    )
    client_certificate_verify_header: str = Field(
        "", pattern="^[A-Za-z0-9-]{0,64}$", description="header in which it says whether a CA vouches; empty: none"
    )
    mtls_url: str = Field(
        "", description="address of a host of its own for mutual TLS, without a slash at the end; empty: none"
    )
    places_file: Path | None = Field(None, description="CSV of `network,place`: roughly where browsers are")
    extra_hosts: tuple[str, ...] = Field((), description="further accepted Host values, such as an address")
    operations_bind: str = Field(
        "127.0.0.1:8010", description="where /healthz, /readyz and /metrics are; must not be reachable from outside"
    )
    drain_for: float | None = Field(
        None,
        ge=0,
        le=300,
        description="seconds at a stop in which /readyz fails and requests are served; default 5, in development 0",
    )
    graceful_timeout: int = Field(30, ge=1, le=300, description="seconds for running requests to finish at a stop")


class WindowSettings(Section):
    """From when to when a way in is open."""

    opens_at: datetime | None = Field(None, description="when it opens, with time zone")
    closes_at: datetime | None = Field(None, description="when it closes, with time zone")


class LoginSettings(Section):
    """Local login: captcha, hashing, sessions, the dated switch."""

    captcha: Literal["always", "after_failures", "never"] = Field("always", description="when the page shows a captcha")
    captcha_length: int = Field(5, ge=4, le=8, description="characters of a captcha")
    hash_memory: int = Field(19_456, ge=8, description="Argon2id memory in KiB")
    hash_time: int = Field(2, ge=1, description="Argon2id passes")
    hash_workers: int | None = Field(
        None, ge=1, le=64, description="passwords hashed at once in a worker process; default: its share of the cores"
    )
    hash_queue: int = Field(
        4, ge=0, le=1000, description="further hashes that may wait up to 2 s, fairly by network; beyond that 503"
    )
    session_idle: int = Field(1800, ge=60, le=3600, description="seconds without a request until a session ends")
    session_absolute: int = Field(43_200, ge=300, le=86_400, description="maximum seconds of a session")
    one_time_code: Literal["risk", "new_device", "always"] = Field(
        "risk", description="when a login by password also needs a code: after guessing, on an unknown device, always"
    )
    attempt_life: int = Field(1800, ge=60, le=7200, description="seconds that a login may take")
    individual: WindowSettings = Field(WindowSettings(), description="when individuals may log in with a password")
    organisation: WindowSettings = Field(WindowSettings(), description="when organisations may log in with a password")


class PasswordSettings(Section):
    """The life of a password."""

    months: int = Field(6, ge=0, le=60, description="calendar months after which a password must be changed; 0: never")
    warn_days: int = Field(14, ge=0, le=60, description="days before that from which a notice is shown")


class Registration(Section):
    """Registering, and what follows from an approval."""

    individual: WindowSettings = Field(WindowSettings(), description="when individuals may register")
    organisation: WindowSettings = Field(WindowSettings(), description="when organisations may register")
    first_password: Literal["link", "temporary"] = Field(
        "link", description="how the first password is set: a one-time link with a code, or a temporary password"
    )
    activation_hours: int = Field(
        72, ge=1, le=72, description="hours of validity of the link or the temporary password"
    )
    draft_hours: int = Field(24, ge=1, le=168, description="hours that an unfinished form is kept")
    lapse_days: int = Field(90, ge=1, le=365, description="days after which an undecided request lapses")
    photos_days: int = Field(90, ge=1, le=365, description="days that pictures are kept after the decision")


class OfficerSettings(Section):
    """The officer console."""

    url: str = Field(
        "", description="its public URL, on a host of its own; empty: none, in development officers.localhost"
    )
    idle: int = Field(900, ge=60, le=900, description="seconds without a request until an officer's session ends")
    absolute: int = Field(28_800, ge=300, le=43_200, description="seconds until it ends in any case")
    views_alarm: int = Field(200, ge=1, description="requests that one officer opens in an hour before an alarm")
    views_most: int = Field(600, ge=1, description="requests after which no further one opens until the hour ends")


class Budgets(Section):
    """How many one-time codes may be sent (docs/security.md); a window begins with its first send."""

    per_number_hour: int = Field(5, ge=1, description="to one number or address, per hour; one a minute at most")
    per_number_day: int = Field(10, ge=1, description="to one number or address, per day")
    per_account_hour: int = Field(5, ge=1, description="for one account, per hour")
    per_address_hour: int = Field(
        20, ge=1, description="requested without a login from one address (an IPv6 /64), per hour"
    )
    per_desk_hour: int = Field(500, ge=1, description="the same, from an address of `desks`")
    desks: tuple[IPvAnyNetwork, ...] = Field((), description="networks of agencies whose visitors share a computer")
    per_prefix_hour: int = Field(100, ge=1, description="to numbers that begin with the same seven digits, per hour")
    device_texts_per_day: int = Field(3, ge=0, description="text messages to one account about new devices, per day")
    per_minute: int = Field(600, ge=1, description="text messages of the whole installation, per minute")
    per_day: int = Field(200_000, ge=1, description="text messages of the whole installation, per day")
    price: int = Field(350, ge=0, description="what one text message costs, in đồng")
    money_per_day: int = Field(70_000_000, ge=0, description="what a day may cost, in đồng")


class Oidc(Section):
    """Lives of codes and tokens, in seconds."""

    code_life: int = Field(60, ge=5, le=60, description="authorization code")
    pushed_request_life: int = Field(60, ge=5, le=600, description="pushed authorization request until it is used")
    require_pushed_authorization_requests: bool = Field(
        False, description="every client pushes its requests (RFC 9126)"
    )
    access_token_life: int = Field(600, ge=60, le=3600, description="access token")
    id_token_life: int = Field(600, ge=60, le=3600, description="ID token")
    refresh_idle: int = Field(2_592_000, ge=60, description="refresh token without use")
    refresh_absolute: int = Field(7_776_000, ge=60, description="refresh token family in any case")
    refresh_browser: int = Field(
        86_400, ge=60, le=604_800, description="the same for a public web client (a page) without DPoP"
    )
    software_statement_issuers: dict[str, Path] = Field(
        {}, description="who may vouch for clients: `iss` of their statements = file with their JWK set"
    )


class LimitSettings(Section):
    """How fast anybody may try (docs/security.md)."""

    free_failures: int = Field(3, ge=1, description="wrong passwords per account and address before a wait")
    first_wait: int = Field(30, ge=1, description="seconds of the first wait; doubles")
    longest_wait: int = Field(3600, ge=1, description="seconds of the longest wait")
    successes: int = Field(200, ge=1, description="right passwords of an account a day before one every 30 seconds")
    network_accounts: int = Field(
        20,
        ge=1,
        description="accounts that failed in a network in a day, beyond those that succeeded, until a right "
        "password there also needs a code",
    )
    total_accounts: int = Field(
        1_000,
        ge=16,
        description="accounts that failed anywhere in a day, beyond those that succeeded, until "
        "`network_accounts_then` counts",
    )
    network_accounts_then: int = Field(1, ge=0, description="the same as `network_accounts`, during such a day")
    account_failures: int = Field(
        50, ge=1, le=100, description="wrong passwords per account until a right one also needs a code"
    )
    network_wrong: int = Field(
        20, ge=1, description="wrong tries per network, ten minutes and worker until each needs work or a wait"
    )
    attempts_per_address: int = Field(300, ge=1, description="logins begun per address, minute and worker")
    attempts_in_total: int = Field(20_000, ge=1, description="logins begun per minute and worker")
    client_failures: int = Field(
        30, ge=1, description="wrong client secrets per client, network, minute and worker until failures hear 429"
    )


class GatewaySettings(Section):
    """The HTTP gateway that sends text messages."""

    url: str = Field("", description="where each message is posted to")
    body: str = Field(
        '{"id": {id}, "to": {to}, "text": {text}}',
        description="body; {id}, {to}, {digits} (without the plus) and {text} become JSON strings or form values",
    )
    content_type: Literal["application/json", "application/x-www-form-urlencoded"] = Field(
        "application/json", description="what the body is"
    )
    bearer: SecretStr | None = Field(None, description="sent as Authorization: Bearer")
    secret: SecretStr | None = Field(None, description="signs bodies and receipts: HMAC-SHA256 in X-Signature")


class Smtp(Section):
    """The mail server that sends e-mail."""

    host: str = Field("", description="host name or address of the mail server")
    port: int = Field(587, ge=1, le=65_535, description="its port")
    security: Literal["starttls", "tls", "none"] = Field("starttls", description="none only on this machine")
    user: str = Field("", description="user name; empty: no login")
    password: SecretStr | None = Field(None, description="password")
    sender: str = Field("", description="From, such as BHXH <no-reply@example.vn>")


class Messages(Section):
    """How messages reach people."""

    sms: Literal["none", "console", "file", "gateway"] | None = Field(
        None, description="default: file in development, none in production; console and file are refused in production"
    )
    email: Literal["none", "console", "file", "smtp"] | None = Field(None, description="the same")
    in_serve: bool = Field(True, description="whether `idp serve` sends; else run `idp messages work`")
    threads: int = Field(1, ge=1, le=64, description="messages in progress at once, per channel and process")
    waiting: int = Field(10_000, ge=1, description="waiting messages per channel; beyond that no code is sent (503)")
    gateway: GatewaySettings = GatewaySettings()
    smtp: Smtp = Smtp()


class Audit(Section):
    """The audit trail."""

    keep_months: int = Field(24, ge=12, le=240, description="months after which a whole segment is deleted")


class OutboundSettings(Section):
    """Requests of our own to others."""

    ca_file: Path | None = Field(None, description="CA certificates that outbound TLS trusts; empty: the system's")
    networks: tuple[IPvAnyNetwork, ...] = Field(
        (), description="private networks in which upstreams may be reached, such as 10.20.0.0/16"
    )


class UpstreamSettings(Section):
    """Somebody else through whom people may log in (docs/integrations)."""

    id: str = Field(pattern="^[a-z][a-z0-9-]{0,31}$", description="our name for it; part of its callback address")
    kind: Literal["oidc", "vneid", "dvcqg"] = Field(description="the protocol that it speaks")
    label: str = Field(min_length=1, max_length=100, description="the button on the login page, in Vietnamese")
    label_en: str = Field("", max_length=100, description="the same in English")
    name: str = Field("", max_length=100, description="name in sentences, in Vietnamese; empty: the label")
    name_en: str = Field("", max_length=100, description="the same in English")
    audience: tuple[Literal["individual", "organisation"], ...] = Field(
        ("individual",), description="on whose tab of the login page it stands"
    )
    enabled_from: datetime | None = Field(None, description="when it opens, with time zone")
    enabled_to: datetime | None = Field(None, description="when it closes, with time zone")
    order: int = Field(0, description="position on the login page, lowest first")
    issuer: str = Field(
        "", description="`iss` of its ID tokens, compared exactly; with oidc also the base of discovery"
    )
    authorization_endpoint: str = Field("", description="address for the browser; with oidc by discovery")
    token_endpoint: str = Field("", description="the same for the token endpoint")
    userinfo_endpoint: str = Field("", description="the same for userinfo")
    jwks_uri: str = Field("", description="dvcqg: where the keys of its ID tokens are; with oidc by discovery")
    end_session_endpoint: str = Field("", description="the same for logout; empty: none")
    hosts: tuple[str, ...] = Field((), description="further host names that may be contacted, beside those of its URLs")
    client_id: str = Field(min_length=1, description="our client_id there")
    client_secret: SecretStr | None = Field(None, description="our client_secret there")
    token_auth: Literal["client_secret_basic", "client_secret_post"] = Field(
        "client_secret_basic", description="how an oidc upstream receives the secret"
    )
    response_mode: Literal["query", "form_post"] = Field(
        "query", description="how an oidc upstream sends people back: in the address, or in a form"
    )
    private_key_file: Path | None = Field(None, description="vneid: our RSA key (PEM), which decrypts its responses")
    cipher: Literal["ecb", "cbc"] = Field("ecb", description="vneid: AES mode of its envelopes")
    plain_codes: bool = Field(False, description="vneid: whether codes without `encrypt_key` are taken, by agreement")
    scope: str = Field("openid", description="requested scopes")
    algorithms: tuple[Literal["RS256", "PS256", "ES256", "EdDSA"], ...] = Field(
        ("RS256",), description="algorithms that its ID tokens may be signed with"
    )
    claims: dict[str, str] = Field({}, description="our name of a fact -> its claim, where it differs from the usual")
    acr: dict[str, int] = Field({}, description="its level of authentication -> ours, 1 to 4; unknown means 1")
    ial: dict[str, int] = Field({}, description="its level of identity -> ours, 0 to 2; unknown means 0")
    least_ial: int = Field(2, ge=0, le=2, description="our level from which its citizen number names a person")
    phone_verified: Literal["claim", "by_agreement", "never"] = Field(
        "never", description="whether its phone number counts as verified"
    )
    phone_required: bool = Field(False, description="whether a phone number that differs from ours forbids a link")
    opens_accounts: bool = Field(False, description="whether a person without an account gets one after its login")


class QrSettings(Section):
    """Login by QR code (docs/qr-security.md)."""

    enabled: bool = Field(True, description="whether the login page offers it; clients may refuse it")
    link: str = Field(
        "",
        description="link in front of a picture, at most 128 characters, read best up to 32; empty: the issuer and /q",
    )
    app_link: str = Field("", description="link that opens the app on a phone, offered there instead; empty: none")


class TestingSettings(Section):
    """Test mode for outside test suites; production refuses it."""

    enabled: bool = Field(False, description="enables test mode, with a warning")
    fixed_captcha: str | None = Field(None, description="the answer of every captcha")
    person: str | None = Field(None, description="BHXH code of a made-up person with every standard claim")
