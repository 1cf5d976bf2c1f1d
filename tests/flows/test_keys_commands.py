"""`idp keys` in the hands of an operator: everything that is refused says what to do instead."""

import json
import os
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from joserfc.jwk import KeySet

from config.cli.main import main
from keys import masters
from tests.support import databases
from tests.support.clock import FrozenClock
from tests.support.provider import IDP

DAY = 86_400.0


class Operator:
    """Types `idp` commands at a time that the test chooses."""

    def __init__(self, home: Path, clock: FrozenClock) -> None:
        self.home = home
        self.clock = clock

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(main, list(words), obj=self.clock)

    def does(self, *words: str) -> str:
        done = self.run(*words)
        assert done.exit_code == 0, done.output
        return done.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.does(*words, "--json"))

    def refused(self, *words: str) -> str:
        """The sentence with which it is refused; nothing may have changed."""
        before = self.listed()
        done = self.run(*words)
        assert done.exit_code == 1, done.output
        assert isinstance(done.exception, SystemExit)
        assert self.listed() == before
        return done.output.strip().removeprefix("idp: ")

    def listed(self, alg: str | None = None, state: str | None = None) -> list[dict[str, Any]]:
        return [
            k for k in self.json("keys", "list", "--all") if alg in (None, k["alg"]) and state in (None, k["state"])
        ]

    def kid(self, alg: str, state: str = "signs") -> str:
        return str(self.listed(alg, state)[0]["kid"])

    def sql(self, statement: str) -> None:
        with sqlite3.connect(self.home / "idp.db") as connection:
            connection.execute(statement)


