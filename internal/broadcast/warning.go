package broadcast

import (
	"strings"
	"time"

	"porthole/internal/codec"
	"porthole/internal/events"
)

// WarningCode names something in what a publisher sends that hurts its viewers.
type WarningCode uint8

// The codes. The names that String gives are part of the API: they may be added to, never
// renamed.
const (
	// WarnNoKeyframes: pictures come, and no keyframe, though it was asked for. Nobody
	// can begin to watch. Encoders with intra refresh do that.
	WarnNoKeyframes WarningCode = iota
	// WarnKeyframeInterval: keyframes are further apart than 4 s, and asking for one
	// does not help. A lost packet can freeze the picture for that long.
	WarnKeyframeInterval
	// WarnBFrames: timestamps go back, because pictures are not sent in the order in which
	// they are shown. Browsers show them as they come.
	WarnBFrames
	// WarnProfile: an H.264 profile that some browsers refuse, which is any but
	// Constrained Baseline.
	WarnProfile
	// WarnNoParameterSets: neither the stream nor the offer has the parameter sets of
	// H.264 or H.265. Nobody can decode it.
	WarnNoParameterSets
	warningCodes // how many there are
)

// String returns the code as the API has it: "no_keyframes".
func (c WarningCode) String() string {
	return [warningCodes]string{"no_keyframes", "keyframe_interval", "b_frames", "profile", "no_parameter_sets"}[c]
}

// WarningCodes returns all of them.
func WarningCodes() (codes []WarningCode) {
	for c := range warningCodes {
		codes = append(codes, c)
	}
	return codes
}

// Warning is what is the matter with a layer, for as long as it is.
type Warning struct {
	Code WarningCode
	RID  string // of a simulcast layer, "" otherwise
	// Interval is the time between the last two keyframes, of WarnKeyframeInterval; 0
	// while there has been one only.
	Interval time.Duration
	// Profile and Offered are the profile-level-id of the stream and that of the
	// publisher's offer, of WarnProfile; Offered is "" when it has none.
	Profile, Offered string
}

// warnings returns what is the matter with the layer now. Any goroutine may call it.
func (l *Layer) warnings() (list []Warning) {
	bits := l.warned.Load()
	for c := range warningCodes {
		if bits&(1<<c) != 0 {
			list = append(list, l.warning(c))
		}
	}
	return list
}

// warning describes one.
func (l *Layer) warning(c WarningCode) Warning {
	w := Warning{Code: c, RID: l.cfg.RID}
	switch c {
	case WarnKeyframeInterval:
		w.Interval = time.Duration(l.keyframeGap.Load())
	case WarnProfile:
		offered, _ := l.cfg.Codec.Parameter("profile-level-id")
		w.Offered = strings.ToLower(offered)
		if sps := l.sps.Load(); sps != nil {
			w.Profile = sps.ProfileLevelID
		}
	}
	return w
}

// warn makes a set of codes, as bits, what is the matter with the layer from now on, and
// tells it. Each code is told once for a publisher. It belongs to the layer's writer.
func (l *Layer) warn(bits uint32) {
	if bits == l.warned.Load() {
		return
	}
	l.warned.Store(bits)
	p := l.publisher
	b := p.stream.b
	p.stream.changed()
	told := p.logged.Or(bits)
	for c := range warningCodes {
		if bits&^told&(1<<c) == 0 {
			continue
		}
		b.cfg.Events.Publish(events.StreamWarning{Stream: p.stream.name, Code: c.String(), RID: l.cfg.RID})
		if b.cfg.OnWarning != nil {
			b.cfg.OnWarning(p.stream.name, l.warning(c))
		}
	}
}

// Warnings returns what is the matter with what the publisher sends, of all its layers;
// after its end, what was then. Any goroutine may call it.
func (p *Publisher) Warnings() (list []Warning) {
	b := p.stream.b
	b.mu.Lock()
	layers := p.layers[codec.Video]
	b.mu.Unlock()
	for _, l := range layers {
		list = append(list, l.warnings()...)
	}
	return list
}
