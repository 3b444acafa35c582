package load

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"
)

// What a viewer must get to count as fully served.
const (
	fullRate    = 0.95  // of the frame rate that counts as full
	fullLossMax = 0.005 // of the packets
	// pauseMax is the longest pause, at frame rates of which it is three frames at least.
	pauseMax = 500 * time.Millisecond
)

// Report is what a run found. Times are in milliseconds since the session's
// POST was sent.
type Report struct {
	URL     string  `json:"url"`
	Viewers int     `json:"viewers"` // sessions that were to be opened
	Seconds float64 `json:"seconds"` // that the run took
	Opened  int     `json:"opened"`  // sessions that sent an offer

	Answered  int `json:"answered"`  // … got 201
	Connected int `json:"connected"` // … completed ICE and DTLS
	Media     int `json:"media"`     // … got a packet
	Keyframe  int `json:"keyframe"`  // … got a whole keyframe and could decrypt it
	FullRate  int `json:"full_rate"` // … got the full frame rate with next to no loss
	Paused    int `json:"paused"`    // … had a pause of over 500 ms after the first picture

	Answer        Distribution `json:"answer_ms"`
	ICE           Distribution `json:"ice_ms"`
	DTLS          Distribution `json:"dtls_ms"`
	FirstPacket   Distribution `json:"first_packet_ms"`
	FirstKeyframe Distribution `json:"first_keyframe_ms"`

	FrameRate   Distribution `json:"frame_rate"`       // frames a second, of each session once it has settled
	BitRate     Distribution `json:"bit_rate"`         // bits a second, likewise; SRTP packets without UDP and IP headers
	LossPercent Distribution `json:"loss_percent"`     // of each session from its first packet on
	Pause       Distribution `json:"longest_pause_ms"` // the longest time between two frames, from the first one on

	// FrameDelay is how old each picture was, by the server's capture time and this
	// machine's clock, when its last packet arrived: of all pictures of all sessions
	// once settled, so Count is a number of pictures. Empty when the server does not
	// send abs-capture-time, and when two clocks are compared that need not agree:
	// FrameDelayDoubt says why then. Of a publisher elsewhere, a server can but
	// estimate when it captured.
	FrameDelay      Distribution `json:"frame_delay_ms,omitzero"`
	FrameDelayDoubt string       `json:"frame_delay_doubt,omitempty"`

	Packets      uint64         `json:"packets"`        // by all sessions
	Lost         uint64         `json:"lost"`           // gaps in sequence numbers
	TotalBitRate float64        `json:"total_bit_rate"` // sum of the sessions' bit rates
	Codecs       map[string]int `json:"codecs"`         // tracks by codec: "video/H264": 50
	Failures     []Failure      `json:"failures"`       // by reason, most frequent first

	Generator Generator `json:"generator"`
	Verdict   Verdict   `json:"verdict"`
}

// Distribution sums up one figure of all sessions that have it.
type Distribution struct {
	Count int     `json:"count"`
	Min   float64 `json:"min"`
	P50   float64 `json:"p50"`
	P95   float64 `json:"p95"`
	P99   float64 `json:"p99"`
	Max   float64 `json:"max"`
}

// Failure is one reason for which sessions failed, and how many did.
type Failure struct {
	Reason   string `json:"reason"`
	Sessions int    `json:"sessions"`
}

// Generator tells what the measuring itself cost. When it is short of processor
// time or drops packets, the figures are its own and not the server's.
type Generator struct {
	CPUCores float64 `json:"cpu_cores"` // processor time per time, of this process
	Dropped  uint64  `json:"dropped"`   // packets that arrived but found no room in a socket's buffer; part of lost
}

// Verdict is the report in one sentence.
type Verdict struct {
	OK        bool    `json:"ok"`         // every viewer got the full frame rate with next to no loss and no pause
	FrameRate float64 `json:"frame_rate"` // that counted as full, per second
	Text      string  `json:"text"`
}

// report evaluates the sessions, all of which have ended.
func (r *runner) report(end time.Time) *Report {
	seconds := end.Sub(r.begin).Seconds()
	rep := &Report{
		URL: r.cfg.URL, Viewers: r.cfg.Viewers, Seconds: round(seconds),
		Codecs: make(map[string]int), Failures: []Failure{},
	}
	readings := r.readings()
	rep.addReadings(readings)
	rep.FrameDelay, rep.FrameDelayDoubt = sensibleDelay(r.delays.distribution(), r.host.same)

	var since [stages][]float64
	failures := make(map[string]int)
	for i, s := range r.sessions {
		s.addStages(rep, readings[i], &since)
		rep.Generator.Dropped += s.taps.dropped()
		if s.fault != nil {
			failures[reason(s.fault)]++
		}
	}
	rep.Answer, rep.ICE = distribution(since[stageAnswered]), distribution(since[stageICE])
	rep.DTLS = distribution(since[stageConnected])
	rep.FirstPacket, rep.FirstKeyframe = distribution(since[stageMedia]), distribution(since[stageKeyframe])
	rep.addFailures(failures)
	rep.Generator.CPUCores = round((processCPU() - r.cpu).Seconds() / max(seconds, 1e-3))
	rep.judge(readings, cmp.Or(r.cfg.FrameRate, sourceRate(readings)))
	return rep
}

// readings reads all meters. When anybody got video, those that got only sound
// were not served, and cannot be judged by the rate of its packets.
func (r *runner) readings() []reading {
	all := make([]reading, len(r.sessions))
	video := false
	for i, s := range r.sessions {
		all[i] = s.meter.read()
		video = video || all[i].video
	}
	for i := range all {
		all[i].judged = all[i].judged && all[i].video == video
	}
	return all
}

