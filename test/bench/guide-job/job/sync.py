"""The guide's two steps: a load of the whole table by JDBC, then its change feed by Structured Streaming."""

from __future__ import annotations

from collections.abc import Callable

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql.functions import col, row_number
from target import COLUMNS, KEY, LOADED, Target, delete_statement, merge_statement

# Called at named points of a batch, so that a caller may stop or hold the job there.
At = Callable[[str], None]


def load(spark: SparkSession, source: str, target: Target, as_printed: bool, batched: bool) -> None:
    """
    Overwrites the target. As printed, Spark drops it and makes another one of the source's columns; otherwise the
    table that was prepared is emptied and filled. `batched` is a setting of the driver that the guide leaves off.
    """
    frame = spark.read.format("delta").load(source)
    properties = target.jdbc_properties
    if batched:
        properties["reWriteBatchedInserts"] = "true"
    writer = frame.write if as_printed else frame.select(*LOADED).write.option("truncate", "true")
    table = f'"{target.schema}"."{target.table}"'
    writer.jdbc(url=target.jdbc_url, table=table, mode="overwrite", properties=properties)


def follow(
    spark: SparkSession, source: str, target: Target, checkpoint: str, after: int | None, at: At
) -> list[BaseException]:
    """
    Applies all changes that there are, from the checkpoint on. Without a checkpoint it begins behind version `after`,
    or where that is None, as printed, with the whole table as inserts. Returns what made the job fail.
    """
    failures: list[BaseException] = []

    def write(changes: DataFrame, _batch: int) -> None:
        try:
            write_batch(changes, target, at)
        except BaseException as thrown:
            failures.append(thrown)
            raise

    reader = spark.readStream.format("delta").option("readChangeFeed", "true")
    if after is not None:
        reader = reader.option("startingVersion", str(after + 1))
    stream = reader.load(source).writeStream.foreachBatch(write).option("checkpointLocation", checkpoint)
    query = stream.trigger(availableNow=True).start()
    try:
        query.awaitTermination()
    except Exception as thrown:
        failures.append(thrown)
    return failures


def write_batch(changes: DataFrame, target: Target, at: At) -> None:
    # The job prints how many rows came, which reads them once more.
    changes.count()
    newest_first = Window.partitionBy(KEY).orderBy(col("_commit_version").desc(), col("_commit_timestamp").desc())
    net = (
        changes.filter(col("_change_type") != "update_preimage")
        .withColumn("_rank", row_number().over(newest_first))
        .filter(col("_rank") == 1)
    )
    arrivals = net.filter(col("_change_type") != "delete").select(*COLUMNS).collect()
    at("before_merge")
    if arrivals:
        cells = [cell for row in arrivals for cell in row]
        target.execute(merge_statement(target, len(arrivals)), cells)
    departures = [row[KEY] for row in net.filter(col("_change_type") == "delete").select(KEY).collect()]
    if departures:
        target.execute(delete_statement(target), [departures])
    at("before_checkpoint")
