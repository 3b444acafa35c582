package peer

import (
	"context"
	"fmt"
	"time"

	"github.com/pion/webrtc/v4"

	"porthole/internal/negotiate"
)

// answer answers an offer with all of our candidates. It waits for them no
// longer than gather and then takes what there is; WHIP and WHEP share it.
func (l *link) answer(
	ctx context.Context, offer *negotiate.Offer, sections []section, gather time.Duration,
) (string, error) {
	narrowed, err := narrowOffer(offer, sections)
	if err != nil {
		return "", err
	}
	if err = l.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: narrowed}); err != nil {
		return "", fmt.Errorf("%w: apply the offer: %w", negotiate.ErrUnusable, err)
	}
	local, err := l.pc.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("%w: create the answer: %w", negotiate.ErrUnusable, err)
	}
	gathered := webrtc.GatheringCompletePromise(l.pc)
	if err = l.pc.SetLocalDescription(local); err != nil {
		return "", fmt.Errorf("%w: apply the answer: %w", negotiate.ErrUnusable, err)
	}
	bound := time.NewTimer(gather)
	defer bound.Stop()
	select {
	case <-gathered:
	case <-bound.C:
	case <-ctx.Done():
		return "", fmt.Errorf("gather candidates: %w", context.Cause(ctx))
	}
	answer, err := negotiate.FinishAnswer(offer, l.pc.LocalDescription().SDP)
	if err != nil {
		return "", fmt.Errorf("finish the answer: %w", err)
	}
	return answer, nil
}
