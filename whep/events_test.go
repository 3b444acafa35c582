package whep_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"

	"porthole/internal/broadcast"
	"porthole/internal/servertest"
)

// listen opens a feed of these events of a session and returns what comes, one
// "name data" for each, until it ends.
func listen(t *testing.T, s *servertest.Server, session, events string) <-chan string {
	t.Helper()
	r := s.Do("POST", session+"/events", events, "Content-Type", "application/json")
	if r.Status != 201 {
		t.Fatalf("POST events: status %d: %s", r.Status, r.Body)
	}
	ctx, cancel := context.WithTimeout(t.Context(), servertest.Patience)
	req, err := http.NewRequestWithContext(ctx, "GET", s.URL+r.Header.Get("Location"), nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req) //nolint:bodyclose // the reader below does
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 16) // more than any test makes
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(got)
		defer res.Body.Close()
		name := ""
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if event, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				name = event
			} else if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				got <- name + " " + data
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return got
}

func want(t *testing.T, got <-chan string, events ...string) {
	t.Helper()
	for _, event := range events {
		if next := servertest.Wait(t, event, got); !strings.HasPrefix(next, event) {
			t.Fatalf("event %q, want %q", next, event)
		}
	}
}

// WHEP-11
func TestEvents(t *testing.T) {
	s := servertest.Start(t, servertest.Config{})
	src := publish(t, s, vp8, opus)
	c := servertest.NewViewer(t, vp8, opus)
	session := c.Join(s, "/whep/cam")
	receive(t, src, c, vp8, opus)

	got := listen(t, s, session, `["active","inactive","layers","viewercount","reconnect"]`)
	want(t, got, "active {}", `layers {"0":[{"spatialLayerId":0`, `viewercount {"viewercount":1}`)
	other := servertest.NewViewer(t, vp8).Join(s, "/whep/cam")
	want(t, got, `viewercount {"viewercount":2}`)
	if r := s.Do("DELETE", other, ""); r.Status != 200 {
		t.Fatalf("DELETE: status %d", r.Status)
	}
	want(t, got, `viewercount {"viewercount":1}`)
	src.Close(nil)
	want(t, got, "inactive {}")

	// One comes whose picture this viewer did not agree to.
	publish(t, s, vp9)
	servertest.Until(t, "the last event", func() bool {
		select {
		case event := <-got:
			return event == "reconnect {}"
		default:
			return false
		}
	})
	want(t, got, "") // the end
	free(t, s)
}

// The codecs of a stream are told by its tracks: the mid of a section that gets
// nothing has no layers.
func TestLayersAreThoseOfTheStream(t *testing.T) {
	s := servertest.Start(t, servertest.Config{})
	src := publish(t, s, vp8)
	layer, err := src.AddLayer(broadcast.LayerConfig{Codec: codecOf(vp8), RID: "hi"})
	if err != nil {
		t.Fatal(err)
	}
	src.layers = append(src.layers, layer)
	src.send(t)
	session := servertest.NewViewer(t, vp8, opus).Join(s, "/whep/cam")
	got := listen(t, s, session, `["layers"]`)
	event := servertest.Wait(t, "the layers", got)
	if event != `layers {"0":[{"spatialLayerId":0},{"rid":"hi"}]}` {
		t.Errorf("%s", event)
	}
}

// An encoding that rests until somebody wants it is in the choice like the others, with the size and the bit rate that it will have.
func TestLayersOnDemandAreInTheChoice(t *testing.T) {
	s := servertest.Start(t, servertest.Config{})
	src := publish(t, s, vp8)
	low, err := src.AddLayer(broadcast.LayerConfig{
		Codec: codecOf(vp8), RID: "180p", OnDemand: true, Nominal: broadcast.Nominal{Width: 320, Height: 180, Bitrate: 200_000},
	})
	if err != nil {
		t.Fatal(err)
	}
	session := servertest.NewViewer(t, vp8, opus).Join(s, "/whep/cam")
	event := servertest.Wait(t, "the layers", listen(t, s, session, `["layers"]`))
	if event != `layers {"0":[{"spatialLayerId":0},{"rid":"180p","bitrate":200000,"width":320,"height":180}]}` {
		t.Errorf("%s", event)
	}
	if low.Wanted() {
		t.Error("it is wanted although nobody has chosen it")
	}
}
