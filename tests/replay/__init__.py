"""What the application did before it was renamed and rearranged; what it does now has to be the same.

`recorded.txt` was written by this recorder on the commit before that work (d7c914f). A difference is a change for
portals, apps or operators: it is mended, or it was meant and stands in `CHANGES` of `test_replay.py` with its reason.
`python -m tests.replay FILE` records what is done now, to compare; without a file it replaces the record.
"""
