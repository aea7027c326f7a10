"""What a hub took in before it had a ledger is entered when its schema is updated; and merchants stay apart."""

from __future__ import annotations

import json
from uuid import UUID

import sqlalchemy as sa
from alembic import command

from inspection.hub.accounts.tokens import Scope, grant, merchant_id, new_token
from inspection.hub.config import HubConfig
from inspection.hub.database import Database, _alembic
from inspection.hub.embedded_postgres import EmbeddedPostgres
from inspection.hub.evidence import checking
from inspection.hub.evidence.log import open_log
from inspection.hub.evidence.sequencer import sequence_all
from inspection.hub.schema import merchants
from tests.hub.conftest import RunningHub
from tests.hub.evidence.conftest import deliver, sequence_now
from tests.hub.reports import picture, png, report

INSPECTION = sa.text(
    """
    INSERT INTO inspections (merchant_id, inspection_id, revision, station_id, rma, gtin, serial, disposition, grade,
        decided_by, confirmed_at, received_via, evidence_hash, report)
    SELECT :merchant, :id, 1, 'station-07', :rma, :gtin, :serial, 'resell', 'open_box', 'policy', :confirmed_at, id,
        :evidence_hash, CAST(:report AS jsonb)
    FROM access_tokens
    """
)


def insert(connection: sa.Connection, merchant: UUID, body: dict[str, object]) -> None:
    item = body["item"]
    assert isinstance(item, dict)
    values = {
        "merchant": merchant,
        "id": body["inspection_id"],
        "rma": body["rma"],
        "gtin": item["gtin"],
        "serial": item["serial"],
        "confirmed_at": body["confirmed_at"],
        "evidence_hash": body["evidence_hash"],
        "report": json.dumps(body),
    }
    connection.execute(INSPECTION, values)


def test_what_was_there_before_the_ledger_is_entered(postgres: EmbeddedPostgres, running: RunningHub) -> None:
    postgres.ensure_database("test_before_ledger")
    database = Database(postgres.dsn("test_before_ledger"))
    with database.transaction() as connection:
        config = _alembic()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    bodies = [report(pictures=[picture(png(number))]) for number in range(3)]
    with database.transaction() as connection:
        merchant = merchant_id(connection)
        for statement in (
            "INSERT INTO stations (merchant_id, station_id) SELECT id, 'station-07' FROM merchants",
            "INSERT INTO access_tokens (merchant_id, scope, label, token_sha256) "
            "SELECT id, 'station', 't', repeat('0', 64) FROM merchants",
        ):
            connection.execute(sa.text(statement))
        for body in bodies:
            insert(connection, merchant, body)
            values = {"merchant": merchant, "id": body["inspection_id"], "sha256": body["pictures"][0]["sha256"]}
            connection.execute(
                sa.text("INSERT INTO inspection_images VALUES (:merchant, :id, 1, 0, 'top', :sha256)"), values
            )
            connection.execute(sa.text("INSERT INTO images VALUES (:merchant, :sha256, 90, 'image/png', 4, 3)"), values)
    database.migrate()
    log = open_log(HubConfig(data_dir=running.hub.config.data_dir))
    assert sequence_all(database, log) == 6
    with database.transaction() as connection:
        walk = checking.Walk(merchant)
        assert [each.line() for each in checking.check(connection, walk, log, None)] == []
        assert walk.leaves == 6
    database.close()


def test_a_merchant_sees_its_own_log_only(running: RunningHub) -> None:
    token = new_token(Scope.ADMIN)
    with running.hub.database.transaction() as connection:
        other = connection.execute(merchants.insert().values(name="other").returning(merchants.c.id)).scalar_one()
        grant(connection, other, token, Scope.ADMIN, "other")
    with running.client(running.station_token) as station, running.client(token) as stranger:
        body = deliver(station, seed=1)
        sequence_now(running)
        query = {"inspection_id": str(body["inspection_id"]), "revision": 1}
        assert stranger.get("/v1/evidence/proof", params=query).json()["code"] == "evidence.unknown"
        assert stranger.get("/v1/evidence/checkpoint").status_code == 404
        assert stranger.get("/v1/evidence/leaves").json()["leaf_hashes"] == []
        deliver(stranger, seed=2)
        sequence_now(running)
        assert str(other) in stranger.get("/v1/evidence/checkpoint").text
        assert stranger.get("/v1/evidence/leaves").json()["size"] == 2
