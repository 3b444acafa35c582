package broadcast_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
	"porthole/internal/events"
)

// NAL units of x264 that say how its pictures are to be decoded.
const (
	spsHigh     = "\x67\x64\x00\x1f\xac\xd9\x40\x50\x05\xbb\x01\x10\x00\x00\x03\x00\x10\x00\x00\x03\x03\xc0\xf1\x83\x19\x60"
	spsMain     = "\x67\x4d\x40\x1f\x96\x52\x02\x80\x2d\xd0\x0f\x39\xea"
	sei264      = "\x06\x06\x01\xc4\x80"           // a recovery point, x264 with intra-refresh=1
	sei264Last  = "\x06\x05\x02ab\x06\x01\xc4\x80" // the same behind another message
	sei264Other = "\x06\x05\x03ab\x06\x80"         // user data
	sei265      = "\x4e\x01\x06\x01\xd0\x80"
)

// picky is a publisher whose pictures the test chooses.
type picky struct {
	t         *testing.T
	publisher *broadcast.Publisher
	layer     *broadcast.Layer
	asked     int
	seq       uint16
	n         int // pictures so far
}

// newPicky publishes. Its warnings are told to the list of told.
func newPicky(t *testing.T, b *broadcast.Broadcaster, of codec.Codec) *picky {
	t.Helper()
	p, err := b.Publish("cam", broadcast.PublisherConfig{Source: "whip", Kinds: []codec.Kind{codec.Video}, Key: "obs"})
	if err != nil {
		t.Fatal(err)
	}
	e := &picky{t: t, publisher: p, seq: 65_000}
	e.layer = e.add(broadcast.LayerConfig{Codec: of})
	return e
}

func (e *picky) add(cfg broadcast.LayerConfig) *broadcast.Layer {
	e.t.Helper()
	cfg.RequestKeyframe = func() { e.asked++ }
	l, err := e.publisher.AddLayer(cfg)
	if err != nil {
		e.t.Fatal(err)
	}
	return l
}

// packet writes one.
func (e *picky) packet(timestamp uint32, marker bool, payload string) {
	e.t.Helper()
	err := e.layer.WriteRTP(&rtp.Packet{
		Header:  rtp.Header{Version: 2, SequenceNumber: e.seq, Timestamp: timestamp, Marker: marker},
		Payload: []byte(payload),
	})
	if err != nil {
		e.t.Fatal(err)
	}
	e.seq++
}

// picture writes one, of so many packets, at 30 a second.
func (e *picky) picture(payloads ...string) {
	e.t.Helper()
	for i, payload := range payloads {
		e.packet(uint32(e.n)*frameTicks, i == len(payloads)-1, payload)
	}
	e.n++
	time.Sleep(frameTime)
}

// run writes pictures for some time; keyframe says which begin with sets and an IDR picture.
func (e *picky) run(d time.Duration, keyframe func(n int) bool) {
	e.t.Helper()
	for range int(d / frameTime) {
		if keyframe(e.n) {
			e.picture(sps264, pps264, idr264)
		} else {
			e.picture(p264)
		}
	}
}

// every is a keyframe interval, in pictures.
func every(pictures int) func(int) bool { return func(n int) bool { return n%pictures == 0 } }

// never is no keyframe.
func never(int) bool { return false }

// atFirst is one keyframe at the beginning.
func atFirst(n int) bool { return n == 0 }

// warningsOf returns the codes of the warnings about the stream.
func warningsOf(b *broadcast.Broadcaster) (codes []string) {
	info, _ := b.Stream("cam")
	for _, t := range info.Tracks {
		for _, w := range t.Warnings {
			codes = append(codes, strings.TrimPrefix(t.RID+" "+w.Code.String(), " "))
		}
	}
	return codes
}

// wantWarnings compares the warnings about the stream with those that are wanted.
func wantWarnings(t *testing.T, b *broadcast.Broadcaster, when string, want ...string) {
	t.Helper()
	if got := warningsOf(b); !slices.Equal(got, want) {
		t.Errorf("%s: the warnings are %q, want %q", when, got, want)
	}
}

