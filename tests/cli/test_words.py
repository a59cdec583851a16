import pytest

from core.text import numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (numbers.size(0), "0 Bytes"),
        (numbers.size(103_000_000), "103.0 MB"),
        (numbers.rate(61_200_000.0), "61.2 MB/s"),
        (numbers.count(109_000), "109,000"),
        (numbers.counted(1, "file"), "1 file"),
        (numbers.counted(0, "file"), "0 files"),
        (numbers.counted(2, "entry", "entries"), "2 entries"),
        (numbers.clock(0), "0:00:00"),
        (numbers.clock(9_661.9), "2:41:01"),
        (numbers.duration(1.6), "1.6 seconds"),
        (numbers.duration(161), "2 minutes and 41 seconds"),
        (numbers.age(100, 100 + 3 * 3600), "3 hours ago"),
        (numbers.age(1_000, 100), "in the future"),
        (numbers.percent(99.99, 100), "99 %"),
        (numbers.percent(100, 100), "100 %"),
        (numbers.percent(5, None), ""),
        (numbers.percent(500, 100), "100 %"),
        (numbers.moment(10**18), str(10**18)),
    ],
)
def test_numbers_become_words(text: str, expected: str) -> None:
    assert text == expected
