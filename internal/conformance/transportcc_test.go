package conformance_test

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"
)

const transportCCURI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

// MEDIA-11: packets to a viewer who reports on them are numbered in one row, over all
// tracks; the reports are read. Who offers half of it gets none of it.
func TestMEDIA11TransportWideNumbers(t *testing.T) {
	t.Parallel()
	s := start(t)
	publish(t, s, "row", role{})
	reports := []func(*webrtc.MediaEngine, *interceptor.Registry) error{webrtc.ConfigureTWCCSender}
	v := watchStream(t, s, "row", role{bare: true, features: reports}).plays("video", "audio")
	numbers := make(map[uint16]string)
	var all []uint16
	for i, kind := range []string{"video", "audio"} {
		section := parse(v.reply.body).sections[i]
		id := extensionID(section, transportCCURI)
		if id == 0 || !slices.ContainsFunc(values(section, "rtcp-fb"), func(f string) bool { return strings.HasSuffix(f, " transport-cc") }) {
			t.Fatalf("%s is not numbered, or not reported on:\n%s", kind, strings.Join(section, "\n"))
		}
		for _, packet := range v.received[kind].seen() {
			b := packet.GetExtension(id)
			if len(b) != 2 {
				t.Fatalf("packet %d of %s has the number %x", packet.SequenceNumber, kind, b)
			}
			number := binary.BigEndian.Uint16(b)
			if other, taken := numbers[number]; taken {
				t.Fatalf("packets of %s and of %s both have the number %d", other, kind, number)
			}
			numbers[number] = kind
			all = append(all, number)
		}
	}
	// What was sent meanwhile leaves holes at the end only.
	slices.SortFunc(all, func(a, b uint16) int { return int(int16(a - b)) })
	holes := 0
	for i := range all[1:] {
		holes += int(all[i+1] - all[i] - 1)
	}
	if holes > len(all)/20 {
		t.Errorf("%d of %d numbers were left out", holes, len(all))
	}
	until(t, patience, "its reports to be counted", func() bool {
		return !strings.Contains(s.do("GET", "/metrics", "").body, "porthole_transport_feedback_received_total 0\n")
	})

	half := watchStream(t, s, "row", role{bare: true, features: headerExtensions(transportCCURI)}).plays("video", "audio")
	if strings.Contains(half.reply.body, transportCCURI) || strings.Contains(half.reply.body, "transport-cc") {
		t.Errorf("packets are numbered for a viewer who would not report on them:\n%s", half.reply.body)
	}
}
