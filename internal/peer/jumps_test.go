package peer

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"

	"porthole/internal/codec"
	"porthole/internal/negotiate"
)

// walked is a reader that counts how many numbers whoever reads would have to look at.
func walked(t *testing.T, sum *int, number func(*rtp.Header) uint16) interceptor.RTPReader {
	var newest uint16
	started := false
	return interceptor.RTPReaderFunc(func(raw []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		var h rtp.Header
		if _, err := h.Unmarshal(raw); err != nil {
			t.Error(err)
		}
		n := number(&h)
		if started {
			ahead := int(int16(n - newest)) //nolint:gosec // serial number arithmetic
			if ahead > 0 || ahead < -nackHistory {
				*sum += max(ahead, -ahead)
			}
			if ahead <= 0 {
				return len(raw), a, nil
			}
		}
		started, newest = true, n
		return len(raw), a, nil
	})
}

// A publisher whose numbers jump with each packet, in the stream, among retransmissions and in the
// row of transport-wide feedback, has nobody look at more numbers than the budget allows.
func TestJumpsOfAPublisherAreBounded(t *testing.T) {
	const packets, every = 20_000, 100 * time.Microsecond
	const id = 3
	sequence := func(h *rtp.Header) uint16 { return h.SequenceNumber }
	transport := func(h *rtp.Header) uint16 {
		var x rtp.TransportCCExtension
		if err := x.Unmarshal(h.GetExtension(id)); err != nil {
			t.Error(err)
		}
		return x.TransportSequence
	}
	for name, step := range map[string]uint16{"far ahead": 1<<15 - 1, "some ahead": 1000, "far behind": 40_000} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := section{
					mid: "0", kind: "video",
					codec:      negotiate.Format{PayloadType: 96, Codec: codec.Codec{ClockRate: 90_000}, Feedback: []string{"nack"}},
					extensions: []negotiate.Extension{{ID: id, URI: sdp.TransportCCURI}},
				}
				r, err := newReception([]section{s})
				if err != nil {
					t.Fatal(err)
				}
				track := r.bind(7, payloadUse{section: &s, codec: s.codec})
				var inRow, inLosses, inReports int
				r.count = walked(t, &inRow, transport)
				track.losses, track.reports = walked(t, &inLosses, sequence), walked(t, &inReports, sequence)
				p := rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: 7}, Payload: []byte{1}}
				begin := time.Now()
				for range packets {
					p.SequenceNumber += step
					ext, _ := rtp.TransportCCExtension{TransportSequence: p.SequenceNumber}.Marshal()
					if err := p.SetExtension(id, ext); err != nil {
						t.Fatal(err)
					}
					raw, err := p.Marshal()
					if err != nil {
						t.Fatal(err)
					}
					r.arrived(&p.Header, raw)
					track.arrived(&p.Header, raw)
					track.recovered(p.SequenceNumber + step/2)
					time.Sleep(every)
				}
				// Each packet, and each retransmission, may go a little ahead at no charge.
				most := jumpsBurst + int(time.Since(begin).Seconds()*jumpsPerSecond) + 2*packets*freeJump
				for who, sum := range map[string]int{"feedback": inRow, "losses": inLosses, "reports": inReports} {
					if sum == 0 || sum > most {
						t.Errorf("%s: %d numbers to look at, want some and at most %d", who, sum, most)
					}
				}
			})
		})
	}
}

// Losses, reordering, retransmissions and an outage are reported on as ever.
func TestHonestNumbersAreAffordable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJumps()
		number := uint16(65_000)
		for i := range 100_000 {
			switch {
			case i%5000 == 4999:
				number += 1000 // a second without a network
				time.Sleep(time.Second)
			case i%100 == 99:
				number += 20
			default:
				number++
			}
			if !j.affordable(number) {
				t.Fatalf("packet %d is not", i)
			}
			if i%50 == 49 && !j.affordable(number-nackHistory) {
				t.Fatalf("a retransmission after packet %d is not", i)
			}
			time.Sleep(time.Millisecond)
		}
	})
}
