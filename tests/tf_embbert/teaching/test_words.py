"""Words of scripts with and without spaces between them, and copies made of them."""

import re

import numpy as np
import pytest

from tf_embbert.teaching.disturb import disturbed_texts
from tf_embbert.teaching.voting import VotingTeacher
from tf_embbert.teaching.words import PIECE, join_words, split_words


@pytest.mark.parametrize(
    "text, words",
    [
        ("turn on, please", ["turn", "on,", "please"]),
        ("Größe ändern", ["Größe", "ändern"]),
        ("привет, мир", ["привет,", "мир"]),
        ("한국어 문장", ["한국어", "문장"]),  # Korean has spaces
        ("我的iPhone坏了。", ["我", "的", "iPhone", "坏", "了", "。"]),
        ("カードが使えない", list("カードが使えない")),
        ("ราคาดี", list("ราคาดี")),
        ("", []),
    ],
)
def test_words_are_found_and_joined_again(text: str, words: list[str]) -> None:
    assert split_words(text) == words and join_words(words) == text


def test_a_space_beside_an_unspaced_character_goes_and_others_stay() -> None:
    assert join_words(split_words("the  word 世界 and  更")) == "the word世界and更"


def test_no_space_is_a_word_or_a_piece() -> None:
    """Nor is the ideographic one, which stands among the marks of Chinese."""
    spaces = [character for character in map(chr, range(0x110000)) if character.isspace() and character != "\n"]
    assert "\u3000" in spaces
    for space in spaces:
        assert split_words(f"味{space}好{space}ok") == re.findall(PIECE, f"味{space}好{space}ok") == ["味", "好", "ok"]


def test_marks_are_pieces_and_so_are_characters_of_unspaced_scripts() -> None:
    assert re.findall(PIECE, "it's 我的!") == ["it", "'", "s", "我", "的", "!"]


def test_copies_of_texts_without_spaces_have_no_spaces_and_many_forms() -> None:
    texts = ["味道很好下次再来", "送餐太慢菜都凉了", "包装完整非常满意"]
    copies = disturbed_texts(texts, 400, seed=0)
    assert len(copies) > 200 and not any(" " in copy for copy in copies)
    assert {character for copy in copies for character in copy} == set("".join(texts))


def test_voters_tell_classes_by_characters_inside_a_clause() -> None:
    """Which character means what is seen in other clauses only: as whole words or runs of three none is known."""
    good, bad, others = "好香快满", "差慢凉贵", "天地人山水火木石田土日月"
    texts = [a + mark + b for marks in (good, bad) for mark in marks for a, b in zip(others, others[::-1])]
    labels = [0] * (len(texts) // 2) + [1] * (len(texts) // 2)
    teacher = VotingTeacher(texts, np.array(labels), 2, seed=0)
    judged = teacher.judge([f"花{mark}草" for mark in good + bad])
    assert judged.argmax(axis=1).tolist() == [0] * 4 + [1] * 4
