"""Paths as text: reversible, storable, readable."""

import os

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from battery_db.lib.names import to_path, to_text, without_escapes


@given(st.binary())
@example(b"\\x41 \\n \\\\")
@example("🔋\u200d.txt".encode())
@example(b"\xc2\x80 \xe2\x80\xae \xed\xb2\x80 \xff")
def test_every_path_comes_back_byte_for_byte(raw):
    assert os.fsencode(to_path(to_text(raw))) == raw


@given(st.binary(), st.binary())
def test_two_paths_never_share_a_text(one, other):
    assert (to_text(one) == to_text(other)) == (one == other)


@given(st.binary())
def test_text_is_utf8_on_one_line_without_control_characters(raw):
    text = to_text(raw)

    text.encode("utf-8")
    assert text.isprintable() or not any(ord(c) < 32 or ord(c) == 127 for c in text)
    assert len(text.splitlines()) <= 1


def test_emoji_and_umlauts_stay_as_they_are():
    assert to_text("Zelle_🔋_Prüfung.txt") == "Zelle_🔋_Prüfung.txt"


def test_a_newline_is_shown_as_backslash_n():
    assert to_text("a\nb") == "a\\nb"


def test_bytes_that_are_not_utf8_are_shown_in_hexadecimal():
    assert to_text(b"cell_\xff.txt") == "cell_\\xff.txt"


@pytest.mark.parametrize("text", ["a\\", "\\q", "\\xzz", "\\u12"])
def test_an_escape_that_was_never_written_is_refused(text):
    with pytest.raises(ValueError, match="escape"):
        to_path(text)


def test_escapes_can_be_read_over():
    assert without_escapes("a\\nb\\xffc") == "a b c"
