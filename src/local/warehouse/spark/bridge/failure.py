"""What Spark threw, as error class, SQLSTATE and text."""

from __future__ import annotations

from py4j.java_gateway import is_instance_of
from py4j.protocol import Py4JJavaError
from pyspark import SparkContext
from pyspark.errors import PySparkException


class Refusal(Exception):
    """A failure of the bridge's own, in the form of Spark's."""

    def __init__(self, condition: str, sql_state: str, message: str):
        super().__init__(message)
        self.condition = condition
        self.sql_state = sql_state


def describe(thrown: BaseException) -> dict[str, str]:
    if isinstance(thrown, Refusal):
        return _failure(thrown.condition, thrown.sql_state, str(thrown))
    java = _java_exception(thrown)
    while java is not None:
        if _is_spark_throwable(java) and java.getCondition() is not None:
            return _failure(java.getCondition(), java.getSqlState(), java.getMessage())
        java = java.getCause()
    if isinstance(thrown, PySparkException) and thrown.getCondition():
        return _failure(thrown.getCondition(), thrown.getSqlState(), thrown.getMessage())
    return _failure("INTERNAL_ERROR", "XX000", f"{type(thrown).__name__}: {thrown}")


def _java_exception(thrown: BaseException):
    if isinstance(thrown, Py4JJavaError):
        return thrown.java_exception
    return getattr(thrown, "_origin", None)


def _is_spark_throwable(java) -> bool:
    gateway = SparkContext._gateway
    return is_instance_of(gateway, java, "org.apache.spark.SparkThrowable")


def _failure(condition: str, sql_state: str | None, message: str) -> dict[str, str]:
    return {"errorClass": condition, "sqlState": sql_state or "XX000", "message": message}
