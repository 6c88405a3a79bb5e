#!/usr/bin/python3
"""make schema: draws sql/schema.sql from a database with the migrations in it."""
from finqenv import schema
from finqenv.process import main


def draw():
    with schema.throw_away() as psql:
        schema.PICTURE.write_text(schema.picture(psql))
    print(f"{schema.PICTURE.relative_to(schema.ROOT)} is drawn")


main(draw, "make schema")
