"""Spark sessions with Delta Lake: one JVM for all warehouses, a catalog of tables for each."""

from __future__ import annotations

import json
import os
from pathlib import Path

from pyspark.sql import SparkSession

# Unity Catalog's names for what open-source Spark calls spark_catalog. All lead to the same schemas.
CATALOGS = ("main", "hive_metastore")

# Tables are small here: every shuffle and every snapshot of a log in one task, listings in two. The defaults
# (200, 50 and 10,000 tasks) make a statement on ten rows take minutes on two cores.
SETTINGS = {
    "spark.master": "local[2]",
    "spark.app.name": "lakeferry",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "2g",
    "spark.driver.extraJavaOptions": "-Duser.timezone=UTC -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.sources.default": "delta",
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
    "spark.databricks.delta.snapshotPartitions": "1",
    # As in the DuckDB engine, and as a workspace may have it.
    "spark.databricks.delta.properties.defaults.enableChangeDataFeed": "true",
    # VACUUM RETAIN 0 HOURS is the caller's business, as it is on Databricks with the check switched off.
    "spark.databricks.delta.retentionDurationCheck.enabled": "false",
}


def start(scratch: str, jars: str) -> SparkSession:
    """The first session, whose JVM and Spark context all others share."""
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    builder = SparkSession.builder.config("spark.jars", jars).config("spark.local.dir", scratch)
    builder = builder.config("spark.sql.warehouse.dir", str(Path(scratch) / "unused"))
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    return spark


class Warehouse:
    """
    Tables below one directory. Spark keeps the catalog in memory; what lies in the directory is found again at the
    next start, and the tables of others that were attached are written down beside it.
    """

    def __init__(self, root: SparkSession, directory: str):
        self._directory = Path(directory)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._attached_file = self._directory / "attached.json"
        sessions = root._jvm.org.apache.spark.sql.classic.SparkSession
        # A session made while none is active gets a shared state of its own, hence a catalog of its own.
        sessions.clearDefaultSession()
        sessions.clearActiveSession()
        session = sessions.builder().config("spark.sql.warehouse.dir", str(self._directory)).getOrCreate()
        self._root = SparkSession(root.sparkContext, session)
        _name_catalogs(self._root)
        self.attached: dict[str, str] = {}
        self._find_tables()

    def new_session(self) -> SparkSession:
        session = self._root.newSession()
        _name_catalogs(session)
        return session

    def attach(self, schema: str, table: str, location: str) -> None:
        name = f"{schema}.{table}".lower()
        quoted = f"{_quote(schema)}.{_quote(table)}"
        self._root.sql(f"create schema if not exists {_quote(schema)}")
        if name in self.attached:
            self._root.sql(f"drop table if exists {quoted}")
        path = location.replace("\\", "\\\\").replace("'", "\\'")
        self._root.sql(f"create table {quoted} using delta location '{path}'")
        self.attached[name] = location
        self._keep_attached()

    def forget(self, schema: str, table: str) -> None:
        if self.attached.pop(f"{schema}.{table}".lower(), None) is not None:
            self._keep_attached()

    def _keep_attached(self) -> None:
        self._attached_file.write_text(json.dumps(self.attached, indent=2))

    def _find_tables(self) -> None:
        for folder in sorted(self._directory.glob("*.db")):
            self._root.sql(f"create schema if not exists {_quote(folder.name.removesuffix('.db'))}")
        for log in [*self._directory.glob("*/_delta_log"), *self._directory.glob("*.db/*/_delta_log")]:
            table, parent = log.parent.name, log.parent.parent
            schema = "default" if parent == self._directory else parent.name.removesuffix(".db")
            path = str(log.parent).replace("\\", "\\\\").replace("'", "\\'")
            self._root.sql(f"create table {_quote(schema)}.{_quote(table)} using delta location '{path}'")
            self._own(schema, table)
        if self._attached_file.exists():
            for name, location in json.loads(self._attached_file.read_text()).items():
                schema, table = name.split(".", 1)
                if (Path(location) / "_delta_log").is_dir():
                    self.attach(schema, table, location)
                else:
                    # Gone for now, or for good: kept for the next start. To create the table would write there.
                    self.attached[name] = location

    def _own(self, schema: str, table: str) -> None:
        """Makes an external table a managed one again, so that DROP TABLE removes its files."""
        jvm = self._root._jvm
        catalog = self._root._jsparkSession.sessionState().catalog()
        identifier = jvm.org.apache.spark.sql.catalyst.TableIdentifier(table, jvm.scala.Option.apply(schema))
        found = catalog.getTableMetadata(identifier)
        fields = [found.productElement(at) for at in range(found.productArity())]
        fields[1] = jvm.org.apache.spark.sql.catalyst.catalog.CatalogTableType.MANAGED()
        catalog.alterTable(found.copy(*fields))


def _name_catalogs(session: SparkSession) -> None:
    """Enters the session's one catalog under its other names; Spark makes catalogs of new names by class only."""
    jvm = session._jvm
    inner = session._jsparkSession
    # Delta's catalog takes the session that is active when it is made.
    jvm.org.apache.spark.sql.classic.SparkSession.setActiveSession(inner)
    manager = inner.sessionState().catalogManager()
    catalog = manager.v2SessionCatalog()
    kind = jvm.java.lang.Class.forName("org.apache.spark.sql.connector.catalog.CatalogManager")
    field = kind.getDeclaredField("catalogs")
    field.setAccessible(True)
    for name in CATALOGS:
        field.get(manager).put(name, catalog)


def _quote(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
