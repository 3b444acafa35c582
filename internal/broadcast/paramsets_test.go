package broadcast_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"porthole/internal/broadcast"
	"porthole/internal/codec"
)

// NAL units of H.264 and H.265, as far as anybody here looks at them.
const (
	sps264 = "\x67\x42\xe0\x1f\x8c\x8d\x40"
	pps264 = "\x68\xce\x3c\x80"
	idr264 = "\x65\x88\x84\x00"
	p264   = "\x41\x9a\x02\x03"
	vps265 = "\x40\x01\x0c\x01"
	sps265 = "\x42\x01\x01\x01"
	pps265 = "\x44\x01\xc1\x73"
	idr265 = "\x26\x01\xaf\x08"
	p265   = "\x02\x01\xd0\x30"
)

var h265 = codec.Codec{MimeType: "video/H265", ClockRate: 90_000}

// aggregate is a STAP-A of H.264 or an aggregation packet of H.265.
func aggregate(header string, nals ...string) string {
	var b strings.Builder
	b.WriteString(header)
	for _, nal := range nals {
		b.WriteByte(byte(len(nal) >> 8))
		b.WriteByte(byte(len(nal)))
		b.WriteString(nal)
	}
	return b.String()
}

var (
	sets264 = aggregate("\x78", sps264, pps264)
	sets265 = aggregate("\x60\x01", vps265, sps265, pps265)
)

// by is a publisher that sends what the test says.
type by struct {
	layer *broadcast.Layer
	seq   uint16
}

func newBy(t *testing.T, b *broadcast.Broadcaster, of codec.Codec) *by {
	t.Helper()
	p, err := b.Publish("cam", broadcast.PublisherConfig{Kinds: []codec.Kind{codec.Video}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := p.AddLayer(broadcast.LayerConfig{Codec: of})
	if err != nil {
		t.Fatal(err)
	}
	return &by{layer: l, seq: 65_530} // it wraps soon
}

// send writes one packet of the picture with this number.
func (p *by) send(picture int, marker bool, payload string) {
	_ = p.layer.WriteRTP(&rtp.Packet{
		Header:  rtp.Header{Version: 2, SequenceNumber: p.seq, Timestamp: uint32(picture) * frameTicks, Marker: marker},
		Payload: []byte(payload),
	})
	p.seq++
	time.Sleep(time.Millisecond)
}

// pictures groups what came by timestamp, each packet as its NAL types, with m for a marker.
func pictures(packets []received, h265 bool) (list []string) {
	for i, p := range packets {
		kind := fmt.Sprint(p.payload[0] & 0x1f)
		if h265 {
			kind = fmt.Sprint(p.payload[0] >> 1 & 0x3f)
		}
		if p.Marker {
			kind += "m"
		}
		if i > 0 && packets[i-1].Timestamp == p.Timestamp {
			list[len(list)-1] += " " + kind
		} else {
			list = append(list, kind)
		}
	}
	return list
}

func expect(t *testing.T, got, want []string) {
	t.Helper()
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ", "), strings.Join(want, ", "))
	}
}

// Whoever comes late gets the parameter sets that were sent once, in the keyframe's picture.
func TestParameterSetsSentOnceAreInEveryKeyframe(t *testing.T) {
	for name, c := range map[string]struct {
		codec    codec.Codec
		sets     []string
		idr, p   string
		want     []string
		payload  string
		isH265   bool
		inOffer  string
		idrAlone bool
	}{
		"H.264":              {codec: h264, sets: []string{sps264, pps264}, idr: idr264, p: p264, want: []string{"24 5m", "1m"}, payload: sets264},
		"H.264, aggregated":  {codec: h264, sets: []string{sets264}, idr: idr264, p: p264, want: []string{"24 5m", "1m"}, payload: sets264},
		"H.265":              {codec: h265, sets: []string{vps265, sps265, pps265}, idr: idr265, p: p265, want: []string{"48 19m", "1m"}, payload: sets265, isH265: true},
		"H.264 in the offer": {codec: h264, inOffer: ";sprop-parameter-sets=Z0LgH4yNQA==,aM48gA==", idr: idr264, p: p264, want: []string{"24 5m", "1m"}, payload: sets264},
		"H.265 in the offer": {codec: h265, inOffer: "sprop-vps=QAEMAQ==;sprop-sps=QgEBAQ==;sprop-pps=RAHBcw==", idr: idr265, p: p265, want: []string{"48 19m", "1m"}, payload: sets265, isH265: true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
				c.codec.Fmtp += c.inOffer
				p := newBy(t, b, c.codec)
				for _, set := range c.sets {
					p.send(1, false, set)
				}
				p.send(1, true, c.idr)
				for i := 2; i < 10; i++ {
					p.send(i, true, c.p)
				}
				p.send(10, true, c.idr)
				_, s := watch(t, b, nil)
				p.send(11, true, c.p)
				time.Sleep(time.Second)
				got := s.take()
				expect(t, pictures(got, c.isH265), c.want)
				checkContiguous(t, got)
				if got[0].payload != c.payload {
					t.Errorf("got %x, want %x", got[0].payload, c.payload)
				}
			})
		})
	}
}

