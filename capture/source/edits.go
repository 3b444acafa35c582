package source

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"porthole/capture/lettering"
)

// MaxMasks is how many areas of a picture can be masked.
const MaxMasks = 8

// Edits says what is changed about pictures before anybody gets them, in this order: the camera's picture is cropped, turned clockwise,
// flipped, masked, and written on. The zero value changes nothing.
type Edits struct {
	Crop    Area           // of the camera's picture; zero: all of it
	Rotate  int            // 0, 90, 180 or 270 degrees, clockwise
	FlipH   bool           // left and right change places
	FlipV   bool           // top and bottom do
	Masks   [MaxMasks]Area // black areas of the picture as it is shown; zero: no more
	Overlay Overlay
}

// Overlay is what is written into a picture.
type Overlay struct {
	Clock bool   // the date and the time
	Name  bool   // that of the stream
	Text  string // letters that package lettering has
}

// Area is a part of a picture, in its width and height.
type Area struct{ X, Y, Width, Height Length }

// Length is a number of pixels, or a share of the picture.
type Length struct {
	N       float64
	Percent bool
}

func (l Length) String() string {
	text := strconv.FormatFloat(l.N, 'f', -1, 64)
	if l.Percent {
		text += "%"
	}
	return text
}

// In is the length in pixels of a side that has whole.
func (l Length) In(whole int) float64 {
	if l.Percent {
		return l.N * float64(whole) / 100
	}
	return l.N
}

func (a Area) String() string { return fmt.Sprintf("%v,%v,%v,%v", a.X, a.Y, a.Width, a.Height) }

// In is the area in a picture of this size, in pixels: its edges lie on even ones, outwards, and within the picture.
func (a Area) In(width, height int) (left, top, right, bottom int) {
	span := func(from, length Length, whole int) (first, end int) {
		at := from.In(whole)
		first = int(math.Floor(min(at, float64(whole)))) &^ 1
		end = (int(math.Ceil(min(at+length.In(whole), float64(whole)))) + 1) &^ 1
		return first, min(end, whole)
	}
	left, right = span(a.X, a.Width, width)
	top, bottom = span(a.Y, a.Height, height)
	return left, top, right, bottom
}

// Shown is the size of a camera's picture after it was cropped and turned.
func (e Edits) Shown(width, height int) (w, h int) {
	w, h = width, height
	if e.Crop != (Area{}) {
		left, top, right, bottom := e.Crop.In(width, height)
		w, h = right-left, bottom-top
	}
	if e.Rotate%180 != 0 {
		return h, w
	}
	return w, h
}

// first is one of the keys that change pictures, as "KEY=VALUE"; "": none does.
func (e Edits) first() string {
	query := url.Values{}
	e.addTo(query)
	for _, key := range []string{"crop", "rotate", "flip", "mask", "overlay"} {
		if query.Has(key) {
			return key + "=" + query.Get(key)
		}
	}
	return ""
}

// addTo writes the keys that are not as by default.
func (e Edits) addTo(query url.Values) {
	if e.Crop != (Area{}) {
		query.Set("crop", e.Crop.String())
	}
	if e.Rotate != 0 {
		query.Set("rotate", strconv.Itoa(e.Rotate))
	}
	if e.FlipH || e.FlipV {
		query.Set("flip", map[bool]string{true: "h"}[e.FlipH]+map[bool]string{true: "v"}[e.FlipV])
	}
	var masks []string
	for _, mask := range e.Masks {
		if mask != (Area{}) {
			masks = append(masks, mask.String())
		}
	}
	if masks != nil {
		query.Set("mask", strings.Join(masks, "|"))
	}
	if overlay := e.Overlay.String(); overlay != "off" {
		query.Set("overlay", overlay)
	}
}

// String is the value of the key "overlay".
func (o Overlay) String() string {
	var parts []string
	if o.Clock {
		parts = append(parts, "clock")
	}
	if o.Name {
		parts = append(parts, "name")
	}
	if o.Text != "" {
		parts = append(parts, overlayText+o.Text)
	}
	if parts == nil {
		return "off"
	}
	return strings.Join(parts, ",")
}

const overlayText = "text:"

