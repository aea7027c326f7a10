"""Schema of the journal as a list of migrations; ``PRAGMA user_version`` is the number of those applied."""

from __future__ import annotations

APPLICATION_ID = 0x52494A4C
"""``RIJL``, so that a journal is not mistaken for another program's database."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE inspections (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            inspection_id TEXT NOT NULL UNIQUE,
            state TEXT NOT NULL CHECK (state IN
                ('identified', 'capturing', 'judged', 'confirmed', 'hold', 'reported', 'cancelled')),
            revision INTEGER NOT NULL CHECK (revision >= 1),
            started_at TEXT NOT NULL,
            updated_at TEXT NOT NULL,
            data TEXT NOT NULL CHECK (json_valid(data))
        )""",
        "CREATE INDEX inspections_state ON inspections (state)",
        """CREATE TABLE transitions (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            inspection_id TEXT NOT NULL REFERENCES inspections (inspection_id),
            before TEXT NOT NULL,
            after TEXT NOT NULL,
            cause TEXT NOT NULL,
            at TEXT NOT NULL,
            detail TEXT NOT NULL CHECK (json_valid(detail))
        )""",
        "CREATE INDEX transitions_inspection ON transitions (inspection_id)",
        """CREATE TRIGGER transitions_are_never_changed BEFORE UPDATE ON transitions
            BEGIN SELECT RAISE(ABORT, 'transitions are append-only'); END""",
        """CREATE TRIGGER transitions_outlive_their_inspection BEFORE DELETE ON transitions
            WHEN (SELECT state FROM inspections WHERE inspection_id = OLD.inspection_id)
                NOT IN ('reported', 'cancelled')
            BEGIN SELECT RAISE(ABORT, 'transitions are append-only'); END""",
        """CREATE TABLE outbox (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            inspection_id TEXT NOT NULL REFERENCES inspections (inspection_id),
            revision INTEGER NOT NULL,
            body BLOB NOT NULL,
            status TEXT NOT NULL CHECK (status IN ('waiting', 'done', 'dead')),
            attempts INTEGER NOT NULL DEFAULT 0,
            last_error TEXT NOT NULL DEFAULT '',
            created_at TEXT NOT NULL,
            finished_at TEXT,
            UNIQUE (inspection_id, revision)
        )""",
        "CREATE INDEX outbox_status ON outbox (status)",
        "CREATE TABLE memory (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID",
    ),
    (
        # A report that is held is not sent yet, so that the worker may still take the decision back.
        "ALTER TABLE outbox ADD COLUMN held INTEGER NOT NULL DEFAULT 0",
        """CREATE TABLE labels (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            inspection_id TEXT NOT NULL REFERENCES inspections (inspection_id),
            revision INTEGER NOT NULL,
            copy INTEGER NOT NULL CHECK (copy >= 1),
            status TEXT NOT NULL CHECK (status IN ('held', 'owed', 'sending', 'printed', 'unsure', 'failed')),
            created_at TEXT NOT NULL,
            finished_at TEXT,
            UNIQUE (inspection_id, revision, copy)
        )""",
        "CREATE INDEX labels_status ON labels (status)",
    ),
    (
        # What each shift did, counted as it happens; see shift_book.
        "CREATE TABLE shifts (number INTEGER PRIMARY KEY AUTOINCREMENT, started_at TEXT NOT NULL)",
        """CREATE TABLE tally (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            shift INTEGER NOT NULL REFERENCES shifts (number),
            at TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('decision', 'refusal')),
            inspection_id TEXT NOT NULL,
            worker TEXT NOT NULL,
            disposition TEXT NOT NULL,
            overridden INTEGER NOT NULL,
            reason TEXT NOT NULL CHECK (json_valid(reason)),
            worked_s REAL NOT NULL
        )""",
        "CREATE INDEX tally_shift ON tally (shift)",
        "CREATE INDEX tally_inspection ON tally (inspection_id)",
    ),
)
