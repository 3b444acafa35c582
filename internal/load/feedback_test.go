package load

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

func TestFeedbackTellsWhatCame(t *testing.T) {
	const id = 5
	m := newMeter(time.Now(), 0)
	m.expectNumbers(id)
	send := func(numbers ...uint16) {
		for _, n := range numbers {
			p := rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 7, SequenceNumber: n}, Payload: []byte{1}}
			if err := p.SetExtension(id, []byte{byte(n >> 8), byte(n)}); err != nil {
				t.Fatal(err)
			}
			raw, err := p.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			m.count(time.Now(), raw)
		}
	}
	if got := m.feedback(); got != nil {
		t.Errorf("before anything came it tells %v", got)
	}
	send(65_534, 65_535, 1, 2)
	told := m.feedback()
	if len(told) != 1 {
		t.Fatalf("it tells %v, want one packet", told)
	}
	cc, ok := told[0].(*rtcp.TransportLayerCC)
	if !ok || cc.BaseSequenceNumber != 65_534 || cc.PacketStatusCount != 5 || len(cc.RecvDeltas) != 4 {
		t.Errorf("it tells %v, want that four of five came", told[0])
	}
	if got := m.feedback(); got != nil {
		t.Errorf("it tells %v a second time", got)
	}
}

func TestNoFeedbackWithoutNumbers(t *testing.T) {
	m := newMeter(time.Now(), 0)
	m.expectNumbers(0)
	raw, err := (&rtp.Packet{Header: rtp.Header{Version: 2, SSRC: 7}, Payload: []byte{1}}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	m.count(time.Now(), raw)
	if got := m.feedback(); got != nil {
		t.Errorf("it tells %v", got)
	}
}
