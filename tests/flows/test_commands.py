"""The `idp` command as operators use it: help with an example, JSON, exit codes, reasons, no secret printed twice."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from joserfc.jwk import ECKey

from config.cli.main import COMMANDS, main
from idp.oidc.clients import DEVICE_CODE
from tests.support import databases
from tests.support.provider import Provider

ROOT = Path(__file__).resolve().parents[2]
CODE, PASSWORD = "0012345678", "mật khẩu để thử"


class Operator:
    """Types commands into a set-up of its own."""

    def __init__(self) -> None:
        self._runner = CliRunner()

    def run(self, *words: str, typed: str | None = None) -> Result:
        return self._runner.invoke(main, list(words), input=typed)

    def does(self, *words: str, typed: str | None = None) -> str:
        done = self.run(*words, typed=typed)
        assert done.exit_code == 0, done.output
        return done.stdout

    def json(self, *words: str, typed: str | None = None) -> Any:
        return json.loads(self.does(*words, "--json", typed=typed))


@pytest.fixture
def operator(app_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Operator:
    url = databases.sqlite_copy(app_template / "idp.db", tmp_path)
    (tmp_path / "master.key").write_bytes((app_template / "master.key").read_bytes())
    (tmp_path / "master.key").chmod(0o600)
    monkeypatch.setenv("IDP_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("IDP_STORE__DATABASE_URL", url)
    monkeypatch.setenv("IDP_LOGIN__HASH_MEMORY", "8")
    monkeypatch.chdir(tmp_path)
    return Operator()


def every_command() -> Iterator[tuple[str, ...]]:
    for name in COMMANDS:
        command = main.get_command(click.Context(main), name)
        yield from _leaves((name,), command)


def _leaves(path: tuple[str, ...], command: Any) -> Iterator[tuple[str, ...]]:
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from _leaves((*path, name), inner)
    else:
        yield path


@pytest.mark.parametrize("path", list(every_command()), ids=" ".join)
def test_every_command_has_help_with_an_example(operator: Operator, path: tuple[str, ...]) -> None:
    shown = operator.does(*path, "--help")

    assert "Example:" in shown
    assert f"idp {path[0]}" in shown


CHANGING = ("add", "load", "edit", "rotate-secret", "remove", "disable", "enable", "set-phone", "end-sessions", "bump")
CHANGING += ("rotate", "generate", "activate", "retire", "revoke", "reseal")


@pytest.mark.parametrize("path", [p for p in every_command() if p[-1] in CHANGING], ids=" ".join)
def test_every_change_demands_a_reason(operator: Operator, path: tuple[str, ...]) -> None:
    assert "--reason" in operator.does(*path, "--help")


def test_a_portal_is_registered_changed_and_removed(operator: Operator) -> None:
    added = operator.json("clients", "add", "Cổng", "--redirect-uri", "https://p.test/cb", "--reason", "r")
    client_id, secret = added["client_id"], added["client_secret"]

    assert added["discovery"].endswith("/.well-known/openid-configuration")
    assert len(secret) >= 43
    assert secret not in operator.does("clients", "show", client_id)
    assert client_id in operator.does("clients", "list")
    changed = operator.does("clients", "edit", client_id, "--scope", "openid bhxh", "--reason", "r")
    assert "scope: openid -> openid bhxh" in changed
    address = ("--backchannel-logout-uri", "https://p.test/told")
    assert "-> https://p.test/told" in operator.does("clients", "edit", client_id, *address, "--reason", "r")
    assert "-> None" in operator.does("clients", "edit", client_id, address[0], "", "--reason", "r")
    pages = operator.does("clients", "edit", client_id, "--web-origin", "https://pages.test", "--reason", "r")
    assert "origins: [] -> ['https://pages.test']" in pages
    taken = operator.does("clients", "edit", client_id, "--web-origin", "", "--reason", "r")
    assert "web_origins: ('https://pages.test',) -> ()" in taken
    wrong = operator.run("clients", "edit", client_id, "--web-origin", "https://pages.test/", "--reason", "r")
    assert (wrong.exit_code, "web_origins need the form" in wrong.output) == (1, True)
    assert operator.json("clients", "rotate-secret", client_id, "--reason", "r")["client_secret"] != secret
    operator.does("clients", "remove", client_id, "--reason", "r")
    assert operator.run("clients", "show", client_id).exit_code == 1


def test_a_portal_is_told_how_its_requests_come(operator: Operator, tmp_path: Path) -> None:
    """RFC 9126, RFC 9101, JARM: given, shown, changed and taken back."""
    keys = tmp_path / "portal.json"
    public = ECKey.generate_key("P-256").as_dict(private=False)
    keys.write_text(json.dumps({"keys": [public]}))
    signed = ("--jwks-file", str(keys), "--request-object-alg", "ES256", "--require-signed-requests")
    more = ("--request-uri", "https://p.test/ro/", "--require-par", "--response-alg", "ES256")
    told = ("--redirect-uri", "https://p.test/cb", "--reason", "r")
    client_id = operator.json("clients", "add", "Cổng", *told, *signed, *more)["client_id"]

    shown = operator.json("clients", "show", client_id)
    assert shown["request_object_signing_alg"] == shown["authorization_signed_response_alg"] == "ES256"
    assert shown["require_pushed_authorization_requests"] is shown["require_signed_request_object"] is True
    assert shown["request_uris"] == ["https://p.test/ro/"]
    edited = operator.does(
        "clients", "edit", client_id, "--no-require-par", "--request-object-alg", "", "--reason", "r"
    )
    assert "require_pushed_authorization_requests: True -> False" in edited
    assert "request_object_signing_alg: ES256 -> None" in edited
    wrong = operator.run("clients", "edit", client_id, "--response-alg", "HS256", "--reason", "r")
    assert (wrong.exit_code, "authorization responses may use" in wrong.output) == (1, True)


def test_a_page_is_registered_with_the_origins_of_its_redirect_uris(operator: Operator) -> None:
    told = ("--auth-method", "none", "--redirect-uri", "https://p.test/cb", "--reason", "r")
    client_id = operator.json("clients", "add", "Trang", *told)["client_id"]
    shown = operator.json("clients", "show", client_id)

    assert (shown["web_origins"], shown["origins"]) == ([], ["https://p.test"])
    moved = operator.does("clients", "edit", client_id, "--redirect-uri", "https://q.test/cb", "--reason", "r")
    assert "origins: ['https://p.test'] -> ['https://q.test']" in moved


def test_a_screen_without_a_keyboard_is_registered_without_an_address(operator: Operator) -> None:
    grants = ("--grant-type", DEVICE_CODE, "--grant-type", "refresh_token")
    added = operator.json("clients", "add", "Màn hình", *grants, "--scope", "openid profile", "--reason", "r")

    assert DEVICE_CODE in operator.does("clients", "show", added["client_id"])


def test_a_bad_registration_lists_every_complaint(operator: Operator) -> None:
    done = operator.run("clients", "add", "x", "--redirect-uri", "http://p.test/", "--scope", "root", "--reason", "r")

    assert done.exit_code == 1
    assert "redirect URI refused" in done.output
    assert "scope may hold" in done.output


def test_an_account_lives_its_life(operator: Operator) -> None:
    words = ("accounts", "add", "Nguyễn Văn Thử", "--bhxh", CODE, "--phone", "0981 234 567", "--password-stdin")
    account_id = operator.json(*words, "--reason", "r", typed=PASSWORD + "\n")["id"]

    shown = operator.json("accounts", "show", CODE)
    assert (shown["id"], shown["phone"], shown["phone_verified"]) == (account_id, "*** *** *67", False)
    assert CODE not in operator.does("accounts", "list")
    operator.does("accounts", "disable", CODE, "--reason", "stolen")
    assert operator.json("accounts", "show", account_id)["status"] == "disabled"
    operator.does("accounts", "enable", CODE, "--reason", "checked")
    operator.does("accounts", "set-phone", CODE, "0162 123 4567", "--reason", "desk")
    assert operator.json("accounts", "show", CODE)["phone"].endswith("67")
    assert "0 sessions ended" in operator.does("accounts", "end-sessions", CODE, "--reason", "r")
    events = [row["name"] for row in operator.json("audit", "tail")]
    assert events[-5:] == [
        "account.added",
        "account.disabled",
        "account.enabled",
        "account.phone_set",
        "session.ended",
    ]


@pytest.mark.parametrize(
    ("words", "typed"),
    [
        (("accounts", "add", "Ai", "--bhxh", "123", "--password-stdin", "--reason", "r"), PASSWORD),
        (("accounts", "add", "Ai", "--bhxh", CODE, "--password-stdin", "--reason", "r"), "short"),
        (("accounts", "add", "Ai", "--bhxh", "0000000001", "--password-stdin", "--reason", "r"), PASSWORD),
        (("accounts", "add", " ", "--bhxh", CODE, "--password-stdin", "--reason", "r"), PASSWORD),
        (("accounts", "show", "nobody"), None),
        (("accounts", "set-phone", "0000000001", "024 3789 9999", "--reason", "r"), None),
        (("clients", "show", "nobody"), None),
        (("clients", "rotate-secret", "nobody", "--reason", "r"), None),
        (("explain", "NOSUCH00"), None),
        (("db", "copy", "--from", "sqlite:///no/such.db", "--to", "mysql://x/y"), None),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_ends_with_a_sentence(
    operator: Operator, words: tuple[str, ...], typed: str | None
) -> None:
    done = operator.run(*words, typed=typed and typed + "\n")

    assert done.exit_code in (1, 2)
    assert done.output.startswith("idp: ")
    assert "Traceback" not in done.output
    assert isinstance(done.exception, SystemExit)


@pytest.mark.parametrize("content", ["", "{}", "[1]", "[[]]", '[{"client_id": 7}]', "not json", '["x"]'])
@pytest.mark.parametrize("kind", ["clients", "accounts"])
def test_a_file_that_is_no_list_of_records_is_refused(operator: Operator, kind: str, content: str) -> None:
    Path("list.json").write_text(content)
    done = operator.run(kind, "load", "list.json", "--reason", "r")

    assert done.exit_code == 1, done.output
    assert isinstance(done.exception, SystemExit)


def test_loading_twice_changes_nothing(operator: Operator) -> None:
    people = [{"name": "Trần Thử", "password": PASSWORD, "identifiers": {"bhxh": CODE}}]
    Path("people.json").write_text(json.dumps(people))

    assert operator.json("accounts", "load", "people.json", "--reason", "r")["added"] == 1
    assert operator.json("accounts", "load", "people.json", "--reason", "r")["added"] == 0


def test_the_support_code_of_an_error_page_tells_the_story(operator: Operator, tmp_path: Path) -> None:
    """Peers 7: errors with an address."""
    import re

    from tests.support.app import running_app

    with running_app(tmp_path, f"sqlite:///{tmp_path}/idp.db") as app:
        page = app.visitor().authorize(redirect_uri="https://evil.test/").text
    code = re.search(r'class="support-code">([^<]+)<', page)
    assert code

    story = operator.json("explain", code[1].lower())
    assert (story["client"], story["whose fault"]) == (None, "the portal")
    assert "evil.test" in story["detail"]
    assert "idp clients edit" in story["what helps"]


def test_doctor_finds_what_is_wrong(operator: Operator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert {finding["state"] for finding in operator.json("doctor")} == {"good"}
    (tmp_path / "witness").write_text("1000000 0")
    done = operator.run("doctor", "--json")

    assert done.exit_code == 1
    assert [f["part"] for f in json.loads(done.stdout) if f["state"] == "wrong"] == ["restore"]


def test_bumping_the_epoch_makes_a_restored_store_usable(operator: Operator, tmp_path: Path) -> None:
    """F-06"""
    (tmp_path / "witness").write_text("1000000 0")
    operator.does("db", "epoch", "bump", "--reason", "restored")

    assert operator.run("doctor").exit_code == 0


def test_a_changed_audit_record_fails_verify(operator: Operator, tmp_path: Path) -> None:
    import sqlite3

    operator.does("accounts", "disable", "0000000001", "--reason", "r")
    operator.does("db", "epoch", "bump", "--reason", "r")
    assert operator.json("audit", "verify")["broken"] is None
    with sqlite3.connect(tmp_path / "idp.db") as connection:
        connection.execute("UPDATE audit SET reason = 'x' WHERE number = 1")

    assert operator.run("audit", "verify").exit_code == 1


def test_a_small_installation_moves_to_postgresql(
    operator: Operator, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deliver 3: and new rows go on being numbered there."""
    import psycopg

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS moved")
        connection.execute("CREATE DATABASE moved")
    target = f"{postgres_url.rpartition('/')[0]}/moved"
    operator.does("accounts", "disable", "0000000001", "--reason", "r")
    before = operator.json("accounts", "show", "0000000001")
    operator.does("db", "copy", "--from", f"sqlite:///{tmp_path}/idp.db", "--to", target)
    monkeypatch.setenv("IDP_STORE__DATABASE_URL", target)

    assert operator.json("accounts", "show", "0000000001") == before
    operator.does("accounts", "enable", "0000000001", "--reason", "r")
    assert operator.run("doctor").exit_code == 0
    copied = operator.run("db", "copy", "--from", f"sqlite:///{tmp_path}/idp.db", "--to", target)
    assert copied.exit_code == 1, "a target with data is never written over"


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"client_secret": "x"}, "client_secret needs 32 characters"),
        ({"client_name": "Cổng\r\nthử"}, "or has a line break"),
        ({"redirect_uris": ["http://[x]"]}, "redirect URI refused"),
        ({"redirect_uris": ["https://[::1"]}, "redirect URI refused"),
    ],
)
def test_f9_f10_a_client_that_somebody_brings_is_judged(
    operator: Operator, tmp_path: Path, changed: dict[str, object], word: str
) -> None:
    """F-9, F-10: each with its reason, none with a traceback."""
    client = {"client_id": "brought", "client_name": "Cổng thử", "redirect_uris": ["https://portal.example.test/cb"]}
    file = tmp_path / "clients.json"
    file.write_text(json.dumps([client | {"client_secret": "s" * 32} | changed]))

    done = operator.run("clients", "load", str(file), "--reason", "r")

    assert done.exit_code == 1, done.output
    assert word in done.output


