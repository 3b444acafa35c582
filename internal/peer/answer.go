package peer

import (
	"context"
	"fmt"
	"time"

	"github.com/pion/webrtc/v4"

	"porthole/internal/negotiate"
)

func (l *publisherLink) answer(
	ctx context.Context, offer *negotiate.Offer, sections []section, gather time.Duration,
) (string, error) {
	narrowed, err := narrowOffer(offer, sections)
	if err != nil {
		return "", err
	}
	l.offered = narrowed
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
	if err = awaitCandidates(ctx, gathered, gather); err != nil {
		return "", err
	}
	answer, err := negotiate.FinishAnswer(offer, l.plan.replaceCandidates(l.pc.LocalDescription().SDP))
	if err != nil {
		return "", fmt.Errorf("finish the answer: %w", err)
	}
	return answer, nil
}

// awaitCandidates waits until all local candidates are known, but no longer than
// bound: an answer without the last of them is better than none. Both kinds of
// link, WHIP's and WHEP's, wait here.
func awaitCandidates(ctx context.Context, gathered <-chan struct{}, bound time.Duration) error {
	timer := time.NewTimer(bound)
	defer timer.Stop()
	select {
	case <-gathered:
	case <-timer.C:
	case <-ctx.Done():
		return fmt.Errorf("gather candidates: %w", context.Cause(ctx))
	}
	return nil
}
