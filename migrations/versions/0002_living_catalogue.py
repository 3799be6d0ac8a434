"""
Let the catalogue live: moments and availability of products, addresses of pictures, live changes, fetches and jobs.

Images that went are not kept any more, since snapshots have their products in them. The way back makes their table
again, empty: a snapshot that the first release can open misses those it showed.

Columns are added and dropped without Alembic's batch mode: SQLite does both in place since 3.35, which the code needs
anyhow (RETURNING), and copies no row.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_text_key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_image_id = sa.String(16).with_variant(sa.String(16, collation="C"), "postgresql")
_json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("products", sa.Column("availability", sa.Text))
    op.add_column("products", sa.Column("stated_at", _moment))
    op.add_column("product_images", sa.Column("address", sa.Text))
    op.add_column(
        "catalogue_state", sa.Column("folded_revision", sa.BigInteger, nullable=False, server_default=sa.text("0"))
    )
    _create_live_changes()
    _create_fetched_pictures()
    _create_jobs()
    op.drop_table("former_images")


def _create_live_changes() -> None:
    op.create_table(
        "live_changes",
        sa.Column("product_id", _text_key, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("record", _json),
        sa.Column("stated_at", _moment),
        sa.PrimaryKeyConstraint("product_id", name=op.f("pk_live_changes")),
    )
    op.create_index(op.f("ix_live_changes_revision"), "live_changes", ["revision"])


def _create_fetched_pictures() -> None:
    op.create_table(
        "fetched_pictures",
        sa.Column("address", _text_key, nullable=False),
        sa.Column("etag", sa.Text),
        sa.Column("last_modified", sa.Text),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("fetched_at", _moment, nullable=False),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_fetched_pictures")),
    )


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", _text_key, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("params", _json, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("phase", sa.Text),
        sa.Column("total", sa.BigInteger),
        sa.Column("done", sa.BigInteger, nullable=False),
        sa.Column("refused", _json, nullable=False),
        sa.Column("rate", sa.Double),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("max_attempts", sa.Integer, nullable=False),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("lease_owner", sa.Text),
        sa.Column("lease_until", _moment),
        sa.Column("heartbeat_at", _moment),
        sa.Column("created_at", _moment, nullable=False),
        sa.Column("started_at", _moment),
        sa.Column("finished_at", _moment),
        sa.Column("error", _json),
        sa.Column("result", _json),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name=op.f("ck_jobs_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    active = sa.text("state IN ('queued', 'running')")
    op.create_index(
        op.f("uq_jobs_active_kind"), "jobs", ["kind"], unique=True, sqlite_where=active, postgresql_where=active
    )


def downgrade() -> None:
    op.create_table(
        "former_images",
        sa.Column("id", _image_id, nullable=False),
        sa.Column("product_id", _text_key, nullable=False),
        sa.Column("image", _json, nullable=False),
        sa.Column("product", _json, nullable=False),
        sa.Column("retired_revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_images")),
    )
    op.create_index(op.f("ix_former_images_product_id"), "former_images", ["product_id"])
    op.drop_table("jobs")
    op.drop_table("fetched_pictures")
    op.drop_table("live_changes")
    op.drop_column("catalogue_state", "folded_revision")
    op.drop_column("product_images", "address")
    op.drop_column("products", "stated_at")
    op.drop_column("products", "availability")
