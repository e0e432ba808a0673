"""Peers: what one would use in place of a part of the platform, each as somebody who knows it would write it.

Those that need packages of their own run in an environment of their own, locked in `requirements.lock`.
"""
