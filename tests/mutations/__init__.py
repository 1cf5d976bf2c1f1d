"""Seeded mistakes: would the tests notice if somebody made one of them in security code?

`mutation.py` says what a mutation is and puts it into a file; `portals.py`, `requests.py`, `exchanges.py`,
`newcomers.py`, `upstreams.py`, `people.py`, `phones.py`, `desk.py` and `ground.py` list them by room; `copy.py` runs
tests in a copy of the project, and `__main__.py` tells of each mutation whether a test caught it.
"""

from tests.mutations import desk, exchanges, ground, newcomers, people, phones, portals, requests, upstreams
from tests.mutations.mutation import Mutation

ALL: tuple[Mutation, ...] = (
    *portals.MUTATIONS,
    *requests.MUTATIONS,
    *exchanges.MUTATIONS,
    *newcomers.MUTATIONS,
    *upstreams.MUTATIONS,
    *people.MUTATIONS,
    *phones.MUTATIONS,
    *desk.MUTATIONS,
    *ground.MUTATIONS,
)
