"""What needs a thread says so before anything has happened; and how workers share connections and pauses."""

import time
from types import SimpleNamespace
from typing import Any

import pytest
from joserfc.jwk import ECKey

from config.serving.balance import LEAD, Balance
from config.serving.pause import LONGEST, LONGEST_TURN, SHORTEST, TOO_LONG, Pause
from idp.accounts.passwords import HashCost, Passwords
from idp.at_once import NeedsThread, at_once, needs_thread, note_change
from idp.commit_waits import LATEST, SHORT, TRIED_AGAIN, CommitWaits
from idp.http.gateway import Environ, Gateway, Site
from idp.http.metrics import Metrics
from idp.oidc.client_keys import ClientKeys
from idp.outbound import Outbound


def test_a_hash_needs_a_thread_and_takes_no_place() -> None:
    passwords = Passwords(b"pepper", HashCost(8, 1, 1), at_once=1, waiting=0)
    with at_once(), pytest.raises(NeedsThread):
        passwords.hash("Matkhau#2026")
    assert passwords.queue.busy == 0
    assert passwords.hash("Matkhau#2026").startswith("$argon2id$")


def test_a_request_to_another_server_needs_a_thread() -> None:
    with at_once(), pytest.raises(NeedsThread):
        Outbound().get_json("https://portal.example/jwks")


class Counting:
    """Answers with one key, and counts."""

    asked = 0

    def get_json(self, url: str) -> dict[str, Any]:
        needs_thread()
        self.asked += 1
        return {"keys": [ECKey.generate_key("P-256").as_dict(private=False)]}


def test_a_client_whose_keys_have_to_be_fetched_is_recorded_by_the_thread_alone() -> None:
    """Otherwise the thread would take the keys for asked, and refuse the client."""
    outbound = Counting()
    keys, client = (
        ClientKeys(outbound, lambda: 1000.0),
        SimpleNamespace(jwks=None, jwks_uri="https://portal.example/jwks"),
    )  # type: ignore[arg-type]
    with at_once(), pytest.raises(NeedsThread):
        keys.of(client)  # type: ignore[arg-type]
    assert keys.of(client) is not None  # type: ignore[arg-type]
    with at_once():
        assert keys.of(client) is not None, "what is known needs no thread"  # type: ignore[arg-type]
    assert outbound.asked == 1


def test_a_mistake_of_ours_is_an_answer_and_not_the_end_of_the_loop() -> None:
    def wrong(environ: Environ) -> None:
        raise KeyError("mistake")

    site = Site(frozenset(("a",)), https=False)
    gateway = Gateway({}, lambda *_: [], Metrics(shared=False), site, shortcuts={"/authorize": wrong})
    answer = gateway.answer_at_once({"REQUEST_METHOD": "GET", "HTTP_HOST": "a", "PATH_INFO": "/authorize"})

    assert answer is not None
    assert (answer[0], answer[2]) == (500, b'{"error":"server_error"}')


def test_whoever_has_changed_something_waits_himself() -> None:
    """A thread would find a proof used, a code taken, a try counted."""
    with at_once():
        note_change()
        needs_thread()
    with at_once(), pytest.raises(NeedsThread):
        needs_thread()
    note_change()
    needs_thread()


def test_a_worker_with_more_connections_lets_one_accept_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    balance = Balance()
    balance.put(1, 5)
    balance.put(2, 5 + LEAD)
    monkeypatch.setattr(time, "sleep", lambda _: balance.put(1, 6))
    assert not balance.others_accept(4 + LEAD), "it has not enough more"
    assert balance.others_accept(5 + LEAD)

    monkeypatch.setattr(time, "sleep", lambda _: None)
    assert not balance.others_accept(9), "the other one is busy"
    balance.leave(1)
    assert not balance.others_accept(4 + LEAD), "nobody else is there"


def test_after_a_slow_answer_the_loop_answers_nothing_itself_for_a_while() -> None:
    pause, begins, lengths = Pause(), 0.0, []
    for _ in range(7):
        pause.note(begins, begins + TOO_LONG)
        pause.begin_turn()
        ends = next(moment for moment in range(100) if not pause.is_on(begins + TOO_LONG + moment))
        lengths.append(ends)
        begins += ends + TOO_LONG
    assert lengths == [1, 2, 4, 8, 16, LONGEST, LONGEST]
    pause.note(begins, begins + TOO_LONG / 2)
    pause.note(begins, begins + TOO_LONG)
    pause.begin_turn()
    assert pause.is_on(begins + TOO_LONG + SHORTEST / 2)
    assert not pause.is_on(begins + TOO_LONG + SHORTEST)


def test_whoever_comes_late_in_a_long_turn_waits_for_a_thread_and_the_next_turn_is_new() -> None:
    pause = Pause()
    for number in range(4):
        assert not pause.is_on(100)
        pause.note(0, LONGEST_TURN * 0.3)
        assert pause.is_on(100) == (number == 3)
    pause.begin_turn()
    assert not pause.is_on(100)


def test_commits_are_left_to_threads_while_they_take_long_and_tried_now_and_then() -> None:
    waits = CommitWaits()
    for _ in range(LATEST - 1):
        waits.note(3 * SHORT)
    assert waits.are_short(), "a busy machine makes most of them wait, and a slow disk all"
    waits.note(3 * SHORT)
    assert [waits.are_short() for _ in range(2 * TRIED_AGAIN)].count(True) == 2
    waits.note(SHORT)
    assert waits.are_short()
