"""
Create the catalogue: products, their images, those that went, and the counter of revisions.

Types are written out here, not imported from `app.db.tables`: a migration stays what it was.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_product_id = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_image_id = sa.String(16).with_variant(sa.String(16, collation="C"), "postgresql")
_json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_price = sa.Numeric(14, 4).with_variant(sa.BigInteger(), "sqlite")
_moment = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_products()
    _create_product_images()
    _create_former_images()
    state = op.create_table(
        "catalogue_state",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_catalogue_state_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_state")),
    )
    op.bulk_insert(state, [{"id": 1, "revision": 0}])


def _create_products() -> None:
    op.create_table(
        "products",
        sa.Column("id", _product_id, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("category", sa.Text),
        sa.Column("brand", sa.Text),
        sa.Column("price", _price),
        sa.Column("currency", sa.String(3)),
        sa.Column("url", sa.Text),
        sa.Column("attributes", _json, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("created_at", _moment, nullable=False),
        sa.Column("updated_at", _moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_products")),
    )
    op.create_index(op.f("ix_products_category_id"), "products", ["category", "id"])


def _create_product_images() -> None:
    op.create_table(
        "product_images",
        sa.Column("id", _image_id, nullable=False),
        sa.Column("product_id", _product_id, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("location", sa.Text, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("width_px", sa.Integer, nullable=False),
        sa.Column("height_px", sa.Integer, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("fk_product_images_product_id_products"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_images")),
    )
    op.create_index(op.f("ix_product_images_product_id_position"), "product_images", ["product_id", "position"])
    op.create_index(op.f("ix_product_images_sha256"), "product_images", ["sha256"])


def _create_former_images() -> None:
    op.create_table(
        "former_images",
        sa.Column("id", _image_id, nullable=False),
        sa.Column("product_id", _product_id, nullable=False),
        sa.Column("image", _json, nullable=False),
        sa.Column("product", _json, nullable=False),
        sa.Column("retired_revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_former_images")),
    )
    op.create_index(op.f("ix_former_images_product_id"), "former_images", ["product_id"])


def downgrade() -> None:
    op.drop_table("former_images")
    op.drop_table("catalogue_state")
    op.drop_table("product_images")
    op.drop_table("products")
