"""What open-source Spark has no statement for, or answers otherwise than Databricks."""

from __future__ import annotations

import re
from pathlib import Path

from failure import Refusal
from pyspark.sql import DataFrame, SparkSession
from session import Warehouse

NAME = r"(?:`(?:[^`]|``)+`|\w+)(?:\s*\.\s*(?:`(?:[^`]|``)+`|\w+)){0,2}"
TEXT = r"'((?:[^'\\]|\\.)*)'"
LOAD_FILE = re.compile(rf"\s*load\s+file\s+{TEXT}\s+into\s+table\s+({NAME})\s*", re.I)
ATTACH = re.compile(rf"\s*attach\s+table\s+({NAME})\s+location\s+{TEXT}\s*", re.I)
DROP = re.compile(rf"\s*drop\s+table\s+(?:if\s+exists\s+)?({NAME})\s*(?:purge\s*)?", re.I)
WRITE = re.compile(
    r"\s*(?:insert\s+(?:into|overwrite)(?:\s+table)?|update|delete\s+from|truncate\s+table|alter\s+table|optimize|"
    r"merge\s+(?:with\s+schema\s+evolution\s+)?into|restore(?:\s+table)?|vacuum|reorg\s+table|"
    rf"(?:create\s+or\s+)?replace\s+table)\s+({NAME})",
    re.I,
)
TABLE_CHANGES = re.compile(rf"\btable_changes\s*\(\s*{TEXT}\s*,\s*\d+\s*,\s*(\d+)\s*\)", re.I)
READERS = {".csv": "csv", ".parquet": "parquet", ".json": "json", ".jsonl": "json", ".ndjson": "json"}


def run(warehouse: Warehouse, session: SparkSession, statement: str) -> DataFrame:
    if found := LOAD_FILE.fullmatch(statement):
        return _load_file(session, _unescape(found[1]), _parts(session, found[2]))
    if found := ATTACH.fullmatch(statement):
        return _attach(warehouse, session, _parts(session, found[1]), _unescape(found[2]))
    if found := WRITE.match(statement):
        _refuse_attached(warehouse, _parts(session, found[1]))
    for table, last in TABLE_CHANGES.findall(statement):
        _refuse_version_to_come(session, _parts(session, _unescape(table)), int(last))
    frame = session.sql(statement)
    if found := DROP.fullmatch(statement):
        warehouse.forget(*_parts(session, found[1]))
    return frame


def _load_file(session: SparkSession, path: str, name: tuple[str, str]) -> DataFrame:
    kind = READERS.get(Path(path).suffix.lower())
    if kind is None:
        raise Refusal("UNSUPPORTED_FILE", "0A000", "A .csv, .parquet, .json, .jsonl or .ndjson file can be loaded.")
    if not Path(path).is_file():
        raise Refusal("PATH_NOT_FOUND", "42K03", "There is no such file.")
    reader = session.read.options(header="true", inferSchema="true") if kind == "csv" else session.read
    schema, table = name
    session.sql(f"create schema if not exists {_quote(schema)}")
    quoted = f"{_quote(schema)}.{_quote(table)}"
    writer = reader.format(kind).load(path).write.format("delta").mode("overwrite")
    writer.options(overwriteSchema="true", **{"delta.enableChangeDataFeed": "true"}).saveAsTable(quoted)
    return session.sql(
        f"select count(*) as rows, {_latest_version(session, name)}L as version from {quoted}",
    )


def _attach(warehouse: Warehouse, session: SparkSession, name: tuple[str, str], path: str) -> DataFrame:
    if not (Path(path) / "_delta_log").is_dir():
        raise Refusal("DELTA_MISSING_DELTA_TABLE", "42P01", "There is no Delta table in this directory.")
    warehouse.attach(*name, path)
    return session.sql(f"select {_latest_version(session, name)}L as version")


def _refuse_attached(warehouse: Warehouse, name: tuple[str, str]) -> None:
    if ".".join(name).lower() in warehouse.attached:
        raise Refusal(
            "UNSUPPORTED_FEATURE.TABLE_OPERATION",
            "0A000",
            f"The table {'.'.join(name)} is attached from a directory of others and is not written to.",
        )


def _refuse_version_to_come(session: SparkSession, name: tuple[str, str], last: int) -> None:
    """Open-source Delta takes the latest version where the asked one is yet to come; Databricks refuses it."""
    if not session.catalog.tableExists(f"{_quote(name[0])}.{_quote(name[1])}"):
        return
    latest = _latest_version(session, name)
    if last > latest:
        raise Refusal(
            "DELTA_VERSION_NOT_FOUND",
            "22003",
            f"The end version {last} of the change feed is after the latest version {latest}.",
        )


def _latest_version(session: SparkSession, name: tuple[str, str]) -> int:
    jvm = session._jvm
    schema, table = name
    identifier = jvm.org.apache.spark.sql.catalyst.TableIdentifier(table, jvm.scala.Option.apply(schema))
    log = jvm.org.apache.spark.sql.delta.DeltaLog.forTable(session._jsparkSession, identifier)
    nothing = jvm.scala.Option.empty()
    return log.update(False, nothing, nothing).version()


def _parts(session: SparkSession, name: str) -> tuple[str, str]:
    """Schema and table; a catalog before them leads to the same place."""
    parts = [
        part[1:-1].replace("``", "`") if part.startswith("`") else part
        for part in re.findall(r"`(?:[^`]|``)+`|\w+", name)
    ]
    return (parts[-2] if len(parts) > 1 else session.catalog.currentDatabase(), parts[-1])


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _quote(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
