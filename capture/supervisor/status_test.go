package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"porthole/capture/source"
	"porthole/internal/broadcast"
)

// everyText is all that the list of streams may say of a source.
func everyText() (texts []string) {
	for _, err := range []error{
		source.ErrDeviceGone, source.ErrNoCamera, fs.ErrNotExist, source.ErrStalled, source.ErrEncoder, broadcast.ErrStreamBusy, errors.New("anything else"),
		&source.ProgramError{Err: source.ErrStalled, Said: "no such device"},
		fs.ErrPermission, &fs.PathError{Op: "open", Path: "/dev/video0", Err: fs.ErrPermission},
		&source.BusyError{Device: "/dev/video0", Holders: nil}, &source.BusyError{Device: "/dev/video0", Holders: []string{"ffmpeg (pid 12)", "cheese (pid 13)"}},
	} {
		texts = append(texts, stateText(err, false), stateText(fmt.Errorf("wrapped: %w", err), true))
	}
	for _, k := range []source.Kind{source.Camera, source.Pattern, source.Slate, source.Exec} {
		texts = append(texts, offText(k), openingText(k), takenText(k))
	}
	return texts
}

func TestBusyDeviceNamesWhoIsInTheWay(t *testing.T) {
	err := error(&source.BusyError{Device: "/dev/video0", Holders: []string{"ffmpeg (pid 20)"}})
	if !errors.Is(err, source.ErrDeviceBusy) || !strings.Contains(err.Error(), "ffmpeg (pid 20)") {
		t.Errorf("the error is %q", err)
	}
}

// The pages translate what they are told by its words.
func TestPagesKnowEveryText(t *testing.T) {
	script, err := os.ReadFile("../../static/text/diagnosis.js")
	if err != nil {
		t.Fatal(err)
	}
	var known []*regexp.Regexp
	for _, line := range regexp.MustCompile(`(?m)^  \[/(\^.*\$)/, '`).FindAllSubmatch(script, -1) {
		known = append(known, regexp.MustCompile(string(line[1])))
	}
	for _, text := range everyText() {
		if !slices.ContainsFunc(known, func(k *regexp.Regexp) bool { return k.MatchString(text) }) {
			t.Errorf("%q has no translation in static/text/diagnosis.js", text)
		}
	}
}
