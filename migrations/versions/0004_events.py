"""Add what shoppers chose: the searches that something was chosen from, and what was chosen."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_text_key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "event_queries",
        sa.Column("id", _text_key, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("is_steered", sa.Boolean, nullable=False),
        sa.Column("product_id", _text_key),
        sa.Column("fingerprint", sa.String(64)),
        sa.Column("embedding", sa.LargeBinary),
        sa.CheckConstraint(
            "(product_id IS NULL) = (embedding IS NOT NULL) AND (fingerprint IS NULL) = (embedding IS NULL)",
            name=op.f("ck_event_queries_asked_with"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_queries")),
    )
    op.create_index(op.f("ix_event_queries_day_id"), "event_queries", ["day", "id"])
    op.create_table(
        "events",
        sa.Column("query_id", _text_key, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("product_id", _text_key, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.CheckConstraint("type IN ('select', 'add_to_cart')", name=op.f("ck_events_type")),
        sa.ForeignKeyConstraint(
            ["query_id"], ["event_queries.id"], name=op.f("fk_events_query_id_event_queries"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("query_id", "type", "product_id", name=op.f("pk_events")),
    )


def downgrade() -> None:
    op.drop_table("events")
    op.drop_table("event_queries")
