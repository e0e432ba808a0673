"""Files on HDFS as a sink: JSON Lines or Parquet, each chunk once. `feed_folder.py` says what a folder is."""
