package servertest

import (
	"strings"

	"github.com/pion/webrtc/v4"

	"porthole/internal/negotiate"
)

const typeFragment = "application/trickle-ice-sdpfrag"

// RestartICE restarts ICE by a PATCH on the client's session and takes what the
// server says to it, which is returned.
func (c *Client) RestartICE(s *Server, session string) Reply {
	c.t.Helper()
	offer, err := c.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		c.t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(c.PeerConnection)
	if err = c.SetLocalDescription(offer); err != nil {
		c.t.Fatal(err)
	}
	Wait(c.t, "the client's candidates", gathered)
	r := s.Do("PATCH", session, FragmentOf(c.LocalDescription().SDP), "Content-Type", typeFragment, "If-Match", "*")
	if r.Status != 200 || r.Header.Get("Content-Type") != typeFragment {
		c.t.Fatalf("PATCH: status %d, %s: %s", r.Status, r.Header.Get("Content-Type"), r.Body)
	}
	answer := webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: withFragment(c.CurrentRemoteDescription().SDP, r.Body)}
	if err = c.SetRemoteDescription(answer); err != nil {
		c.t.Fatalf("the client refuses the restart: %v\n%s", err, answer.SDP)
	}
	return r
}

// isICE tells whether a line of SDP belongs to the ICE session.
func isICE(line string) bool {
	for _, key := range []string{"a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "a=end-of-candidates"} {
		if strings.HasPrefix(line, key) {
			return true
		}
	}
	return false
}

// FragmentOf returns what a description says of ICE as a client sends it.
func FragmentOf(sdp string) string {
	f := &negotiate.Fragment{}
	for line := range strings.Lines(sdp) {
		line = strings.TrimSpace(line)
		key, value, _ := strings.Cut(strings.TrimPrefix(line, "a="), ":")
		switch key {
		case "ice-ufrag":
			f.Ufrag = value
		case "ice-pwd":
			f.Pwd = value
		case "candidate":
			f.Candidates = append(f.Candidates, negotiate.Candidate{Mid: "0", Value: "candidate:" + value})
		}
	}
	return negotiate.FormatFragment(f)
}

// withFragment returns an answer with the ICE session of a fragment, the way
// clients do it: in place of what it says itself.
func withFragment(sdp, fragment string) string {
	var b strings.Builder
	for line := range strings.Lines(sdp) {
		if isICE(line) {
			continue
		}
		b.WriteString(line)
		if strings.HasPrefix(line, "a=mid:") {
			for ice := range strings.Lines(fragment) {
				if isICE(ice) {
					b.WriteString(ice)
				}
			}
		}
	}
	return b.String()
}
