package servertest

import "github.com/pion/webrtc/v4"

// AnswerTo takes an offer of the server's and returns a complete answer.
func (c *Client) AnswerTo(offer string) string {
	c.t.Helper()
	if err := c.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: offer}); err != nil {
		c.t.Fatalf("the client refuses the offer: %v\n%s", err, offer)
	}
	answer, err := c.CreateAnswer(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(c.PeerConnection)
	if err = c.SetLocalDescription(answer); err != nil {
		c.t.Fatal(err)
	}
	Wait(c.t, "the client's candidates", gathered)
	return c.LocalDescription().SDP
}
