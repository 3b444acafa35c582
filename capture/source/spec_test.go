package source

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestParseSpec(t *testing.T) {
	camera := Spec{
		Kind: Camera, Width: 1280, Height: 720, FPS: 30, Bitrate: 2_500_000,
		Keyframe: 2 * time.Second, Microphone: MicDefault, Ladder: Ladder{Auto: true},
		OnDemand: true, Linger: 10 * time.Second,
	}
	pattern := Spec{
		Kind: Pattern, Width: 1280, Height: 720, FPS: 30, Bitrate: 2_500_000,
		Keyframe: 2 * time.Second, Tone: true, Text: "Test picture\n测试画面", Ladder: Ladder{Auto: true},
		OnDemand: true, Linger: 10 * time.Second,
	}
	slate := Spec{
		Kind: Slate, Width: 1280, Height: 720, FPS: 5, Bitrate: 150_000,
		Keyframe: 2 * time.Second, Text: "camera unplugged", OnDemand: true, Linger: 2 * time.Second,
	}
	with := func(s Spec, change func(*Spec)) Spec { change(&s); return s }
	for uri, want := range map[string]Spec{
		"camera:":            camera,
		"camera:?":           camera,
		"camera:/dev/video0": with(camera, func(s *Spec) { s.Device = "/dev/video0" }),
		"camera:/dev/v4l/by-id/usb-A_B-video-index0?mic=off": with(camera, func(s *Spec) {
			s.Device, s.Microphone = "/dev/v4l/by-id/usb-A_B-video-index0", MicOff
		}),
		"camera:?mic=USB%20Audio": with(camera, func(s *Spec) { s.Microphone = "USB Audio" }),
		"camera:/dev/video0?size=640x480&fps=15&bitrate=800k&keyframe=500ms": with(camera, func(s *Spec) {
			s.Device, s.Width, s.Height, s.FPS, s.Bitrate, s.Keyframe = "/dev/video0", 640, 480, 15, 800_000, 500*time.Millisecond
		}),
		"camera:by-id/usb-A_B-video-index0": with(camera, func(s *Spec) { s.Device = "by-id/usb-A_B-video-index0" }),
		"camera:HD%20Pro?ondemand=0s":       with(camera, func(s *Spec) { s.Device, s.Linger = "HD%20Pro", 0 }),
		"camera:?ondemand=off":              with(camera, func(s *Spec) { s.OnDemand, s.Linger = false, 0 }),
		"pattern:?ondemand=1m":              with(pattern, func(s *Spec) { s.Linger = time.Minute }),
		"slate:":                            slate,
		"slate:?text=back+soon&ondemand=off&fps=2": with(slate, func(s *Spec) {
			s.Text, s.OnDemand, s.Linger, s.FPS = "back soon", false, 0, 2
		}),
		"slate:?text=马上回来":             with(slate, func(s *Spec) { s.Text = "马上回来" }),
		"pattern:":                     pattern,
		"pattern:?text=No+camera%0A没有": with(pattern, func(s *Spec) { s.Text = "No camera\n没有" }),
		"pattern:?bitrate=2.5M":        pattern,
		"camera:?crop=10%,0,80%,100%&rotate=270&flip=hv&mask=0,0,25.5%,30%|600,400,40,40&overlay=name,clock,text:Haus,+Hof": with(camera, func(s *Spec) {
			percent := func(n float64) Length { return Length{N: n, Percent: true} }
			s.Edits = Edits{
				Crop: Area{percent(10), Length{}, percent(80), percent(100)}, Rotate: 270, FlipH: true, FlipV: true,
				Masks: [MaxMasks]Area{
					{Length{}, Length{}, percent(25.5), percent(30)}, {Length{N: 600}, Length{N: 400}, Length{N: 40}, Length{N: 40}},
				},
				Overlay: Overlay{Clock: true, Name: true, Text: "Haus, Hof"},
			}
		}),
		"slate:?overlay=text:a%2Cb":                      with(slate, func(s *Spec) { s.Edits.Overlay.Text = "a,b" }),
		"camera:?mic-gain=-6":                            with(camera, func(s *Spec) { s.MicGain = -6 }),
		"camera:?mask=off&flip=off&overlay=off&rotate=0": camera,
		"camera:?ladder=off":                             with(camera, func(s *Spec) { s.Ladder = Ladder{} }),
		"camera:?ladder=auto":                            camera,
		"camera:?codec=h264":                             with(camera, func(s *Spec) { s.Codec = CodecH264 }),
		"camera:?codec=auto":                             camera,
		"camera:?zoom=2&codec=raw&exposure=157&control.led1-mode=a%26b": with(camera, func(s *Spec) {
			s.Codec, s.Controls = CodecRaw, MakeControls([]Setting{{"zoom", "2"}, {"exposure", "157"}, {"led1-mode", "a&b"}})
		}),
		"pattern:?ladder=360,180": with(pattern, func(s *Spec) {
			s.Ladder = Ladder{Heights: [MaxRungs]int{360, 180}}
		}),
		"pattern:?bitrate=1234567&audio=off": with(pattern, func(s *Spec) {
			s.Bitrate, s.Tone = 1_234_567, false
		}),
	} {
		got, err := ParseSpec(uri)
		if err != nil || got != want {
			t.Errorf("ParseSpec(%q) = %+v, %v\nwant %+v", uri, got, err, want)
			continue
		}
		if again, err := ParseSpec(got.Short()); err != nil || again != got {
			t.Errorf("ParseSpec(%q) = %+v, %v; it was made by %+v", got.Short(), again, err, got)
		}
		if again, err := ParseSpec(got.String()); err != nil || again != got {
			t.Errorf("ParseSpec(%q) = %+v, %v; it was printed by %+v", got.String(), again, err, got)
		}
	}
}

