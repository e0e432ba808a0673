"""Charts of an answer. `bump`, `curve` and `heat` compute where marks lie; the templates draw them.

The dashboard's pages and the files of `--svg`, `--png` and `--html` include the same templates. `palette` has the
colours.
"""
