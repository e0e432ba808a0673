"""A CSV that grows: rows in `velib.csv`, position beside it in `velib.csv.position`. Read `growing_csv.py` first."""
