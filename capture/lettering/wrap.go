package lettering

import (
	"slices"
	"strings"
	"unicode"
)

// Wrap breaks a text into lines of about the same width, count of them at most, between words and between Chinese letters. Where
// the text has line breaks, they stay, and each of its lines gets its share of the count, one at least.
func (f *Face) Wrap(text string, count int) []string {
	var lines []string
	given := strings.Split(text, "\n")
	for _, line := range given {
		lines = append(lines, f.wrapLine(line, max(count/len(given), 1))...)
	}
	return lines
}

func (f *Face) wrapLine(text string, count int) []string {
	pieces := split(text)
	whole := f.Width(strings.Join(pieces, ""))
	var lines []string
	line := ""
	for i, piece := range pieces {
		// A piece goes on the line on which more than half of it would stand if all lines were equally wide.
		done := f.Width(strings.Join(pieces[:i], "")) + f.Width(piece)/2
		if line != "" && len(lines) < count-1 && done > whole*(len(lines)+1)/count {
			lines = append(lines, strings.TrimSpace(line))
			line = ""
		}
		line += piece
	}
	if line = strings.TrimSpace(line); line != "" {
		lines = append(lines, line)
	}
	return lines
}

// split cuts a text after each place where a line may end. All pieces together are the text, with single spaces.
func split(text string) []string {
	var pieces []string
	letters := []rune(strings.Join(strings.Fields(text), " "))
	start := 0
	for i := 1; i < len(letters); i++ {
		if mayBreak(letters[i-1], letters[i]) {
			pieces = append(pieces, string(letters[start:i]))
			start = i
		}
	}
	return slices.DeleteFunc(append(pieces, string(letters[start:])), func(piece string) bool { return piece == "" })
}

const (
	opening = "（《〈「『【〔“‘([{"
	closing = "），。、；：？！》〉」』】〕”’…—)]},.;:?!"
)

// mayBreak says whether a line may end between two letters: after a space, and beside a Chinese letter unless a mark would
// be parted from what it belongs to.
func mayBreak(before, after rune) bool {
	if before == ' ' {
		return true
	}
	if after == ' ' || strings.ContainsRune(opening, before) || strings.ContainsRune(closing, after) {
		return false
	}
	return isWide(before) || isWide(after)
}

func isWide(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || r >= 0x3000 && r <= 0x303F || r >= 0xFF00 && r <= 0xFFEF
}
