"""The least that answers: which ten hashtags were used most in an hour? Arguments: URI, database, hour."""

import json, sys  # noqa: E401, I001 - a few lines are the point of it
from pymongo import MongoClient

uri, database, hour = sys.argv[1:]
found = MongoClient(uri)[database]["hours"].find({"_id": f"batch|{hour}"}, {"top": {"$slice": 10}})  # type: ignore[var-annotated]
print(json.dumps({"top": [{"tag": row["tag"], "count": row["count"]} for each in found for row in each["top"]]}))
