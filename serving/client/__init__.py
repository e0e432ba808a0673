"""The Python API: `from serving.client import connect`. It asks what the command asks, by the same functions.

```python
with connect() as trends:
    trends.top(hour="monday-7h").to_pandas()
```

`docs/export.md` has the methods and recipes. Errors are those of `config.errors`: `NoDataError` names the hours that
there are, `UsageError` what is wrong with a time, `UnavailableError` a server that does not answer.
"""

from serving.client.answer import Answer
from serving.client.connection import Client, connect
from serving.client.hour_export import Export

__all__ = ["Answer", "Client", "Export", "connect"]
