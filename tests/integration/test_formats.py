"""Formats by their bytes: pictures of each kind, as the programs that people use write them, and PDFs with locks; what the client is
told, and what the database holds.

Should turn red, not tried: type_allowed that compares names alone (heic); content_check without its look at locks; upload_record without the three.
"""
import pathlib
import re
import struct

import pytest

from finqenv.client import Document
from finqenv.places import ROOT
from finqenv.uploads import PICTURES, Desk, padded

PICTURE = re.compile(r"(\w+)-[\w-]+_(\d+)x(\d+)_(\d)\.\w+")
FILES = {file.name: file for file in sorted((ROOT / "tests/unit/data/pictures").glob("*_*"))}
PAPERS = {file.name: file for file in sorted((ROOT / "tests/unit/data/papers").glob("*.pdf"))}


@pytest.fixture(scope="module")
def desk(server):
    return Desk(server)


@pytest.fixture
def user(desk):
    return desk.user()


def of(name, media_type=None):
    """A file, with the type that its name says, or another."""
    return Document(name, media_type or f"image/{PICTURE.fullmatch(name)[1]}", FILES[name].read_bytes())


def named(kind):
    return next(name for name in FILES if name.startswith(f"{kind}-"))


def refused(desk, user, answer, before, code="unsupported_media_type"):
    assert (answer.status, answer.code) == (415, code), answer.body
    assert desk.held(user.step_id) == before
    assert user.upload("picture", of(named("png"))).status == 200, "the nonce still works"


@pytest.mark.parametrize("name", FILES)
def test_a_picture_tells_its_type_size_and_turn(desk, user, name):
    media_type, width, height, orientation = PICTURE.fullmatch(name).groups()
    answer = user.upload("picture", of(name))
    told = {"media_type": f"image/{media_type}", "width": int(width), "height": int(height), "orientation": int(orientation)}
    assert answer.status == 200 and answer.json.items() >= told.items(), answer.body
    row = desk.installation.psql(f"SELECT media_type, width, height, orientation FROM finq.upload WHERE upload_id = '{answer['upload_id']}'")
    assert row == f"image/{media_type}|{width}|{height}|{orientation}"
    shown = desk.installation.finqctl("session", "show", user.session_id)["steps"][0]["uploads"][0]
    assert shown.items() >= told.items()


def test_there_is_one_of_each_kind():
    assert {f"image/{PICTURE.fullmatch(name)[1]}" for name in FILES} == set(PICTURES)


def test_what_says_no_size_has_none(desk, user):
    answer = user.upload("picture", Document("x.jpg", "image/jpeg", b"\xff\xd8\xff\xe0\x00\x10JFIF\0" + bytes(200)))
    assert answer.status == 200 and "width" not in answer.json and answer["orientation"] == 1
    assert desk.installation.psql("SELECT width IS NULL AND height IS NULL AND orientation = 1 FROM finq.upload"
                                  f" WHERE upload_id = '{answer['upload_id']}'") == "t"


def saying(kind, width, height):
    """A picture whose head says another size."""
    content = bytearray(FILES[named(kind)].read_bytes())
    at, form = (16, ">II") if kind == "png" else (content.index(b"\xff\xc0") + 5, ">HH")
    struct.pack_into(form, content, at, *((width, height) if kind == "png" else (height, width)))
    return Document(f"x.{kind}", f"image/{kind}", bytes(content))


@pytest.mark.parametrize("as_form", [False, True])
@pytest.mark.parametrize("kind, width, height, taken", [("png", 60000, 60000, False), ("jpeg", 60000, 60000, False), ("png", 10000, 10001, False),
                                                        ("png", 2**31 - 1, 2**31 - 1, False), ("png", 2**31, 1, False),
                                                        ("png", 2**32 - 1, 2**32 - 1, False), ("png", 10000, 10000, True), ("jpeg", 50000, 2000, True)])
def test_a_picture_has_so_many_pixels(desk, user, kind, width, height, taken, as_form):
    """As its head says. Red without pixels_check, where it multiplies in 32 bits, and in 64 what is no int."""
    before = desk.held(user.step_id)
    answer = user.upload("picture", saying(kind, width, height), form=as_form)
    if taken:
        assert answer.status == 200 and (answer["width"], answer["height"]) == (width, height)
    else:
        assert f"picture has {width} x {height} pixels; it may have 100 million" in answer["message"]
        refused(desk, user, answer, before, "unsafe_document")


@pytest.mark.parametrize("hidden", [b"\xff\xe0\0\2x", b"\xff" * 5000, b"\xff\xe0\0\2" * 5000], ids=["a stray byte", "fill", "segments"])
def test_a_frame_behind_what_decoders_pass_over(desk, user, hidden):
    content = saying("jpeg", 60000, 60000).content
    assert user.upload("picture", Document("x.jpg", "image/jpeg", content[:2] + hidden + content[2:])).code == "unsafe_document"


