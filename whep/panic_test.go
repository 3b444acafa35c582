package whep

import (
	"testing"

	"github.com/pion/webrtc/v4"

	"porthole/internal/codec"
	"porthole/internal/negotiate"
	"porthole/internal/peer"
	"porthole/internal/sessions"
)

// A panic in the goroutine that waits beside a session ends the session, and is no
// end of the process. A session without a viewer is the simplest that panics there.
func TestPanicBesideASession(t *testing.T) {
	engine, err := peer.Listen(peer.Config{Media: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	offer, err := negotiate.NewCounterOffer([]codec.Codec{{MimeType: webrtc.MimeTypeVP8, ClockRate: 90_000}})
	if err != nil {
		t.Fatal(err)
	}
	panics := 0
	s := &session{engine: engine, offer: offer, counter: true, table: sessions.New(sessions.Config{OnPanic: func() { panics++ }})}
	if _, err = s.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if recover() == nil { // the table's part: the viewer is missed there, too
				t.Error("no panic in Serve")
			}
		}()
		_ = s.Serve(t.Context())
	}()
	<-s.peer.Done()
	if panics != 1 {
		t.Errorf("%d panics were told, want 1", panics)
	}
}
