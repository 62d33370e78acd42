"""The Postgres table that the job writes, and how it is reached."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg2
from psycopg2 import sql

KEY = "customer_id"
# What the MERGE carries: the two timestamps at the end are the commit's and the record's own.
COLUMNS = (
    KEY,
    "full_name",
    "email",
    "segment",
    "last_purchase_date",
    "total_spend",
    "propensity_score",
    "_commit_timestamp",
    "created_at",
)
# A matched row takes these; created_at stays as it was inserted.
UPDATED = COLUMNS[1:-1]
LOADED = tuple(name for name in COLUMNS if name != "_commit_timestamp")


@dataclass(frozen=True)
class Target:
    host: str
    port: int
    database: str
    user: str
    password: str
    schema: str
    table: str

    @property
    def name(self) -> sql.Identifier:
        return sql.Identifier(self.schema, self.table)

    @property
    def jdbc_url(self) -> str:
        return f"jdbc:postgresql://{self.host}:{self.port}/{self.database}"

    @property
    def jdbc_properties(self) -> dict[str, str]:
        return {"user": self.user, "password": self.password, "driver": "org.postgresql.Driver"}

    def execute(self, statement: sql.Composable, parameters: list) -> None:
        """One statement in one transaction, over a connection of its own."""
        connection = psycopg2.connect(
            host=self.host,
            port=self.port,
            dbname=self.database,
            user=self.user,
            password=self.password,
            options="-c timezone=UTC",
        )
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute(statement, parameters)
        finally:
            connection.close()


def merge_statement(target: Target, rows: int) -> sql.Composed:
    """One MERGE whose source is a VALUES list with a placeholder for every cell of every row."""
    row = f"({', '.join(['%s'] * len(COLUMNS))})"
    return sql.SQL(
        "merge into {table} as t using (values {rows}) as s ({columns}) on t.{key} = s.{key}"
        " when matched and (t._commit_timestamp is null or s._commit_timestamp >= t._commit_timestamp)"
        " then update set {assignments}, updated_at = now()"
        " when not matched then insert ({columns}, updated_at) values ({values}, now())"
    ).format(
        table=target.name,
        key=sql.Identifier(KEY),
        rows=sql.SQL(", ".join([row] * rows)),
        columns=sql.SQL(", ").join(map(sql.Identifier, COLUMNS)),
        values=sql.SQL(", ").join(sql.Identifier("s", name) for name in COLUMNS),
        assignments=sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Identifier("s", name)) for name in UPDATED
        ),
    )


def delete_statement(target: Target) -> sql.Composed:
    return sql.SQL("delete from {} where {} = any(%s)").format(target.name, sql.Identifier(KEY))
