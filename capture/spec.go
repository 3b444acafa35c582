package capture

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind says what a source takes its pictures from.
type Kind uint8

// The kinds of source; String gives the scheme of their URIs.
const (
	Camera  Kind = iota // a V4L2 device, with or without a microphone
	Pattern             // the drawn test picture and tone, no device needed
)

func (k Kind) String() string {
	if k == Pattern {
		return "pattern"
	}
	return "camera"
}

// Values of Spec.Microphone that are not the name of one.
const (
	MicOff     = "off"
	MicDefault = "default"
)

// Spec is what a source URI asks for. ParseSpec makes one; the zero Spec is not usable.
type Spec struct {
	Kind   Kind
	Device string // camera only: path of the device node or of a link to it; empty: the first usable camera

	Width, Height int           // pixels, both even; a camera gives the nearest that it has
	FPS           int           // pictures a second; likewise
	Bitrate       int           // target of the video encoder in bits per second
	Keyframe      time.Duration // a keyframe at least this often, besides those that viewers ask for

	Microphone string // camera only: MicOff, MicDefault, or a name as Inventory lists it
	Tone       bool   // pattern only: send the test tone
}

const (
	minWidth, maxWidth   = 160, 3840
	minHeight, maxHeight = 90, 2160
	maxFPS               = 120
	minBitrate           = 50_000
	maxBitrate           = 50_000_000
	minKeyframe          = 100 * time.Millisecond
	maxKeyframe          = time.Minute
)

// specKey parses one query value into a Spec; allowed completes "…; allowed: ".
type specKey struct {
	allowed string
	set     func(*Spec, string) error
}

// keysOf lists what the query of a URI of this kind may hold.
func keysOf(k Kind) map[string]specKey {
	keys := map[string]specKey{
		"size":     {"WIDTHxHEIGHT, even numbers from 160x90 to 3840x2160, such as 1280x720", setSize},
		"fps":      {"a whole number from 1 to 120", setFPS},
		"bitrate":  {"bits a second from 50k to 50M, such as 2500k", setBitrate},
		"keyframe": {"a duration from 100ms to 1m, such as 2s", setKeyframe},
	}
	switch k {
	case Camera:
		keys["mic"] = specKey{"off, default, or the name of a microphone", setMicrophone}
	case Pattern:
		keys["audio"] = specKey{"on or off", setTone}
	}
	return keys
}

// ParseSpec reads a source URI:
//
//	camera:                                  the first usable camera, with its defaults
//	camera:/dev/video0?size=1280x720&fps=30&bitrate=2500k&keyframe=2s&mic=off|default|NAME
//	pattern:?size=1280x720&fps=30&bitrate=2500k&keyframe=2s&audio=on|off
//
// What is not given is 1280x720 at 30 pictures a second in 2500 kbit/s with a keyframe every 2 s,
// the default microphone and the tone. Every error wraps ErrSpec, names the faulty part, and says what is allowed.
// Devices are not looked at: see Check.
func ParseSpec(uri string) (Spec, error) {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return Spec{}, specError(uri, "no scheme; allowed: camera:, pattern:")
	}
	path, query, _ := strings.Cut(rest, "?")

	spec := Spec{Width: 1280, Height: 720, FPS: 30, Bitrate: 2_500_000, Keyframe: 2 * time.Second}
	switch scheme {
	case "camera":
		spec.Kind, spec.Device, spec.Microphone = Camera, path, MicDefault
		if path != "" && !strings.HasPrefix(path, "/") {
			return Spec{}, specError(uri, "device %q is not a path; allowed: nothing (the first usable camera), or a path such as /dev/video0", path)
		}
	case "pattern":
		spec.Kind, spec.Tone = Pattern, true
		if path != "" {
			return Spec{}, specError(uri, "a pattern has no device %q; allowed: pattern:?KEY=VALUE", path)
		}
	default:
		return Spec{}, specError(uri, "unknown scheme %q; allowed: camera:, pattern:", scheme)
	}
	if err := spec.setQuery(uri, query); err != nil {
		return Spec{}, err
	}
	return spec, nil
}

func (s *Spec) setQuery(uri, query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return specError(uri, "query cannot be read: %v", err)
	}
	keys := keysOf(s.Kind)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		key, known := keys[name]
		if !known {
			return specError(uri, "unknown key %q; allowed: %s", name, strings.Join(slices.Sorted(maps.Keys(keys)), ", "))
		}
		if len(values[name]) > 1 {
			return specError(uri, "%s is given %d times; allowed: once", name, len(values[name]))
		}
		if err := key.set(s, values[name][0]); err != nil {
			return specError(uri, "%s=%s: %v; allowed: %s", name, values[name][0], err, key.allowed)
		}
	}
	return nil
}

func specError(uri, format string, args ...any) error {
	return fmt.Errorf("%w %q: %s", ErrSpec, uri, fmt.Sprintf(format, args...))
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

// String is the whole URI of s, defaults included; ParseSpec reads it back.
func (s Spec) String() string {
	query := url.Values{}
	query.Set("size", fmt.Sprintf("%dx%d", s.Width, s.Height))
	query.Set("fps", strconv.Itoa(s.FPS))
	query.Set("bitrate", strconv.Itoa(s.Bitrate))
	query.Set("keyframe", s.Keyframe.String())
	switch s.Kind {
	case Camera:
		query.Set("mic", s.Microphone)
	case Pattern:
		query.Set("audio", map[bool]string{true: "on", false: "off"}[s.Tone])
	}
	return s.Kind.String() + ":" + s.Device + "?" + query.Encode()
}
