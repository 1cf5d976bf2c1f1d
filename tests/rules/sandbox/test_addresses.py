"""Where the programs of the sandbox are, and how text that names the usual ports is moved."""

from pathlib import Path

import pytest

from sandbox.addresses import Addresses


@pytest.mark.parametrize("offset", [0, 1, 3, 100])
def test_each_address_moves_once_even_to_where_another_one_usually_is(offset: int) -> None:
    first = 8000 + offset
    where = Addresses(first, first + 1, first + 2, f"http://localhost:{first}", Path("data"))
    usual = (8000, 8001, 8002, 8003, 8004, 8005, 8007)

    moved = where.at_home(" ".join(f"http://localhost:{port}/x" for port in usual))

    assert moved == " ".join(f"http://localhost:{port + offset}/x" for port in usual)


def test_other_addresses_stay(tmp_path: Path) -> None:
    where = Addresses(9000, 9001, 9002, "https://id.example.test", tmp_path)

    assert (
        where.at_home("http://localhost:80001 http://localhost:9000") == "http://localhost:80001 http://localhost:9000"
    )
    assert where.at_home("http://localhost:8000/") == "https://id.example.test/"