// Encoders that send each NAL unit for itself: with a marker on each, and parameter sets with the
// timestamp of the picture before.
func TestParameterSetsApartBelongToTheirPicture(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		p := newBy(t, b, h264)
		picture := func(i int) {
			if i%5 != 0 {
				p.send(i, true, p264)
				return
			}
			p.send(i-1, true, sps264)
			p.send(i-1, true, pps264)
			p.send(i, true, idr264)
		}
		picture(5)
		picture(6)
		_, s := watch(t, b, nil)
		for i := 7; i < 12; i++ {
			picture(i)
		}
		time.Sleep(time.Second)
		got := s.take()
		expect(t, pictures(got, false), []string{"7 8 5m", "1m", "1m", "1m", "1m", "7 8 5m", "1m"})
		checkContiguous(t, got)
	})
}

// What a browser sends is relayed as it is.
func TestParameterSetsInTheirPictureStay(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		p := newBy(t, b, h264)
		other := aggregate("\x78", "\x67\x42\xe0\x1f\x8c\x8d\x41", pps264)
		p.send(1, false, sets264)
		p.send(1, true, idr264)
		_, s := watch(t, b, nil)
		p.send(2, true, p264)
		p.send(3, false, other)
		p.send(3, true, idr264)
		p.send(4, true, aggregate("\x78", sps264, pps264, idr264))
		time.Sleep(time.Second)
		got := s.take()
		expect(t, pictures(got, false), []string{"24 5m", "1m", "24 5m", "24m"})
		checkContiguous(t, got)
		if got[3].payload != other {
			t.Errorf("got %x, want the new sets", got[3].payload)
		}
	})
}

// Sets that are lost and come late are newer than those that are kept: nothing is put in
// front of them.
func TestLostParameterSetsAreWaitedFor(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		p := newBy(t, b, h264)
		p.send(0, false, sets264)
		p.send(0, true, idr264)
		p.send(1, false, sets264)
		p.send(1, true, idr264)
		_, s := watch(t, b, nil)
		p.send(2, true, p264)
		lost := p.seq
		p.seq++
		p.send(3, true, idr264)
		next := p.seq
		p.seq = lost
		p.send(3, false, sets264)
		p.seq = next
		p.send(4, true, p264)
		time.Sleep(time.Second)
		got := s.take()
		expect(t, pictures(got, false), []string{"24 5m", "1m", "5m 24", "1m"})
		if d := int16(got[3].SequenceNumber - got[4].SequenceNumber); d != 1 {
			t.Errorf("the late sets are %d packets before their picture, want 1", d)
		}
	})
}

// Parameter sets without pictures, and huge ones, are bounded.
func TestParameterSetsAreBounded(t *testing.T) {
	bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
		p := newBy(t, b, h264)
		p.send(1, false, sets264)
		p.send(1, true, idr264)
		_, s := watch(t, b, nil)
		for range 1000 {
			p.send(1, false, pps264+strings.Repeat("x", 2000))
		}
		p.send(2, true, p264)
		p.send(3, true, idr264)
		time.Sleep(time.Second)
		got := s.take()
		if n := len(got); n != 1005 || got[n-2].payload != sets264 {
			t.Errorf("%d packets, the last but one %.40q; want each once, and the sets that are not too large", n, got[n-2].payload)
		}
		checkContiguous(t, got)
	})
}

