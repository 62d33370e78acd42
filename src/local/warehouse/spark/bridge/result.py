"""A DataFrame as columns of plain Arrow types: what has no plain type travels as text or as a number."""

from __future__ import annotations

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

PLAIN = (
    T.BooleanType,
    T.ByteType,
    T.ShortType,
    T.IntegerType,
    T.LongType,
    T.FloatType,
    T.DoubleType,
    T.StringType,
    T.BinaryType,
)


def columns_of(frame: DataFrame) -> list[dict[str, str]]:
    return [{"name": field.name, "type": field.dataType.simpleString()} for field in frame.schema.fields]


def arrow_of(frame: DataFrame) -> pa.Table:
    """Runs the statement; rows stay in its order. Dates as days and timestamps as microseconds since 1970 UTC."""
    types = [field.dataType for field in frame.schema.fields]
    numbered = frame.toDF(*[f"c{at}" for at in range(len(types))])
    return numbered.select([_plain(f"c{at}", kind).alias(f"c{at}") for at, kind in enumerate(types)]).toArrow()


def _plain(name: str, kind: T.DataType) -> Column:
    column = F.col(name)
    if isinstance(kind, PLAIN):
        return column
    if isinstance(kind, T.DateType):
        return F.unix_date(column)
    if isinstance(kind, T.TimestampType):
        return F.unix_micros(column)
    if isinstance(kind, T.TimestampNTZType):
        return F.expr(f"timestampdiff(MICROSECOND, timestamp_ntz'1970-01-01 00:00:00', {name})")
    if isinstance(kind, (T.ArrayType, T.MapType, T.StructType)):
        return F.to_json(column, {"ignoreNullFields": "false"})
    if isinstance(kind, T.VariantType):
        return F.to_json(column)
    return column.cast("string")