def test_a_long_issuer_is_told_the_version_of_its_qr_codes(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "version 5" in operator.does("config", "check")
    monkeypatch.setenv("IDP_QR__LINK", "http://dangnhap.baohiemxahoi.gov.vn.localhost/q")
    assert "version 6" in operator.does("config", "check")


def test_f9_config_check_reads_the_master_key(
    operator: Operator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("IDP_KEYS__MASTER_KEY", "YWJj")

    done = operator.run("config", "check")

    assert done.exit_code == 2, done.output
    assert "keys:" in done.output


def test_f6_verify_looks_at_the_witness_and_at_heads_that_were_noted(operator: Operator, tmp_path: Path) -> None:
    """Whoever can write the database deletes the newest records and the end of the segment."""
    import sqlite3

    operator.does("accounts", "disable", "0000000001", "--reason", "r")
    operator.does("db", "epoch", "bump", "--reason", "r")
    number, _, head = (tmp_path / "witness").read_text().split()
    assert (tmp_path / "witness").stat().st_mode & 0o777 == 0o600
    assert operator.run("audit", "verify", "--head", f"{number}:{head}").exit_code == 0
    assert operator.run("audit", "verify", "--head", "0" * 64).exit_code == 1
    assert operator.run("audit", "verify", "--head", "nonsense").exit_code == 1
    with sqlite3.connect(tmp_path / "idp.db") as connection:
        connection.execute("DELETE FROM audit WHERE number = ?", (number,))
        earlier = connection.execute("SELECT number, chain_hash FROM audit ORDER BY number DESC LIMIT 1").fetchone()
        connection.execute("DELETE FROM audit_segment WHERE first_number > ?", earlier[:1])
        newest = "(SELECT max(last_number) FROM audit_segment)"
        connection.execute(
            f"UPDATE audit_segment SET last_number = ?, end_hash = ?, digest = NULL WHERE last_number = {newest}",
            earlier,
        )

    done = operator.run("audit", "verify")
    assert done.exit_code == 1
    assert "the end was cut off" in done.output
    (tmp_path / "witness").unlink()
    assert operator.run("audit", "verify").exit_code == 0
    assert operator.run("audit", "verify", "--head", head).exit_code == 1


OUTSIDE = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "deploy.md").read_text(), re.DOTALL)