// Whatever a stranger sends, numbers are unique and nothing panics.
func FuzzParameterSets(f *testing.F) {
	f.Add([]byte(sets264+idr264), false)
	f.Add([]byte(sets265+idr265), true)
	f.Fuzz(func(t *testing.T, data []byte, isH265 bool) {
		if len(data) > 4096 {
			return
		}
		bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
			codec, idr, sets := h264, idr264, sets264
			if isH265 {
				codec, idr, sets = h265, idr265, sets265
			}
			p := newBy(t, b, codec)
			p.send(0, false, sets)
			p.send(0, true, idr)
			_, s := watch(t, b, nil)
			for i := 1; len(data) > 2; i++ {
				n := min(int(data[0])%40, len(data)-1)
				p.seq += uint16(data[1]) % 3 // a loss, now and then
				p.send(i/3, data[0]&0x80 != 0, string(data[1:1+n]))
				data = data[1+n:]
			}
			time.Sleep(time.Second)
			seen := map[uint16]string{}
			for _, packet := range s.take() {
				if other, twice := seen[packet.SequenceNumber]; twice && other != packet.payload {
					t.Fatalf("%d was given twice", packet.SequenceNumber)
				}
				seen[packet.SequenceNumber] = packet.payload
			}
		})
	})
}

// The first fragment of a keyframe is overtaken by the next: the sets that it lacks are in
// front of it all the same, where a decoder needs them. So are those of other pictures that
// begin late, which does no harm.
func TestKeyframeThatBeginsLateHasItsSets(t *testing.T) {
	const begin, middle, end = "\x7c\x85\x88", "\x7c\x05\x84", "\x7c\x45\x00"
	for name, order := range map[string][]int{"as sent": {0, 1, 2}, "the second first": {1, 0, 2}, "the last first": {2, 0, 1}, "backwards": {2, 1, 0}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
				p := newBy(t, b, h264)
				p.send(1, false, sets264)
				p.send(1, true, idr264)
				p.send(2, true, p264)
				p.send(3, true, p264)
				p.send(4, true, p264)
				late := func(picture int, parts ...string) {
					first := p.seq
					for _, i := range order {
						p.seq = first + uint16(i)
						p.send(picture, i == len(parts)-1, parts[i])
					}
					p.seq = first + uint16(len(parts))
				}
				late(5, begin, middle, end)
				_, s := watch(t, b, nil)
				late(6, p264, p264, p264)
				p.send(7, true, p264)
				time.Sleep(time.Second)
				got := s.take()
				slices.SortFunc(got, func(x, y received) int { return int(int16(x.SequenceNumber - y.SequenceNumber)) })
				want := []string{"24 28 28 28m", "1 1 1m", "1m"}
				if order[0] != 0 {
					want[1] = "24 " + want[1]
				}
				expect(t, pictures(got, false), want)
				checkContiguous(t, got)
				if parts := got[1].payload + got[2].payload + got[3].payload; parts != begin+middle+end {
					t.Errorf("the keyframe is %x", parts)
				}
			})
		})
	}
}

// What sets in front of pictures that begin late cost has a bound, however large a publisher
// makes them and whatever it leaves out; those of real encoders stay below.
func TestSetsInFrontOfHolesAreBounded(t *testing.T) {
	for name, tt := range map[string]struct {
		more        string
		least, most int
	}{"small": {"", 60, 60}, "large": {strings.Repeat("x", 900), 10, 30}} {
		t.Run(name, func(t *testing.T) {
			bubble(t, broadcast.Config{}, func(t *testing.T, b *broadcast.Broadcaster) {
				p := newBy(t, b, h264)
				sets := aggregate("\x78", sps264+tt.more, pps264)
				p.send(1, false, sets)
				p.send(1, true, idr264)
				p.send(2, true, idr264)
				_, s := watch(t, b, nil)
				time.Sleep(time.Second) // what the first keyframe took is forgotten
				s.take()
				for i := 3; i < 63; i++ { // a second
					p.seq++
					p.send(i, true, p264)
					time.Sleep(time.Second/60 - time.Millisecond)
				}
				n := 0
				for _, packet := range s.take() {
					if packet.payload == sets {
						n++
					}
				}
				if n < tt.least || n > tt.most {
					t.Errorf("%d times within a second, want %d to %d", n, tt.least, tt.most)
				}
			})
		})
	}
}