@pytest.fixture
def operator(app_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FrozenClock) -> Operator:
    url = databases.sqlite_copy(app_template / "idp.db", tmp_path)
    (tmp_path / "master.key").touch(0o600)
    (tmp_path / "master.key").write_bytes((app_template / "master.key").read_bytes())
    monkeypatch.setenv("IDP_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("IDP_STORE__DATABASE_URL", url)
    monkeypatch.chdir(tmp_path)
    return Operator(tmp_path, clock)


def because(*words: str) -> tuple[str, ...]:
    return ("keys", *words, "--reason", "test")


# What is refused


def test_an_unknown_key_and_an_ambiguous_beginning_are_refused(operator: Operator) -> None:
    for command in ("revoke", "retire", "activate"):
        assert operator.refused(*because(command, "nobody")).startswith("there is no key 'nobody': `idp keys list")
    alike = []
    # There are 64 letters to begin with: sooner or later two keys share theirs. One that begins as an option is none.
    while len(alike) < 2:
        operator.clock.move(2 * DAY)
        operator.does(*because("rotate", "--alg", "ES256"))
        kids = [key["kid"] for key in operator.listed()]
        alike = max(([k for k in kids if k[0] == kid[0]] for kid in kids if kid[0] != "-"), key=len)
    told = operator.refused(*because("revoke", alike[0][0]))
    assert "is ambiguous" in told
    assert all(kid in told for kid in alike)


def test_the_last_key_of_an_algorithm_is_not_revoked_but_by_force(operator: Operator) -> None:
    operator.sql("DELETE FROM signing_key WHERE signs_from IS NULL")
    kid = operator.kid("ES256")
    told = operator.refused(*because("revoke", kid))
    assert "is the last ES256 key: `idp keys generate --alg ES256` publishes another; or give --force" in told
    forced = operator.json(*because("revoke", kid, "--force"))
    assert forced["guarantee"] is False
    assert "WARNING, the guarantee is left" in "\n".join(forced["portals"])
    assert operator.kid("ES256") != kid


def test_a_key_with_live_tokens_is_not_retired(operator: Operator) -> None:
    old = operator.kid("ES256")
    operator.does(*because("rotate"))
    assert "may have live tokens until 2026-03-02 01:11 UTC" in operator.refused(*because("retire", old))


def test_an_algorithm_that_a_client_or_the_settings_need_is_not_given_up(operator: Operator) -> None:
    told = operator.refused(*because("retire", operator.kid("RS256")))
    assert "RS256 is needed by keys.algorithms of the settings, client portal" in told
    assert "`idp keys rotate`" in told


def test_a_client_gets_a_new_algorithm_when_its_lead_is_over_and_not_before(operator: Operator) -> None:
    add = ("clients", "add", "Cổng", "--redirect-uri", "https://p.test/cb", "--id-token-alg", "EdDSA", "--reason", "r")
    assert "idp keys generate --alg EdDSA" in operator.refused(*add)
    operator.does(*because("generate", "--alg", "EdDSA"))
    assert "EdDSA signs from 2026-03-03 01:00 UTC" in operator.refused(*add)
    operator.clock.move(DAY)
    client_id = operator.json(*add)["client_id"]
    assert f"client {client_id}" in operator.refused(*because("retire", operator.kid("EdDSA")))
    operator.does("clients", "remove", client_id, "--reason", "r")
    operator.does(*because("retire", operator.kid("EdDSA")))
    assert not operator.listed("EdDSA", "standby")
    assert "EdDSA" in operator.refused(*add)


def test_activating_needs_the_lead_or_force(operator: Operator) -> None:
    operator.does(*because("rotate"))
    young = operator.kid("ES256", "standby")
    assert "wait, leave out --now" in operator.refused(*because("activate", young, "--now"))
    operator.does(*because("activate", young))
    assert operator.kid("ES256", "coming") == young
    operator.clock.move(1)
    assert operator.json(*because("activate", young, "--now", "--force"))["guarantee"] is False
    assert operator.kid("ES256") == young


def test_a_second_rotation_reports_that_nothing_is_due_and_ends_well(operator: Operator) -> None:
    assert operator.json(*because("rotate", "--alg", "ES256"))["changes"]
    again = operator.json(*because("rotate", "--alg", "ES256"))
    assert (again["changes"], again["due"]["ES256"]) == ([], "2026-03-03T01:00:00Z")
    assert "nothing is to be done" in operator.does(*because("rotate", "--alg", "ES256"))


@pytest.mark.parametrize(
    "words",
    [
        ("keys", "revoke"),
        ("keys", "revoke", "x"),
        ("keys", "rotate"),
        ("keys", "rotate", "--reason", " "),
        ("keys", "rotate", "--alg", "HS256", "--reason", "r"),
        ("keys", "generate", "--alg", "none", "--reason", "r"),
        ("keys", "export", "--format", "private"),
    ],
    ids=" ".join,
)
def test_a_command_that_lacks_something_says_what(operator: Operator, words: tuple[str, ...]) -> None:
    done = operator.run(*words)
    assert done.exit_code == 2
    assert "Traceback" not in done.output
    assert "Error: " in done.output


def test_only_public_parts_are_exported(operator: Operator) -> None:
    jwks = json.loads(operator.does("keys", "export"))
    assert {key["alg"] for key in jwks["keys"]} == {"RS256", "ES256"}
    assert not [key for key in jwks["keys"] if {"d", "p", "q", "dp", "dq", "qi", "k"} & set(key)]
    assert len(KeySet.import_key_set(jwks).keys) == 4
    pem = operator.does("keys", "export", operator.kid("ES256")[:10], "--format", "pem")
    assert pem.count("BEGIN PUBLIC KEY") == 1
    assert "PRIVATE" not in operator.does("keys", "export", "--format", "pem")
    assert operator.refused("keys", "export", "nobody")


# What is written down


def test_every_change_is_audited_with_its_reason(operator: Operator) -> None:
    old = operator.kid("ES256")
    operator.does("keys", "rotate", "--alg", "ES256", "--reason", "quarterly")
    operator.clock.move(120)
    operator.does("keys", "revoke", old, "--reason", "seen in a log")
    operator.does("keys", "reseal", "--reason", "yearly")
    rows = [row for row in operator.json("audit", "tail") if row["name"].startswith("key.")][-5:]
    assert [row["name"] for row in rows] == [
        "key.activated",
        "key.replaced",
        "key.published",
        "key.revoked",
        "key.resealed",
    ]
    assert [row["reason"] for row in rows] == ["quarterly"] * 3 + ["seen in a log", "yearly"]
    assert f"kid={old}" in rows[3]["facts"]


def test_a_dry_run_changes_nothing(operator: Operator) -> None:
    before = operator.listed()
    told = operator.json(*because("rotate", "--dry-run"))
    assert told["changes"]
    assert operator.listed() == before


# Damage


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("UPDATE signing_key SET signs_from = signs_from + 1", "truncated, altered, or sealed for something else"),
        ("UPDATE signing_key SET sealed_private = '2' || substr(sealed_private, 2)", "sealed in format '2'"),
        ("UPDATE signing_key SET sealed_private = substr(sealed_private, 1, 90)", "truncated, altered"),
        ("INSERT INTO key_ring_version VALUES (2, 1)", "there are 2 key rings"),
        ("DELETE FROM key_ring_version", "the version of their ring is missing"),
    ],
)
def test_f_17_the_provider_does_not_start_on_damaged_keys_and_says_why(
    operator: Operator, damage: str, reason: str
) -> None:
    operator.sql(damage)
    for words in (("serve", "--bind", "127.0.0.1:1"), ("keys", "list"), because("rotate")):
        done = operator.run(*words)
        assert (done.exit_code, reason in done.output) == (2, True), done.output
    assert operator.run("keys", "verify").exit_code in (1, 2)