func TestParseSpecNamesWhatIsWrong(t *testing.T) {
	for uri, mentions := range map[string][]string{
		"":                                {"no scheme", "camera:", "pattern:"},
		"webcam":                          {"no scheme"},
		"rtsp://cam/1":                    {`"rtsp"`, "camera:"},
		"pattern:/dev/video0":             {"/dev/video0"},
		"camera:?colour=red":              {`"colour"`, "bitrate, codec, crop, flip, fps, keyframe, ladder, mask, mic, mic-gain, ondemand, overlay, rotate, size; and of the camera's controls brightness, "},
		"pattern:?mic=off":                {`"mic"`, "audio, bitrate, crop, flip, fps, keyframe, ladder, mask, ondemand, overlay, rotate, size, text"},
		"camera:?audio=off":               {`"audio"`},
		"pattern:?size=big":               {"size=big", "not a size", "1280x720"},
		"pattern:?size=641x480":           {"odd"},
		"pattern:?rotate=45":              {"rotate=45", "270"},
		"pattern:?flip=x":                 {"flip=x", "hv"},
		"pattern:?mask=0,0,10":            {"not an area", "50%"},
		"pattern:?mask=0,0,10,0":          {"nothing is in it"},
		"pattern:?mask=0,0,101%,1":        {"out of range"},
		"pattern:?mask=0,0,-1,1":          {"out of range"},
		"pattern:?mask=NaN,0,1,1":         {"out of range"},
		"pattern:?overlay=time":           {"not understood", "clock"},
		"pattern:?overlay=clocktext:x":    {"not understood"},
		"pattern:?overlay=text:":          {"not understood"},
		"pattern:?overlay=text:👋":         {"👋"},
		"camera:?codec=h264&mask=0,0,1,1": {"mask=0,0,1,1", "raw"},
		"pattern:?mask=" + strings.Repeat("0,0,1,1|", 8) + "0,0,1,1": {"too many"},
		"pattern:?size=64x48":                     {"out of range", "160x90"},
		"pattern:?size=1280x":                     {"not a size"},
		"pattern:?size=1280x720x":                 {"not a size"},
		"pattern:?fps=0":                          {"fps=0", "1 to 120"},
		"pattern:?fps=29.97":                      {"whole number"},
		"pattern:?bitrate=fast":                   {"bitrate=fast", "2500k"},
		"pattern:?bitrate=NaN":                    {"out of range"},
		"pattern:?bitrate=1e99":                   {"out of range"},
		"pattern:?bitrate=-1M":                    {"out of range"},
		"pattern:?keyframe=2":                     {"not a duration"},
		"pattern:?keyframe=2h":                    {"out of range"},
		"pattern:?fps=30&fps=15":                  {"2 times", "once"},
		"pattern:?audio=maybe":                    {"on or off"},
		"camera:?mic-gain=41":                     {"out of range", "-40 to 40"},
		"camera:?mic=":                            {"empty"},
		"camera:?ondemand=on":                     {"not a duration", "10s"},
		"camera:?ondemand=2h":                     {"out of range"},
		"camera:?ondemand=-1s":                    {"out of range"},
		"camera:?ladder=on":                       {"ladder=on", "not a list", "360,180"},
		"camera:?codec=mpeg":                      {"codec=mpeg", "h264"},
		"camera:?codec=h264&ladder=360":           {"codec=h264 and ladder=360", "raw"},
		"camera:?exposure=":                       {"exposure=", "empty"},
		"camera:?gain=1&gain=2":                   {"gain", "2 times"},
		"camera:?control.=1":                      {"control.=1", "empty"},
		"pattern:?exposure=1":                     {`"exposure"`, "audio, bitrate"},
		"pattern:?codec=raw":                      {`"codec"`},
		"camera:?ladder=180,360":                  {"out of order"},
		"camera:?ladder=360,360":                  {"out of order"},
		"camera:?ladder=88":                       {"out of range"},
		"camera:?ladder=361":                      {"odd"},
		"camera:?ladder=10,8,6,4,2":               {"out of range"},
		"camera:?ladder=1080,720,540,360,180":     {"too many"},
		"slate:?ladder=off":                       {`"ladder"`},
		"slate:/dev/video0":                       {"no device"},
		"slate:?text=":                            {"empty"},
		"slate:?text=%E2%98%83":                   {"no font", "☃"},
		"pattern:?text=a%09b":                     {"no font", `\t`},
		"slate:?text=" + strings.Repeat("回", 101): {"too long"},
		"slate:?mic=off":                          {`"mic"`},
		"camera:?fps=%zz":                         {"fps=%zz", "not a whole number"},
	} {
		_, err := ParseSpec(uri)
		if !errors.Is(err, ErrSpec) {
			t.Errorf("ParseSpec(%q) = %v, want ErrSpec", uri, err)
			continue
		}
		for _, text := range append(mentions, uri) {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("ParseSpec(%q) = %q, which does not mention %q", uri, err, text)
			}
		}
	}
}

func FuzzParseSpec(f *testing.F) {
	f.Add("camera:/dev/video0?size=1280x720&fps=30&bitrate=2500k&mic=off&keyframe=2s")
	f.Add("pattern:?audio=on&ladder=360,180")
	f.Add("camera:by-id/usb-046d_C920?ondemand=10s")
	f.Add("exec:ffmpeg -i 'a ?b' - ?ondemand=1m")
	f.Add("slate:?text=back+soon&ondemand=off")
	f.Fuzz(func(t *testing.T, uri string) {
		spec, err := ParseSpec(uri)
		if err != nil {
			return
		}
		if again, err := ParseSpec(spec.String()); err != nil || again != spec {
			t.Errorf("%q is read as %+v, printed as %q, read again as %+v, %v", uri, spec, spec, again, err)
		}
	})
}
