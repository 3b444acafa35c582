package core_test

import (
	"errors"
	"testing"

	"go.uber.org/goleak"

	"porthole/internal/auth"
	"porthole/internal/core"
	"porthole/internal/peer"
	"porthole/internal/signaling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What stands between sessions and sockets ends between them, and its fault is told.
func TestCloseKeepsTheOrder(t *testing.T) {
	c, err := core.New(core.Config{Peer: peer.Config{Media: "127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := core.New(core.Config{Peer: peer.Config{Media: c.Engine.Addr().String()}}); err == nil {
		t.Error("a port is taken twice")
	}
	fault := errors.New("between")
	err = c.Close(t.Context(), func() error {
		select {
		case <-c.Table.Idle():
		default:
			t.Error("there may still be sessions")
		}
		if len(c.Engine.MediaAddrs()) == 0 {
			t.Error("the sockets are gone already")
		}
		return fault
	})
	if !errors.Is(err, fault) {
		t.Errorf("got %v", err)
	}
}

// Several handlers share one table; without tokens there are none.
func TestHandlers(t *testing.T) {
	c, err := core.New(core.Config{Peer: peer.Config{Media: "127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context(), nil)
	if _, _, err := c.Handlers(signaling.Config{}); err == nil {
		t.Error("handlers without a verifier")
	}
	for range 2 {
		if publish, watch, err := c.Handlers(signaling.Config{Auth: auth.New(auth.Config{})}); err != nil || publish == nil || watch == nil {
			t.Errorf("got %v, %v, %v", publish, watch, err)
		}
	}
}
