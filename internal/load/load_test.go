package load_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"porthole/internal/load"
)

// patientRate is the frame rate that counts as full where another one would be half of
// frameRate or less: a busy machine brings the frames of the last second too late.
const patientRate = 35

// connecting is a duration in which a busy machine connects a viewer and measures a while.
const connecting = 4 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func run(t *testing.T, cfg load.Config) *load.Report {
	t.Helper()
	report, err := load.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", report)
	return report
}

func TestEverySessionIsMeasured(t *testing.T) {
	server := newServer(t, false)
	report := run(t, load.Config{URL: server.URL + "/whep", Viewers: 4, Duration: 5 * time.Second, Ramp: 100 * time.Millisecond})

	for name, got := range map[string]int{
		"opened": report.Opened, "answered": report.Answered, "connected": report.Connected,
		"media": report.Media, "keyframe": report.Keyframe,
		"deleted":        int(server.deleted.Load()),
		"answer times":   report.Answer.Count,
		"DTLS times":     report.DTLS.Count,
		"keyframe times": report.FirstKeyframe.Count,
		"video tracks":   report.Codecs["video/H264"],
		"audio tracks":   report.Codecs["audio/opus"],
	} {
		if got != 4 {
			t.Errorf("%s: got %d, want 4", name, got)
		}
	}
	if report.Lost != 0 || len(report.Failures) != 0 {
		t.Errorf("lost %d, failures %v; want a flawless run", report.Lost, report.Failures)
	}
	if report.Verdict.FrameRate != frameRate {
		t.Errorf("the source's frame rate is %v, want %d", report.Verdict.FrameRate, frameRate)
	}
	r := report.FrameRate.P50
	if r < patientRate || r > 1.05*frameRate {
		t.Errorf("frame rate %v, want about %d", r, frameRate)
	}
	// 4 packets of 600 bytes and one of 5, each with 12 of header and 10 to 16 of SRTP tag.
	if b := report.BitRate.P50 / r; b < 0.9*8*4*622 || b > 1.1*8*(4*632+40) {
		t.Errorf("%v bits a frame are not what was sent", b)
	}
	if a, f := report.Answer.P50, report.FirstKeyframe.P50; a <= 0 || f <= a {
		t.Errorf("answer after %v ms, keyframe after %v ms: want the one before the other", a, f)
	}
}

func TestLossIsCountedAndJudged(t *testing.T) {
	server := newServer(t, false)
	server.skip = func(session, frame, packet int) bool {
		return session == 0 && frame%10 == 5 && packet == 1 // 1 of 40 packets of video, 1 of 50 of all
	}
	report := run(t, load.Config{URL: server.URL + "/whep", Viewers: 2, Duration: 5 * time.Second, FrameRate: patientRate})

	if l := report.LossPercent.Max; l < 1.5 || l > 2.5 {
		t.Errorf("loss of the worst session is %v %%, want about 2", l)
	}
	if l := report.LossPercent.Min; l != 0 {
		t.Errorf("loss of the best session is %v %%, want 0", l)
	}
	if report.FullRate != 1 || report.Verdict.OK {
		t.Errorf("%d sessions at full rate, verdict %+v; want 1 and a bad verdict", report.FullRate, report.Verdict)
	}
}

func TestSlowSessionIsNotFullRate(t *testing.T) {
	server := newServer(t, false)
	server.skip = func(session, frame, _ int) bool { return session == 2 && frame%2 == 1 }
	report := run(t, load.Config{URL: server.URL + "/whep", Viewers: 3, Duration: 5 * time.Second, FrameRate: patientRate})

	if report.Media != 3 || report.FullRate != 2 {
		t.Errorf("media %d, full rate %d; want 3 and 2: %s", report.Media, report.FullRate, report.Verdict.Text)
	}
	if p := report.Pause.Max; p < 30 {
		t.Errorf("longest pause is %v ms, want that of the slow session, about 40", p)
	}
}

func TestDeclaredFrameRateIsTheMeasure(t *testing.T) {
	server := newServer(t, false)
	report := run(t, load.Config{URL: server.URL + "/whep", Viewers: 1, Duration: time.Second, FrameRate: 500})
	if report.FullRate != 0 || report.Verdict.FrameRate != 500 {
		t.Errorf("full rate %d of %v: 50 frames a second are not 500", report.FullRate, report.Verdict.FrameRate)
	}
}

// A session that never gets a whole keyframe has media, but nothing to show.
func TestBrokenKeyframesDoNotCount(t *testing.T) {
	server := newServer(t, false)
	server.skip = func(_, frame, packet int) bool { return frame%10 == 0 && packet == 2 }
	report := run(t, load.Config{URL: server.URL + "/whep", Viewers: 1, Duration: connecting})
	if report.Media != 1 || report.Keyframe != 0 {
		t.Errorf("media %d, keyframe %d; want 1 and 0", report.Media, report.Keyframe)
	}
}

func TestFrameDelayIsReported(t *testing.T) {
	const age = 250 * time.Millisecond
	for name, tcp := range map[string]bool{"UDP": false, "TCP": true} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, tcp)
			server.age = age
			report := run(t, load.Config{URL: server.URL + "/whep", Viewers: 2, Duration: connecting, TCP: tcp})
			d := report.FrameDelay
			if d.Count == 0 || d.Min < 250 || d.P50 > 500 || d.Max < d.P99 {
				t.Errorf("frame delay %+v: 50 pictures a second were %v old when they were sent", d, age)
			}
		})
	}
}

