// Package advice says in words what of a publisher's stream hurts its viewers, and which
// setting of OBS and FFmpeg mends it. What is the matter is found out by package
// broadcast; how it is shown is everybody's own. The package is pure.
//
// The texts are in English; the pages have them in other languages, by code. They are
// explained in docs/TROUBLESHOOTING.md.
package advice

import (
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/sessioninfo"
)

// cure says what to change: in OBS under Settings, Output, with Output Mode "Advanced", and among
// the options of FFmpeg.
func cure(code broadcast.WarningCode) (obs, ffmpeg string) {
	switch code {
	case broadcast.WarnNoKeyframes:
		return "Output, Keyframe Interval: 2 s; take intra-refresh out of the x264 Options",
			"-g 60 at 30 pictures a second, without -intra-refresh"
	case broadcast.WarnKeyframeInterval:
		return "Output, Keyframe Interval: 2 s (0 is automatic: up to 250 pictures)",
			"-g 60 at 30 pictures a second: one every 2 s"
	case broadcast.WarnBFrames:
		return "Output, Max B-frames: 0, or Use B-Frames off; with x264, Tune: zerolatency",
			"-bf 0; with libx264, also -tune zerolatency"
	case broadcast.WarnProfile:
		return "Output, Profile: baseline",
			"-profile:v baseline -pix_fmt yuv420p"
	case broadcast.WarnNoParameterSets:
		return "x264 Options: repeat-headers=1; other encoders send them by themselves",
			"-bsf:v dump_extra, also with -c:v copy"
	}
	return "", ""
}

// On puts a warning into words.
func On(w broadcast.Warning) sessioninfo.Warning {
	out := sessioninfo.Warning{Code: w.Code.String(), RID: w.RID, Sentence: sentence(w)}
	out.OBS, out.FFmpeg = cure(w.Code)
	switch w.Code {
	case broadcast.WarnKeyframeInterval:
		out.Interval = math.Round(w.Interval.Seconds()*10) / 10
	case broadcast.WarnProfile:
		out.Profile = profile(w.Profile)
	}
	return out
}

// All puts a list of warnings into words; nil when there are none.
func All(list []broadcast.Warning) (warnings []sessioninfo.Warning) {
	for _, w := range list {
		warnings = append(warnings, On(w))
	}
	return warnings
}

// OnCamera puts a list of warnings into words about what a camera of this machine has encoded by itself: there is no OBS to be set.
func OnCamera(list []broadcast.Warning) (warnings []sessioninfo.Warning) {
	for _, w := range All(list) {
		w.OBS, w.FFmpeg, w.Camera = "", "", "codec=raw in its --source: it is encoded here then"
		warnings = append(warnings, w)
	}
	return warnings
}

// sentence says what viewers notice, and why.
func sentence(w broadcast.Warning) string {
	switch w.Code {
	case broadcast.WarnNoKeyframes:
		return "New viewers see no picture: the publisher sends no keyframes, not even when asked for one."
	case broadcast.WarnKeyframeInterval:
		return "A lost packet can freeze the video for seconds: keyframes come " + interval(w.Interval) + ", even when asked for one."
	case broadcast.WarnBFrames:
		return "The picture jumps back and forth: the stream has B-frames, which browsers show in the wrong order."
	case broadcast.WarnProfile:
		return "Some browsers refuse this stream: it is H.264 " + profile(w.Profile) + promise(w) +
			", and Firefox and others play Constrained Baseline only."
	case broadcast.WarnNoParameterSets:
		return "Nobody can decode the picture: the publisher sends no parameter sets (SPS, PPS), neither in the stream nor in its offer."
	}
	return w.Code.String()
}

// interval says how far apart keyframes are.
func interval(d time.Duration) string {
	if d == 0 {
		return "more than 4 s apart"
	}
	return fmt.Sprintf("%.1f s apart", d.Seconds())
}

// profile names the profile of a profile-level-id, without the level.
func profile(id string) string {
	name := codec.ProfileName(id)
	return name[:max(strings.LastIndexByte(name, ' '), 0)]
}

// promise says that the offer has another profile than the stream.
func promise(w broadcast.Warning) string {
	if w.Offered == "" || profile(w.Offered) == profile(w.Profile) {
		return ""
	}
	return " (the offer says " + profile(w.Offered) + ")"
}

// Logger returns what broadcast.Config.OnWarning should be: one line for each.
func Logger(log *slog.Logger) func(stream string, w broadcast.Warning) {
	return func(stream string, w broadcast.Warning) {
		text := On(w)
		about := []any{"stream", stream, "code", text.Code}
		if text.RID != "" {
			about = append(about, "rid", text.RID)
		}
		log.Warn("viewers have trouble with this stream", append(about, "what", text.Sentence, "obs", text.OBS, "ffmpeg", text.FFmpeg)...)
	}
}
