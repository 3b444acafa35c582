package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"porthole/capture"
)

// camera looks at cameras and microphones.
func (c Config) camera(context.Context) []Finding {
	f := Finding{Group: "camera", Name: "cameras"}
	inventory, err := c.Devices.List()
	switch {
	case errors.Is(err, capture.ErrNoCgo):
		f.Found = "this binary was built without cgo and captures nothing; WHIP publishers can be watched"
		if len(c.Sources) > 0 {
			f.Verdict, f.Cure = Fail, "leave out --source, or build with cgo"
		}
		return []Finding{f}
	case err != nil:
		f.Verdict, f.Found, f.Cure = Fail, err.Error(), "look at the permissions of /dev/video*"
		return []Finding{f}
	}
	found := []Finding{listed(f, inventory)}
	for _, s := range c.sources(inventory) {
		found = append(found, c.source(s))
		if s.Spec.Kind == capture.Camera {
			found = append(found, microphone(s, inventory))
		}
	}
	return found
}

// sources returns what would be captured: what was named, or the camera that is there.
func (c Config) sources(inventory capture.Inventory) []Source {
	if len(c.Sources) > 0 {
		return c.Sources
	}
	if _, ok := inventory.DefaultCamera(); !ok {
		return nil
	}
	spec, err := capture.ParseSpec("camera:")
	if err != nil {
		return nil // it is the default
	}
	return []Source{{Name: "webcam", URI: "camera:", Spec: spec}}
}

// listed says which cameras there are.
func listed(f Finding, inventory capture.Inventory) Finding {
	var names, problems []string
	for _, camera := range inventory.Cameras {
		if camera.Problem != "" {
			problems = append(problems, camera.Device+": "+camera.Problem)
			continue
		}
		names = append(names, fmt.Sprintf("%s %s (%d modes)", camera.Device, camera.Name, len(camera.Modes)))
	}
	f.Data = map[string]any{"cameras": len(names), "unusable": len(problems)}
	f.Found = "none; a test picture is shown instead"
	if len(names) > 0 {
		f.Found = strings.Join(names, ", ")
	}
	if len(problems) > 0 {
		f.Verdict = Warn
		f.Found = strings.Join(append(slices.Clone(names), problems...), "; ")
		f.Cure = "give the user access, usually by `adduser USER video`, and log in again"
	}
	return f
}

// source opens what is to be captured, for a moment.
func (c Config) source(s Source) Finding {
	f := Finding{Group: "camera", Name: "--source " + s.Name, Found: capture.Shown(s.URI) + " can be opened"}
	s.Spec.OnDemand = false // it is started, too: that is what somebody who asks a doctor wants to know
	err := c.Devices.Check(s.Spec)
	if err == nil {
		return f
	}
	f.Verdict, f.Found = Fail, fmt.Sprintf("%s: %v", capture.Shown(s.URI), err)
	switch {
	case errors.Is(err, capture.ErrDeviceBusy):
		f.Cure = "close the program that uses it"
	case errors.Is(err, fs.ErrPermission):
		f.Cure = "give the user access, usually by `adduser USER video`, and log in again"
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, capture.ErrNoCamera), errors.Is(err, capture.ErrNoMode):
		f.Cure = "plug it in, or name another; `porthole devices` lists what there is"
	default:
		f.Cure = "unplug it and plug it in again; `porthole devices` lists what there is"
	}
	return f
}

// microphone looks for the one that a camera goes with.
func microphone(s Source, inventory capture.Inventory) Finding {
	f := Finding{Group: "camera", Name: "microphone of " + s.Name}
	want := s.Spec.Microphone
	if want == capture.MicOff {
		f.Found = "not wanted (mic=off)"
		return f
	}
	for _, m := range inventory.Microphones {
		if want == capture.MicDefault || want == m.ID || want == m.Name {
			f.Found = m.Name
			return f
		}
	}
	f.Verdict = Warn
	f.Found, f.Cure = "none: the stream has no sound", "plug one in, or write mic=off into --source to say that none is wanted"
	if want != capture.MicDefault {
		f.Found, f.Cure = fmt.Sprintf("there is no %q: the stream has no sound", want), "`porthole devices` lists what there is"
	}
	return f
}

// trialPictures are encoded to see how long one takes; the first one, a keyframe, is
// among them.
const trialPictures = 30

// encoder encodes some pictures and compares their time with what there is.
func (c Config) encoder(ctx context.Context) []Finding {
	sources := c.Sources
	if len(sources) == 0 {
		spec, err := capture.ParseSpec("pattern:")
		if err != nil {
			return nil // it is the default
		}
		sources = []Source{{Name: "webcam", URI: "the default size", Spec: spec}}
	}
	var found []Finding
	for _, s := range sources {
		found = append(found, c.trial(ctx, s))
	}
	return found
}

func (c Config) trial(ctx context.Context, s Source) Finding {
	f := Finding{Group: "encoder", Name: "encoder for " + s.Name}
	r, err := c.Devices.Trial(ctx, s.Spec, trialPictures)
	switch {
	case errors.Is(err, capture.ErrNoCgo):
		f.Found = "none in this binary, which captures nothing"
		return f
	case err != nil:
		f.Verdict, f.Found, f.Cure = Fail, err.Error(), "try another size in --source"
		return f
	}
	interval := time.Second / time.Duration(s.Spec.FPS)
	f.Found = fmt.Sprintf("%s a picture of %dx%d, %s at the most; there are %s",
		milliseconds(r.Mean), s.Spec.Width, s.Spec.Height, milliseconds(r.Longest), milliseconds(interval))
	f.Data = map[string]any{
		"meanMs": inMilliseconds(r.Mean), "longestMs": inMilliseconds(r.Longest), "intervalMs": inMilliseconds(interval),
		"pictures": r.Pictures,
	}
	if r.Spared {
		f.Found += "; not needed, because the camera's own H.264 is sent as it is"
		return f
	}
	smaller := fmt.Sprintf("choose a smaller size or rate: --source %s=%s?size=640x360&fps=15", s.Name, s.Spec.Kind.String()+":")
	switch {
	case r.Mean > interval:
		f.Verdict, f.Cure = Fail, smaller
	case r.Mean > interval*6/10:
		f.Verdict, f.Cure = Warn, "little is left for viewers; "+smaller
	}
	return f
}
