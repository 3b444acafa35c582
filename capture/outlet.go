package capture

import (
	"time"

	"github.com/pion/rtp"

	"porthole/capture/media"
	"porthole/internal/broadcast"
)

// track is where packets go; *broadcast.Layer is one.
type track interface {
	WriteRTP(p *rtp.Packet) error
	SenderReport(capturedAt time.Time, rtpTime uint32)
}

// outlet is a place on the air, which a source holds while it works.
type outlet interface {
	addTrack(cfg broadcast.LayerConfig) (track, error)
	Done() <-chan struct{}
	Err() error
	Close(reason error)
}

// publisherOutlet is the real outlet.
type publisherOutlet struct{ *broadcast.Publisher }

func (p publisherOutlet) addTrack(cfg broadcast.LayerConfig) (track, error) {
	layer, err := p.AddLayer(cfg)
	if err != nil {
		return nil, err
	}
	return layer, nil
}

func videoCodec() broadcast.Codec {
	return broadcast.Codec{
		MimeType: "video/H264", ClockRate: videoRate, Fmtp: h264Fmtp("42e01f"),
	}
}

func h264Fmtp(profileLevelID string) string {
	return "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + profileLevelID
}

func audioCodec() broadcast.Codec {
	return broadcast.Codec{
		MimeType: "audio/opus", ClockRate: media.SampleRate, Channels: 2, // always 2 in SDP (RFC 7587 §7)
		Fmtp: "minptime=10;useinbandfec=1",
	}
}

// reportInterval is how often a track tells how its timestamps map to capture time.
const reportInterval = time.Second

// reporter tells a track, at once and then every reportInterval, which RTP timestamp belongs to which capture time,
// so that sound and pictures can be played together.
type reporter struct {
	track track
	last  time.Time
}

func (r *reporter) at(capturedAt time.Time, rtpTime uint32) {
	if !r.last.IsZero() && capturedAt.Sub(r.last) < reportInterval {
		return
	}
	r.last = capturedAt
	r.track.SenderReport(capturedAt, rtpTime)
}
