package lettering

import (
	"image"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/font/sfnt"
)

// ink is how much of a mask is covered, 0 to 1, and within which part.
func ink(mask *image.Alpha) (share float64, box image.Rectangle) {
	sum := 0
	for y := range mask.Rect.Dy() {
		for x := range mask.Rect.Dx() {
			if a := mask.AlphaAt(x, y).A; a > 0 {
				sum += int(a)
				box = box.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return float64(sum) / 255 / float64(max(len(mask.Pix), 1)), box
}

func TestMaskHasSmoothLettersWithinItsLine(t *testing.T) {
	for _, text := range []string{"back soon", "Wir sind gleich zurück", "Скоро вернёмся", "马上回来", "ÅÊjgpq|", "13:45:07"} {
		for _, size := range []float64{6, 20, 96, 333} {
			face := NewFace(size)
			mask := face.Mask(text)
			share, box := ink(mask)
			if share < 0.05 || share > 0.6 {
				t.Errorf("%q in %v pixels covers %.2f of its line", text, size, share)
			}
			if mask.Rect.Dx() != face.Width(text) || mask.Rect.Dy() != face.Height() {
				t.Errorf("%q in %v pixels is %v, want %dx%d", text, size, mask.Rect, face.Width(text), face.Height())
			}
			if size >= 20 && (box.Min.Y == 0 || box.Max.Y == mask.Rect.Dy()) {
				t.Errorf("%q in %v pixels reaches %v of %v: it may be cut off", text, size, box, mask.Rect)
			}
			levels := map[byte]bool{}
			for _, a := range mask.Pix {
				levels[a] = true
			}
			if size >= 20 && len(levels) < 10 {
				t.Errorf("%q in %v pixels has %d levels: edges are not smooth", text, size, len(levels))
			}
		}
	}
}

// A clock must not jiggle.
func TestDigitsAreEquallyWide(t *testing.T) {
	face := NewFace(100)
	for d := '0'; d <= '9'; d++ {
		if got, want := face.Width(string(d)), face.Width("0"); got != want {
			t.Errorf("%c is %d wide, 0 is %d", d, got, want)
		}
	}
}

func TestEveryLetterOfTheFontsCanBeDrawn(t *testing.T) {
	face, letters := NewFace(12), 0
	var buffer sfnt.Buffer
	for r := rune('!'); r <= 0xFFEF; r++ {
		if _, ok := fontOf(&buffer, r); !ok {
			continue
		}
		letters++
		if share, _ := ink(face.Mask(string(r))); share == 0 && r >= 0x4E00 && r <= 0x9FA5 {
			t.Errorf("%c is empty", r)
		}
	}
	if letters < 7098+600 {
		t.Errorf("%d letters, want those of GB 2312 and of the Go font", letters)
	}
}

func TestCheckNamesTheLetter(t *testing.T) {
	for _, text := range []string{"", "back soon", "Zurück um 5 €", "马上回来，请稍候……", "“Привет”", "カメラ"} {
		if err := Check(text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, letter := range map[string]string{"ok ☃": "☃", "a\nb": `\n`, "👋": "👋", "rtl \u202e": `\u202e`, "\xff": "\ufffd"} {
		if err := Check(text); err == nil || !strings.Contains(err.Error(), letter) {
			t.Errorf("%q: %v, want an error that names %s", text, err, letter)
		}
	}
}

func TestWrap(t *testing.T) {
	face := NewFace(20)
	for _, tt := range []struct {
		text  string
		count int
		want  []string
	}{
		{"", 2, nil},
		{"Hi", 3, []string{"Hi"}},
		{"camera unplugged", 1, []string{"camera unplugged"}},
		{"camera unplugged", 2, []string{"camera", "unplugged"}},
		{"  back in   a few minutes ", 2, []string{"back in a", "few minutes"}},
		{"马上回来", 2, []string{"马上", "回来"}},
		{"休息一下，马上回来。", 2, []string{"休息一下，", "马上回来。"}},
		{"我们 5 分钟后回来", 2, []string{"我们 5 分", "钟后回来"}},
		{"（请稍候）", 5, []string{"（请", "稍", "候）"}},
		{"back soon\n马上回来", 1, []string{"back soon", "马上回来"}},
		{"back soon\n马上回来", 4, []string{"back", "soon", "马上", "回来"}},
		{"直播 live soon", 3, []string{"直播", "live", "soon"}},
	} {
		if got := face.Wrap(tt.text, tt.count); !slices.Equal(got, tt.want) {
			t.Errorf("%q on %d lines is %q, want %q", tt.text, tt.count, got, tt.want)
		}
	}
}

func BenchmarkMask(b *testing.B) {
	for _, text := range []string{"13:45:07.250", "马上回来"} {
		b.Run(text, func(b *testing.B) {
			face := NewFace(64)
			b.ReportAllocs()
			for b.Loop() {
				face.Mask(text)
			}
		})
	}
}
