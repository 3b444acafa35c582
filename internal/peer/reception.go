package peer

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/nack"
	"github.com/pion/interceptor/pkg/report"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
)

const (
	nackInterval = 40 * time.Millisecond // between two looks for lost packets
	maxNacks     = 10                    // requests for one packet: 400 ms, then it is too late
	nackHistory  = 1024                  // packets: a second at 10 Mbit/s
)

// reception is what a publisher needs to hear from us: losses, receiver reports and, when
// negotiated, transport-wide feedback. pion's interceptors do it; they are shown the
// packets that came, and write RTCP by themselves.
type reception struct {
	losses, reports interceptor.Interceptor
	// feedback counts in one row what comes of all sources; nil: not negotiated.
	feedback interceptor.Interceptor
	count    interceptor.RTPReader
	countID  uint8 // of the header extension with the number in that row
	counted  *jumps
	media    atomic.Uint32 // the SSRC that it is sent to
	read     interceptor.RTCPReader
}

func newReception(sections []section) (*reception, error) {
	losses, err := nack.NewGeneratorInterceptor(
		nack.GeneratorSize(nackHistory), nack.GeneratorInterval(nackInterval),
		nack.GeneratorMaxNacksPerPacket(maxNacks),
		nack.GeneratorSkipLastN(2), // those may only be out of order
	)
	if err != nil {
		return nil, fmt.Errorf("set up loss reports: %w", err)
	}
	reports, err := report.NewReceiverInterceptor()
	if err != nil {
		return nil, fmt.Errorf("set up receiver reports: %w", err)
	}
	r := &reception{}
	if r.losses, err = losses.NewInterceptor(""); err != nil {
		return nil, fmt.Errorf("set up loss reports: %w", err)
	}
	if r.reports, err = reports.NewInterceptor(""); err != nil {
		return nil, fmt.Errorf("set up receiver reports: %w", err)
	}
	r.read = r.reports.BindRTCPReader(interceptor.RTCPReaderFunc(shown))
	i := slices.IndexFunc(sections, func(s section) bool { return s.extensionID(sdp.TransportCCURI) != 0 })
	if i < 0 {
		return r, nil
	}
	feedback, err := twcc.NewSenderInterceptor()
	if err != nil {
		return nil, fmt.Errorf("set up transport-wide feedback: %w", err)
	}
	if r.feedback, err = feedback.NewInterceptor(""); err != nil {
		return nil, fmt.Errorf("set up transport-wide feedback: %w", err)
	}
	// The sections of a bundle give an extension the same id.
	id := sections[i].extensionID(sdp.TransportCCURI)
	r.countID, r.counted = id, newJumps()
	r.count = r.feedback.BindRemoteStream(&interceptor.StreamInfo{
		RTPHeaderExtensions: []interceptor.RTPHeaderExtension{{URI: sdp.TransportCCURI, ID: int(id)}},
	}, interceptor.RTPReaderFunc(shown))
	return r, nil
}

// shown is how an interceptor, which reads what it is to see, sees what is shown to it.
func shown(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
	return len(b), a, nil
}

// interceptors returns those that there are.
func (r *reception) interceptors() []interceptor.Interceptor {
	list := []interceptor.Interceptor{r.losses, r.reports}
	if r.feedback != nil {
		list = append(list, r.feedback)
	}
	return list
}

// start lets them write. A report that is lost is followed by the next.
func (r *reception) start(write func([]rtcp.Packet) error) {
	writer := interceptor.RTCPWriterFunc(func(packets []rtcp.Packet, _ interceptor.Attributes) (int, error) {
		for _, p := range packets {
			if feedback, ok := p.(*rtcp.TransportLayerCC); ok {
				feedback.MediaSSRC = r.media.Load()
			}
		}
		_ = write(packets)
		return 0, nil
	})
	for _, i := range r.interceptors() {
		i.BindRTCPWriter(writer)
	}
}

// close ends what start has begun. Packets may be shown meanwhile and later.
func (r *reception) close() error {
	var faults []error
	for _, i := range r.interceptors() {
		faults = append(faults, i.Close())
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("end reports: %w", err)
	}
	return nil
}

// arrived shows a packet of whatever source.
func (r *reception) arrived(h *rtp.Header, raw []byte) {
	if r.count == nil {
		return
	}
	var number rtp.TransportCCExtension
	if number.Unmarshal(h.GetExtension(r.countID)) == nil && r.counted.affordable(number.TransportSequence) {
		_, _, _ = r.count.Read(raw, nil) // it was parsed before
	}
}

// report shows a sender report of the publisher.
func (r *reception) report(sr *rtcp.SenderReport) {
	if raw, err := sr.Marshal(); err == nil {
		_, _, _ = r.read.Read(raw, nil)
	}
}

// trackReception is reception for one source of a track.
type trackReception struct {
	all             *reception
	info            *interceptor.StreamInfo
	losses, reports interceptor.RTPReader
	numbers         *jumps
	parsed          interceptor.Attributes // memory for the header of one packet after another
	header          rtp.Header
	scratch         [12]byte
}

// bind begins to report on a source.
func (r *reception) bind(ssrc uint32, use payloadUse) *trackReception {
	info := &interceptor.StreamInfo{SSRC: ssrc, ClockRate: use.codec.ClockRate, PayloadType: use.codec.PayloadType}
	if slices.Contains(use.codec.Feedback, "nack") {
		info.RTCPFeedback = []interceptor.RTCPFeedback{{Type: "nack"}}
	}
	r.media.Store(ssrc)
	return &trackReception{
		all: r, info: info, numbers: newJumps(), parsed: interceptor.Attributes{}, header: rtp.Header{Version: 2, SSRC: ssrc},
		losses:  r.losses.BindRemoteStream(info, interceptor.RTPReaderFunc(shown)),
		reports: r.reports.BindRemoteStream(info, interceptor.RTPReaderFunc(shown)),
	}
}

// unbind says no more of the source.
func (t *trackReception) unbind() {
	t.all.losses.UnbindRemoteStream(t.info)
	t.all.reports.UnbindRemoteStream(t.info)
}

// arrived shows a packet of the source.
func (t *trackReception) arrived(h *rtp.Header, raw []byte) {
	if !t.numbers.affordable(h.SequenceNumber) {
		return
	}
	clear(t.parsed) // once for both
	_, _, _ = t.losses.Read(raw, t.parsed)
	_, _, _ = t.reports.Read(raw, t.parsed)
}

// recovered says that a packet came as a retransmission, so that it is not asked for again.
func (t *trackReception) recovered(sequence uint16) {
	if !t.numbers.affordable(sequence) {
		return
	}
	t.header.SequenceNumber = sequence
	if n, err := t.header.MarshalTo(t.scratch[:]); err == nil {
		_, _, _ = t.losses.Read(t.scratch[:n], nil)
	}
}