def test_f_17_verify_names_every_broken_record_and_goes_on(operator: Operator) -> None:
    kid = operator.kid("ES256")
    operator.sql(f"UPDATE signing_key SET revoked_at = NULL, published_until = 1 WHERE kid = '{kid}'")
    operator.sql("UPDATE secret SET sealed = sealed || 'A' WHERE name = 'pepper'")
    done = operator.run("keys", "verify", "--json")
    assert done.exit_code == 1
    rows = {row["name"]: row["state"] for row in json.loads(done.stdout)}
    assert [name for name, state in rows.items() if state == "BROKEN"] == [kid[:12], "pepper"]
    assert f"signing key {kid}" in done.stderr
    assert "secret pepper" in done.stderr


def test_doctor_misses_a_standby_and_names_a_damaged_key(operator: Operator) -> None:
    def keys() -> str:
        done = operator.run("doctor", "--json")
        return next(str(part["detail"]) for part in json.loads(done.stdout) if part["part"] == "keys")

    assert "each with a standby" in keys()
    operator.sql("DELETE FROM signing_key WHERE signs_from IS NULL AND alg = 'ES256'")
    assert keys() == "no standby for ES256: `idp keys generate` publishes what is missing"
    operator.sql("UPDATE signing_key SET alg = 'PS256' WHERE alg = 'RS256'")
    assert "truncated, altered, or sealed for something else" in keys()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "there is no master key"),
        ("A" * 42, "has 32 bytes, this one has 31"),
        ("A" * 43, "sealed by master key"),
        ("A" * 43 + "\n" + "A" * 43, "is there 2 times"),
    ],
)
def test_f_17_a_wrong_or_truncated_master_key_is_refused_with_the_reason(
    operator: Operator, text: str, reason: str
) -> None:
    (operator.home / "master.key").write_text(text)
    for words in (("serve", "--bind", "127.0.0.1:1"), ("keys", "list")):
        done = operator.run(*words)
        assert (done.exit_code, reason in done.output) == (2, True), done.output


# Another master key


def test_reseal_moves_everything_to_the_newest_master_key_and_may_be_begun_again(operator: Operator) -> None:
    file = operator.home / "master.key"
    old = file.read_text()
    new = masters.from_file(operator.home / "new.key", create=True).newest
    file.write_text(old + (operator.home / "new.key").read_text())
    listed = operator.listed()
    assert operator.json(*because("reseal"))["resealed"] > 4
    assert operator.json(*because("reseal"))["resealed"] == 0
    file.write_text((operator.home / "new.key").read_text())
    assert operator.listed() == listed
    assert {row["master"] for row in operator.json("keys", "verify")} == {new.id[:8]}


def test_the_master_key_may_come_from_a_command(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    file = operator.home / "master.key"
    moved = file.rename(operator.home / "in-the-kms")
    monkeypatch.setenv("IDP_KEYS__MASTER_KEY_COMMAND", json.dumps(["cat", str(moved)]))
    assert operator.listed()
    assert not file.exists()
    monkeypatch.setenv("IDP_KEYS__MASTER_KEY_COMMAND", json.dumps(["false"]))
    done = operator.run("keys", "list")
    assert (done.exit_code, done.output) == (2, "idp: keys: false: ended with 1\n")


def test_a_kill_in_the_middle_of_reseal_is_mended_by_the_next(operator: Operator) -> None:
    file = operator.home / "master.key"
    masters.from_file(operator.home / "new.key", create=True)
    file.write_text(file.read_text() + (operator.home / "new.key").read_text())
    # Stopped after two records: the others still lie under the old key.
    operator.sql("CREATE TABLE half AS SELECT kid AS name, sealed_private AS old FROM signing_key")
    operator.json(*because("reseal"))
    put_back = "UPDATE signing_key SET sealed_private = (SELECT old FROM half WHERE name = kid) WHERE alg = 'RS256'"
    operator.sql(put_back)
    assert len({row["master"] for row in operator.json("keys", "verify")}) == 2
    assert operator.json(*because("reseal"))["resealed"] == 2
    assert len({row["master"] for row in operator.json("keys", "verify")}) == 1


def test_many_rotations_at_once_act_once(operator: Operator) -> None:
    """F-18: from timers on many machines, each a process of its own."""
    command = [str(IDP), *because("rotate", "--json")]
    given: dict[str, Any] = {"env": {**os.environ}, "stdout": subprocess.PIPE, "text": True, "cwd": operator.home}
    running = [subprocess.Popen(command, **given) for _ in range(4)]
    outputs = [json.loads(process.communicate(timeout=120)[0]) for process in running]
    assert [process.returncode for process in running] == [0] * 4
    assert sorted(bool(output["changes"]) for output in outputs) == [False, False, False, True]
