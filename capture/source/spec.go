// Package source says what a source on this machine is asked for, as a URI, and names the ways in which one fails. It opens
// nothing and knows no pictures: all that supervises, opens, encodes or draws can share it.
package source

import (
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
	Camera         Kind = iota // a V4L2 device, with or without a microphone
	Pattern                    // the drawn test picture and tone, no device needed
	Slate                      // a drawn still picture with a text, no device needed
	Exec                       // a program that writes H.264 to its standard output
	firstExtraKind             // of kinds that are not in every binary: see extraSchemes
)

// schemes names the kinds in URIs.
func schemes() map[string]Kind {
	all := map[string]Kind{"camera": Camera, "pattern": Pattern, "slate": Slate, "exec": Exec}
	maps.Copy(all, extraSchemes())
	return all
}

func (k Kind) String() string {
	for name, kind := range schemes() {
		if kind == k {
			return name
		}
	}
	return "unknown"
}

// Drawn tells the kinds that need no device.
func (k Kind) Drawn() bool { return k == Pattern || k == Slate }

// Values of Spec.Microphone that are not the name of one.
const (
	MicOff     = "off"
	MicDefault = "default"
)

// Spec is what a source URI asks for. ParseSpec makes one; the zero Spec is not usable.
type Spec struct {
	Kind Kind
	// Device is for cameras: the path of the device node or of a link to it, "by-id/NAME" or "by-path/NAME" below
	// /dev/v4l, or a part of a camera's name; empty: the first usable camera. For programs: the command, see SplitCommand.
	Device string

	Width, Height int           // pixels, both even; a camera gives the nearest that it has
	FPS           int           // pictures a second; likewise
	Bitrate       int           // target of the video encoder in bits per second
	Keyframe      time.Duration // a keyframe at least this often, besides those that viewers ask for

	Codec    Codec    // camera only: whether its own H.264 is sent as it is
	Controls Controls // camera only: what to set
	Edits    Edits    // what is changed about raw pictures before anybody gets them

	Microphone string // camera only: MicOff, MicDefault, or a name as Inventory lists it
	MicGain    int    // camera only: decibels by which it is made louder
	Tone       bool   // pattern only: send the test tone
	Text       string // slate and pattern only: letters that package lettering has, and line breaks

	Ladder Ladder // smaller sizes, each of which is encoded while somebody watches it

	OnDemand bool          // capture only while somebody watches
	Linger   time.Duration // and for so long after that
}

// defaultSpec is what a URI of this kind means without a query.
func defaultSpec(k Kind) Spec {
	s := Spec{
		Kind: k, Width: 1280, Height: 720, FPS: 30, Bitrate: 2_500_000, Keyframe: 2 * time.Second,
		OnDemand: true, Linger: defaultLinger,
	}
	switch k {
	case Pattern:
		s.Tone, s.Ladder.Auto, s.Text = true, true, "Test picture\n测试画面"
	case Slate:
		s.FPS, s.Bitrate, s.Text = 5, 150_000, "camera unplugged"
		s.Linger = slateLinger
	case Exec:
		s.Microphone = MicOff
	default:
		s.Microphone, s.Ladder.Auto = MicDefault, true
	}
	return s
}

const (
	// defaultLinger is long enough for somebody who loads the page again, or goes to the next camera and back.
	defaultLinger = 10 * time.Second
	// slateLinger is for slates: starting again costs next to nothing.
	slateLinger = 2 * time.Second
)

