package peer_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"porthole/internal/negotiate"
	"porthole/internal/peer"
)

// A client that sends data over DTLS, here a data channel that it takes for agreed, is not
// gone. Its goodbye is what ends the session.
func TestDataOverDTLSEndsNoSession(t *testing.T) {
	engine := newEngine(t, peer.Config{})
	c := newClient(t, clientConfig{})
	c.watch(t)
	if _, err := c.CreateDataChannel("data", nil); err != nil {
		t.Fatal(err)
	}
	offer := parse(t, negotiate.Watch, c.offer(t))
	s, err := engine.Send(t.Context(), peer.SendConfig{
		Offer: offer, Codecs: codecs(t, offer, webrtc.MimeTypeH264, webrtc.MimeTypeOpus), StreamID: "stream",
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := serve(t, s, nil)

	// The client is told that the data channel was accepted, and so begins SCTP.
	refused := line(s.Answer(), "m=application 0")
	if refused == "" {
		t.Fatalf("no refused section in\n%s", s.Answer())
	}
	mid := strings.TrimPrefix(line(s.Answer()[strings.Index(s.Answer(), refused):], "a=mid:"), "a=mid:")
	answer := strings.Replace(s.Answer(), refused, strings.Replace(refused, " 0 ", " 9 ", 1)+"\r\nc=IN IP4 0.0.0.0\r\na=sctp-port:5000\r\na=setup:"+
		strings.TrimPrefix(line(s.Answer(), "a=setup:"), "a=setup:")+"\r\n"+line(s.Answer(), "a=ice-ufrag:")+"\r\n"+line(s.Answer(), "a=ice-pwd:")+"\r\n"+line(s.Answer(), "a=fingerprint:"), 1)
	answer = replaceLine(answer, "a=group:BUNDLE", line(answer, "a=group:BUNDLE")+" "+mid)
	c.accept(t, answer)
	wait(t, c.connected, "the connection")
	select {
	case reason := <-ended:
		t.Fatalf("the session ended: %v", reason)
	case <-time.After(time.Second): // SCTP repeats its INIT meanwhile
	}
	_ = c.GracefulClose()
	if reason := wait(t, ended, "the end"); !errors.Is(reason, peer.ErrRemoteClosed) {
		t.Errorf("ended by %v, want ErrRemoteClosed", reason)
	}
}
