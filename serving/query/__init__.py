"""Questions: which hours somebody means, and the query that answers for them. Begin with `query`."""