// ParseSpec reads a source URI:
//
//	camera:                                  the first usable camera, with its defaults
//	camera:/dev/video0?size=1280x720&fps=30&bitrate=2500k&keyframe=2s&mic=off|default|NAME&ladder=360,180&ondemand=off
//	camera:/dev/video0?codec=auto|h264|raw&exposure=157&white-balance=default&power-line=50-hz&control.led1-mode=off
//	camera:by-id/usb-046d_C920_1234-video-index0
//	camera:C920                              the camera with this in its name
//	pattern:?size=1280x720&fps=30&bitrate=2500k&keyframe=2s&audio=on|off&text=Hello&ladder=off&ondemand=1m
//	slate:?text=back+soon&size=1280x720&fps=5&bitrate=150k&keyframe=2s&ondemand=off
//	exec:rpicam-vid -t 0 -n --inline -o - ?ondemand=off
//
// A program has a command, as SplitCommand reads it, and behind it, after a space, what begins with a question mark; of all keys it takes ondemand.
//
// All others take crop=10%,0,80%,100%, rotate=90, flip=h, mask=0,0,20%,100%|600,0,40,40 and overlay=clock,name,text:Front+door, which apply in
// this order, before anybody gets a picture: see Edits.
//
// Controls of a camera are numbers, on or off, items of a menu, or default; those that have a name of their own are in ControlNames, the
// others have the driver's behind "control.". What is not given is left as it is.
//
// What else is not given is 1280x720 at 30 pictures a second in 2500 kbit/s with a keyframe every 2 s,
// the default microphone, the tone, a ladder of halves, and off 10 s after the last viewer has left; a slate has no ladder, says "camera unplugged",
// 5 times a second in 150 kbit/s, and is off after 2 s. Every error wraps ErrSpec, names the faulty part, and says what is allowed.
// Devices are not looked at: see Check.
func ParseSpec(uri string) (Spec, error) {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return Spec{}, specError(uri, "no scheme; allowed: %s", allowedSchemes())
	}
	kind, known := schemes()[scheme]
	if !known {
		return Spec{}, specError(uri, "unknown scheme %q; allowed: %s", scheme, allowedSchemes())
	}
	path, query, _ := strings.Cut(rest, "?")
	if kind == Exec {
		path, query = cutCommand(rest)
		if _, err := SplitCommand(path); err != nil {
			return Spec{}, specError(uri, "%v; allowed: exec:PROGRAM ARGUMENT …", err)
		}
	}
	if kind.Drawn() && path != "" {
		return Spec{}, specError(uri, "a %s has no device %q; allowed: %s:?KEY=VALUE", kind, path, kind)
	}
	spec := defaultSpec(kind)
	spec.Device = path
	if err := spec.setQuery(uri, query); err != nil {
		return Spec{}, err
	}
	return spec, nil
}

func allowedSchemes() string {
	return strings.Join(slices.Sorted(maps.Keys(schemes())), ":, ") + ":"
}

func (s *Spec) setQuery(uri, query string) error {
	values, err := url.ParseQuery(escapePercent(query))
	if err != nil {
		return specError(uri, "query cannot be read: %v", err)
	}
	keys := keysOf(s.Kind)
	if s.hasControls() {
		if err := s.takeControls(uri, values); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		key, known := keys[name]
		if !known {
			return specError(uri, "unknown key %q; allowed: %s%s", name, strings.Join(slices.Sorted(maps.Keys(keys)), ", "), s.controlKeys())
		}
		if len(values[name]) > 1 {
			return specError(uri, "%s is given %d times; allowed: once", name, len(values[name]))
		}
		if err := key.set(s, values[name][0]); err != nil {
			return specError(uri, "%s=%s: %v; allowed: %s", name, values[name][0], err, key.allowed)
		}
	}
	if why := s.NeedsRaw(); why != "" && s.Codec == CodecH264 {
		return specError(uri, "codec=h264 and %s: that takes raw pictures; allowed: codec=raw, or codec=auto, which takes them then", why)
	}
	return nil
}

func specError(uri, format string, args ...any) error {
	return fmt.Errorf("%w %q: %s", ErrSpec, Shown(uri), fmt.Sprintf(format, args...))
}

// String is the whole URI of s, defaults included; ParseSpec reads it back.
func (s Spec) String() string { return s.uri(s.query()) }

// Short is the URI of s without what is so by default; ParseSpec reads it back.
func (s Spec) Short() string {
	query, byDefault := s.query(), defaultSpec(s.Kind).query()
	for key := range byDefault {
		if query.Get(key) == byDefault.Get(key) {
			query.Del(key)
		}
	}
	return s.uri(query)
}

func (s Spec) uri(query url.Values) string {
	uri := s.Kind.String() + ":" + s.Device
	if s.Kind == Exec && (len(query) > 0 || strings.Contains(uri, " ?")) {
		return uri + " ?" + query.Encode()
	}
	if len(query) > 0 {
		uri += "?" + query.Encode()
	}
	return uri
}

func (s Spec) query() url.Values {
	query := url.Values{}
	query.Set("ondemand", "off")
	if s.OnDemand {
		query.Set("ondemand", s.Linger.String())
	}
	if s.Kind == Exec {
		return query
	}
	query.Set("size", fmt.Sprintf("%dx%d", s.Width, s.Height))
	query.Set("fps", strconv.Itoa(s.FPS))
	query.Set("bitrate", strconv.Itoa(s.Bitrate))
	query.Set("keyframe", s.Keyframe.String())
	if s.Kind != Slate {
		query.Set("ladder", s.Ladder.String())
	}
	s.Edits.addTo(query)
	switch s.Kind {
	case Pattern:
		query.Set("text", s.Text)
		query.Set("audio", map[bool]string{true: "on", false: "off"}[s.Tone])
	case Slate:
		query.Set("text", s.Text)
	default:
		query.Set("mic", s.Microphone)
		query.Set("mic-gain", strconv.Itoa(s.MicGain))
		query.Set("codec", s.Codec.String())
		s.Controls.addTo(query)
	}
	return query
}
