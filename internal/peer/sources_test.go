package peer

import (
	"bytes"
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"
	"github.com/prometheus/client_golang/prometheus"

	"porthole/internal/egress"
)

// A viewer that signs each packet as another source makes nobody keep more than a few,
// and somebody who forges its address uses up none of them.
func TestSourcesOfFeedbackAreBounded(t *testing.T) {
	salt := bytes.Repeat([]byte{2}, 12)
	contextWith := func(key byte) *srtp.Context {
		c, err := srtp.CreateContext(bytes.Repeat([]byte{key}, 16), salt, srtp.ProtectionProfileAeadAes128Gcm, srtp.SRTCPReplayProtection(replayWindow))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := &crypt{receive: contextWith(1)}
	seal := func(from *srtp.Context, ssrc uint32) []byte {
		plain, err := (&rtcp.ReceiverReport{SSRC: ssrc}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := from.EncryptRTCP(nil, plain, nil)
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	opened := func(from *srtp.Context, ssrc uint32) bool {
		_, err := c.openRTCP(seal(from, ssrc))
		return err == nil
	}
	stranger := contextWith(3)
	for ssrc := range uint32(1000) {
		if opened(stranger, 5000+ssrc) {
			t.Fatal("a forged packet was opened")
		}
	}
	viewer := contextWith(1)
	n := 0
	for ssrc := range uint32(1000) {
		if opened(viewer, ssrc) {
			n++
		}
	}
	if n != maxSources || len(c.sources.known) != maxSources {
		t.Errorf("packets of %d sources were opened, %d are known, want %d", n, len(c.sources.known), maxSources)
	}
	registry := prometheus.NewRegistry()
	m, err := newMetrics(registry, func() egress.Stats { return egress.Stats{} })
	if err != nil {
		t.Fatal(err)
	}
	l := &mediaTransport{engine: &Engine{metrics: m}, heard: newHeard()}
	l.crypt.Store(c)
	feedback := func([]rtcp.Packet) { t.Error("feedback of one source too many was read") }
	l.feedback.Store(&listener{packets: feedback})
	l.readRTCP(seal(viewer, 70_000))
	if dropped := valueOf(t, registry, "porthole_feedback_sources_dropped_total"); dropped != 1 {
		t.Errorf("%v packets counted", dropped)
	}
	if !opened(viewer, 1) {
		t.Error("a source that is known is not heard any more")
	}
}

// valueOf returns the value of a counter without labels.
func valueOf(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
