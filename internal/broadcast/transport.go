package broadcast

// transport numbers what a viewer is sent, over all of its tracks and their retransmissions
// in the order in which they leave, and hears of it by those numbers
// (draft-holmer-rmcat-transport-wide-cc-extensions-01). It is guarded by Viewer.serving.
//
// It is the one place that sees each numbered packet leave and each report on it come back.
type transport struct {
	number uint16 // of the next packet
	// remb is what the viewer believes it can receive, in bits per second, where it says so in
	// the place of transport-wide feedback (draft-alvestrand-rmcat-remb-03); 0: unknown.
	remb uint64
}

// next returns the number of the next packet, which stays the same until one was sent.
func (n *transport) next() uint16 { return n.number }

// sent notes that the packet with that number left, and takes size bytes.
func (n *transport) sent(_ int, _ int64) { n.number++ }

// HandleTransportFeedback takes the transport-wide feedback of a viewer who agreed on it:
// what follows the two SSRCs in its packet (section 3.1 of the draft), which may end with
// padding. It keeps nothing of it. Any goroutine may call it.
func (v *Viewer) HandleTransportFeedback(_ []byte) {
	v.serving.Lock()
	defer v.serving.Unlock()
	defer v.endOnPanic()
	if v.stopped {
		return
	}
	v.stats.feedbacks.Add(1)
}
