"""Harness: runs contenders on real servers, compares and reports them. Tests start their servers by it as well."""
