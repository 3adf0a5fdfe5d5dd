"""Canned servers, each closed when its test is over."""

from tests.routed_server import serve

__all__ = ["serve"]
