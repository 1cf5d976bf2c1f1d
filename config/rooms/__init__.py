"""The use cases of one process by room, each built once from settings and stores, with its dependencies.

A room gets the rooms below it and nothing else, so the dependencies can be read from the constructors.
"""
