"""The master data set: Kafka `posts` to Avro on HDFS, exactly once. Begin with `manifest`, then `archiver`."""
