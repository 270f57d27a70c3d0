"""What each tile of the THINGSplus mosaic shows, judged by eye. Never opens the picture.

The mosaic holds 20 rows of 36 tiles of 90 x 90 pixels. One letter a tile: V face, B body or person, P place, F food,
A animal, W writing, O object, a point for a tile left out as unclear at this size.
"""

from __future__ import annotations

from collections.abc import Iterator

TILE_SIDE = 90
GROUP_OF_LETTER = {"V": "face", "B": "body", "P": "place", "F": "food", "A": "animal", "W": "word", "O": "object"}
ROWS = (
    "OFFOOFFFFOOOAA.OFV" "FV.OFOOFA..OFFOPOA",
    "OOAOFOF..WOOPFFA.F" "FAOOAOOFF.OOOBO.OP",
    "OVAOOPOA.PO.F.FBOO" "AO...FOOOOF.OOOO.O",
    "OOPO.FAOOFOAOOFOOO" "FFBFFFOOFF.FOOA.OO",
    "AO.FFOAAOFAO..OOBB" "OOAB.AFA..OOOPFPO.",
    "OFF..OFF..OFOF.OOO" "O.AOOAFA.A.FOFFPOO",
    "POFAFAFPBOOF.B..OO" "FOBFOOFOO.O...OPO.",
    "OOAOOOOFF.....P.AO" "OFA.FOAO.ABOF.O.OP",
    "OPO.OOOBO.AF.OOOO." ".OPOFFAFPAAAOO.OPF",
    "BFPOOOOBOFABO.FPOO" "AOAFFP.OFPOFOFFO..",
    "AFOWOOOOO.FAOAAAOO" ".POFFO..O..OP.O..O",
    "AOOOOF.OFF.O.VFOFO" "A.AFFFFF..A.BBBAFA",
    "AWOOOFO.FFF.OOPOOO" "AFOAFF.A.A..FO.BAV",
    "OOA..BFBPPAO.O...O" "F.FBF..O..A.OO.O..",
    "OO.O.OAO.O..FPOBAF" "OFFFOOA...AA.OFOAA",
    "FOO.POFAAO..OAOA.." "PFF.O.FFO...F.AO..",
    "F.AOO.OFFAOVBO..O." ".OFO...O.BPPB..OAO",
    "FOFVFOBOO.OO.P.B.F" "FOOOAOOOOOP..OOBOO",
    "FO..O..OPPOP.WFAOB" "OO.OFF..P.OO...B.A",
    "FOB.APPO..OOOOOOAO" "OFBO.OFOFPWAO.O.AF",
)  # fmt: skip


def iter_tiles() -> Iterator[tuple[int, int, str]]:
    """Every tile that was kept: (row, column, group)."""
    for row, letters in enumerate(ROWS):
        for column, letter in enumerate(letters):
            if letter in GROUP_OF_LETTER:
                yield row, column, GROUP_OF_LETTER[letter]
