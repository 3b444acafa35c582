package main

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"time"

	"porthole/internal/codec"

	"github.com/pion/rtp"
)

// The traffic is what OBS or a hardware encoder sends as 720p30 at 2.5 Mbit/s:
// pictures in FU-A fragments of equal size (RFC 6184 section 5.8), and a
// keyframe of 40 kB every two seconds.
const (
	frameRate     = 30
	clockRate     = 90_000
	usualGOP      = 2 * time.Second
	pictureParts  = 10    // packets of a picture
	partSize      = 1_012 // bytes of payload
	keyframeParts = 34
	keyframeSize  = 1_177
)

const nalRef = 0x60 // nal_ref_idc

// Parameter sets: constrained baseline, level 3.1, 1280x720.
var (
	sps = []byte{0x67, 0x42, 0xC0, 0x1F, 0xDA, 0x01, 0x40, 0x16, 0xE4} //nolint:gochecknoglobals // constant
	pps = []byte{0x68, 0xCE, 0x3C, 0x80}                               //nolint:gochecknoglobals // constant
)

// video is an endless stream of pictures without anything to see.
type video struct {
	// Set by newVideo, read-only afterwards.
	gop      int      // pictures from one keyframe to the next
	keyframe [][]byte // RTP payloads
	picture  [][]byte

	since int // pictures since the last keyframe, that one included; 0: none yet
}

func newVideo(gop time.Duration) *video {
	return &video{
		gop:      int(gop * frameRate / time.Second),
		keyframe: append([][]byte{parameterSets()}, fragments(codec.NALIDR, keyframeParts, keyframeSize)...),
		picture:  fragments(codec.NALSlice, pictureParts, partSize),
	}
}

// next returns the payloads of the next picture, which nobody may change. A
// keyframe begins a new group of pictures whenever it comes.
func (v *video) next(keyframe bool) [][]byte {
	if keyframe || v.since == 0 || v.since >= v.gop {
		v.since = 1
		return v.keyframe
	}
	v.since++
	return v.picture
}

// packetRate returns the packets per second.
func (v *video) packetRate() float64 {
	return v.perSecond(float64(len(v.keyframe)), float64(len(v.picture)))
}

// bitRate returns the bits per second of payload.
func (v *video) bitRate() float64 {
	return 8 * v.perSecond(float64(bytesOf(v.keyframe)), float64(bytesOf(v.picture)))
}

func (v *video) perSecond(keyframe, picture float64) float64 {
	return (keyframe + picture*float64(v.gop-1)) * frameRate / float64(v.gop)
}

func bytesOf(parts [][]byte) (n int) {
	for _, p := range parts {
		n += len(p)
	}
	return n
}

// parameterSets returns SPS and PPS in one packet (STAP-A, RFC 6184 section 5.7.1).
func parameterSets() []byte {
	p := []byte{nalRef | codec.NALSTAPA}
	for _, nal := range [][]byte{sps, pps} {
		p = append(p, 0, byte(len(nal)))
		p = append(p, nal...)
	}
	return p
}

// fragments cuts a picture's one slice into n fragments of size bytes.
func fragments(nal byte, n, size int) [][]byte {
	random := rand.New(rand.NewPCG(1, uint64(nal))) //nolint:gosec // noise that is the same in every run
	parts := make([][]byte, n)
	for i := range parts {
		p := make([]byte, size)
		for j := range p {
			p[j] = byte(random.Uint32() | 1) // nothing that looks like a start code
		}
		p[0], p[1] = nalRef|codec.NALFUA, nal
		if i == 0 {
			p[1] |= 0x80
		}
		if i == n-1 {
			p[1] |= 0x40
		}
		parts[i] = p
	}
	return parts
}

// header returns that of the i-th packet of a picture. The fields that
// belong to a connection are left to whoever sends it.
func header(sequence uint16, timestamp uint32, i, n int) rtp.Header {
	return rtp.Header{Version: 2, Marker: i == n-1, SequenceNumber: sequence, Timestamp: timestamp}
}

// timestampOf makes a picture's timestamp the time at which it is sent, so that
// receivers can tell how long it took.
func timestampOf(sent time.Time) uint32 {
	micros := sent.UnixMicro()
	return uint32(micros/100*(clockRate/10_000)) + uint32(micros%100*clockRate/1_000_000) //nolint:gosec // timestamps wrap
}

// sinceTimestamp returns how long ago a picture was sent that has the timestamp of
// timestampOf, up to some hours.
func sinceTimestamp(timestamp uint32, now time.Time) time.Duration {
	return time.Duration(int32(timestampOf(now)-timestamp)) * time.Second / clockRate //nolint:gosec // serial number arithmetic
}

// stampAt is where the last packet of a picture says when that was sent, behind the
// header of its fragment.
const stampAt = 2

// stamped returns a picture's packets of which the last says when they are sent.
// Servers give timestamps another origin.
func stamped(parts [][]byte, sent time.Time) [][]byte {
	parts = slices.Clone(parts)
	last := slices.Clone(parts[len(parts)-1])
	binary.BigEndian.PutUint64(last[stampAt:], uint64(sent.UnixNano())) //nolint:gosec // after 1970
	parts[len(parts)-1] = last
	return parts
}

// sentAt reads that from a payload. Only the last packet of a picture has it.
func sentAt(payload []byte) (sent time.Time, ok bool) {
	const end = 0x40 // the bit of the last fragment
	if len(payload) < stampAt+8 || payload[0]&0x1f != codec.NALFUA || payload[1]&end == 0 {
		return time.Time{}, false
	}
	return time.Unix(0, int64(binary.BigEndian.Uint64(payload[stampAt:]))), true //nolint:gosec // as it was written
}

// everyFrame calls do at the frame rate until ctx ends or do fails. Moments are
// counted from the first one, so a late call does not delay those after it.
func everyFrame(ctx context.Context, do func(frame int) error) error {
	begin := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for frame := 0; ; frame++ {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		if err := do(frame); err != nil {
			return err
		}
		next := begin.Add(time.Duration(frame+1) * time.Second / frameRate)
		timer.Reset(time.Until(next))
	}
}
