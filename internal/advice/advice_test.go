package advice_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"porthole/internal/advice"
	"porthole/internal/broadcast"
)

func TestEveryWarningHasWordsAndCures(t *testing.T) {
	for _, code := range broadcast.WarningCodes() {
		w := advice.On(broadcast.Warning{Code: code})
		if w.Code != code.String() || w.Sentence == w.Code || !strings.HasSuffix(w.Sentence, ".") || w.OBS == "" || w.FFmpeg == "" {
			t.Errorf("%v: %+v", code, w)
		}
	}
}

func TestValuesAreSaid(t *testing.T) {
	for want, w := range map[string]broadcast.Warning{
		"keyframes come 8.3 s apart,":                                 {Code: broadcast.WarnKeyframeInterval, Interval: 8333 * time.Millisecond},
		"keyframes come more than 4 s apart,":                         {Code: broadcast.WarnKeyframeInterval},
		"it is H.264 High, and":                                       {Code: broadcast.WarnProfile, Profile: "64001f"},
		"it is H.264 High (the offer says Constrained Baseline), and": {Code: broadcast.WarnProfile, Profile: "640028", Offered: "42e01f"},
		"it is H.264 Main, and":                                       {Code: broadcast.WarnProfile, Profile: "4d401f", Offered: "4d0032"},
	} {
		if got := advice.On(w).Sentence; !strings.Contains(got, want) {
			t.Errorf("%+v: %q has no %q", w, got, want)
		}
	}
}

func TestDocument(t *testing.T) {
	text, err := json.Marshal(advice.All([]broadcast.Warning{{Code: broadcast.WarnKeyframeInterval, RID: "h", Interval: 10 * time.Second}}))
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"code":"keyframe_interval","rid":"h","interval":10,"sentence":"A lost packet can freeze the video for seconds: ` +
		`keyframes come 10.0 s apart, even when asked for one.","obs":"Output, Keyframe Interval: 2 s (0 is automatic: up to 250 pictures)",` +
		`"ffmpeg":"-g 60 at 30 pictures a second: one every 2 s"}]`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	if advice.All(nil) != nil {
		t.Error("no warnings are a list")
	}
}

func TestLogHasOneLineWithTheCure(t *testing.T) {
	var log bytes.Buffer
	advice.Logger(slog.New(slog.NewTextHandler(&log, nil)))("cam", broadcast.Warning{Code: broadcast.WarnBFrames, RID: "l"})
	line := log.String()
	for _, want := range []string{"level=WARN", "stream=cam", "code=b_frames", "rid=l", "Max B-frames: 0", "-bf 0"} {
		if !strings.Contains(line, want) {
			t.Errorf("no %q in %s", want, line)
		}
	}
	if strings.Count(line, "\n") != 1 {
		t.Errorf("not one line: %s", line)
	}
}

// docs/TROUBLESHOOTING.md explains each code, in their order, and no other.
func TestDocumentExplainsEveryWarning(t *testing.T) {
	text, err := os.ReadFile("../../docs/TROUBLESHOOTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## What a publisher sends\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var explained, codes []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|").FindAllStringSubmatch(section, -1) {
		explained = append(explained, row[1])
	}
	for _, code := range broadcast.WarningCodes() {
		codes = append(codes, code.String())
	}
	if !slices.Equal(explained, codes) {
		t.Errorf("the document explains %q\nthe codes are %q", explained, codes)
	}
}
