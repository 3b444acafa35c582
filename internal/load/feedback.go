package load

import (
	"encoding/binary"
	"math/rand/v2"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"
)

// transportCCURI names the header extension with the packet's number in the whole connection
// (draft-holmer-rmcat-transport-wide-cc-extensions-01).
const transportCCURI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

// feedbackEvery is how often a session tells what has come: browsers do it 10 to 20 times a second.
const feedbackEvery = 75 * time.Millisecond

// arrivals remembers what is to be told of packets that came. The meter that has it guards it.
type arrivals struct {
	id       uint8 // of the header extension; 0: the server does not want to know
	recorder *twcc.Recorder
	begin    time.Time
}

func newArrivals(id uint8) *arrivals {
	return &arrivals{id: id, recorder: twcc.NewRecorder(rand.Uint32()), begin: time.Now()}
}

// add notes a packet.
func (a *arrivals) add(packet []byte, at time.Time) {
	if number := extension(packet, a.id); len(number) >= 2 {
		a.recorder.Record(binary.BigEndian.Uint32(packet[8:]), binary.BigEndian.Uint16(number), at.Sub(a.begin).Microseconds())
	}
}

// expectNumbers says under which id packets carry their number.
func (m *meter) expectNumbers(id uint8) {
	if id == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.arrivals = newArrivals(id)
}

// feedback takes what is to be told, nil when nothing came.
func (m *meter) feedback() []rtcp.Packet {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.arrivals == nil || m.arrivals.recorder.PacketsHeld() == 0 {
		return nil
	}
	return m.arrivals.recorder.BuildFeedbackPacket()
}

// tell sends feedback until done.
func (s *session) tell(pc *webrtc.PeerConnection, done <-chan struct{}) {
	ticker := time.NewTicker(feedbackEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if packets := s.meter.feedback(); len(packets) > 0 {
				_ = pc.WriteRTCP(packets) // what is lost is told by none
			}
		case <-done:
			return
		}
	}
}
