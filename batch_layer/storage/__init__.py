"""File storage: the contract, and HDFS through WebHDFS."""