// firstOf returns a publisher's first warning, or an empty one.
func firstOf(p *broadcast.Publisher) broadcast.Warning {
	return append(p.Warnings(), broadcast.Warning{})[0]
}

// listening is a broadcaster whose warnings are kept, as they would be in a log.
func listening(t *testing.T, test func(*testing.T, *broadcast.Broadcaster, *[]string)) {
	t.Helper()
	var told []string
	cfg := broadcast.Config{Senders: 1, OnWarning: func(stream string, w broadcast.Warning) {
		told = append(told, strings.TrimSpace(stream+" "+w.Code.String()+" "+w.RID))
	}}
	bubble(t, cfg, func(t *testing.T, b *broadcast.Broadcaster) { test(t, b, &told) })
}

// Keyframes that are further apart than 4 s are told, whatever the interval is, once in the
// log; not any more when they come often.
func TestKeyframesTooFarApartAreTold(t *testing.T) {
	for _, tt := range []struct {
		pictures int
		told     bool
	}{{15, false}, {60, false}, {120, false}, {126, true}, {145, true}, {150, true}, {180, true}, {200, true}, {250, true}, {300, true}, {590, true}} {
		t.Run(fmt.Sprintf("every %d pictures", tt.pictures), func(t *testing.T) {
			listening(t, func(t *testing.T, b *broadcast.Broadcaster, told *[]string) {
				e := newPicky(t, b, h264)
				e.run(60*time.Second, every(tt.pictures))
				if !tt.told {
					wantWarnings(t, b, "after a minute")
					if e.asked > 0 {
						t.Errorf("it was asked for %d keyframes, and nobody watches", e.asked)
					}
					return
				}
				wantWarnings(t, b, "after a minute", "keyframe_interval")
				if w := firstOf(e.publisher); (w.Interval - time.Duration(tt.pictures)*frameTime).Abs() > 2*frameTime {
					t.Errorf("the interval is told as %v", w.Interval)
				}
				if e.asked > 12 {
					t.Errorf("it was asked for %d keyframes in a minute, and answers none", e.asked)
				}
				changes := b.Events().Listen(0, events.Changes)
				defer changes.Close()
				e.run(25*time.Second, every(60))
				wantWarnings(t, b, "when they come every 2 s")
				select {
				case <-changes.Ready():
				default:
					t.Error("that it is mended is not told")
				}
				e.run(25*time.Second, every(tt.pictures))
				wantWarnings(t, b, "when they do not any more", "keyframe_interval")
				if want := []string{"cam keyframe_interval"}; !slices.Equal(*told, want) {
					t.Errorf("the log has %q, want %q", *told, want)
				}
			})
		})
	}
}

// Browsers send a keyframe when they are asked, and else hardly ever: that hurts nobody. That
// they do is found out by asking twice, also when requests are lost and answers take a while.
func TestWhoAnswersIsNotWarned(t *testing.T) {
	for name, tt := range map[string]struct{ lost, delay, most int }{
		"at once":             {most: 2},
		"after half a second": {delay: 15, most: 2},
		"after two seconds":   {delay: 65, most: 6},
		"every other request": {lost: 2, most: 4},
	} {
		t.Run(name, func(t *testing.T) {
			listening(t, func(t *testing.T, b *broadcast.Broadcaster, told *[]string) {
				e := newPicky(t, b, h264)
				due, seen := -1, 0
				browser := func(n int) bool {
					if e.asked > seen {
						seen = e.asked
						if due < n && (tt.lost == 0 || seen%tt.lost == 0) {
							due = n + tt.delay
						}
					}
					return n == 0 || n == due
				}
				e.run(3*time.Minute, browser)
				wantWarnings(t, b, "after three minutes")
				if e.asked > tt.most {
					t.Errorf("it was asked for %d keyframes, want %d at most", e.asked, tt.most)
				}
				// It hangs: viewers ask, and nothing comes.
				v, _ := watch(t, b, nil)
				defer v.Close(nil)
				e.run(8*time.Second, func(n int) bool {
					if n%45 == 0 {
						v.HandleRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: videoSSRC}})
					}
					return false
				})
				if got := warningsOf(b); len(got) != 1 || len(*told) != 1 {
					t.Errorf("that it does not answer any more: warnings %q, log %q", got, *told)
				}
			})
		})
	}
}

