#!/bin/bash
# Makes the Chinese font of capture/lettering again: the letters of GB 2312 from Debian's fonts-noto-cjk (57 MB), by its
# fonttools. Both come by apt into a folder that is removed at the end; nothing is installed.
set -euo pipefail

to=$(cd "$(dirname "$0")/.." && pwd)/capture/lettering/fonts/han.otf
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download fonts-noto-cjk python3-fonttools
for package in *.deb; do dpkg-deb -x "$package" .; done

PYTHONPATH=usr/lib/python3/dist-packages python3 - usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc "$to" <<'PY'
import sys
from fontTools import subset

letters = set()
for row in range(0xA1, 0xF8):
    for cell in range(0xA1, 0xFF):
        try:
            letters.add(ord(bytes([row, cell]).decode("gb2312")))
        except UnicodeDecodeError:
            pass  # a place that is not taken
options = subset.Options()
options.font_number = 2  # the simplified Chinese one of the collection
options.hinting = False
options.layout_features = []
options.name_IDs = [0, 1, 2, 13, 14]
options.notdef_outline = True
options.drop_tables += ["GPOS", "GSUB", "GDEF", "BASE", "vhea", "vmtx", "VORG", "DSIG"]
font = subset.load_font(sys.argv[1], options)
subsetter = subset.Subsetter(options)
subsetter.populate(unicodes=[letter for letter in letters if letter >= 0x2E80])
subsetter.subset(font)
subset.save_font(font, sys.argv[2], options)
PY
ls -l "$to"
