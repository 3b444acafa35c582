package peer_test

import (
	"errors"
	"testing"
	"time"

	"porthole/internal/codec"
	"porthole/internal/negotiate"
	"porthole/internal/peer"
)

// An offer of ours that nobody answers is over in time, and one that was not served
// leaves nothing behind either.
func TestOfferWithoutAnswer(t *testing.T) {
	e, err := peer.Listen(peer.Config{Media: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	offer, err := negotiate.NewCounterOffer([]codec.Codec{{MimeType: "video/VP8", ClockRate: 90000}})
	if err != nil {
		t.Fatal(err)
	}
	cfg := peer.OfferConfig{Offer: offer, StreamID: "cam", Within: 50 * time.Millisecond}
	s, err := e.Offer(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Tracks()) != 1 || s.Tracks()[0].RTXPayloadType == 0 {
		t.Errorf("tracks %+v", s.Tracks())
	}
	// There is no ICE session yet that could get candidates, or a new path.
	fragment := &negotiate.Fragment{Ufrag: "abcd", Pwd: "abcdefghijklmnopqrstuv"}
	if err := s.Trickle(fragment); !errors.Is(err, peer.ErrICERestart) {
		t.Errorf("Trickle: %v", err)
	}
	if _, err := s.Restart(fragment); !errors.Is(err, peer.ErrICERestart) {
		t.Errorf("Restart: %v", err)
	}
	if err := s.Serve(t.Context(), nil); !errors.Is(err, peer.ErrNoAnswer) {
		t.Errorf("Serve: %v", err)
	}
	if err := s.Accept(&negotiate.Answer{}); err == nil {
		t.Error("an answer is accepted when the session is over")
	}

	unserved, err := e.Offer(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	unserved.Close(nil)
}
