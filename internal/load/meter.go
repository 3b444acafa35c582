package load

import (
	"encoding/binary"
	"slices"
	"sync"
	"time"
)

// meter counts the RTP packets of one session from their headers. Its methods
// may be called by any goroutine.
type meter struct {
	// Set by newMeter, read-only afterwards.
	judgeFrom time.Time     // what is judged begins here,
	settle    time.Duration // but not before a stream is this old
	delays    *histogram    // of the pictures of all sessions that are judged; nil: nobody asks

	mu       sync.Mutex // guards what follows
	first    time.Time  // arrival of the first packet of all
	stopped  bool
	end      time.Time // of what is judged, when stopped
	bytes    uint64
	streams  []*stream // few: two, and two more with RTX
	arrivals *arrivals // for feedback; nil: nobody wants it
	capture  uint8     // id of the header extension with the capture time; 0: there is none
}

// stream is what the packets of one SSRC add up to.
type stream struct {
	ssrc  uint32
	clock uint32 // of its timestamps, per second; 0: belongs to no track, as retransmissions and probes do
	video bool
	quiet bool // its packets need not be decrypted any more

	firstSeq uint32 // extended sequence numbers (RFC 3550 appendix A.1)
	highSeq  uint32
	packets  uint64

	lastTime  uint32        // RTP timestamp of the newest frame
	lastFrame time.Time     // its arrival
	pause     time.Duration // the longest between two frames
	total     sums
	judged    sums      // total at the moment judging began, to subtract
	judgedAt  time.Time // zero: not yet
	span      uint64    // what timestamps have advanced since then

	captured    int64  // when the newest picture that tells it was taken, Unix time in nanoseconds; 0: none
	capturedFor uint32 // the timestamp of that picture
	exact       bool   // and all other timestamps tell as well when theirs was

	steps [63]uint32 // between the timestamps of frames, the latest that were judged
	taken int        // how many there were
}

// sums are counts that only grow.
type sums struct {
	frames uint64
	bytes  uint64
}

func newMeter(judgeFrom time.Time, settle time.Duration) *meter {
	return &meter{judgeFrom: judgeFrom, settle: settle}
}

// rtpHeaderSize is the fixed part of an RTP header (RFC 3550 section 5.1).
const rtpHeaderSize = 12

// isRTP tells RTP from STUN, DTLS and RTCP (RFC 7983 section 7, RFC 5761 section 4).
func isRTP(b []byte) bool {
	return len(b) >= rtpHeaderSize && b[0]&0xC0 == 0x80 && (b[1] < 192 || b[1] > 223)
}

// count takes an RTP or SRTP packet that arrived at now. It says whether
// somebody still needs the packet after that.
func (m *meter) count(now time.Time, packet []byte) (needed bool) {
	seq := binary.BigEndian.Uint16(packet[2:])
	timestamp := binary.BigEndian.Uint32(packet[4:])

	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped {
		return false
	}
	m.bytes += uint64(len(packet))
	if m.arrivals != nil {
		m.arrivals.add(packet, now)
	}
	s := m.stream(binary.BigEndian.Uint32(packet[8:]))
	if s.packets == 0 {
		s.begin(seq, timestamp, now)
		if m.first.IsZero() {
			m.first = now
		}
	}
	if s.judgedAt.IsZero() && !now.Before(m.judgeFrom) && now.Sub(m.first) >= m.settle {
		s.judgedAt, s.judged = now, s.total
	}
	s.add(seq, timestamp, len(packet), now)
	if (m.capture != 0 || s.exact) && m.delays != nil {
		s.timePicture(m, packet, timestamp, now)
	}
	return !s.quiet
}

const (
	// videoClockRate is that of all video codecs in WebRTC (RFC 7742), in hertz.
	videoClockRate = 90_000
	// maxStep is more than there is between two frames, in units of any track's clock:
	// another stream begins.
	maxStep = 10 * videoClockRate
	// captureKnown is for how long the capture time of one picture tells, by the
	// difference of their timestamps, that of others.
	captureKnown = 5 * time.Second
)

// timePicture measures how old a picture is when its last packet has come. A
// server need not tell when each picture was taken. The caller holds m.mu.
func (s *stream) timePicture(m *meter, packet []byte, timestamp uint32, now time.Time) {
	const marker = 0x80
	if nanos, ok := captureTime(packet, m.capture); ok && !s.exact {
		s.captured, s.capturedFor = nanos, timestamp
	}
	if packet[1]&marker == 0 || s.captured == 0 || !s.video || s.judgedAt.IsZero() {
		return
	}
	later := time.Duration(int32(timestamp-s.capturedFor)) * time.Second / videoClockRate //nolint:gosec // serial number arithmetic
	if s.exact || later.Abs() <= captureKnown {
		m.delays.add(time.Duration(now.UnixNano()-s.captured) - later)
	}
}

