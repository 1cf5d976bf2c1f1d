"""The officer console: pages on their own host, for the people who decide.

Path through it: `door.py` lets officers in -> `console.py` finds the officer for every page -> `queue.py` lists what
waits, `dossier.py` shows one request and takes the decision, `pairs.py` is for what needs two officers, `conflicts.py`
for refused links, and `data.py` for people's requests about their data. Citizens' pages are on another host.
"""
