import hashlib
import io

import pytest
from django.test import RequestFactory

from battery_db.lib.byte_ranges import ranged_response

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def ask(**headers):
    request = RequestFactory().get("/shard", headers=headers)
    return ranged_response(
        request, io.BytesIO(CONTENT), size=len(CONTENT), sha256=SHA256, content_type="x/y"
    )


def test_without_a_range_the_whole_file_comes_with_its_hash_as_etag():
    response = ask()

    assert response.status_code == 200
    assert response.getvalue() == CONTENT
    assert response["ETag"] == f'"{SHA256}"'


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-9", 0, 9),
        ("bytes=10000-", 10000, 10239),
        ("bytes=-5", 10235, 10239),
        ("bytes=5-99999", 5, 10239),
    ],
)
def test_a_range_is_answered_with_those_bytes(asked, first, last):
    response = ask(range=asked)

    assert response.status_code == 206
    assert response.getvalue() == CONTENT[first : last + 1]
    assert response["Content-Range"] == f"bytes {first}-{last}/{len(CONTENT)}"


@pytest.mark.parametrize("asked", ["bytes=10240-", "bytes=-0", "bytes=9-3"])
def test_a_range_that_can_not_be_met_is_416_with_the_size(asked):
    response = ask(range=asked)

    assert response.status_code == 416
    assert response["Content-Range"] == "bytes */10240"


def test_a_known_etag_is_not_sent_again():
    assert ask(if_none_match=f'"{SHA256}"').status_code == 304


def test_a_stale_if_range_gets_the_whole_file():
    response = ask(range="bytes=0-9", if_range='"other"')

    assert response.status_code == 200
    assert response.getvalue() == CONTENT


@pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "rows=0-1", "bytes=-"])
def test_what_is_no_single_byte_range_gets_the_whole_file(asked):
    assert ask(range=asked).status_code == 200
