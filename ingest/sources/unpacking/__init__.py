"""The bytes of one file or pipe: unpacked, as UTF-8. Begin with `content`."""