// Nobody can begin to watch a publisher without keyframes. One with intra refresh has
// recovery points in their place, which browsers do not begin at.
func TestNoKeyframesAreTold(t *testing.T) {
	for name, tt := range map[string]struct {
		codec    codec.Codec
		keyframe []string
		refresh  []string // every 2 s
		picture  string
		within   time.Duration
	}{
		"intra refresh":               {h264, []string{sps264, pps264, idr264}, []string{sps264, pps264, sei264, p264}, p264, 8 * time.Second},
		"intra refresh, aggregated":   {h264, []string{aggregate("\x78", sps264, pps264, idr264)}, []string{aggregate("\x78", sei264Other, sei264Last, p264)}, p264, 8 * time.Second},
		"intra refresh of H.265":      {h265, []string{sets265, idr265}, []string{sei265, p265}, p265, 8 * time.Second},
		"one keyframe":                {h264, []string{sps264, pps264, idr264}, []string{sei264Other, p264}, p264, 21 * time.Second},
		"one keyframe of VP8":         {vp8, []string{"\x10\x00 key"}, []string{"\x10\x01 rest"}, "\x10\x01 rest", 21 * time.Second},
		"none at all":                 {h264, []string{sps264, pps264, p264}, []string{p264}, p264, 8 * time.Second},
		"none at all, of VP8":         {vp8, []string{"\x10\x01 rest"}, []string{"\x10\x01 rest"}, "\x10\x01 rest", 8 * time.Second},
		"broken supplemental message": {h264, []string{sps264, pps264, idr264}, []string{"\x06\xff\xff\xff\xff", "\x06\x05\xff\xffa", p264}, p264, 21 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			listening(t, func(t *testing.T, b *broadcast.Broadcaster, told *[]string) {
				e := newPicky(t, b, tt.codec)
				run := func(d time.Duration, keyframe func(int) bool) {
					for range int(d / frameTime) {
						switch {
						case keyframe(e.n):
							e.picture(tt.keyframe...)
						case e.n%60 == 0:
							e.picture(tt.refresh...)
						default:
							e.picture(tt.picture)
						}
					}
				}
				run(4*time.Second, atFirst)
				wantWarnings(t, b, "after 4 s")
				run(tt.within-4*time.Second, atFirst)
				wantWarnings(t, b, fmt.Sprint("after ", tt.within), "no_keyframes")
				run(time.Minute, atFirst)
				wantWarnings(t, b, "after a minute", "no_keyframes")
				if slices.Equal(tt.keyframe, []string{tt.picture}) || !strings.HasPrefix(name, "intra") {
					return
				}
				run(25*time.Second, every(60))
				wantWarnings(t, b, "when keyframes come")
				if n := strings.Count(strings.Join(*told, "\n"), "no_keyframes"); n != 1 {
					t.Errorf("the log has %q", *told)
				}
			})
		})
	}
}

// Pictures that are sent in the order of decoding are told as B-frames, and not any more
// when they come in the order of showing.
func TestBFramesAreTold(t *testing.T) {
	for name, order := range map[string][]int{ // of a group of pictures, as they are shown
		"one":       {1, 0},
		"two":       {2, 0, 1},
		"a pyramid": {3, 1, 0, 2},
		"seven":     {7, 3, 1, 0, 2, 5, 4, 6},
	} {
		t.Run(name, func(t *testing.T) {
			listening(t, func(t *testing.T, b *broadcast.Broadcaster, told *[]string) {
				e := newPicky(t, b, h264)
				send := func(d time.Duration, order []int) {
					for range int(d/frameTime) / len(order) {
						first := uint32(e.n) * frameTicks
						for _, shown := range order {
							head := []string{p264}
							if e.n%60 < len(order) && shown == len(order)-1 {
								head = []string{sps264, pps264, idr264}
							}
							for i, payload := range head {
								e.packet(first+uint32(shown)*frameTicks, i == len(head)-1, payload)
							}
							e.n++
							time.Sleep(frameTime)
						}
					}
				}
				send(5*time.Second, order)
				wantWarnings(t, b, "after 5 s", "b_frames")
				send(15*time.Second, []int{0})
				wantWarnings(t, b, "without", []string{}...)
				send(5*time.Second, order)
				wantWarnings(t, b, "with them again", "b_frames")
				if !slices.Equal(*told, []string{"cam b_frames"}) {
					t.Errorf("the log has %q", *told)
				}
			})
		})
	}
}

