"""Chunks as files on HDFS, each once: the protocol of the archive and of feeds. Read `flush.py` first.

It knows no format: `FileFormat` encodes rows, `Layout` names files, and a subclass of `ChunkManifest` lists them.
"""
