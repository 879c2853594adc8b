"""Levels of H.264: what a decoder must be able to do (ITU-T H.264, table A-1)."""

from fractions import Fraction

#: What Apple's players are promised to decode (HLS authoring specification, 1.4).
HIGHEST = 52
#: Tenths of a level, 9 for 1b: macroblocks a second, and in one picture.
_TABLE = {
    9: (1_485, 99),
    10: (1_485, 99),
    11: (3_000, 396),
    12: (6_000, 396),
    13: (11_880, 396),
    20: (11_880, 396),
    21: (19_800, 792),
    22: (20_250, 1_620),
    30: (40_500, 1_620),
    31: (108_000, 3_600),
    32: (216_000, 5_120),
    40: (245_760, 8_192),
    41: (245_760, 8_192),
    42: (522_240, 8_704),
    50: (589_824, 22_080),
    51: (983_040, 36_864),
    52: (2_073_600, 36_864),
}


def lowest(*, width: int, height: int, rate: Fraction) -> int:
    """Return the lowest level that pictures of this size and rate fit into, in tenths; above the highest, 60.

    Rates and reference pictures may ask for more, and an encoder may know why.

    >>> [lowest(width=1920, height=1080, rate=Fraction(rate)) for rate in (25, 50)]
    [40, 42]
    """
    blocks = -(-width // 16) * -(-height // 16)
    fits = (
        level
        for level, (a_second, at_once) in _TABLE.items()
        if blocks <= at_once and blocks * rate <= a_second
    )
    return next(fits, 60)