func (r *Report) addReadings(readings []reading) {
	var rates, bits, losses, pauses []float64
	for _, got := range readings {
		r.Packets += got.packets
		r.Lost += got.lost
		if got.packets > 0 {
			losses = append(losses, 100*got.loss())
		}
		if got.judged {
			rates = append(rates, got.frameRate)
			bits = append(bits, got.bitRate)
			pauses = append(pauses, milliseconds(got.pause))
			r.TotalBitRate += math.Round(got.bitRate)
		}
	}
	r.FrameRate, r.BitRate = distribution(rates), distribution(bits)
	r.LossPercent, r.Pause = distribution(losses), distribution(pauses)
}

// addStages counts how far a session came and how long that took.
func (s *session) addStages(rep *Report, got reading, since *[stages][]float64) {
	s.at[stageMedia] = got.first
	if s.open {
		rep.Opened++
	}
	for _, codec := range s.codecs {
		rep.Codecs[codec]++
	}
	for st, count := range map[stage]*int{
		stageAnswered: &rep.Answered, stageICE: new(int), stageConnected: &rep.Connected,
		stageMedia: &rep.Media, stageKeyframe: &rep.Keyframe,
	} {
		if !s.at[st].IsZero() {
			*count++
			since[st] = append(since[st], milliseconds(s.at[st].Sub(s.begin)))
		}
	}
}

func (r *Report) addFailures(count map[string]int) {
	for text, n := range count {
		r.Failures = append(r.Failures, Failure{Reason: text, Sessions: n})
	}
	slices.SortFunc(r.Failures, func(a, b Failure) int {
		return cmp.Or(b.Sessions-a.Sessions, strings.Compare(a.Reason, b.Reason))
	})
}

// judge counts the sessions that were fully served, and those that froze.
func (r *Report) judge(readings []reading, full float64) {
	for _, got := range readings {
		if got.judged && got.frameRate >= fullRate*full && got.loss() < fullLossMax {
			r.FullRate++
		}
		if got.judged && got.pause > longestPause(full) {
			r.Paused++
		}
	}
	r.Verdict.OK = r.FullRate == r.Viewers && r.Paused == 0
	r.Verdict.FrameRate = round(full)
	switch {
	case r.Media == 0:
		r.Verdict.Text = fmt.Sprintf("none of %d viewers got media", r.Viewers)
	case r.FrameRate.Count == 0:
		r.Verdict.Text = fmt.Sprintf("%d of %d viewers got media, for too short a time to judge it", r.Media, r.Viewers)
	default:
		r.Verdict.Text = fmt.Sprintf("%d of %d viewers got the full frame rate (at least %.1f of %.1f a second) with less than %.1f %% loss",
			r.FullRate, r.Viewers, fullRate*full, full, 100*fullLossMax)
	}
	if r.Paused > 0 {
		r.Verdict.Text += fmt.Sprintf("; %d of %d froze for over %d ms after their first picture, for %.1f s at most",
			r.Paused, r.Viewers, longestPause(full).Milliseconds(), r.Pause.Max/1000)
	}
}

// longestPause is how long a picture may stand before it is said to freeze.
func longestPause(frameRate float64) time.Duration {
	if frameRate <= 0 {
		return pauseMax
	}
	return max(pauseMax, time.Duration(3/frameRate*float64(time.Second)))
}

const (
	// clockSlack is by how much a server may be wrong when it reckons the moment of
	// capture from its publisher's reports.
	clockSlack = 5.0 // ms
	// delayMax is more than any picture is old: another clock was read.
	delayMax = 10_000.0 // ms
)

// sensibleDelay returns the delays, or why they say nothing. same says that the
// server is on this machine.
func sensibleDelay(d Distribution, same bool) (sensible Distribution, doubt string) {
	switch {
	case d.Count == 0:
		return Distribution{}, ""
	case !same:
		return Distribution{}, "the server is another machine, whose clock need not agree with this one's"
	case d.Min < -clockSlack || d.P50 < 0 || d.Max > delayMax:
		return Distribution{}, fmt.Sprintf("the pictures were timed by a clock that does not agree with this machine's: they seem to be %.0f to %.0f ms old", d.Min, d.Max)
	}
	d.Min, d.P50 = max(0, d.Min), max(0, d.P50)
	return d, ""
}

// sourceRate is what most sessions take for the publisher's frame rate.
func sourceRate(readings []reading) float64 {
	var rates []float64
	for _, got := range readings {
		if got.judged {
			rates = append(rates, got.sourceRate)
		}
	}
	return distribution(rates).P50
}

func (r reading) loss() float64 {
	if r.packets == 0 {
		return 0
	}
	return float64(r.lost) / float64(r.packets+r.lost)
}

// distribution sums values up; it sorts them. Percentiles are the nearest rank:
// values that were really seen.
func distribution(values []float64) Distribution {
	if len(values) == 0 {
		return Distribution{}
	}
	slices.Sort(values)
	rank := func(p float64) float64 {
		return round(values[max(0, int(math.Ceil(p*float64(len(values))))-1)])
	}
	return Distribution{
		Count: len(values), Min: rank(0), P50: rank(0.5), P95: rank(0.95), P99: rank(0.99), Max: rank(1),
	}
}

// reason words a fault so that the same fault of many sessions is the same
// text: without the URL, which has the session or the local port in it.
func reason(err error) string {
	if fault, ok := errors.AsType[*url.Error](err); ok {
		return "POST: " + fault.Err.Error()
	}
	return err.Error()
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// round keeps three decimals: more would only pretend.
func round(x float64) float64 { return math.Round(x*1000) / 1000 }
