"""PostgreSQL as a sink: rows and position change in one transaction. Read `table_commit.py` first: the protocol."""