def test_f6_an_exported_month_is_checked_without_us(
    operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the command without settings or a database, and by the recipe in docs/deploy.md as it stands there."""
    operator.does("accounts", "disable", "0000000001", "--reason", "r")
    operator.does("db", "epoch", "bump", "--reason", "r")
    month = operator.json("audit", "tail")[-1]["at"][:7]
    file, keys = tmp_path / f"{month}.jsonl", tmp_path / "audit-keys.json"
    operator.does("audit", "export", month, "--output", str(file))
    keys.write_text(operator.does("audit", "keys"))

    assert file.stat().st_mode & 0o777 == 0o600
    assert operator.does("audit", "export", month).splitlines()[:-1] == file.read_text().splitlines()[:-1]
    assert operator.run("audit", "export", month, "--output", str(file)).exit_code == 1
    assert operator.run("audit", "export", "1999-01").exit_code == 1
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in list(os.environ):
        if name.startswith("IDP_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(elsewhere)
    (row,) = operator.json("audit", "verify", "--file", str(file), "--keys", str(keys))
    assert row["month"] == month
    assert row["last"] - row["first"] + 1 == len(file.read_text().splitlines()) - 1 > 0
    assert not list(elsewhere.iterdir())
    assert operator.run("audit", "verify", "--file", str(file)).exit_code == 2
    recipe = OUTSIDE and OUTSIDE[1].replace("2026-11.jsonl", str(file)).replace("audit-keys.json", str(keys))
    exec(compile(recipe or "", "docs/deploy.md", "exec"), {})
    file.write_text(file.read_text().replace("account.disabled", "account.enabled"))
    assert operator.run("audit", "verify", "--file", str(file), "--keys", str(keys)).exit_code == 1
    with pytest.raises(AssertionError):
        exec(compile(recipe or "", "docs/deploy.md", "exec"), {})
    file.write_text("nonsense")
    assert operator.run("audit", "verify", "--file", str(file), "--keys", str(keys)).exit_code == 1
    file.write_bytes(b"\xff" * 100_000)
    assert operator.run("audit", "verify", "--file", str(file), "--keys", str(keys)).exit_code == 1


def test_f6_audit_keys_are_a_ring_of_their_own(operator: Operator) -> None:
    operator.does("audit", "keys")
    tokens = {key["kid"] for key in operator.json("keys", "list", "--all")}
    (signing,) = (key for key in operator.json("keys", "--ring", "audit", "list") if key["state"] == "signs")

    assert signing["kid"] not in tokens
    assert {row["what"] for row in operator.json("keys", "verify")} >= {"signing key", "audit key", "secret"}
    operator.does("keys", "--ring", "audit", "revoke", signing["kid"], "--reason", "drill")
    published = json.loads(operator.does("audit", "keys"))["keys"]
    assert published
    assert signing["kid"] not in {key["kid"] for key in published}
    assert operator.run("keys", "--ring", "audit", "retire", published[0]["kid"], "--reason", "r").exit_code == 1


def printed(code: str) -> list[str]:
    """What another interpreter prints, in the set-up of the test."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.usefixtures("operator")
def test_a_command_imports_only_what_it_uses() -> None:
    code = "import sys, config.cli.accounts, config.stores; print(*sys.modules)"

    assert not {"redis", "webauthn", "flask", "zxcvbn", "PIL", "config.rooms.accounts"} & {*printed(code)}


@pytest.mark.usefixtures("operator")
def test_workers_share_what_is_imported_before_they_are_forked() -> None:
    """A worker that builds the application imports no module of ours by itself."""
    code = (
        "import sys, config.serving.gunicorn_master as server; before = {*sys.modules}; server.build_app();"
        "print(*({*sys.modules} - before), 'end')"
    )
    own = {
        name for name in printed(code) if name.partition(".")[0] in ("config", "federation", "idp", "keys", "qr_login")
    }

    assert own == set()


def test_the_old_choice_of_a_server_is_accepted_and_means_nothing(tmp_path: Path) -> None:
    said = Provider(tmp_path).complaint("serve", "--server", "granian")

    assert "gunicorn serves" in said
    assert "idp db upgrade" in said, "it goes on, to the next reason not to serve"


def test_a_client_for_a_library_is_registered_as_it_needs_and_its_configuration_is_printed(operator: Operator) -> None:
    words = ("clients", "add", "Cổng", "--redirect-uri", "https://portal.example.test/cb", "--reason", "test", "--for")

    made = operator.json(*words, "passport")
    assert f'clientSecret: "{made["client_secret"]}"' in made["configuration"]
    shown = operator.json("clients", "show", made["client_id"])
    assert (shown["require_pkce"], shown["scope"]) == (False, "openid profile bhxh")
    assert shown["post_logout_redirect_uris"] == ["https://portal.example.test/"]

    printed = operator.does(*words, "authlib")
    client_id = re.search(r"client_id +(\S+)", printed)
    assert client_id
    assert f'client_id="{client_id[1]}",' in printed.partition("```python")[2]


def test_an_unknown_library_is_told_which_there_are(operator: Operator) -> None:
    words = ("clients", "add", "Cổng", "--reason", "test", "--for")

    refused = operator.run(*words, "keycloak", "--redirect-uri", "https://portal.example.test/cb")
    assert refused.exit_code == 2
    assert "'spring'" in refused.output
    assert "spring" in operator.does("clients", "add", "--help")
    bent = operator.run(*words, "spring", "--redirect-uri", "http://[x")
    assert (bent.exit_code, "redirect URI refused" in bent.output) == (1, True)
    bare = operator.run(*words, "spring")
    assert (bare.exit_code, "--for spring needs --redirect-uri" in bare.output) == (1, True)
    keyed = ("--redirect-uri", "https://portal.example.test/cb", "--auth-method", "private_key_jwt")
    refused = operator.run(*words, "spring", *keyed)
    assert (refused.exit_code, "private_key_jwt has none" in refused.output) == (1, True)
