"""Tables of Hive as a sink: Parquet files by the protocol of `sinks/files`, and their registration with HiveServer2."""
