"""Serving the simulated upstreams, VNeID and the national portal, each at its own address."""

from sandbox import dvcqg, envelope, serving, vneid
from sandbox.addresses import Addresses


def serve(where: Addresses) -> None:
    """Serve both."""
    envelope.make_pair(where.records)
    serving.serve(vneid.create_app(where, where.records), where.vneid_port, (dvcqg.create_app(where), where.dvcqg_port))
