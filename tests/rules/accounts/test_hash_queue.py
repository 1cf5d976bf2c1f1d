"""F-7: who waits for a hash waits fairly; a known device waits for no stranger; who is turned away is told when."""

import threading
from collections.abc import Callable

import pytest

from idp.accounts.hash_queue import KNOWN, HashCaller, HashQueue
from idp.accounts.passwords import HashCost, Passwords
from idp.errors import Busy
from tests.support.waiting import until

LONG = 60.0


class Hall:
    """People at a queue, each in a thread; a served one stays at the counter until `let_go`."""

    def __init__(self, places: int, waiting: int, patience: float = LONG) -> None:
        self.queue = HashQueue(places, waiting, patience)
        self.served: list[str] = []
        self.refused: list[str] = []
        self._turns: dict[str, threading.Event] = {}
        self._threads: list[threading.Thread] = []

    def comes(self, name: str, network: str, *, address: str = "", known: bool = False) -> None:
        """Somebody enters the queue, and is seen in it, at the counter or outside before we go on."""
        before = len(self.refused) + len(self.served) + self._in_line()
        self._turns[name] = threading.Event()
        asker = HashCaller(network, address or f"{network}.{name}", is_known=known)
        self._threads.append(threading.Thread(target=self._stay, args=(name, asker), daemon=True))
        self._threads[-1].start()
        until(lambda: len(self.refused) + len(self.served) + self._in_line() > before)

    def let_go(self, name: str) -> None:
        waits = bool(self._in_line())
        served = len(self.served)
        self._turns[name].set()
        until(lambda: not waits or len(self.served) > served)

    def order(self) -> list[str]:
        """Serve until nobody is left; who came when."""
        gone = 0
        while gone < len(self.served):
            self.let_go(self.served[gone])
            gone += 1
        for thread in self._threads:
            thread.join(LONG)
        return self.served

    def _in_line(self) -> int:
        return len(self.queue._waiting)

    def _stay(self, name: str, asker: HashCaller) -> None:
        try:
            with self.queue.place(asker):
                self.served.append(name)
                self._turns[name].wait(LONG)
        except Busy:
            self.refused.append(name)


def test_one_network_with_many_tries_shares_a_turn() -> None:
    hall = Hall(places=1, waiting=10)
    for number in range(5):
        hall.comes(f"attacker{number}", "203.0.113.0/24")
    hall.comes("owner", "198.51.100.0/24")

    assert hall.order()[:2] == ["attacker0", "owner"]


def test_within_a_network_one_address_with_many_tries_shares_a_turn() -> None:
    hall = Hall(places=1, waiting=10)
    for number in range(5):
        hall.comes(f"attacker{number}", "203.0.113.0/24", address="203.0.113.66")
    hall.comes("neighbour", "203.0.113.0/24", address="203.0.113.7")

    assert hall.order()[:2] == ["attacker0", "neighbour"]


def test_a_known_device_goes_first_and_pushes_a_stranger_out_of_a_full_queue() -> None:
    hall = Hall(places=1, waiting=3)
    for number in range(4):
        hall.comes(f"stranger{number}", f"203.0.{number}.0/24")
    hall.comes("owner", "203.0.0.0/24", known=True)

    assert hall.order() == ["stranger0", "owner", "stranger1", "stranger2"]
    assert hall.refused == ["stranger3"]


def test_a_full_queue_turns_away_whoever_takes_most_of_it() -> None:
    hall = Hall(places=1, waiting=3)
    for number in range(4):
        hall.comes(f"attacker{number}", "203.0.113.0/24")
    hall.comes("owner", "198.51.100.0/24")
    hall.comes("attacker4", "203.0.113.0/24")

    assert hall.order()[1] == "owner"
    assert sorted(hall.refused) == ["attacker3", "attacker4"]


def test_known_devices_wait_in_the_order_of_their_networks_too() -> None:
    hall = Hall(places=1, waiting=4)
    for number in range(3):
        hall.comes(f"office{number}", "203.0.113.0/24", known=True)
    hall.comes("home", "198.51.100.0/24", known=True)

    assert hall.order()[:2] == ["office0", "home"]


def test_whoever_waited_long_enough_is_refused_with_a_time_and_leaves_no_trace() -> None:
    queue = HashQueue(1, 5, patience=0.001)
    with queue.place(HashCaller("a")):
        with pytest.raises(Busy) as refused, queue.place(HashCaller("b")):
            pass
        assert queue.busy == 1

    assert refused.value.retry_after is not None
    assert queue.busy == 0


def test_a_place_comes_back_after_an_error() -> None:
    queue = HashQueue(1, 0)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), queue.place(HashCaller("a")):
            _ = 1 / 0

    assert queue.busy == 0


@pytest.mark.parametrize("places", [1, 2, 5])
def test_no_more_go_at_once_than_there_are_places(places: int) -> None:
    queue, lock = HashQueue(places, 200, patience=LONG), threading.Lock()
    inside, most = 0, 0

    def goes(number: int) -> Callable[[], None]:
        def go() -> None:
            nonlocal inside, most
            with queue.place(HashCaller(str(number % 7), str(number % 13), is_known=number % 5 == 0)):
                with lock:
                    inside += 1
                    most = max(most, inside)
                with lock:
                    inside -= 1

        return go

    threads = [threading.Thread(target=goes(number)) for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)

    assert (queue.busy, inside) == (0, 0)
    assert most <= places


def test_what_is_remembered_of_strangers_is_bounded() -> None:
    queue = HashQueue(1, 0)
    for number in range(10_000):
        with queue.place(HashCaller(str(number), f"a{number}")):
            pass

    assert len(queue._served) <= 4096


def test_a_try_that_a_slow_store_counts_keeps_no_core_from_others() -> None:
    passwords = Passwords(b"pepper", HashCost(8, 1), at_once=1, waiting=1)

    with passwords.place(KNOWN):
        stored = passwords.hash("the right one")
        assert passwords.verify(stored, "the right one")


def test_as_many_are_hashed_at_once_as_there_are_cores() -> None:
    passwords = Passwords(b"pepper", HashCost(8, 1), at_once=1, waiting=1)

    with passwords.place(KNOWN) as hasher:
        done = threading.Event()
        hasher._threads.submit(done.wait, LONG)
        late = threading.Thread(target=passwords.verify, args=[None, "wrong"])
        late.start()
        late.join(0.05)
        assert late.is_alive()
        done.set()
    late.join(5)
    assert not late.is_alive()
