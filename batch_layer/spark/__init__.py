"""Spark: the session, the job, and what runs in its Python workers."""
