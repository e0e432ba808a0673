"""Records of files: rows of tables, JSON objects, words of texts. Begin with `file_records`."""
