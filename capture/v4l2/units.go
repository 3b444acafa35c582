package v4l2

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"porthole/capture/clock"
	"porthole/capture/media"
	"porthole/capture/source"
	"porthole/capture/v4l2/videodev"
	"porthole/internal/codec"
	"porthole/internal/panics"
)

const (
	// keyframePatience is how long a camera may take for a keyframe that is needed, before it is opened again, which begins with one.
	keyframePatience = 5 * time.Second
	askAgain         = 500 * time.Millisecond
)

// ownUnits are the access units of a camera that encodes H.264. They lie in the driver's memory until the next is read: nothing is copied.
type ownUnits struct {
	node    Node
	encoder *ownEncoder
	log     *slog.Logger
	// refuse is told why the H.264 is nothing for browsers, and says what to do about it: an error ends reading, nil goes on.
	refuse func(reason string) error

	// is is what the units are, as their last parameter set says.
	is *atomic.Pointer[codec.Codec]

	faults faults
	times  captureTimes
	nals   [][]byte // scratch: those of one unit

	held     *videodev.Frame // what was read last
	started  bool
	sequence uint32    // of what came last
	awaits   time.Time // since when only a keyframe will do; zero: anything
	asked    time.Time

	asks chan struct{} // one slot: who asks while somebody is asking has the same answer
	stop context.CancelFunc
	wait sync.WaitGroup
}

func newOwnUnits(node Node, encoder *ownEncoder, refuse func(string) error, is *atomic.Pointer[codec.Codec], log *slog.Logger) *ownUnits {
	ctx, stop := context.WithCancel(context.Background())
	u := &ownUnits{
		node: node, encoder: encoder, refuse: refuse, is: is, log: log, faults: newFaults(log), awaits: time.Now(), asked: time.Now(),
		asks: make(chan struct{}, 1), stop: stop,
	}
	u.wait.Go(func() { u.answer(ctx) })
	return u
}

// Codec is H.264 of the profile that its parameter sets say; before the first, of what it was when the camera was open before, or of one that
// every browser has.
func (u *ownUnits) Codec() codec.Codec {
	if is := u.is.Load(); is != nil {
		return *is
	}
	return h264Of("42e01f")
}

func h264Of(profileLevelID string) codec.Codec {
	return codec.Codec{
		MimeType: codec.H264, ClockRate: 90000, Fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=" + profileLevelID,
	}
}

// RequestKeyframe asks the camera, where it can be asked.
func (u *ownUnits) RequestKeyframe() {
	if !u.encoder.answers() {
		return
	}
	select {
	case u.asks <- struct{}{}:
	default:
	}
}

// answer asks the camera for keyframes. Its bus may take a while, for which neither reading nor who asks has to wait.
func (u *ownUnits) answer(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-u.asks:
		}
		if err := panics.AsError(u.log, "a camera's driver", u.encoder.requestKeyframe); err != nil {
			u.log.Debug("the camera gives no keyframe", "error", err)
		}
	}
}

// Close closes the camera.
func (u *ownUnits) Close() error {
	u.stop()
	u.wait.Wait()
	return u.node.Close()
}

// Read skips what is broken, and then what refers to it, and ends with ErrDeviceGone or ErrStalled, or with what refuse says.
func (u *ownUnits) Read(ctx context.Context) (unit media.Unit, err error) {
	for {
		if ctx.Err() != nil {
			return media.Unit{}, context.Cause(ctx)
		}
		asked := time.Now()
		var end error // that is not a fault
		err := panics.AsError(u.log, "a camera's driver", func() (err error) {
			unit, end, err = u.readOnce(ctx)
			return err
		})
		switch {
		case end != nil:
			return media.Unit{}, end
		case err == nil && unit.Data != nil:
			return unit, nil
		case err == nil:
			continue
		case ctx.Err() != nil:
			return media.Unit{}, context.Cause(ctx)
		}
		u.broken()
		if err := u.faults.fault(err, asked, time.Now()); err != nil {
			return media.Unit{}, err
		}
		clock.Wait(ctx, faultPause)
	}
}

