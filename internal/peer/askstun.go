package peer

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"porthole/internal/reach"
)

var errSTUNFamily = errors.New("the media socket has no address of this family")

// AskSTUN asks a server, from the media socket, which address it sees us under: one
// Binding transaction with the retransmissions of RFC 8489 section 6.2.1, over when
// the answer comes, when ctx ends, or after 39.5 s. It returns ErrClosed when the
// engine is closed, and otherwise an error that names the server.
func (e *Engine) AskSTUN(ctx context.Context, server netip.AddrPort) (reach.STUNAnswer, error) {
	server = netip.AddrPortFrom(server.Addr().Unmap(), server.Port())
	if bound := e.addr.Addr(); bound.Is4() && !server.Addr().Is4() && !bound.IsUnspecified() {
		return reach.STUNAnswer{}, fmt.Errorf("ask %s: %w", server, errSTUNFamily)
	}
	answer, err := e.media.questions.Ask(ctx, server, func(request []byte) error {
		_, err := e.media.WriteToAddrPort(request, server)
		return err // Ask wraps it
	})
	if errors.Is(err, reach.ErrClosed) {
		return reach.STUNAnswer{}, ErrClosed
	} else if err != nil {
		return reach.STUNAnswer{}, fmt.Errorf("ask %s: %w", server, err)
	}
	return answer, nil
}
