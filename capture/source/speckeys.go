package source

import (
	"errors"
	"maps"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"porthole/capture/lettering"
)

// What a microphone can be made louder by, in decibels.
const (
	MinMicGain = -40
	MaxMicGain = 40
)

const (
	minWidth, maxWidth   = 160, 3840
	minHeight, maxHeight = 90, 2160
	maxFPS               = 120
	minBitrate           = 50_000
	maxBitrate           = 50_000_000
	minKeyframe          = 100 * time.Millisecond
	maxKeyframe          = time.Minute
	maxLinger            = time.Hour
	maxText              = 100 // characters
)

// specKey parses one query value into a Spec; allowed completes "…; allowed: ".
type specKey struct {
	allowed string
	set     func(*Spec, string) error
}

const allowedOnDemand = "off, or for how long to go on when nobody watches any more, from 0s to 1h, such as 10s"

// keysOf lists what the query of a URI of this kind may hold.
func keysOf(k Kind) map[string]specKey {
	if k == Exec {
		return map[string]specKey{"ondemand": {allowedOnDemand, setOnDemand}}
	}
	keys := map[string]specKey{
		"size":     {"WIDTHxHEIGHT, even numbers from 160x90 to 3840x2160, such as 1280x720", setSize},
		"fps":      {"a whole number from 1 to 120", setFPS},
		"bitrate":  {"bits a second from 50k to 50M, such as 2500k", setBitrate},
		"keyframe": {"a duration from 100ms to 1m, such as 2s", setKeyframe},
		"ondemand": {allowedOnDemand, setOnDemand},
	}
	if k != Slate {
		keys["ladder"] = specKey{"auto, off, or up to 4 falling heights from 90, even numbers, such as 360,180", setLadder}
	}
	if takesEdits(k) {
		maps.Copy(keys, editKeys())
	}
	switch k {
	case Pattern:
		keys["audio"] = specKey{"on or off", setTone}
		keys["text"] = specKey{allowedText, setText}
	case Slate:
		keys["text"] = specKey{allowedText, setText}
	default:
		keys["mic"] = specKey{"off, default, or the name of a microphone", setMicrophone}
		keys["mic-gain"] = specKey{"a whole number of decibels from -40 to 40", setMicGain}
		keys["codec"] = specKey{"auto, h264, which sends what a camera encodes itself, or raw, which encodes here", setCodec}
	}
	return keys
}

func setSize(s *Spec, value string) error {
	w, h, ok := strings.Cut(value, "x")
	if !ok {
		return errors.New("not a size")
	}
	width, errW := strconv.Atoi(w)
	height, errH := strconv.Atoi(h)
	switch {
	case errW != nil || errH != nil:
		return errors.New("not a size")
	case width%2 != 0 || height%2 != 0:
		return errors.New("odd size")
	case width < minWidth || width > maxWidth || height < minHeight || height > maxHeight:
		return errors.New("out of range")
	}
	s.Width, s.Height = width, height
	return nil
}

func setFPS(s *Spec, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil {
		return errors.New("not a whole number")
	}
	if n < 1 || n > maxFPS {
		return errors.New("out of range")
	}
	s.FPS = n
	return nil
}

func setBitrate(s *Spec, value string) error {
	digits, unit := value, 1.0
	switch {
	case strings.HasSuffix(value, "k"):
		digits, unit = value[:len(value)-1], 1e3
	case strings.HasSuffix(value, "M"):
		digits, unit = value[:len(value)-1], 1e6
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return errors.New("not a bitrate")
	}
	bps := n * unit
	if !(bps >= minBitrate && bps <= maxBitrate) { // written so that NaN fails too
		return errors.New("out of range")
	}
	s.Bitrate = int(bps)
	return nil
}

func setKeyframe(s *Spec, value string) error {
	d, err := time.ParseDuration(value)
	if err != nil {
		return errors.New("not a duration")
	}
	if d < minKeyframe || d > maxKeyframe {
		return errors.New("out of range")
	}
	s.Keyframe = d
	return nil
}

func setMicrophone(s *Spec, value string) error {
	if value == "" {
		return errors.New("empty")
	}
	s.Microphone = value
	return nil
}

func setMicGain(s *Spec, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil {
		return errors.New("not a whole number")
	}
	if n < MinMicGain || n > MaxMicGain {
		return errors.New("out of range")
	}
	s.MicGain = n
	return nil
}

func setTone(s *Spec, value string) error {
	switch value {
	case "on":
		s.Tone = true
	case "off":
		s.Tone = false
	default:
		return errors.New("neither on nor off")
	}
	return nil
}

const allowedText = "1 to 100 letters, Latin, Greek, Cyrillic or Chinese, with %0A where a new line begins"

func setText(s *Spec, value string) error {
	if value = strings.TrimSpace(value); value == "" {
		return errors.New("empty")
	}
	if utf8.RuneCountInString(value) > maxText {
		return errors.New("too long")
	}
	for line := range strings.SplitSeq(value, "\n") {
		if err := lettering.Check(line); err != nil {
			return err
		}
	}
	s.Text = value
	return nil
}

func setOnDemand(s *Spec, value string) error {
	if value == "off" {
		s.OnDemand, s.Linger = false, 0
		return nil
	}
	d, err := time.ParseDuration(value)
	if err != nil {
		return errors.New("not a duration")
	}
	if d < 0 || d > maxLinger {
		return errors.New("out of range")
	}
	s.OnDemand, s.Linger = true, d
	return nil
}
