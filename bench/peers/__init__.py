"""Peers: alternatives to a part of the platform, each as an expert in it would write it.

Those that need packages of their own run in an environment of their own, locked in `requirements.lock`.
"""