// Whatever a network does to packets, it makes no B-frames: it loses them, sends them twice,
// and lets them overtake each other. Nor does a clock that is set, or runs backwards.
func TestNoNetworkMakesBFrames(t *testing.T) {
	const pictures, parts = 900, 3
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 1))
		listening(t, func(t *testing.T, b *broadcast.Broadcaster, told *[]string) {
			e := newPicky(t, b, h264)
			var packets []*rtp.Packet
			timestamp := random.Uint32()
			for n := range pictures {
				for part := range parts {
					payload := p264
					if n%30 == 0 && part == 0 {
						payload = aggregate("\x78", sps264, pps264, idr264)
					}
					packets = append(packets, &rtp.Packet{
						Header:  rtp.Header{Version: 2, SequenceNumber: uint16(len(packets)), Timestamp: timestamp, Marker: part == parts-1},
						Payload: []byte(payload),
					})
				}
				timestamp += frameTicks
				switch { // the source began anew, with another clock or not long ago
				case n%400 == 399 && seed%2 == 0:
					timestamp = random.Uint32()
				case n%400 == 399:
					timestamp -= random.Uint32N(90_000)
				case seed%5 == 4: // its clock runs backwards
					timestamp -= 2 * frameTicks
				case seed%5 == 3 && n%20 < 2: // or leaps, and back
					timestamp += uint32(n%20*2-1) * 450_000
				}
			}
			reach, loss, copies := 1+random.IntN(200), random.IntN(20), random.IntN(20)
			sent := make([]int, 0, 2*len(packets))
			for i := range packets {
				if random.IntN(100) >= loss {
					sent = append(sent, i)
				}
				if random.IntN(100) < copies { // sent again, later
					sent = append(sent, max(0, i-random.IntN(reach)))
				}
			}
			for i := range sent {
				if random.IntN(4) == 0 {
					j := min(len(sent)-1, i+random.IntN(reach))
					sent[i], sent[j] = sent[j], sent[i]
				}
			}
			for _, i := range sent {
				_ = e.layer.WriteRTP(packets[i])
				time.Sleep(frameTime / parts)
				if slices.Contains(warningsOf(b), "b_frames") {
					t.Fatalf("seed %d: a reach of %d, %d %% lost, %d %% twice: B-frames at packet %d", seed, reach, loss, copies, i)
				}
			}
		})
	}
}

// Without parameter sets nobody can decode the picture. Those of the offer do.
func TestNoParameterSetsAreTold(t *testing.T) {
	bare := func(e *picky, d time.Duration, idr, p string) {
		for range int(d / frameTime) {
			if e.n%30 == 0 {
				e.picture(idr)
			} else {
				e.picture(p)
			}
		}
	}
	listening(t, func(t *testing.T, b *broadcast.Broadcaster, told *[]string) {
		e := newPicky(t, b, h264)
		bare(e, 2*time.Second, idr264, p264)
		wantWarnings(t, b, "at first")
		bare(e, 3*time.Second, idr264, p264)
		wantWarnings(t, b, "after 5 s", "no_parameter_sets")
		e.picture(sps264, p264)
		wantWarnings(t, b, "with half of them", "no_parameter_sets")
		e.picture(pps264, p264)
		bare(e, time.Second/2, idr264, p264)
		wantWarnings(t, b, "with all of them")
		bare(e, time.Minute, idr264, p264)
		wantWarnings(t, b, "which are kept")
		if !slices.Equal(*told, []string{"cam no_parameter_sets"}) {
			t.Errorf("the log has %q", *told)
		}
	})
	listening(t, func(t *testing.T, b *broadcast.Broadcaster, _ *[]string) {
		codec := h264
		codec.Fmtp += ";sprop-parameter-sets=Z0LgH4yNQA==,aM48gA=="
		bare(newPicky(t, b, codec), 10*time.Second, idr264, p264)
		wantWarnings(t, b, "with those of the offer")
	})
	listening(t, func(t *testing.T, b *broadcast.Broadcaster, _ *[]string) {
		e := newPicky(t, b, h265)
		bare(e, 10*time.Second, aggregate("\x60\x01", sps265, pps265, idr265), p265)
		wantWarnings(t, b, "H.265 without a VPS", "no_parameter_sets")
	})
	listening(t, func(t *testing.T, b *broadcast.Broadcaster, _ *[]string) {
		bare(newPicky(t, b, vp8), 10*time.Second, "\x10\x00 key", "\x10\x01 rest")
		wantWarnings(t, b, "a codec that has none")
	})
}

