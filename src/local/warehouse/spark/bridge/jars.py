"""Brings jars by Spark's own resolver into a folder, and prints their paths, separated by commas."""

import sys

from pyspark.sql import SparkSession


def main(folder: str, packages: str) -> None:
    builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
    spark = builder.config("spark.jars.ivy", folder).config("spark.jars.packages", packages).getOrCreate()
    print(spark.sparkContext.getConf().get("spark.jars"))
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
