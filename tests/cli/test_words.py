import pytest

from core.cli import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (words.size(0), "0 Bytes"),
        (words.size(103_000_000), "103.0 MB"),
        (words.rate(61_200_000.0), "61.2 MB/s"),
        (words.count(109_000), "109,000"),
        (words.counted(1, "file"), "1 file"),
        (words.counted(0, "file"), "0 files"),
        (words.counted(2, "entry", "entries"), "2 entries"),
        (words.clock(0), "0:00:00"),
        (words.clock(9_661.9), "2:41:01"),
        (words.duration(1.6), "1.6 seconds"),
        (words.duration(161), "2 minutes and 41 seconds"),
        (words.age(100, 100 + 3 * 3600), "3 hours ago"),
        (words.age(1_000, 100), "in the future"),
        (words.percent(99.99, 100), "99 %"),
        (words.percent(100, 100), "100 %"),
        (words.percent(5, None), ""),
        (words.percent(500, 100), "100 %"),
        (words.moment(10**18), str(10**18)),
    ],
)
def test_numbers_become_words(text: str, expected: str) -> None:
    assert text == expected
