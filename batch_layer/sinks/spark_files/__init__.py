"""Files on HDFS, written by Spark: the folders, files and manifests are those of the sink `files`."""
