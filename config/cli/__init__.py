"""The commands of `idp`, one module per noun. Each opens the foundation, asks a rule or a store, and prints.

`output.py` is how all of them print: a table for people, JSON with `--json`.
"""
