"""Disturbed texts: the same noise every time, meaning left for a person to read, turns left for the program."""

from training.disturb import WAYS, transcribed, typos

TEXT = "望湖区春晓路12号小区，电梯坏了三天！物业一直不来修理，老人上不了楼。" * 4


def test_noise_is_the_same_for_the_same_text_and_differs_between_texts() -> None:
    for way in WAYS.values():
        assert way(TEXT, "a") == way(TEXT, "a")
        assert way(TEXT, "a") != way(TEXT, "b")
        assert way(TEXT, "a") != TEXT
        assert way("", "a") == ""


def test_typos_touch_a_few_characters() -> None:
    changed = typos(TEXT, "a")
    assert abs(len(changed) - len(TEXT)) < 10
    kept = sum(char in changed for char in set(TEXT))
    assert kept >= 0.8 * len(set(TEXT))


def test_a_transcript_has_no_marks_and_speaks_its_digits() -> None:
    changed = transcribed(TEXT, "a")
    assert not set("，。！、0123456789") & set(changed)
    assert "一二" in changed


def test_turns_keep_their_lines() -> None:
    changed = transcribed("话务员：您好，请讲。\n市民：路灯坏了，一直没修！", "a")
    first, second = changed.split("\n")
    assert first.startswith("话务员：")
    assert second.startswith("市民：")


def test_a_character_is_never_misheard_as_itself() -> None:
    from training.disturb import _by_sound, _sound

    assert "是" in _by_sound()[_sound("事")]
    heard = transcribed("事" * 400, "a").replace("嗯", "").replace("呃", "")
    assert set(heard) - set("事那个就是说这") != set()
