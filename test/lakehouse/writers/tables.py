"""
Writes Delta tables as another application does: by the builder API and by structured streaming. Each line of standard
input names a step; a line of standard output says that it is done. The process ends with its input.

    python tables.py <directory> <jars of Delta>
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from delta.tables import DeltaTable, IdentityGenerator
from pyspark.sql import SparkSession

SETTINGS = {
    "spark.master": "local[1]",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1",
    "spark.sql.session.timeZone": "Asia/Kathmandu",
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.shuffle.partitions": "1",
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.databricks.delta.properties.defaults.enableChangeDataFeed": "true",
}


class Writer:
    def __init__(self, directory: str, jars: str):
        self._place = Path(directory)
        builder = SparkSession.builder.config("spark.jars", jars)
        builder = builder.config("spark.local.dir", directory).config("spark.sql.warehouse.dir", f"{directory}/none")
        for name, value in SETTINGS.items():
            builder = builder.config(name, value)
        self._spark = builder.getOrCreate()
        self._spark.sparkContext.setLogLevel("OFF")
        self._files = 0

    def generated(self) -> None:
        table = DeltaTable.create(self._spark).location(self._path("generated"))
        table = table.addColumn("n", "int", nullable=False).addColumn("at", "timestamp")
        table = table.addColumn("day", "date", generatedAlwaysAs="cast(at as date)")
        table.addColumn("text", "string", generatedAlwaysAs="concat('n', n)").partitionedBy("day").execute()
        self._sql("insert into {generated} (n, at) values (1, timestamp'2024-02-29 01:02:03'), (2, null)")

    def change_generated(self) -> None:
        self._sql("update {generated} set at = timestamp'1900-01-01 00:00:00' where n = 1")
        self._sql("update {generated} set n = n + 10 where n = 2")
        self._sql("insert into {generated} (n, at) values (3, timestamp'2024-12-31 23:59:59.999999')")

    def identity(self) -> None:
        table = DeltaTable.create(self._spark).location(self._path("identity"))
        table = table.addColumn("id", "bigint", generatedAlwaysAs=IdentityGenerator(start=-5, step=3))
        table = table.addColumn("number", "bigint", generatedByDefaultAs=IdentityGenerator())
        table.addColumn("v", "string").execute()
        self._sql("insert into {identity} (v) select concat('v', id) from range(4)")

    def change_identity(self) -> None:
        self._sql(
            """merge into {identity} as t using (select * from values ('v1', 7L), ('new', 8L) as s(v, number)) as s
            on t.v = s.v when matched then update set t.v = 'changed'
            when not matched then insert (v, number) values (s.v, s.number)"""
        )
        self._sql("delete from {identity} where v = 'v2'")
        self._sql("insert into {identity} (v) values ('last')")

    def stream(self) -> None:
        """Three files, each a micro-batch of its own: as appended rows, and as counts that each batch writes anew."""
        for _ in range(3):
            self._files += 1
            rows = [{"id": 10 * self._files + at, "kind": f"k{(self._files + at) % 4}"} for at in range(5)]
            Path(self._path("arriving")).mkdir(exist_ok=True)
            file = Path(self._path("arriving")) / f"{self._files}.json"
            file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        reader = self._spark.readStream.schema("id bigint, kind string").option("maxFilesPerTrigger", 1)
        arriving = reader.json(self._path("arriving"))
        self._run(arriving, "append", "appended")
        self._run(arriving.groupBy("kind").count(), "complete", "counted")

    def _run(self, frame, mode: str, name: str) -> None:
        writer = frame.writeStream.format("delta").outputMode(mode).trigger(availableNow=True)
        writer.option("checkpointLocation", self._path(f"checkpoint-{name}")).start(self._path(name)).awaitTermination()

    def _path(self, name: str) -> str:
        return str(self._place / name)

    def _sql(self, statement: str) -> None:
        tables = {name: f"delta.`{self._path(name)}`" for name in ("generated", "identity")}
        self._spark.sql(statement.format(**tables))


def main(directory: str, jars: str) -> None:
    writer = Writer(directory, jars)
    for line in sys.stdin:
        getattr(writer, line.strip())()
        print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