// Most servers do not tell; then there is nothing to report, not zero.
func TestNoFrameDelayWithoutCaptureTime(t *testing.T) {
	server := newServer(t, false)
	report := run(t, load.Config{URL: server.URL + "/whep", Viewers: 1, Duration: connecting})
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	if report.Media != 1 || report.FrameDelay.Count != 0 || strings.Contains(string(text), "frame_delay_ms") {
		t.Errorf("media %d, frame delay %+v in %s", report.Media, report.FrameDelay, text)
	}
}

func TestMediaOverTCP(t *testing.T) {
	server := newServer(t, true)
	report := run(t, load.Config{URL: server.URL + "/whep", Viewers: 2, Duration: 5 * time.Second, TCP: true, FrameRate: patientRate})
	if report.Keyframe != 2 || report.FullRate != 2 {
		t.Errorf("keyframe %d, full rate %d; want 2 and 2: %+v", report.Keyframe, report.FullRate, report.Failures)
	}
}

func TestEndingEarlyReportsWhatThereIs(t *testing.T) {
	server := newServer(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	begin := time.Now()
	report, err := load.Run(ctx, load.Config{
		URL: server.URL + "/whep", Viewers: 2, Duration: time.Minute,
		Progress: func(p load.Progress) {
			if p.Media == 2 && p.Connected == 2 && p.Opened == 2 && p.Bytes > 0 {
				cancel()
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
	if report.Media != 2 || report.Keyframe != 2 || server.deleted.Load() != 2 {
		t.Errorf("media %d, keyframe %d, deleted %d; want 2 of each", report.Media, report.Keyframe, server.deleted.Load())
	}
	if len(report.Failures) != 0 {
		t.Errorf("being stopped is no failure: %v", report.Failures)
	}
}

func TestRefusalsAreReasons(t *testing.T) {
	tests := []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"problem document", http.StatusConflict, `{"title":"Conflict","detail":"nobody publishes"}`, "POST: 409 Conflict: nobody publishes"},
		{"short text", http.StatusServiceUnavailable, "full\n", "POST: 503 Service Unavailable: full"},
		{"a page says nothing useful", http.StatusNotFound, "<html>\n</html>", "POST: 404 Not Found"},
		{"success without a session", http.StatusOK, "v=0\r\n", "POST: 200 OK"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var token string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				token = r.Header.Get("Authorization")
				w.WriteHeader(tt.status)
				w.Write([]byte(tt.body))
			}))
			defer server.Close()
			report := run(t, load.Config{URL: server.URL, Viewers: 1, Duration: time.Minute, Token: "secret"})
			if len(report.Failures) != 1 || !strings.HasPrefix(report.Failures[0].Reason, tt.want) {
				t.Errorf("failures %+v, want %q", report.Failures, tt.want)
			}
			if token != "Bearer secret" {
				t.Errorf("the server saw the token %q", token)
			}
			if report.Media != 0 || report.Verdict.OK {
				t.Errorf("media %d, verdict %+v", report.Media, report.Verdict)
			}
		})
	}
}

func TestUnreachableServerIsOneReason(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	report := run(t, load.Config{URL: server.URL, Viewers: 3, Duration: time.Minute, Ramp: time.Millisecond})
	if len(report.Failures) != 1 || report.Failures[0].Sessions != 3 {
		t.Errorf("failures %+v, want one reason for all three", report.Failures)
	}
}

func TestConfigFaults(t *testing.T) {
	for _, tt := range []struct {
		cfg  load.Config
		want error
	}{
		{load.Config{URL: "localhost:8080/whep/x", Viewers: 1}, load.ErrURL},
		{load.Config{URL: "ftp://h/whep/x", Viewers: 1}, load.ErrURL},
		{load.Config{URL: "http:///whep/x", Viewers: 1}, load.ErrURL},
		{load.Config{URL: "http://127.0.0.1/whep/x"}, load.ErrViewers},
	} {
		if _, err := load.Run(t.Context(), tt.cfg); !errors.Is(err, tt.want) {
			t.Errorf("%+v: got %v, want %v", tt.cfg, err, tt.want)
		}
	}
}

// Who froze soon after its first picture gets every frame later on: that is no flawless run.
func TestFreezeAfterTheFirstPictureIsJudged(t *testing.T) {
	server := newServer(t, false)
	server.skip = func(session, frame, _ int) bool { return session == 0 && frame >= 5 && frame < 70 } // of 50 a second: over before judging begins
	report := run(t, load.Config{URL: server.URL + "/whep", Viewers: 2, Duration: 6 * time.Second})
	if report.Paused < 1 || report.Verdict.OK || report.Pause.Max < 500 {
		t.Errorf("%d viewers froze, for %v ms at most; verdict %+v", report.Paused, report.Pause.Max, report.Verdict)
	}
	if !strings.Contains(report.Verdict.Text, "of 2 froze for over 500 ms after their first picture") {
		t.Errorf("the verdict does not say that somebody froze: %s", report.Verdict.Text)
	}
}

// Pictures from the future were timed by another clock: their age would be nonsense.
func TestForeignClockIsSaidInPlaceOfFrameDelays(t *testing.T) {
	server := newServer(t, false)
	server.age = -time.Hour
	report := run(t, load.Config{URL: server.URL + "/whep", Viewers: 1, Duration: connecting})
	if report.FrameDelay.Count != 0 || !strings.Contains(report.FrameDelayDoubt, "clock that does not agree") {
		t.Errorf("frame delay %+v, doubt %q", report.FrameDelay, report.FrameDelayDoubt)
	}
}