// readOnce takes one unit from the driver; its data is nil when it is of no use.
func (u *ownUnits) readOnce(ctx context.Context) (unit media.Unit, end, err error) {
	if u.held != nil {
		held := *u.held
		u.held = nil
		if err := u.node.Release(held); err != nil {
			return media.Unit{}, nil, err
		}
	}
	f, err := u.node.Next(ctx, ReadTimeout)
	if err != nil {
		return media.Unit{}, nil, err
	}
	u.held = &f
	arrived := time.Now()
	if f.Broken {
		return media.Unit{}, nil, errBroken
	}
	if u.started && f.Sequence > u.sequence+1 {
		u.broken()
	}
	u.started, u.sequence = true, f.Sequence
	u.nals = codec.SplitAnnexB(u.nals[:0], f.Data)
	if len(u.nals) == 0 {
		return media.Unit{}, nil, fmt.Errorf("%w: no H.264 in it", errBroken)
	}
	u.faults.good(arrived)
	captured := u.times.next(f.CapturedAt, arrived)
	keyframe, reason := u.look()
	if reason != "" {
		if end := u.refuse(reason); end != nil {
			return media.Unit{}, end, nil
		}
	}
	if keyframe {
		u.awaits = time.Time{}
	}
	if !u.awaits.IsZero() && !u.onlySets() {
		return media.Unit{}, u.await(arrived), nil
	}
	return media.Unit{Data: f.Data, CapturedAt: captured}, nil, nil
}

// broken notes that what comes next may refer to what has not come.
func (u *ownUnits) broken() {
	if u.awaits.IsZero() {
		u.awaits = time.Now()
		u.RequestKeyframe()
		u.asked = u.awaits
	}
}

// await asks again, and says when it has been long enough.
func (u *ownUnits) await(now time.Time) error {
	if now.Sub(u.awaits) > keyframePatience {
		if end := u.refuse(fmt.Sprintf("it has sent no keyframe for %v", keyframePatience)); end != nil {
			return end
		}
		return fmt.Errorf("%w: no keyframe for %v", source.ErrStalled, keyframePatience)
	}
	if now.Sub(u.asked) > askAgain {
		u.asked = now
		u.RequestKeyframe()
	}
	return nil
}

// onlySets says whether the unit has no picture.
func (u *ownUnits) onlySets() bool {
	for _, nal := range u.nals {
		if kind := codec.H264NALs.Type(nal); kind >= codec.NALSlice && kind <= codec.NALIDR {
			return false
		}
	}
	return true
}

// look reads what the unit is: whether it stands alone, and why it is nothing for browsers.
func (u *ownUnits) look() (keyframe bool, reason string) {
	for i, nal := range u.nals {
		switch codec.H264NALs.Type(nal) {
		case codec.NALIDR:
			keyframe = true
		case codec.NALSlice:
			if codec.H264HasB(nal) {
				reason = "it has B-frames, which browsers show in the wrong order"
			}
		case codec.NALSPS:
			if r := u.profile(nal, u.nals[i+1:]); r != "" {
				reason = r
			}
			u.learn(nal)
		}
	}
	return keyframe, reason
}

// learn notes what a sequence parameter set says.
func (u *ownUnits) learn(sps []byte) {
	if len(sps) < 4 {
		return
	}
	if is := h264Of(fmt.Sprintf("%x", sps[1:4])); is != u.Codec() {
		u.is.Store(&is)
	}
}

// profile says what is wrong with the profile of a sequence parameter set. What is Baseline in name, and has nothing that Constrained
// Baseline lacks, is called so from here on, in its place: that is what browsers ask for.
func (u *ownUnits) profile(sps []byte, behind [][]byte) string {
	if len(sps) < 4 {
		return ""
	}
	id := codec.H264ID{IDC: sps[1], Flags: sps[2], Level: sps[3]}
	switch profile := id.Profile(); profile {
	case codec.H264ConstrainedBaseline:
		return ""
	case codec.H264Baseline:
		if slices.ContainsFunc(behind, codec.H264SliceGroups) {
			return "it has slice groups, which browsers do not play"
		}
		sps[2] |= 0x40 // constraint_set1_flag
		return ""
	default:
		return fmt.Sprintf("it is of the profile %v, which not every browser plays", profile)
	}
}
