"""Metastore: the database in PostgreSQL in which Hive keeps its tables, with its schema.

Hive would make the schema by itself, on one connection while another holds the locks, and on PostgreSQL wait for itself
for ever. DataNucleus' own SchemaTool does it first, in a database that a rename brings into place: one that was killed
on its way never counts.
"""

import tempfile
import zipfile
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from config.errors import TrendsError
from config.settings import Settings
from config.settings.logins import postgres_login
from config.settings.secrets import write_private
from config.stack.jars import java
from config.stack.jars.ivy import spark_jars
from config.stack.paths import StackPaths, property_value, render_template
from config.stack.server import Program
from config.stack.servers.postgres import MAINTENANCE

DATABASE = "metastore"
HALF_MADE = "metastore_half_made"
MAPPING = "package.jdo"
"""The file in Hive's jar that maps its classes to tables."""


def jdbc_values(settings: Settings, database: str = DATABASE) -> dict[str, str]:
    """URL, user and password of the metastore's connection."""
    login = postgres_login(settings, database)
    host, port = login.get("host", "localhost"), login.get("port", "5432")
    options = {"sslmode": login["sslmode"]} if "sslmode" in login else {}
    if "sslrootcert" in login:
        options["sslrootcert"] = login["sslrootcert"]
    query = "&".join(f"{name}={quote(value)}" for name, value in options.items())
    url = f"jdbc:postgresql://{host}:{port}/{quote(login['dbname'])}{'?' if query else ''}{query}"
    return {"url": url, "user": login.get("user", ""), "password": login.get("password", "")}


def prepare(settings: Settings, paths: StackPaths, jvm: Path, driver: str) -> None:
    """Have the database with its schema. Raises `TrendsError` where PostgreSQL refuses or SchemaTool fails."""
    try:
        with psycopg.connect(
            **postgres_login(settings, MAINTENANCE), connect_timeout=10, autocommit=True
        ) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                return
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(HALF_MADE))
            connection.execute(drop)
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(HALF_MADE)))
            _make_schema(settings, paths, jvm, driver)
            rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            connection.execute(rename.format(sql.Identifier(HALF_MADE), sql.Identifier(DATABASE)))
    except psycopg.Error as error:
        raise TrendsError(
            f"can't make the database {DATABASE}: {str(error).splitlines()[0]}",
            where="PostgreSQL",
            next_step="The role needs the right to make databases, or an administrator makes this one",
        ) from None


def _make_schema(settings: Settings, paths: StackPaths, jvm: Path, driver: str) -> None:
    values = {key: property_value(value) for key, value in jdbc_values(settings, HALF_MADE).items()}
    with tempfile.TemporaryDirectory(prefix="metastore-", dir=paths.scratch) as folder:
        properties, mapping = Path(folder) / "metastore.properties", Path(folder) / MAPPING
        write_private(properties, render_template("spark/metastore.properties", **values))
        (jar,) = spark_jars().glob("hive-metastore-[0-9]*.jar")
        with zipfile.ZipFile(jar) as packed:
            mapping.write_bytes(packed.read(MAPPING))
        classes = f"{spark_jars()}/*:{driver}"
        tool = ["org.datanucleus.store.schema.SchemaTool", "-create", "-props", str(properties), "-api", "JDO"]
        command = [str(jvm), *java.flags(paths.scratch, 256), "-cp", classes, *tool, str(mapping)]
        Program(command, {"CLASSPATH": None}).run("Hive's metastore")
