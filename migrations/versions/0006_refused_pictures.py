"""What the last import and the last reindex refused, so that it can be looked at after they have ended."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "import_reports",
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refused", _json, nullable=False),
        sa.CheckConstraint("run IN ('import', 'reindex')", name=op.f("ck_import_reports_run")),
        sa.PrimaryKeyConstraint("run", name=op.f("pk_import_reports")),
    )
    op.create_table(
        "refused_pictures",
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("product_id", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("kept", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("run", "number", name=op.f("pk_refused_pictures")),
    )


def downgrade() -> None:
    op.drop_table("refused_pictures")
    op.drop_table("import_reports")
