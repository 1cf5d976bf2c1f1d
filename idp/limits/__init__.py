"""Limits: who is judged by which counts, and what it costs to go on."""
