"""Spark: the session, the job, and the code of its Python workers."""