@pytest.mark.parametrize("before", [0, 5000])
def test_a_size_behind_many_entries(desk, user, before):
    """Red: pixels_check that does not ask whether a picture is unread."""
    entries = [(254, 4, 1, 0)] * before + [(256, 4, 1, 60000), (257, 4, 1, 60000)]
    content = b"MM\0*" + struct.pack(">IH", 8, len(entries)) + b"".join(struct.pack(">HHII", *entry) for entry in entries)
    held = desk.held(user.step_id)
    answer = user.upload("picture", Document("x.tiff", "image/tiff", content))
    assert ("its size cannot be told" if before else "60000 x 60000") in answer["message"]
    refused(desk, user, answer, held, "unsafe_document")


def test_a_later_page_is_too_large(desk, user):
    """Of two, the first is what is told of a TIFF. Red: pixels_check that looks at the first."""
    pages, held = [(10, 7), (60000, 60001)], desk.held(user.step_id)
    content = b"MM\0*" + struct.pack(">I", 8) + b"".join(
        struct.pack(">HHHIIHHIII", 2, 256, 4, 1, width, 257, 4, 1, height, behind) for (width, height), behind in zip(pages, (38, 0)))
    answer = user.upload("picture", Document("x.tiff", "image/tiff", content))
    assert "picture has 60000 x 60001 pixels" in answer["message"]
    refused(desk, user, answer, held, "unsafe_document")
    answer = user.upload("picture", Document("x.tiff", "image/tiff", content.replace(struct.pack(">I", 60000), struct.pack(">I", 1000))))
    assert answer.status == 200 and (answer["width"], answer["height"]) == (10, 7)


def test_a_host_takes_larger_ones(desk, make_server, server):
    own = Desk(make_server(cluster=server.postgres, database="megapixels", directives={"FinqMaxMegapixels": "3600"}))
    assert own.user().upload("picture", saying("png", 60000, 60000)).status == 200
    assert own.user().upload("picture", saying("png", 2**31, 1)).code == "unsafe_document", "of whatever size, no decoder takes it"


def test_a_paper_has_neither(desk, user):
    answer = user.upload("paper", padded(2000))
    assert answer.status == 200 and not {"width", "height", "orientation"} & set(answer.json)


@pytest.mark.parametrize("claimed", ["", "application/octet-stream", "image/*"])
@pytest.mark.parametrize("kind", ["heic", "avif", "webp", "tiff"])
def test_the_bytes_decide_where_nothing_is_claimed(user, kind, claimed):
    assert user.upload("picture", of(named(kind), claimed))["media_type"] == f"image/{kind}"


# -- declared, recognised and listed

@pytest.mark.parametrize("claimed", ["image/jpeg", "image/png", "image/webp", "image/avif", "image/tiff", "application/pdf", "image/gif"])
@pytest.mark.parametrize("kind", ["heic", "avif", "webp", "tiff"])
def test_another_type_than_is_claimed_is_refused(desk, user, kind, claimed):
    if claimed == f"image/{kind}":
        return
    before = desk.held(user.step_id)
    refused(desk, user, user.upload("picture", of(named(kind), claimed)), before)


@pytest.mark.parametrize("kind", ["heic", "avif", "webp", "tiff"])
def test_another_type_than_is_asked_for_is_refused(desk, user, kind):
    for claimed in (None, "application/octet-stream"):
        before = desk.held(user.step_id)
        refused(desk, user, user.upload("photo", of(named(kind), claimed)), before)


@pytest.mark.parametrize("document, kind, claimed, taken", [
    ("heif", "heic", "image/heic", True), ("heif", "heic", "image/heif", True), ("heif", "heif", "image/heif", True),
    ("heic", "heic", "image/heif", True), ("heic", "heif", "image/heif", False), ("heic", "heif", "image/heic", False),
    ("heif", "heif", "image/heic", False), ("heif", "avif", "image/heif", False)])
def test_a_heic_is_a_heif_and_not_the_other_way_round(desk, user, document, kind, claimed, taken):
    before = desk.held(user.step_id)
    answer = user.upload(document, of(named(kind), claimed))
    if taken:
        assert answer.status == 200 and answer["media_type"] == f"image/{kind}"
    else:
        refused(desk, user, answer, before)


# -- locks

@pytest.mark.parametrize("as_form", [False, True])
@pytest.mark.parametrize("name", PAPERS)
def test_papers_that_nobody_can_open_are_refused(desk, user, name, as_form):
    before = desk.held(user.step_id)
    answer = user.upload("paper", Document(name, "application/pdf", pathlib.Path(PAPERS[name]).read_bytes()), form=as_form)
    if name.startswith("locked"):
        refused(desk, user, answer, before, "password_protected")
    else:
        assert answer.status == 200 and answer["media_type"] == "application/pdf"
