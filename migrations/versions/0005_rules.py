"""Let the shop say what searches show: rules that pin, bury and hide products."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_text_key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "rules",
        sa.Column("id", _text_key, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("products", _json, nullable=False),
        sa.Column("category", sa.Text),
        sa.Column("position", sa.Integer),
        sa.Column("starts_at", _moment),
        sa.Column("ends_at", _moment),
        sa.Column("note", sa.Text),
        sa.Column("created_at", _moment, nullable=False),
        sa.CheckConstraint("action IN ('pin', 'bury', 'hide')", name=op.f("ck_rules_action")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rules")),
    )


def downgrade() -> None:
    op.drop_table("rules")