// What counts is the profile of the stream, whatever the offer says.
func TestProfileIsTold(t *testing.T) {
	for name, tt := range map[string]struct {
		sps, profile string
		told         bool
	}{
		"high":                 {spsHigh, "64001f", true},
		"main":                 {spsMain, "4d401f", true},
		"baseline":             {"\x67\x42\x00\x1f\x8c\x8d\x40", "42001f", true},
		"constrained baseline": {sps264, "42e01f", false},
		"extended, that is it": {"\x67\x58\xc0\x1f\x8c\x8d\x40", "58c01f", false},
	} {
		t.Run(name, func(t *testing.T) {
			listening(t, func(t *testing.T, b *broadcast.Broadcaster, told *[]string) {
				e := newPicky(t, b, h264)
				e.picture(tt.sps, pps264, idr264)
				e.run(time.Second/2, never)
				if !tt.told {
					wantWarnings(t, b, "of a profile that all play")
					return
				}
				wantWarnings(t, b, "at once", "profile")
				if w := firstOf(e.publisher); w.Profile != tt.profile || w.Offered != "42e01f" {
					t.Errorf("the warning is %+v", w)
				}
				e.picture(sps264, pps264, idr264)
				e.run(time.Second/2, never)
				wantWarnings(t, b, "after the encoder was set anew")
				e.picture(tt.sps, pps264, idr264)
				e.run(time.Second/2, never)
				if !slices.Equal(*told, []string{"cam profile"}) {
					t.Errorf("the log has %q", *told)
				}
			})
		})
	}
}

// Of simulcast, the layer is named; a publisher that takes over begins without warnings, and
// pauses are no fault of anybody's.
func TestWarningsBelongToALayerOfAPublisher(t *testing.T) {
	listening(t, func(t *testing.T, b *broadcast.Broadcaster, told *[]string) {
		e := newPicky(t, b, h264)
		low := &picky{t: t, publisher: e.publisher, layer: e.add(broadcast.LayerConfig{Codec: h264, RID: "l"})}
		e.picture(sps264, pps264, idr264)
		for range 10 {
			low.picture(spsHigh, pps264, idr264)
		}
		wantWarnings(t, b, "of two layers", "l profile")
		if !slices.Equal(*told, []string{"cam profile l"}) {
			t.Errorf("the log has %q", *told)
		}

		next := newPicky(t, b, h264)
		next.run(3*time.Second, every(60))
		wantWarnings(t, b, "after the takeover")
		for range 5 {
			time.Sleep(30 * time.Second) // the machine sleeps, or the network stalls
			next.run(time.Second/2, every(60))
		}
		wantWarnings(t, b, "after pauses")
		next.picture(spsHigh, pps264, idr264)
		next.run(time.Second/2, never)
		if !slices.Equal(*told, []string{"cam profile l", "cam profile"}) {
			t.Errorf("the log has %q", *told)
		}
		if got := e.publisher.Warnings(); len(got) != 1 {
			t.Errorf("of the one that was replaced, %v are left to tell", got)
		}
		next.publisher.Close(nil)
		synctest.Wait()
		wantWarnings(t, b, "without a publisher")
	})
}