// expectCapture says under which id packets tell when their picture was taken.
func (m *meter) expectCapture(id uint8) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.capture = id
}

// timeBy says when the picture of a timestamp was sent by a publisher whose timestamps
// are the times of sending. It does nothing, and returns false, before judging begins:
// until then a server may squeeze timestamps.
func (m *meter) timeBy(ssrc, timestamp uint32, sent time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stream(ssrc)
	if s.judgedAt.IsZero() {
		return false
	}
	s.captured, s.capturedFor, s.exact = sent.UnixNano(), timestamp, true
	return true
}

// stream finds the counts of an SSRC. The caller holds mu.
func (m *meter) stream(ssrc uint32) *stream {
	for _, s := range m.streams {
		if s.ssrc == ssrc {
			return s
		}
	}
	s := &stream{ssrc: ssrc}
	m.streams = append(m.streams, s)
	return s
}

func (s *stream) begin(seq uint16, timestamp uint32, now time.Time) {
	// Half the range up, so that a packet that overtook its elders leaves room for them.
	s.firstSeq = uint32(seq) + 1<<16
	s.highSeq = s.firstSeq
	s.lastTime, s.lastFrame = timestamp, now
	s.total.frames = 1
}

func (s *stream) add(seq uint16, timestamp uint32, size int, now time.Time) {
	s.packets++
	s.total.bytes += uint64(size)
	if ahead := int16(seq - uint16(s.highSeq)); ahead > 0 {
		s.highSeq += uint32(ahead)
	} else if behind := s.highSeq + uint32(int32(ahead)); behind < s.firstSeq {
		s.firstSeq = behind
	}
	if int32(timestamp-s.lastTime) <= 0 {
		return
	}
	s.total.frames++
	s.pause = max(s.pause, now.Sub(s.lastFrame))
	if step := timestamp - s.lastTime; !s.judgedAt.IsZero() {
		s.steps[s.taken%len(s.steps)] = step
		s.taken++
		if step <= maxStep {
			s.span += uint64(step)
		}
	}
	s.lastTime, s.lastFrame = timestamp, now
}

// sourceRate is the frame rate at which the publisher made the stream, whatever
// of it arrived: most frames that arrive follow the one before them.
func (s *stream) sourceRate() float64 {
	steps := slices.Clone(s.steps[:min(s.taken, len(s.steps))])
	if len(steps) == 0 {
		return 0
	}
	slices.Sort(steps)
	return float64(s.clock) / float64(steps[len(steps)/2])
}

// claim says that an SSRC is a track, of which kind, and how fast the clock of
// its timestamps goes.
func (m *meter) claim(ssrc uint32, video bool, clock uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stream(ssrc)
	s.video, s.clock = video, clock
}

// hush says that packets of an SSRC are needed for counting only.
func (m *meter) hush(ssrc uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stream(ssrc).quiet = true
}

// stop ends counting; end is the end of what is judged. A second call does nothing.
func (m *meter) stop(end time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.stopped {
		m.stopped, m.end = true, end
	}
}

// progress returns the bytes so far and whether there are any.
func (m *meter) progress() (bytes uint64, media bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bytes, !m.first.IsZero()
}

// reading is what a session's meter says in the end.
type reading struct {
	first         time.Time     // zero: no packet came
	packets, lost uint64        // of tracks, since the session's begin
	video         bool          // there is a video track
	judged        bool          // what follows means something
	sourceRate    float64       // frames a second that the publisher made, by their timestamps
	frameRate     float64       // frames a second that came; of the video track, else of the audio track
	bitRate       float64       // per second, of all tracks, SRTP packets without IP and UDP headers
	pause         time.Duration // the longest between two frames since the first one
}

// read evaluates a stopped meter.
func (m *meter) read() reading {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := reading{first: m.first}
	for _, s := range m.streams {
		if s.packets == 0 || s.clock == 0 {
			continue
		}
		r.video = r.video || s.video
		r.packets += s.packets
		if expected := uint64(s.highSeq-s.firstSeq) + 1; expected > s.packets {
			r.lost += expected - s.packets
		}
	}
	for _, s := range m.streams {
		seconds := m.end.Sub(s.judgedAt).Seconds()
		if s.clock == 0 || s.judgedAt.IsZero() || seconds <= 0 {
			continue
		}
		// What had been held up when judging began, and came all at once then, is no higher rate.
		seconds = max(seconds, float64(s.span)/float64(s.clock))
		r.bitRate += 8 * float64(s.total.bytes-s.judged.bytes) / seconds
		if s.video == r.video {
			r.judged = true
			r.sourceRate = s.sourceRate()
			r.frameRate = float64(s.total.frames-s.judged.frames) / seconds
			r.pause = max(s.pause, m.end.Sub(s.lastFrame)) // one that never ended counts too
		}
	}
	return r
}
