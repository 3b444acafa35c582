package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"time"

	"porthole/internal/load"
)

// setupTime is how long viewers may take until their first media.
const setupTime = 15 * time.Second

// watchMode is `porthole load` as a process that the parent can follow and end:
// it logs how many viewers have media, and prints the report as JSON when ctx
// ends or the time is over.
func watchMode(ctx context.Context, c child) error {
	cfg := load.Config{Setup: setupTime, FrameRate: frameRate}
	flags := flag.NewFlagSet("watch", flag.ContinueOnError)
	flags.StringVar(&cfg.URL, "whep", "", "")
	flags.IntVar(&cfg.Viewers, "viewers", 1, "")
	flags.DurationVar(&cfg.Ramp, "ramp", 0, "")
	flags.DurationVar(&cfg.Duration, "for", 0, "")
	flags.BoolVar(&cfg.Keyframe, "pli", false, "")
	flags.BoolVar(&cfg.Feedback, "feedback", false, "")
	delays := flags.Bool("delays", false, "")
	if err := flags.Parse(c.args); err != nil {
		return err
	}
	if *delays {
		cfg.SentAt = sentAt
	}
	cfg.Progress = func(p load.Progress) {
		if p.Media == cfg.Viewers || p.Media+p.Failed >= cfg.Viewers {
			c.log.Info("watching", "media", p.Media)
		}
	}
	report, err := load.Run(ctx, cfg)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(c.stdout).Encode(report); err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	return nil
}

// received is what viewers got.
type received struct {
	Viewers    int     `json:"viewers_with_media"`
	Full       int     `json:"viewers_at_full_rate"` // the full frame rate with less than 0.5 % loss
	FrameRate  float64 `json:"frames_per_second"`    // median of the viewers
	PacketRate float64 `json:"packets_per_second"`   // likewise
	Loss       float64 `json:"loss_percent"`         // of all packets to all viewers
	Delay      delay   `json:"frame_delay_ms"`

	overflow uint64 // packets that were lost in the viewers' own sockets
	failure  string // why viewers failed; empty: none did
}

// delay is how long pictures took: from the moment at which their publisher began to
// send one to the moment at which a viewer had read all of it, in milliseconds.
type delay struct {
	Count int     `json:"pictures"` // of all viewers; 0: not measured
	P50   float64 `json:"p50"`
	P99   float64 `json:"p99"`
}

// delayOf sums delays up; it sorts them.
func delayOf(values []float64) delay {
	if len(values) == 0 {
		return delay{}
	}
	slices.Sort(values)
	rank := func(percent int) float64 { return values[(len(values)*percent+99)/100-1] }
	return delay{Count: len(values), P50: rank(50), P99: rank(99)}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// srtpOverhead is the RTP header and the authentication tag of AES-GCM.
const srtpOverhead = 12 + 16

// receivedOf sums a load report up. Packets are counted by bytes, because only
// those are reported for the time in which viewers had settled.
func receivedOf(r *load.Report) received {
	stream := newVideo(usualGOP)
	bytesPerPacket := stream.bitRate()/8/stream.packetRate() + srtpOverhead
	got := received{
		Viewers: r.Media, Full: r.FullRate, FrameRate: r.FrameRate.P50,
		PacketRate: r.BitRate.P50 / 8 / bytesPerPacket,
		Delay:      delay{Count: r.FrameDelay.Count, P50: r.FrameDelay.P50, P99: r.FrameDelay.P99},
		overflow:   r.Generator.Dropped,
	}
	if all := r.Packets + r.Lost; all > 0 {
		got.Loss = 100 * float64(r.Lost) / float64(all)
	}
	if len(r.Failures) > 0 {
		got.failure = fmt.Sprintf("%d failed: %s", r.Failures[0].Sessions, r.Failures[0].Reason)
	}
	return got
}