// editKeys are the keys of what has raw pictures.
func editKeys() map[string]specKey {
	const area = "X,Y,WIDTH,HEIGHT from the top left, in pixels or percent, such as 0,0,50%,120"
	return map[string]specKey{
		"crop":    {area, setCrop},
		"rotate":  {"0, 90, 180 or 270 degrees, clockwise", setRotate},
		"flip":    {"off, h (left and right), v (top and bottom) or hv", setFlip},
		"mask":    {"off, or up to 8 times " + area + ", with | between them", setMasks},
		"overlay": {"off, or clock, name and text:LETTERS, with commas between them, the text last", setOverlay},
	}
}

var errNoArea = errors.New("not an area")

func parseLength(text string) (l Length, err error) {
	text, l.Percent = strings.CutSuffix(text, "%")
	if l.N, err = strconv.ParseFloat(text, 64); err != nil {
		return l, errNoArea
	}
	if limit := map[bool]float64{true: 100, false: maxWidth}[l.Percent]; !(l.N >= 0 && l.N <= limit) {
		return l, errors.New("out of range")
	}
	return l, nil
}

func parseArea(text string) (Area, error) {
	parts := strings.Split(text, ",")
	if len(parts) != 4 {
		return Area{}, errNoArea
	}
	var lengths [4]Length
	for i, part := range parts {
		l, err := parseLength(part)
		if err != nil {
			return Area{}, err
		}
		lengths[i] = l
	}
	if lengths[2].N == 0 || lengths[3].N == 0 {
		return Area{}, errors.New("nothing is in it")
	}
	return Area{lengths[0], lengths[1], lengths[2], lengths[3]}, nil
}

func setCrop(s *Spec, value string) (err error) {
	s.Edits.Crop, err = parseArea(value)
	return err
}

func setRotate(s *Spec, value string) error {
	if !slices.Contains([]string{"0", "90", "180", "270"}, value) {
		return errors.New("not one of these")
	}
	s.Edits.Rotate, _ = strconv.Atoi(value) // it is one of these
	return nil
}

func setFlip(s *Spec, value string) error {
	if !slices.Contains([]string{"off", "h", "v", "hv", "vh"}, value) {
		return errors.New("not one of these")
	}
	s.Edits.FlipH = strings.Contains(value, "h")
	s.Edits.FlipV = strings.Contains(value, "v")
	return nil
}

func setMasks(s *Spec, value string) error {
	s.Edits.Masks = [MaxMasks]Area{}
	if value == "off" {
		return nil
	}
	for i, text := range strings.Split(value, "|") {
		if i >= MaxMasks {
			return errors.New("too many")
		}
		area, err := parseArea(text)
		if err != nil {
			return err
		}
		s.Edits.Masks[i] = area
	}
	return nil
}

func setOverlay(s *Spec, value string) error {
	s.Edits.Overlay = Overlay{}
	if value == "off" {
		return nil
	}
	value, text, found := strings.Cut(value, overlayText)
	if found {
		if value != "" && !strings.HasSuffix(value, ",") || strings.TrimSpace(text) == "" {
			return errors.New("not understood")
		}
		if len([]rune(text)) > maxText {
			return errors.New("too long")
		}
		if err := lettering.Check(text); err != nil {
			return err
		}
		s.Edits.Overlay.Text = strings.TrimSpace(text)
		if value = strings.TrimSuffix(value, ","); value == "" {
			return nil
		}
	}
	for part := range strings.SplitSeq(value, ",") {
		switch part {
		case "clock":
			s.Edits.Overlay.Clock = true
		case "name":
			s.Edits.Overlay.Name = true
		default:
			return errors.New("not understood")
		}
	}
	return nil
}

// takesEdits says whether there are raw pictures that can be changed.
func takesEdits(k Kind) bool { return k == Camera || k.Drawn() || k >= firstExtraKind }

// escapePercent has a percent sign that is none of an escape stand for itself, as people write it: "mask=0,0,50%,50%".
func escapePercent(query string) string {
	isHex := func(i int) bool {
		return i < len(query) && strings.IndexByte("0123456789abcdefABCDEF", query[i]) >= 0
	}
	var b strings.Builder
	for i := range len(query) {
		b.WriteByte(query[i])
		if query[i] == '%' && !(isHex(i+1) && isHex(i+2)) {
			b.WriteString("25")
		}
	}
	return b.String()
}
