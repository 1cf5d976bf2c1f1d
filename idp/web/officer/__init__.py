"""The officer console: pages of a host of its own, for people who decide.

Path through it: `door.py` lets officers in -> `console.py` says on every page who is there -> `queue.py` lists what
waits, `dossier.py` shows one request and takes the decision, `pairs.py` is what takes two officers, `conflicts.py` and
`data.py` are links that were refused and what people ask about their data. Citizens' pages are on another host.
"""
