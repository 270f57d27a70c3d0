"""The small networks of the tests of networks, for these tests too."""

from tests.core.networks.conftest import make_network

__all__ = ["make_network"]
